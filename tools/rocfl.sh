#!/bin/sh
# Installs rocfl, an OCFL program of others that tests/ocfl.test.mjs asks, by cargo where that is here. Kept in ~/.cargo/bin; a build that takes too long is
# ended and goes on at the next run (ROCFL_SECONDS, 300). Without it the test skips.
set -eu
version=1.7.0
if command -v rocfl >/dev/null 2>&1 || [ -x "$HOME/.cargo/bin/rocfl" ]; then exit 0; fi
cargo=$(command -v cargo || echo "$HOME/.cargo/bin/cargo")
[ -x "$cargo" ] || { echo "rocfl: cargo is not here, so the object store is not held against rocfl in this run"; exit 0; }
echo "Installing rocfl $version by cargo (at most ${ROCFL_SECONDS:-300} s)"
log=$(mktemp)
if ! timeout "${ROCFL_SECONDS:-300}" "$cargo" install --locked --quiet --version $version --target-dir "${XDG_CACHE_HOME:-$HOME/.cache}/lantai-rocfl" rocfl >"$log" 2>&1; then
  tail -n 3 "$log"
  echo "rocfl: it could not be installed in time, so the object store is not held against rocfl in this run"
fi
rm -f "$log"
