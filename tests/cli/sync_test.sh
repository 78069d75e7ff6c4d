#!/usr/bin/env bash
# Two supervisors that share a folder by --sync, one after the other and at once, on workers that
# need no engine (tests/soak/random_engine.cc).
#
# usage: sync_test.sh VMAFUZZ RANDOM_ENGINE CORPUS
set -euo pipefail

program=$1 engine=$2 corpus=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/build/fuzz/fuzz" "$work/truth-a" "$work/truth-b" "$work/shared"
ln -s "$engine" "$work/root/build/fuzz/fuzz/fuzz_sim"
export VMAFUZZ_ROOT=$work/root

fail() {
  echo "FAILED: $*" >&2
  cat "$work"/log-* >&2
  exit 1
}

# fuzz NAME FLAG...: a few seconds of it; what it finds is no failure.
fuzz() {
  local name=$1 status=0
  shift
  VMAFUZZ_TRUTH=$work/truth-$name "$program" fuzz --kernel 6.18 --engine libfuzzer --jobs 1 \
    --for 3s --dir "$work/run-$name" --sync "$work/shared" --sync-name "$name" "$@" \
    >>"$work/log-$name" 2>&1 || status=$?
  ((status <= 1)) || fail "fuzz $name ended with $status"
}
entries() { find "$work/run-$1/corpus" -type f -printf '%f\n' | sort; }
in_both() { comm -12 <(entries a) <(entries b) | wc -l; }

fuzz a --corpus "$corpus"
# However long the rest took.
grep -q '"limit": 3\.0' "$work/run-a/status.json" || fail "status.json has another limit than 3 s"
(($(find "$work/shared/a/queue" -name 'id:000000,sha1:*' | wc -l) == 1)) || fail "a gave nothing"
# On a busy machine three seconds may not be enough to run all of it.
for _ in {1..10}; do
  fuzz b --empty
  (($(in_both) < $(entries a | wc -l))) || break
done
(($(in_both) >= $(entries a | wc -l))) || fail "b does not have what a found"
fuzz a --empty
fuzz b --empty &
fuzz a --empty
wait $!
fuzz a --empty
fuzz b --empty
(($(in_both) * 10 >= $(entries a | wc -l) * 8)) || fail "little is in both: $(in_both)"
# What came from the other is not given back.
doubles=$(find "$work/shared" -name 'id:*' -printf '%f\n' | sed 's/.*sha1://' | sort | uniq -d | wc -l)
((doubles == 0)) || fail "$doubles entries are there twice"

# One name, one supervisor.
VMAFUZZ_TRUTH=$work/truth-a "$program" fuzz --kernel 6.18 --engine libfuzzer --jobs 1 --for 60s \
  --empty --dir "$work/run-a" --sync "$work/shared" --sync-name a >"$work/log-first" 2>&1 &
first=$!
until grep -q fuzzing "$work/log-first"; do
  kill -0 "$first" || fail "the first supervisor did not begin"
  sleep 0.1
done
status=0
"$program" fuzz --kernel 6.18 --engine libfuzzer --for 3s --dir "$work/run-c" \
  --sync "$work/shared" --sync-name a --corpus "$corpus" >"$work/log-c" 2>&1 || status=$?
kill "$first"
wait "$first" || true
((status == 3)) || fail "a second supervisor of one name ended with $status"
grep -q -- '--sync-name' "$work/log-c" || fail "no remedy is named"
echo "passed"
