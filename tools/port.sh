#!/bin/sh
# Says clearly, before anything is made, that a port is taken on this machine (a listening socket on any address).
port=$1
case "$port" in ''|*[!0-9]*) echo "Error: PORT=$port is not a number" >&2; exit 1 ;; esac
hexadecimal=$(printf '%04X' "$port")
if awk -v port=":$hexadecimal" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; then
  echo "Error: port $port is taken by another program. Choose another: make run PORT=$((port + 1))" >&2
  exit 1
fi
