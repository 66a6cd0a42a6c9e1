#!/bin/sh
# Builds into the given folder (further words: only these targets); configures anew when the list of source files has changed (sources are listed by folder).
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build}
shift || true
list=$(find src ui definitions demo fuzz bench -type f -name "*.*" | sort; cat tools/npm-files.txt)
if [ ! -f "$folder/build.ninja" ]; then
  echo "Configuring the build in $folder"
  meson setup "$folder" >"$folder.log" 2>&1 || { tail -n 20 "$folder.log" >&2; echo "Error: meson setup failed (see above and $folder.log)" >&2; exit 1; }
  mv "$folder.log" "$folder/setup.log"
  printf '%s\n' "$list" >"$folder/sources.txt"
elif [ "$(cat "$folder/sources.txt" 2>/dev/null)" != "$list" ]; then
  echo "Configuring again: files were added or removed"
  meson setup --reconfigure "$folder" >"$folder/setup.log" 2>&1 || { tail -n 20 "$folder/setup.log" >&2; exit 1; }
  printf '%s\n' "$list" >"$folder/sources.txt"
fi
echo "Building (a minute or two the first time)"
ninja -C "$folder" -j2 "$@" >"$folder/build.log" 2>&1 || { grep -E 'error|FAILED|undefined' "$folder/build.log" | head -n 40 >&2; echo "Error: the build failed; all of it is in $folder/build.log" >&2; exit 1; }
