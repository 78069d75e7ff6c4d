#!/usr/bin/env bash
# How a run of `vmafuzz fuzz` begins, ends and goes on, on workers that need no engine
# (tests/soak/random_engine.cc).
#
# usage: run_test.sh VMAFUZZ RANDOM_ENGINE CORPUS
set -euo pipefail

program=$1 engine=$2 corpus=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/build/fuzz/fuzz"
ln -s "$corpus" "$work/root/corpus"
sim=$work/root/build/fuzz/fuzz/fuzz_sim
ln -s "$engine" "$sim"
export VMAFUZZ_ROOT=$work/root VMAFUZZ_TRUTH=$work/truth
mkdir -p "$work/truth"

fail() {
  echo "FAILED: $*" >&2
  cat "$work/log" >&2
  exit 1
}
# fuzz STATUS FLAG...
fuzz() {
  local wanted=$1 status=0
  shift
  "$program" fuzz --engine libfuzzer --jobs 1 "$@" >"$work/log" 2>&1 || status=$?
  ((status == wanted)) || fail "fuzz $* ended with $status, not $wanted"
}
last_why() { tail -n 1 "$work/$1/events.jsonl" | sed -nE 's/.*"why":"([a-z]*)".*/\1/p'; }

# A run that was begun empty stays without the repository's programs.
fuzz 0 --kernel 6.18 --for 1s --empty --dir "$work/run-empty"
fuzz 0 --for 1s --dir "$work/run-empty"
grep -q '"seeds": ""' "$work/run-empty/run.json" || fail "the resumed run has seeds"
# One with a corpus keeps it, and does without it once it is gone.
mkdir "$work/seeds"
cp "$corpus/split-under-hit.repro" "$work/seeds"
fuzz 0 --kernel 6.18 --for 1s --corpus "$work/seeds" --dir "$work/run-seeds"
grep -q "\"seeds\": \"$work/seeds\"" "$work/run-seeds/run.json" || fail "the seeds are not kept"
# One that is named and holds nothing is refused before anything is written.
mkdir "$work/notes"
touch "$work/notes/README.md"
cp "$work/run-seeds/run.json" "$work/run.json"
for folder in "$work/no-such" "$work/notes"; do
  fuzz 2 --kernel 6.18 --corpus "$folder" --dir "$work/run-named"
  fuzz 2 --corpus "$folder" --dir "$work/run-seeds"
  grep -qxF "vmafuzz fuzz: no seed programs in $folder" "$work/log" || fail "$folder is not refused"
  cmp -s "$work/run.json" "$work/run-seeds/run.json" || fail "a refused folder is kept"
done
rm -r "$work/seeds"
fuzz 0 --for 1s --dir "$work/run-seeds"
grep -qF "no seed programs in $work/seeds any more; going on with the run's own corpus" "$work/log" ||
  fail "seeds that are gone are not told"

# A plan that cannot be read is named, and how to do without it.
echo '{"engines": ["lib' >"$work/run-seeds/run.json"
fuzz 2 --kernel 6.18 --empty --dir "$work/run-seeds"
grep -qF "$work/run-seeds/run.json is no plan of a run (it is no JSON); move it away" "$work/log" ||
  fail "a damaged plan comes without a remedy"
rm "$work/run-seeds/run.json"
fuzz 0 --kernel 6.18 --empty --for 1s --dir "$work/run-seeds"

# What is named twice is run and counted once.
fuzz 0 --engine libfuzzer --kernel 6.18,6.18 --kernel 6.18 --for 1s --empty --dir "$work/run-twice"
(($(grep -c '"name": "libfuzzer/6.18"' "$work/run-twice/status.json") == 1)) || fail "two groups of one name"

# Of several switches each gets workers of its own.
"$program" fuzz --engine libfuzzer --jobs 1 --kernel 6.18 --bug iget-without-lock,lookup-without-rcu \
  --for 1s --empty --dir "$work/run-bugs" >"$work/log" 2>&1 || (($? == 1)) || fail "two switches"
for group in 6.18+iget-without-lock+lookup-without-rcu 6.18+iget-without-lock 6.18+lookup-without-rcu; do
  grep -q "\"name\": \"libfuzzer/$group\"" "$work/run-bugs/status.json" || fail "no group $group"
done

# kill -9 between two writes of the ledger: time goes on from the last event.
"$program" fuzz --engine libfuzzer --jobs 1 --kernel 6.18 --empty --dir "$work/run-killed" \
  >"$work/log" 2>&1 &
killed=$!
until [[ -e $work/run-killed/events.jsonl ]] && grep -q '"event":"progress"' "$work/run-killed/events.jsonl"; do
  kill -0 "$killed" || fail "it did not begin"
  sleep 0.1
done
kill -9 "$killed"
wait "$killed" || true
fuzz 0 --for 1s --dir "$work/run-killed"
times=$(sed -nE 's/.*"seconds":([0-9.]+),.*/\1/p' "$work/run-killed/events.jsonl")
[[ $times == "$(sort -n <<<"$times")" ]] || fail "events go back in time"

# What was ignored before, as nohup has SIGHUP, stays so.
(
  trap '' HUP
  exec "$program" fuzz --engine libfuzzer --jobs 1 --kernel 6.18 --empty --for 4s \
    --dir "$work/run-nohup" >"$work/log" 2>&1
) &
nohup=$!
until [[ -e $work/run-nohup/status.json ]]; do sleep 0.1; done
kill -HUP "$nohup"
wait "$nohup" || fail "it ended with $?"
[[ $(last_why run-nohup) == time ]] || fail "SIGHUP ended it"

# A signal while what was found is being minimised ends the run as well.
mkdir "$work/bin"
cp "$program" "$work/bin/vmafuzz"
printf '#!/bin/sh\nexec sleep 1000\n' >"$work/bin/vmafuzz_triage"
chmod +x "$work/bin/vmafuzz_triage"
"$work/bin/vmafuzz" fuzz --engine libfuzzer --jobs 1 --kernel canary --for 10s --dir "$work/run-signal" \
  >"$work/log" 2>&1 &
minimising=$!
until grep -q '"state": "stopping"' "$work/run-signal/status.json" 2>/dev/null; do
  kill -0 "$minimising" || fail "it ended before it was told to"
  sleep 0.1
done
kill -TERM "$minimising"
status=0
wait "$minimising" || status=$?
((status == 1)) || fail "it ended with $status"
[[ $(last_why run-signal) == signal ]] || fail "it ended by $(last_why run-signal)"

# Where no worker starts, that is no run without findings.
rm "$sim"
printf '#!/bin/sh\nexit 1\n' >"$sim"
chmod +x "$sim"
fuzz 3 --kernel 6.18 --empty --for 60s --dir "$work/run-broken"
[[ $(last_why run-broken) == broken ]] || fail "it says $(last_why run-broken)"

for name in ../evil .hidden ''; do
  fuzz 2 --kernel 6.18 --sync "$work/shared" --sync-name "$name" --dir "$work/run-named"
done
fuzz 2 --kernel 6.18 --memory 0 --dir "$work/run-named"
for flag in --memory --min-free; do
  fuzz 2 --kernel 6.18 "$flag" 17592186044416 --dir "$work/run-named"
  grep -qF -e "$flag 17592186044416: the largest is 17592186044415" "$work/log" || fail "$flag is too large"
done
[[ ! -e $work/run-named ]] || fail "a refused run left something"
echo "passed"
