#!/bin/sh
# Checks of the source that no compiler makes: sizes, layers, words, definitions. TAP on standard output. A waiver is a comment "waiver: reason" in the first 12 lines of a file.
cd "$(dirname "$0")/.." || exit 1
number=0
failed=0
report() { # name, findings
  number=$((number + 1))
  if [ -z "$2" ]; then echo "ok $number $1"; else failed=1; echo "not ok $number $1"; echo "$2" | sed 's/^/#   /'; fi
}
sources() { find src -name '*.c' ! -name '*-test.c'; }
waived() { head -n 12 "$1" | grep -q 'waiver:'; }

report "files have at most 800 lines, headers 250" "$(find src -name '*.[ch]' | while read -r f; do
  lines=$(wc -l <"$f"); limit=800; case "$f" in *.h) limit=250 ;; esac
  [ "$lines" -le "$limit" ] || waived "$f" || echo "$f: $lines lines"; done)"

report "functions have at most 100 lines" "$(sources | while read -r f; do
  awk -v f="$f" '/^[a-zA-Z_].*\) *\{$/ { start = NR; name = $0 } /^\}/ { if (start && NR - start > 100) print f ":" start ": " NR - start " lines: " name; start = 0 }' "$f"; done)"

report "lines have at most 170 characters" "$(find src -name '*.[ch]' | xargs perl -CSD -ne 'chomp; print "$ARGV:$.: " . length . "\n" if length > 170; close ARGV if eof')"

report "no calls that are never right" "$(sources | xargs grep -nE '\b(strcpy|strcat|sprintf|gets|system|popen|atoi|strtok)\(' )"

report "no marks of unfinished work" "$(git ls-files src ui docs definitions tests bench tools README.md ARCHITECTURE.md 2>/dev/null | grep -v '^tools/check.sh$' | xargs grep -nE 'TODO|FIXME|XXX:|not implemented' 2>/dev/null)"

report "no markup in C" "$(sources | xargs grep -nE '"[^"]*</?(div|span|p|a|table|li|ul|html|body)[ >]' )"

# A room includes only its own headers and those of the rooms that meson.build allows it (the compiler sees to that); foreign headers stay in one room.
report "each foreign header is included in one room" "$(sources | xargs grep -HoE '#include <(sqlite3|libssh2|libssh2_sftp|microhttpd|archive|archive_entry|zip|freexl|shapefil|xlsxwriter|magic|vips/vips|seccomp|yaml|openssl/[a-z0-9_]+|unicode/[a-z0-9_]+|roaring/[a-z]+|libxml/[A-Za-z]+|cairo[a-z-]*|pango/[a-z]+)\.h>' |
  sed -E 's|src/([a-z]+)/[^:]*:#include <([a-z0-9]+).*|\2 \1|' | sort -u | awk '{ count[$1]++; rooms[$1] = rooms[$1] " " $2 } END { for (h in count) if (count[h] > 1) print h ":" rooms[h] }')"

report "each schema script of a room has its number" "$(find src -path '*/schema/*.sql' | sed 's|_[^/]*$||' | sort | uniq -d)"

report "SQL is literal and pages by key" "$(sources | xargs grep -nE '\bOFFSET\b|::[a-z]+|sql_(query|exec|json|row_json|number|string)_literal\(' | grep -vE '^src/sql/|static const char')"

report "every public header compiles alone" "$(for f in src/*/*.h; do
  room=$(basename "$(dirname "$f")"); includes=""; for d in src/*/; do includes="$includes -iquote $d"; done
  gcc -std=gnu2x -fsyntax-only -x c $includes $(pkg-config --cflags glib-2.0 jansson gio-2.0) -include "$f" /dev/null >/dev/null 2>&1 || echo "$f"; done)"

report "templates escape everything but the layout's content" "$(grep -rn '{{{' ui --include='*.html' | grep -v '^ui/layout.html:')"

report "tests run on the node of Debian 12" "$(find tests bench tools -name '*.mjs' | xargs grep -nE '\.(toSorted|toReversed|toSpliced)\(|import\.meta\.(dirname|filename)|\.withResolvers\(|\b(Object|Map)\.groupBy\(|\.fromAsync\(' )"

report "scripts and styles are files" "$(grep -rnE '<script>|<style|style="|onclick=|onload=' ui --include='*.html')"

echo "1..$number"
exit $failed
