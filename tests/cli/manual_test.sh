#!/usr/bin/env bash
# The man page as groff sets it and the completion as bash runs it, against what --help prints.
#
# usage: manual_test.sh VMAFUZZ LAUNCHER
set -euo pipefail

vmafuzz=$1 launcher=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "FAILED: $*"; exit 1; }

"$vmafuzz" man >"$work/vmafuzz.1"
if command -v groff >/dev/null; then
  groff -man -Tascii -ww -z "$work/vmafuzz.1" 2>"$work/warnings"
  [[ ! -s $work/warnings ]] || die "groff warns: $(<"$work/warnings")"
  # One long line, so that no word is broken.
  groff -man -Tascii -P-cbou -rLL=400n "$work/vmafuzz.1" >"$work/page"
else
  echo "groff is not installed: the page is compared as it was written"
  sed 's/\\-/-/g' "$work/vmafuzz.1" >"$work/page"
fi

# complete WORD...: what bash offers for the last word.
complete_words() {
  bash -c '
    source "$1"; shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _vmafuzz
    printf "%s\n" "${COMPREPLY[@]}"' - "$work/completion" vmafuzz "$@"
}
offers() {
  local wanted=$1
  shift
  grep -qxF -e "$wanted" <<<"$(complete_words "$@")" || die "\"$*\" does not offer $wanted"
}
refuses() {
  local unwanted=$1
  shift
  ! grep -qxF -e "$unwanted" <<<"$(complete_words "$@")" || die "\"$*\" offers $unwanted"
}

VMAFUZZ_ROOT=$(dirname "$launcher") "$vmafuzz" completion >"$work/completion"
bash -n "$work/completion"

commands=$("$vmafuzz" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[[ $(wc -l <<<"$commands") -gt 8 ]] || die "help lists few commands"
for command in $commands; do
  offers "$command" "${command:0:1}"
  [[ $command == test || $command == help ]] && continue
  grep -q "^   $command" "$work/page" || grep -q "^\.SS $command" "$work/page" ||
    die "the page has no section $command"
  while read -r flag; do
    offers "$flag" "$command" "$flag"
    grep -qF -e "$flag" "$work/page" || die "the page lacks $command $flag"
  done < <("$vmafuzz" help "$command" | grep -o '^  --[a-z-]*' | tr -d ' ')
  offers --help "$command" --
done

# What the launcher says of itself.
for word in $("$launcher" help test | grep -oE -e '--[a-z-]+|VMAFUZZ_[A-Z_]+' | grep -vx -e --help); do
  grep -qF -e "$word" "$work/page" || die "the page lacks the launcher's $word"
done

offers 6.18 fuzz --kernel ''
offers 6.18 fuzz --kernel = 6.1
offers v1,6.18 fuzz --kernel v1,6.1
offers 6.18 replay --kernel = ''
offers replay help r
offers fuzz --no-install --preset fuzz f
offers fuzz --preset = dev f
offers release --preset ''
offers fuzz-asan --preset = fuzz-
refuses base --preset ''
refuses replay --preset ''
refuses --for replay --
mkdir "$work/folder" && touch "$work/folder/file"
offers "$work/folder/file" replay "$work/folder/f"
offers "$work/folder" report "$work/fol"
refuses "$work/completion" report "$work/comp"
# An operand that is one of some words, and what follows it.
for command in corpus bench; do
  for word in $("$vmafuzz" help "$command" | sed -n "s/^usage: .*\] \([a-z|]*\).*/\1/p" | tr '|' ' '); do
    offers "$word" "$command" ''
    offers "$word" --preset tsan "$command" --kernel 6.18 "${word:0:2}"
  done
done
offers min corpus m
offers rates bench ''
refuses "$work/completion" corpus "$work/comp"
offers "$work/completion" corpus min "$work/comp"
refuses "$work/completion" bench exec "$work/comp"
echo passed
