#!/bin/sh
# Installs what is missing for `run`, `test`, `bench` or `fuzz`: Debian packages from packages.txt, browser libraries by npm. Nothing else is changed on the machine.
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}
kinds="run"
[ "$what" = run ] || kinds="run $what"

missing=""
for kind in $kinds; do
  for package in $(sed -n "s/^$kind //p" packages.txt); do
    case "$package" in
      nodejs) command -v node >/dev/null 2>&1 && continue ;;
      npm) command -v npm >/dev/null 2>&1 && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
  done
done

if [ -n "$missing" ]; then
  echo "Installing Debian packages:$missing"
  command -v apt-get >/dev/null 2>&1 || { echo "Error: apt-get is not here. Lantai is built on Debian 12; install by hand:$missing" >&2; exit 1; }
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Error: packages are missing and this is not root, nor is sudo here. As root: apt-get install$missing" >&2; exit 1; }
    as_root="sudo"
  fi
  log=$(mktemp)
  if ! { $as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    echo "Error: the packages could not be installed (see above). Is there a network, and does apt-get update work?" >&2
    exit 1
  fi
  rm -f "$log"
fi

if [ ! -f node_modules/.lantai ] || ! cmp -s package-lock.json node_modules/.lantai; then
  echo "Installing browser libraries by npm (package-lock.json)"
  if ! npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error; then
    echo "Error: npm ci failed (see above). Is the npm registry within reach?" >&2
    exit 1
  fi
  cp package-lock.json node_modules/.lantai
fi
