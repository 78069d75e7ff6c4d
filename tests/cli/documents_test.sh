#!/usr/bin/env bash
# README.md and docs/ against the program: commands and flags that they name exist, README's program
# does what README says, its diagram is what `explain` draws, its tables are complete.
#
# usage: documents_test.sh VMAFUZZ SOURCE
#
# shellcheck disable=SC2016 # a backquote is one
set -euo pipefail

vmafuzz=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source"
die() { echo "FAILED: $*"; exit 1; }

documents=(README.md docs/*.md corpus/README.md repro/README.md repro/*/README.md)
"$vmafuzz" help >"$work/help"

# Every command line, each a line: COMMAND FLAG...
grep -ohE '\./vmafuzz [a-z][^`#|]*' "${documents[@]}" >"$work/lines"
(($(wc -l <"$work/lines") > 30)) || die "the documents hold few commands: $(cat "$work/lines")"
while read -r _ command rest; do
  grep -q "^  $command " "$work/help" || die "there is no command \"$command\" ($command $rest)"
  while read -r flag; do
    [[ $command == test || $flag == --no-install || $flag == --preset ]] && continue
    "$vmafuzz" help "$command" | grep -qE -e "^  $flag( |\$)" ||
      die "$command has no flag $flag ($command $rest)"
  done < <(grep -oE -e '--[a-z-]+' <<<"$rest")
done <"$work/lines"

# The files that examples begin with are there.
for command in $(sed -n 's/^  \([a-z]*\) .*/\1/p' "$work/help"); do
  "$vmafuzz" help "$command" 2>/dev/null | sed -n '/^examples:/,$p' |
    grep -oE '\b(repro|corpus|tests)/[^ ]*' >"$work/places" || continue
  while read -r place; do
    compgen -G "$place" >/dev/null || die "help $command has $place, which is not there"
  done <"$work/places"
done

# The first program of the README, up to the next line that is not indented.
awk '/^    # vmafuzz repro v1/ {on = 1} on && !/^    / {exit} on {print substr($0, 5)}' README.md \
  >"$work/readme.repro"
grep -q '^expect:' "$work/readme.repro" || die "README.md holds no program"
"$vmafuzz" replay "$work/readme.repro" >"$work/replay" || die "README.md: $(cat "$work/replay")"
# Those of docs/, as they would be copied: each says what it shows, and shows it.
for document in docs/*.md; do
  awk -v to="$work/$(basename "$document" .md)" '
    /^    # vmafuzz repro/ {on = 1; ++count}
    on && !/^    / {on = 0}
    on {print substr($0, 5) >(to "-" count ".repro")}' "$document"
done
[[ -e $work/findings-2.repro ]] || die "docs/findings.md holds few programs"
for program in "$work"/*-[0-9]*.repro; do
  grep -q '^expect:' "$program" || die "a program of docs/ expects nothing: $(cat "$program")"
  "$vmafuzz" replay "$program" >"$work/replay" || die "docs/: $(cat "$work/replay" "$program")"
done

# The diagram is shortened: each of its lines stands in the whole one, in this order.
plain() { tr -s ' ' | sed -E 's/ +\|/|/g; s/\| +/|/g'; }
"$vmafuzz" explain "$work/readme.repro" | plain >"$work/whole"
awk '/^    step \| CPU0/ {on = 1; getline; next} on && !/^    / {exit} on' README.md |
  plain >"$work/diagram"
(($(wc -l <"$work/diagram") > 10)) || die "README.md holds no diagram"
awk 'NR == FNR {wanted[++count] = $0; next}
     at < count && $0 == wanted[at + 1] {++at}
     END {if (at < count) print wanted[at + 1]}' "$work/diagram" "$work/whole" >"$work/missing"
[[ ! -s $work/missing ]] || die "README.md draws what explain does not: $(cat "$work/missing")"

# Every verdict is explained, and every folder of the map is there, with all of lib's in it.
sed 's/^expect:.*/expect: no-such/' "$work/readme.repro" >"$work/odd.repro"
"$vmafuzz" replay "$work/odd.repro" 2>"$work/refusal" && die "a verdict that is none is accepted"
verdicts=$(sed -n 's/.*a verdict (\(.*\)), found.*/\1/p' "$work/refusal")
[[ $verdicts == *wrong-uprobe* ]] || die "the verdicts are not told"
for verdict in ${verdicts//,/}; do
  [[ $verdict == harness-* ]] && continue
  grep -qE "^\|.*\b$verdict\b.*\|.*\|" README.md || die "README.md does not explain $verdict"
done
for folder in lib/*/; do
  grep -qF "| \`${folder%/}\` |" README.md || die "README.md's map lacks ${folder%/}"
done
# A program of the tests that is told to be run can be run.
while read -r program; do
  [[ -x $program ]] || die "$program cannot be run as the documents say"
done < <(grep -ohE '(^    |`)tests/[a-z/_]+\.(sh|py)' "${documents[@]}" | tr -d ' `' | sort -u)
while read -r place; do
  [[ -e $place ]] || die "README.md's map has $place, which is not there"
done < <(sed -nE 's/^\| `((lib|fuzz|corpus|repro|tests|docs|cmake)[a-z/]*)` \|.*/\1/p' README.md)
echo passed
