#!/bin/sh
# Prints the GResource list of everything that travels inside the program: ui/, definitions/, the rooms' schemas, and the npm packages' files.
cd "$1" || exit 1
echo '<?xml version="1.0" encoding="UTF-8"?>'
echo '<gresources><gresource prefix="/lantai">'
find ui definitions demo -type f | sort | sed 's|.*|<file>&</file>|'
find src -path '*/schema/*.sql' | sort | sed 's|src/\([a-z]*\)/schema/\(.*\)|<file alias="schema/\1/\2">&</file>|'
# npm packages: package-relative path and the name it is served under /static/npm/
while read -r path; do
  case "$path" in ''|'#'*) continue ;; esac
  optional=${path%%[!?]*} path=${path#\?}
  if [ -n "$optional" ] && [ ! -e "node_modules/$path" ]; then
    echo "node_modules/$path is not here: pages will have their tables without drawings (npm ci brings it)" >&2
    continue
  fi
  [ -e "node_modules/$path" ] || { echo "missing node_modules/$path: run npm ci" >&2; exit 1; }
  find "node_modules/$path" -type f | sort | sed 's|node_modules/\(.*\)|<file alias="ui/static/npm/\1">&</file>|'
done < tools/npm-files.txt
echo '</gresource></gresources>'
