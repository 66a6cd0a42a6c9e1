#!/bin/sh
# Lists the C files of one room: `library` without, `tests` only those that end in -test.c.
case "$2" in
  tests) find "$1" -maxdepth 1 -name '*-test.c' | sort ;;
  *) find "$1" -maxdepth 1 -name '*.c' ! -name '*-test.c' | sort ;;
esac
