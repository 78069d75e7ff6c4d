#!/usr/bin/env bash
# The built command from outside: what goes where, and the exit status.
#
# usage: command_line_test.sh VMAFUZZ
set -euo pipefail

vmafuzz=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# holds STREAM TEXT: the stream has TEXT in it, or nothing at all if TEXT is "".
holds() {
  if [[ $2 ]]; then grep -qF -- "$2" "$work/$1"; else [[ ! -s $work/$1 ]]; fi
}

# expect STATUS OUT ERR ARGUMENT...
expect() {
  local wanted=$1 out=$2 err=$3 status=0
  shift 3
  "$vmafuzz" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
  if ((status != wanted)) || ! holds out "$out" || ! holds err "$err"; then
    echo "FAILED: vmafuzz $*: expected $wanted, \"$out\", \"$err\", but got $status and"
    cat "$work/out" "$work/err"
    exit 1
  fi
}

expect 0 'usage: ./vmafuzz COMMAND' '' --help
expect 0 'usage: ./vmafuzz COMMAND' '' help
expect 2 '' 'usage: ./vmafuzz COMMAND'
expect 0 './vmafuzz doctor --json' '' doctor --help
expect 2 '' 'unknown command "docter": did you mean' docter
expect 2 '' 'unknown flag --jsn: did you mean --json?' doctor --jsn
expect 2 '' 'unexpected argument "now"' doctor now
expect 0 'commit      unknown' '' version
VMAFUZZ_COMMIT=0123456789ab expect 0 '"commit": "0123456789ab"' '' version --json

# A machine without anything fails, and says so to a person and to a program.
expect 3 'FAIL  compiler        clang++-19 is not installed' '' doctor --root "$work"
expect 3 '"ok": false' '' doctor --json --root="$work"

# Findings want their triage, before hours of fuzzing are spent on them.
cp "$vmafuzz" "$work/vmafuzz"
vmafuzz=$work/vmafuzz
expect 3 '' "$work/vmafuzz_triage is missing: build everything" fuzz --dir "$work/run" --for 1s
[[ ! -e $work/run ]] || { echo "FAILED: a run was begun without triage"; exit 1; }
echo passed
