#!/bin/sh
# Says clearly, before anything is made, that a port is taken.
port=$1
case "$port" in ''|*[!0-9]*) echo "Error: PORT=$port is not a number" >&2; exit 1 ;; esac
if node -e 'const s = require("net").connect(Number(process.argv[1]), "127.0.0.1"); s.on("connect", () => process.exit(0)); s.on("error", () => process.exit(1));' "$port"; then
  echo "Error: port $port is taken by another program. Choose another: make run PORT=$((port + 1))" >&2
  exit 1
fi
