#!/usr/bin/env bash
# fuzz/build.sh with the environment that OSS-Fuzz's base builder gives it, then each target from $OUT
# with the environment of the base runner. Not part of ctest: it compiles everything again for each
# sanitizer and engine, with Abseil if that is to come from source: 5 to 20 minutes.
#
# usage: oss_fuzz_test.sh WORK [SANITIZER:ENGINE...]     (default: all three)
#   address:libfuzzer undefined:libfuzzer address:afl
#
#   VMAFUZZ_CLANG    the version of clang to use (default 19)
#   VMAFUZZ_LIBRARY  libc++ (default if it is installed), with $SRC/abseil-cpp and $SRC/json from
#                    WORK/src if they are there; or libstdc++, with the distribution's Abseil
#
# Needs: cmake, zip, unzip; for afl: afl++ (Debian's). WORK is kept, so that a second run is quick.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
(($#)) || { sed -n '2,16p' "${BASH_SOURCE[0]}"; exit 2; }
work=$(mkdir -p "$1" && cd "$1" && pwd)
shift
clang=${VMAFUZZ_CLANG:-19}
library=${VMAFUZZ_LIBRARY:-}
if [[ -z $library ]]; then
  library=libstdc++
  [[ -e /usr/lib/llvm-$clang/lib/libc++.a && -d $work/src/abseil-cpp ]] && library=libc++
fi
targets=(fuzz_sim fuzz_decode fuzz_repro_text)

die() { echo "FAILED: $*"; exit 1; }

# What infra/base-images/base-builder/Dockerfile and base-clang/Dockerfile of OSS-Fuzz set.
builder_environment() {
  local sanitizer=$1 engine=$2
  export SRC=$work/src
  [[ $library == libc++ ]] || SRC=$work/no-sources
  export WORK=$work/$1-$2/work OUT=$work/$1-$2/out
  export SANITIZER=$sanitizer FUZZING_ENGINE=$engine ARCHITECTURE=x86_64 FUZZING_LANGUAGE=c++
  export CC=clang-$clang CXX=clang++-$clang
  export CFLAGS="-O1 -fno-omit-frame-pointer -gline-tables-only -Wno-error=deprecated-declarations \
-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
  local checks=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return
  checks+=,returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound,vptr
  case $sanitizer in
    address) CFLAGS+=' -fsanitize=address -fsanitize-address-use-after-scope' ;;
    undefined)
      CFLAGS+=" -fsanitize=$checks,unsigned-integer-overflow -fno-sanitize-recover=$checks"
      ;;
  esac
  case $engine in
    libfuzzer)
      CFLAGS+=' -fsanitize=fuzzer-no-link'
      export LIB_FUZZING_ENGINE=-fsanitize=fuzzer
      ;;
    afl)
      # Debian's afl-clang-fast++ is too old a clang for C++20; clang's own counters feed the same
      # runtime.
      CFLAGS+=' -fsanitize-coverage=trace-pc-guard'
      export LIB_FUZZING_ENGINE='/usr/lib/afl/libAFLDriver.a /usr/lib/afl/afl-compiler-rt.o'
      ;;
  esac
  export CXXFLAGS=$CFLAGS
  [[ $library == libc++ ]] && CXXFLAGS+=' -stdlib=libc++'
  export UBSAN_OPTIONS=silence_unsigned_overflow=1
  mkdir -p "$SRC" "$WORK" "$OUT"
}

# What base-runner/Dockerfile sets; run_fuzzer appends what TARGET.options says.
runner_environment() {
  export ASAN_OPTIONS=alloc_dealloc_mismatch=0:allocator_may_return_null=1:detect_container_overflow=1
  ASAN_OPTIONS+=:detect_leaks=1:detect_stack_use_after_return=1:handle_abort=1:handle_segv=1
  ASAN_OPTIONS+=:max_uar_stack_size_log=16:quarantine_size_mb=10:strict_memcmp=1:use_sigaltstack=1
  ASAN_OPTIONS+=:symbolize=1:dedup_token_length=3
  local from_file
  from_file=$(options_of "$1" asan | paste -sd:)
  [[ $from_file ]] && ASAN_OPTIONS+=:$from_file
  export UBSAN_OPTIONS=print_stacktrace=1:print_summary=1:silence_unsigned_overflow=1:symbolize=1
}

# options_of TARGET SECTION: key=value, one a line.
options_of() {
  sed -n "/^\[$2\]/,/^\[/s/^\([a-z_]*\) *= *\(.*\)/\1=\2/p" "$OUT/$1.options"
}

