#!/usr/bin/env bash
# The built command from outside: what goes where, and the exit status.
#
# usage: command_line_test.sh VMAFUZZ
set -euo pipefail

vmafuzz=$(realpath "$1")
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
expect 0 'usage: ./vmafuzz COMMAND' '' help help
expect 2 '' 'usage: ./vmafuzz COMMAND'
expect 0 './vmafuzz doctor --json' '' doctor --help
expect 2 '' 'unknown command "docter": did you mean' docter
expect 2 '' 'is the launcher' test --help
expect 2 '' 'unknown flag --jsn: did you mean --json?' doctor --jsn
expect 2 '' 'unexpected argument "now"' doctor now
expect 0 'commit      unknown' '' version
VMAFUZZ_COMMIT=0123456789ab expect 0 '"commit": "0123456789ab"' '' version --json

# A machine without anything fails, and says so to a person and to a program.
expect 3 'FAIL  compiler        clang++-19 is not installed' '' doctor --root "$work"
expect 3 '"ok": false' '' doctor --json --root="$work"

program=$work/program.repro
printf '# vmafuzz repro v1\ncpu0:\n  hit mm0 page=1\n' >"$program"

# Nothing at all is not what anybody asks for, and is no success.
expect 2 '' 'leave --for out to run until Ctrl-C' fuzz --for 0s --dir "$work/run"
expect 2 '' '--times 0 runs nothing' replay --times 0 "$program"
expect 2 '' '--inputs 0 compares nothing' determinism --inputs 0
expect 2 '' 'nope' corpus show "$program" --kernel nope
expect 0 'program.repro' '' corpus show "$program" --kernel 6.18

# A stranger in a folder of programs is named and passed over; named alone it is refused.
mkdir "$work/programs"
cp "$program" "$work/programs"
head -c 100000 /dev/urandom >"$work/programs/large"
expect 0 'program.repro' 'passed over: ' corpus show "$work/programs" --kernel 6.18
expect 2 '' 'too large' corpus show "$work/programs/large" --kernel 6.18

# A width that cannot be had is refused, and the least one named.
three=$(dirname "$0")/../../repro/suren-rfc-wrong-uprobe.repro
expect 2 '' '--width takes a number from 40 to 1000' explain --width 39 "$program"
expect 2 '' '--width 40: this execution takes ' explain --width 40 "$three"
expect 0 'wrong-uprobe on suren-rfc' '' explain "$three"

# What minimising may cost is kept, and it is not begun if its result has no place.
bug=$(dirname "$0")/../../repro/v1-wrong-uprobe.repro
expect 2 '' '--executions 0 tries nothing' minimize --executions 0 "$bug"
expect 0 'expect: wrong-uprobe' 'more --executions may make it smaller' minimize --executions 100 "$bug"
spent=$(sed -nE 's/.* in ([0-9]+) executions.*/\1/p' "$work/err")
((spent <= 100)) || { echo "FAILED: 100 executions became $spent"; exit 1; }
expect 3 '' "cannot write $work/no/such.repro: No such file" minimize --output "$work/no/such.repro" "$bug"
expect 3 '' "cannot write $work/no/such: No such file" encode --output "$work/no/such" "$bug"
expect 3 '' "cannot write /dev/full: No space left" encode --output /dev/full "$bug"
expect 0 'expected: none' '' replay --kernel 6.18 "$bug"
expect 1 'expected: none' '' replay --kernel v1 "$bug"
! holds err executions || { echo "FAILED: minimised for nothing"; exit 1; }
echo precious >"$work/kept.repro"
expect 2 '' 'the program finds nothing' minimize --output "$work/kept.repro" "$program"
[[ $(<"$work/kept.repro") == precious ]] || { echo "FAILED: --output was emptied"; exit 1; }

# Output that goes nowhere is no success, whoever printed it; a reader who has seen enough is no
# failure.
for words in help version kernels man "show $program" "encode $program" "replay $program" \
  "explain $program"; do
  status=0
  # shellcheck disable=SC2086
  "$vmafuzz" $words >/dev/full 2>"$work/err" || status=$?
  ((status == 3)) && holds err 'vmafuzz: standard output: No space left on device' ||
    { echo "FAILED: vmafuzz $words >/dev/full: $status, $(<"$work/err")"; exit 1; }
  status=0
  # shellcheck disable=SC2086
  "$vmafuzz" $words >&- 2>"$work/err" || status=$?
  ((status == 3)) && holds err 'vmafuzz: standard output: ' ||
    { echo "FAILED: vmafuzz $words >&-: $status, $(<"$work/err")"; exit 1; }
done
for closer in 'head -1' true; do
  "$vmafuzz" man 2>"$work/err" | $closer >/dev/null || true
  holds err '' || { echo "FAILED: vmafuzz man | $closer: $(<"$work/err")"; exit 1; }
  (trap '' PIPE; "$vmafuzz" man 2>"$work/err") | $closer >/dev/null || true
  holds err '' || { echo "FAILED: vmafuzz man | $closer, no signal: $(<"$work/err")"; exit 1; }
done

# A report takes the place of an older one only: pipes stay pipes, links stay links.
run=$(dirname "$0")/../fuzz/sample-run
mkfifo "$work/pipe"
timeout 60 cat "$work/pipe" >"$work/piped" &
expect 0 "$work/pipe: " '' report --out "$work/pipe" "$run"
wait || true
[[ -p $work/pipe ]] && grep -q '</html>' "$work/piped" || { echo "FAILED: report --out PIPE"; exit 1; }
ln -s "$work/page.html" "$work/link.html"
echo old >"$work/page.html"
expect 0 "$work/link.html: " '' report --out "$work/link.html" "$run"
[[ -L $work/link.html ]] && grep -q '</html>' "$work/page.html" || { echo "FAILED: report --out LINK"; exit 1; }
expect 3 '' "cannot write $work: Is a directory" report --out "$work" "$run"
[[ ! -e $work.tmp ]] || { echo "FAILED: report leaves $work.tmp"; exit 1; }

# From any folder, the corpus is the repository's.
(
  VMAFUZZ_ROOT=$(realpath "$(dirname "$0")/../..")
  export VMAFUZZ_ROOT
  cd "$work"
  expect 0 '10 of 10 equal' '' determinism --inputs 10 --build "$vmafuzz"
  expect 2 '' 'there are exec, detect' bench no-such
)

# Findings want their triage, before hours of fuzzing are spent on them.
cp "$vmafuzz" "$work/vmafuzz"
vmafuzz=$work/vmafuzz
expect 3 '' "$work/vmafuzz_triage is missing: build everything" fuzz --dir "$work/run" --for 1s
[[ ! -e $work/run ]] || { echo "FAILED: a run was begun without triage"; exit 1; }
echo passed
