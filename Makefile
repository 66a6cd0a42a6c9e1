# Lantai: `make run` makes and serves a demonstration archive; `make test` proves the program. Both install what is missing (packages.txt, npm) and say what they do.
PORT ?= 8080
ARCHIVE ?= archive
export PORT

.PHONY: run test build setup check bench growth crash fuzz clean help

help:
	@sed -n 's/^## //p' Makefile

## make run [PORT=8080]   install what is missing, build, make the demonstration archive, serve it
run:
	@sh tools/port.sh $(PORT)
	@sh tools/setup.sh run
	@sh tools/build.sh build lantai
	@build/lantai -C $(ARCHIVE) demo --copy $(ARCHIVE)-copy
	@exec build/lantai -C $(ARCHIVE) serve --port $(PORT)

## make build             build/lantai
build:
	@sh tools/build.sh build lantai

setup:
	@sh tools/setup.sh run

## make test              all checks and tests (a few minutes)
test:
	@sh tools/setup.sh test
	@sh tools/build.sh build
	@node tests/run.mjs $(ONLY)

## make check             layers, sizes and words of the source, without building
check:
	@sh tools/check.sh

## make bench             measurements beside PostgreSQL, SQLite LIKE and sha512sum (25 minutes), then make growth
bench:
	@sh tools/setup.sh test
	@sh tools/setup.sh bench
	@sh tools/build.sh build
	@node bench/run.mjs
	@node bench/growth.mjs

## make growth            search beside Lucene and PostgreSQL at 10^4 to 10^7 rows (some two hours, 40 GB of disk)
growth:
	@sh tools/setup.sh test
	@sh tools/setup.sh bench
	@sh tools/build.sh build
	@node bench/growth.mjs

## make crash             kill -9 at 200 random moments of importing and attaching
crash:
	@sh tools/setup.sh test
	@sh tools/build.sh build
	@CRASH_ROUNDS=200 node tests/run.mjs crash

## make fuzz              libFuzzer over every parser of foreign bytes, a minute each
fuzz:
	@sh tools/setup.sh fuzz
	@sh tools/fuzz.sh

clean:
	rm -rf build build-*
