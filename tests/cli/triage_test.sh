#!/usr/bin/env bash
# Findings of ThreadSanitizer through triage: what the simulated machine shows too, what only
# fibres show, what only threads met, and what nothing shows again.
#
# usage: triage_test.sh VMAFUZZ TRIAGE
#
# Ends with 77, for ctest to call it skipped, where vmafuzz_tsan is not built.
set -euo pipefail

program=$1 triage=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/found" "$work/suspects"

fail() {
  echo "FAILED: $*" >&2
  cat "$work"/found/* >&2
  exit 1
}

# scenario KERNEL OP DIRECTIVE OP: cpu0 does the first, cpu1 the other.
scenario() {
  cat <<TEXT
# vmafuzz repro v1
kernel: $1
setup:
  mmap       mm0 page=0 len=2 file=f0 prot=rx private
  register   inode=i0 pgoff=0
  register   inode=i0 pgoff=1
cpu0:
  $2
    $3
cpu1:
  $4
TEXT
}

# finding EXECUTOR KERNEL BUGS BUCKET <program
finding() {
  local hex
  cat >"$work/input.repro"
  hex=$("$program" encode "$work/input.repro" | od -An -v -tx1 | tr -d ' \n')
  cat <<JSON
{"kernel": "$2", "bugs": [$3], "options": [], "engine": "test", "executor": "$1",
 "worker": 1, "execution": 1, "first_seconds": 1, "first_unix": 1, "verdict": "${4%%:*}",
 "bucket": "$4", "input": "$hex", "state": "new", "what": "", "ops": 0, "directives": 0,
 "tries": 0}
JSON
}

# triage NAME EXECUTOR KERNEL BUGS BUCKET <program: leaves found/NAME.json and found/NAME.repro.
triage() {
  local name=$1
  finding "${@:2}" >"$work/found/$name.json"
  "$triage_program" "$work" "found/$name.json" || fail "triage ended with $?"
}
triage_program=$triage

# suspect EXECUTOR KERNEL BUGS BUCKET <program
suspect() {
  finding "$@" >"$work/suspects/one.json"
  "$triage_program" "$work" suspects/one.json || fail "triage of a suspect ended with $?"
  [[ ! -e $work/suspects/one.json ]] || fail "a suspect stays"
}

# says NAME KEY VALUE
says() { grep -q "\"$2\": \"$3\"" "$work/found/$1.json" || fail "$1: $2 is not $3"; }
tells() { grep -q -- "$2" "$work/found/$1.repro" || fail "$1.repro does not tell \"$2\""; }
replays() {
  local name=$1
  shift
  "$program" replay "$@" "$work/found/$name.repro" || fail "$name is not replayed by $*"
}

status=0
scenario nhit 'hit mm0 page=0' '' 'hit mm0 page=0' >"$work/probe.repro"
"$program" replay --tsan "$work/probe.repro" >"$work/probe.log" 2>&1 || status=$?
((status != 3)) || { cat "$work/probe.log" && exit 77; }
rm "$work"/probe.*

# What both show has a repro that needs no flag.
both=nhit-data-race-count_hit-count_hit
scenario nhit 'hit mm0 page=0' '' 'hit mm0 page=0' |
  triage $both tsan-fibres nhit '' data-race:count_hit:count_hit
says $both shows_on sim
says $both state minimal
tells $both 'Found by ThreadSanitizer (tsan-fibres)'
replays $both
replays $both --tsan

# A uprobe whose memory is given back while a lookup may still walk over it: ThreadSanitizer takes
# that for a write of all of it, the simulated machine for a use after free if it comes to one.
bug=uprobe-freed-at-once
race=data-race:uprobe_free_rcu_tasks_trace:rb_find_rcu
freed=6.18+$bug-${race//:/-}
scenario 6.18 'unregister inode=i0 pgoff=0' '@1 preempt cpu1' 'hit mm0 page=1' |
  triage "$freed" tsan-fibres 6.18 "\"$bug\"" $race
says "$freed" shows_on tsan-fibres
says "$freed" state minimal
tells "$freed" './vmafuzz replay --tsan FILE'
tells "$freed" 'expect: data-race'
replays "$freed" --tsan
grep -q 'replay --tsan ' "$work/found/$freed.txt" || fail "its report tells another command"
grep -q 'uprobe#1.rb_node' "$work/found/$freed.txt" || fail "its report does not name the field"

# As threads meet it, without directives that lead there: they are searched for.
scenario 6.18 'unregister inode=i0 pgoff=0' '' 'hit mm0 page=1' >"$work/free.repro"
"$program" minimize --tsan "$work/free.repro" >"$work/free.log" 2>&1 &&
  fail "it shows without directives, too"
triage "$freed" tsan-threads 6.18 "\"$bug\"" $race <"$work/free.repro"
says "$freed" shows_on tsan-fibres
tells "$freed" 'Found on real threads; execution'
tells "$freed" 'preempt'
replays "$freed" --tsan

# The other way round is the same bug.
other=6.18+$bug-data-race-rb_find_rcu-uprobe_free_rcu_tasks_trace
triage "$other" tsan-threads 6.18 "\"$bug\"" \
  data-race:rb_find_rcu:uprobe_free_rcu_tasks_trace <"$work/free.repro"
says "$other" shows_on tsan-fibres

# What nothing shows again says so, and of how many.
never=nhit-data-race-nobody-nowhere
scenario nhit 'hit mm0 page=0' '' 'hit mm0 page=1' |
  triage $never tsan-threads nhit '' data-race:nobody:nowhere
says $never state unreproduced
tells $never 'NOT REPRODUCED: threads showed it once, and in 0 of 1000 runs'

# What the input shows on the simulated machine instead is a finding of its own.
wrong=nhit-data-race-somebody-else
rm "$work/found/$both".*
scenario nhit 'hit mm0 page=0' '' 'hit mm0 page=0' |
  triage $wrong tsan-fibres nhit '' data-race:somebody:else
says $wrong state unreproduced
says $both state new
says $both executor sim

# What a worker was running when it ended is a finding of ThreadSanitizer's, too.
rm "$work/found"/*
scenario 6.18 'unregister inode=i0 pgoff=0' '@1 preempt cpu1' 'hit mm0 page=1' |
  suspect tsan-fibres 6.18 "\"$bug\"" 'harness-crash:exit status 0'
says "$freed" state new
says "$freed" executor tsan-fibres
"$triage_program" "$work" "found/$freed.json"
says "$freed" state minimal

# For people, too.
"$program" minimize --tsan --output "$work/small.repro" "$work/found/$freed.repro"
"$program" replay --tsan "$work/small.repro"
echo passed
