#!/bin/sh
# Builds the fuzz targets with clang's libFuzzer, ASan and UBSan in build-fuzz/ and runs each for FUZZ_SECONDS (60), as many at once as there are processors.
# FUZZ_ONLY="query csv" runs only those. Inputs that reach new code are kept in build-fuzz/corpus/<target>/ for the next run, the log in
# build-fuzz/<target>.log, an input that broke something in build-fuzz/broken/<target>-…; copied to fuzz/corpus/<target>/ it is replayed by every `make test`.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
folder=build-fuzz
known=$(ls fuzz/fuzz-*.c | sed 's|fuzz/fuzz-\(.*\)\.c|\1|')
targets=${FUZZ_ONLY:-$known}
for target in $targets; do
  echo "$known" | grep -qx "$target" || { echo "Error: no fuzz target is named $target; there are:" $known >&2; exit 1; }
done

if [ ! -f $folder/build.ninja ]; then
  echo "Configuring $folder"
  CC=clang meson setup $folder -Dfuzz=true -Db_lundef=false >$folder.log 2>&1 || { tail -n 20 $folder.log >&2; echo "Error: meson setup failed (see above)" >&2; exit 1; }
  mv $folder.log $folder/setup.log
else
  meson setup --reconfigure $folder >$folder/setup.log 2>&1 || { tail -n 20 $folder/setup.log >&2; exit 1; }
fi
echo "Building"
# Leaks of the tools that run during the build are no concern here.
ASAN_OPTIONS=detect_leaks=0 ninja -C $folder $(for target in $targets; do echo "fuzz-$target"; done) >$folder/build.log 2>&1 ||
  { grep -E 'error|FAILED|undefined' $folder/build.log | head -n 40 >&2; echo "Error: the build failed; all of it is in $folder/build.log" >&2; exit 1; }

run_target() {
  target=$1
  mkdir -p $folder/corpus/"$target" $folder/broken
  dictionary=""
  [ ! -f fuzz/"$target".dict ] || dictionary="-dict=fuzz/$target.dict"
  if UBSAN_OPTIONS=print_stacktrace=1 G_MESSAGES_DEBUG= $folder/fuzz-"$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix=$folder/broken/"$target"- $dictionary $folder/corpus/"$target" fuzz/corpus/"$target" >$folder/"$target".log 2>&1
  then mark="ok  "; else mark="FAIL"; fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' $folder/"$target".log)
  speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' $folder/"$target".log)
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' $folder/"$target".log | tail -n 1)
  echo "$mark $target: ${runs:-0} inputs (${speed:-0}/s), ${edges:-0} edges, $(ls $folder/corpus/"$target" | wc -l) inputs kept"
  [ "$mark" = "ok  " ] || { echo "$target" >>$folder/failed.txt; grep -E -A 12 'ERROR:|runtime error:|broken:' $folder/"$target".log | head -n 30; }
}

echo "Running each for $seconds s"
: >$folder/failed.txt
running=0
for target in $targets; do
  run_target "$target" &
  running=$((running + 1))
  if [ "$running" -ge "$(nproc)" ]; then wait; running=0; fi
done
wait
[ ! -s $folder/failed.txt ] || { echo "Error: broken:" $(cat $folder/failed.txt) "(inputs in $folder/broken/, logs in $folder/<target>.log)" >&2; exit 1; }