check_files() {
  local target
  for target in "${targets[@]}"; do
    [[ -x $OUT/$target ]] || die "there is no \$OUT/$target"
    (($(unzip -Z1 "$OUT/${target}_seed_corpus.zip" | wc -l) > 50)) || die "$target has few seeds"
    [[ -s $OUT/$target.options ]] || die "$target has no options"
    # The runner has none of the builder's libraries. (A distribution's Abseil is shared.)
    local foreign=boost
    [[ $library == libc++ ]] && foreign='absl|boost'
    ! grep -E "$foreign" <<<"$(ldd "$OUT/$target")" || die "$target links a library of the builder's"
  done
  [[ -s $OUT/fuzz_repro_text.dict ]] || die "the parser has no dictionary"
}

run_libfuzzer() {
  local target=$1 corpus=$WORK/corpus-$1 line
  local -a flags=(-rss_limit_mb=2560 -timeout=25 -runs=3000 -print_final_stats=1 -seed=1)
  while read -r line; do flags+=("-$line"); done < <(options_of "$target" libfuzzer)
  [[ -e $OUT/$target.dict ]] && flags+=("-dict=$OUT/$target.dict")
  rm -rf "$corpus" && mkdir "$corpus" && unzip -q "$OUT/${target}_seed_corpus.zip" -d "$corpus"
  (
    runner_environment "$target"
    cd "$WORK" && timeout -k 10 300 "$OUT/$target" "${flags[@]}" "$corpus" >"$WORK/$target.log" 2>&1
  ) || { tail -30 "$WORK/$target.log"; die "$target ends with an error"; }
  grep -E 'INITED|number_of_executed|DONE' "$WORK/$target.log" | sed "s/^/  $target: /"
}

# A kernel that is known to be wrong is reported, with a token by which others tell bugs apart.
check_report() {
  local status=0
  unzip -q -o "$OUT/fuzz_sim_seed_corpus.zip" v1-wrong-uprobe -d "$WORK"
  (
    runner_environment fuzz_sim
    VMAFUZZ_KERNEL=v1 "$OUT/fuzz_sim" "$WORK/v1-wrong-uprobe" >"$WORK/crash.log" 2>&1
  ) || status=$?
  ((status != 0)) || die "fuzz_sim lets kernel v1 pass"
  grep -q 'DEDUP_TOKEN: *wrong-uprobe' "$WORK/crash.log" ||
    { cat "$WORK/crash.log"; die "fuzz_sim's report has no token"; }
  echo "  fuzz_sim: v1 is reported, $(grep -m1 DEDUP_TOKEN "$WORK/crash.log")"
}

run_afl() {
  local target=$1 in=$WORK/in-$1 out=$WORK/afl-$1
  rm -rf "$in" "$out" && mkdir "$in" && unzip -q "$OUT/${target}_seed_corpus.zip" -d "$in"
  (
    runner_environment "$target"
    export ASAN_OPTIONS="$ASAN_OPTIONS:abort_on_error=1:symbolize=0:detect_odr_violation=0"
    export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_FAST_CAL=1
    export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
    timeout -k 10 300 afl-fuzz -i "$in" -o "$out" -V 40 -m none -t 5000+ -- "$OUT/$target" \
      >"$WORK/$target.log" 2>&1
  ) || { tail -30 "$WORK/$target.log"; die "afl-fuzz cannot run $target"; }
  grep -E '^(execs_done|stability|saved_crashes|saved_hangs)' "$out/default/fuzzer_stats" |
    sed "s/^/  $target: /"
  (($(sed -n 's/^execs_done *: //p' "$out/default/fuzzer_stats") > 200)) || die "$target hardly ran"
  grep -q '^saved_crashes *: 0' "$out/default/fuzzer_stats" || die "$target crashed"
}

check() {
  local sanitizer=${1%:*} engine=${1#*:} target
  (
    builder_environment "$sanitizer" "$engine"
    echo "$1 with clang $clang, $library"
    bash -eu "$root/fuzz/build.sh" >"$work/$sanitizer-$engine/build.log" 2>&1 ||
      { tail -30 "$work/$sanitizer-$engine/build.log"; die "build.sh ends with an error"; }
    check_files
    for target in "${targets[@]}"; do run_"$engine" "$target"; done
    check_report
  )
}

(($#)) || set -- address:libfuzzer undefined:libfuzzer address:afl
for case in "$@"; do check "$case"; done
echo passed
