#!/usr/bin/env bash
# The canary, which is there to be caught, through the whole pipeline of one engine: worker, page,
# supervisor, triage, minimal repro, replay on the executor that the repro is for, report.
#
# usage: canary_test.sh VMAFUZZ ROOT ENGINE [STAND-IN PATH]
#
# ROOT/build holds the engines' programs. A STAND-IN (tests/soak/random_engine.cc) takes the place
# of ENGINE's program, which the supervisor looks for at PATH: so nothing needs an engine's build.
# Ends with 77, for ctest to call it skipped, where something is not built.
set -euo pipefail

program=$1 root=$2 engine=$3 stand_in=${4:-} path=${5:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run=$work/run
export VMAFUZZ_ROOT=$root VMAFUZZ_TRUTH=$work

fail() {
  echo "FAILED: $*" >&2
  cat "$work"/*.log "$run/triage.log" "$run/last-death.log" >&2 2>/dev/null || true
  exit 1
}

if [[ $stand_in ]]; then
  [[ -x $stand_in ]] || { echo "$stand_in is not built" && exit 77; }
  mkdir -p "$work/root/${path%/*}"
  ln -s "$stand_in" "$work/root/$path"
  export VMAFUZZ_ROOT=$work/root
else
  case $engine in
    libfuzzer) path=build/fuzz/fuzz/fuzz_sim ;;
    afl) path=build/afl/fuzz/fuzz_sim ;;
    afl-tsan) path=build/afl-tsan/fuzz/fuzz_tsan ;;
    *) path=build/fuzz-tsan/fuzz/fuzz_tsan ;;
  esac
  # What an engine of other sources finds need not show here.
  if [[ -e $root/$path && $(find "$root/lib" "$root/fuzz" -newer "$root/$path" -name '*.[ch]*' \
    -print -quit) ]]; then
    echo "$path is older than the sources" && exit 77
  fi
fi

status=0
"$program" fuzz --kernel canary --engine "$engine" --jobs 1 --for 5m --until any --dir "$run" \
  --corpus "$root/corpus" >"$work/fuzz.log" 2>&1 || status=$?
if ((status == 3)) && grep -qE 'build it: cmake --preset|is not installed' "$work/fuzz.log"; then
  cat "$work/fuzz.log"
  exit 77
fi
((status == 1)) || fail "fuzz ended with $status"
grep -q '"why":"until"' "$run/events.jsonl" || fail "the canary was not found in five minutes"

shopt -s nullglob
minimal=0
for finding in "$run"/found/*.json; do
  grep -qE '"state": "(minimal|small|whole)"' "$finding" || continue
  repro=${finding%.json}.repro
  case $(sed -n 's/.*"shows_on": "\(.*\)".*/\1/p' "$finding") in
    sim) flags=() ;;
    tsan-fibres) flags=(--tsan) ;;
    tsan-threads) flags=(--threads --times 1000) ;;
    *) fail "$finding does not say what shows it" ;;
  esac
  "$program" replay "${flags[@]}" "$repro" >"$work/replay.log" 2>&1 ||
    fail "replay ${flags[*]} does not show ${repro##*/}: $(cat "$repro")"
  grep -q "^expect: " "$repro" || fail "$repro expects nothing"
  minimal=$((minimal + 1))
done
# On an executor that is deterministic, what was found once is found again.
if [[ ! $stand_in && $engine != tsan-threads ]]; then
  ! grep -l '"state": "unreproduced"' "$run"/found/*.json || fail "that does not show again"
fi
((minimal > 0)) || fail "nothing was made minimal"
grep -q '"verdict": "data-race"' "$run/status.json" || fail "status.json does not have it"
"$program" report "$run" >"$work/report.log" 2>&1 || fail "no report"
grep -q 'data-race' "$run/report.html" || fail "the report does not have it"
echo "passed: $minimal of canary by $engine"
