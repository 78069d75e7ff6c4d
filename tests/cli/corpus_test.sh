#!/usr/bin/env bash
# What `vmafuzz corpus` writes, by a build that measures coverage (presets dev and fuzz).
#
# usage: corpus_test.sh VMAFUZZ SOURCE
set -euo pipefail

vmafuzz=$1 repro=$2/repro
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  cat "$work/log" >&2
  exit 1
}
corpus() { "$vmafuzz" corpus "$@" >"$work/log" 2>&1; }

corpus stats "$repro/v1-wrong-uprobe.repro" || fail "corpus stats"

# Two programs of one name, as two nights leave them: both stay, and doing it again changes nothing.
mkdir "$work/first" "$work/second"
cp "$repro/v1-wrong-uprobe.repro" "$work/first/same.repro"
cp "$repro/suren-rfc-wrong-uprobe.repro" "$work/second/same.repro"
for _ in once again; do
  corpus min --kernel 6.18 --text --to "$work/min" "$work/first/same.repro" "$work/second/same.repro" ||
    fail "corpus min"
  text=$(cd "$work/min" && echo *)
  [[ $text =~ ^same-[0-9a-f]{8}\.repro\ same\.repro$ ]] || fail "two programs became $text"
done
corpus stats --kernel 6.18 "$work/min"
grep -q '^2 programs' "$work/log" || fail "two programs became one"

# One after the other.
for folder in first second; do
  corpus add --kernel 6.18 --text --to "$work/add" "$work/$folder" || fail "corpus add $folder"
done
names=("$work/add"/*)
((${#names[@]} == 2)) || fail "corpus add keeps ${names[*]}"
cmp -s "$work/add/same.repro" "$work/min/same.repro" || cmp -s "$work/add/same.repro" "$work/min"/same-*.repro ||
  fail "what was there was written again"
echo passed
