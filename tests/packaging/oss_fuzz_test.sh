#!/usr/bin/env bash
# The targets as OSS-Fuzz, ClusterFuzz and ClusterFuzzLite build and run them:
# .clusterfuzzlite/build.sh with the environment that the base builder's `compile` gives it, then
# each target from $OUT with what the base runner's `run_fuzzer` and `bad_build_check` do. Not part of
# ctest: for each sanitizer and engine it compiles everything again, Abseil included, for 2 to 10
# minutes.
#
# usage: oss_fuzz_test.sh WORK [SANITIZER:ENGINE...]     for example: oss_fuzz_test.sh /tmp/oss-fuzz
#   default: address:libfuzzer undefined:libfuzzer address:afl undefined:afl
#
#   VMAFUZZ_CLANG    the version of clang to use (default 19)
#   VMAFUZZ_LIBRARY  libc++ as in the base builder (default, if libc++-19-dev and libc++abi-19-dev
#                    are installed), or libstdc++ with the distribution's Abseil, which is quicker
#   VMAFUZZ_JOBS     compilers at a time (default: one for each core)
#
# Needs clang-19, cmake, make, zip, unzip, binutils; for afl: afl++ (Debian's); for libc++: the
# sources that .clusterfuzzlite/Dockerfile clones, from WORK/src or, if they are not there, as it
# does. What this machine lacks is named and the case skipped; if that was all of them, the exit
# status is 77. WORK is kept, so that a second run is quick; remove WORK/SANITIZER-ENGINE to build
# anew.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
(($#)) || { sed -n '2,/^set/{/^set/d;p}' "${BASH_SOURCE[0]}"; exit 2; }
work=$(mkdir -p "$1" && cd "$1" && pwd)
shift
clang=${VMAFUZZ_CLANG:-19}
library=${VMAFUZZ_LIBRARY:-}
if [[ -z $library ]]; then
  library=libstdc++
  [[ -e /usr/lib/llvm-$clang/lib/libc++abi.a ]] && library=libc++
fi
targets=(fuzz_sim fuzz_decode fuzz_repro_text)

die() { echo "FAILED: $*"; exit 1; }

# What this machine lacks for an engine, as words for a person; nothing if it can be built here.
lacks() {
  local tool
  for tool in clang-"$clang" clang++-"$clang" cmake make zip unzip objdump; do
    command -v "$tool" >/dev/null || echo "$tool"
  done
  if [[ $library == libc++ && ! -e /usr/lib/llvm-$clang/lib/libc++abi.a ]]; then
    echo "libc++-$clang-dev libc++abi-$clang-dev"
  fi
  [[ $1 == afl ]] || return 0
  command -v afl-fuzz >/dev/null && [[ -e /usr/lib/afl/libAFLDriver.a ]] || echo afl++
}

# $SRC as the Dockerfile leaves it: with its versions of Abseil and JSON, and this repository.
make_sources() {
  mkdir -p "$SRC"
  ln -sfn "$root" "$SRC/vmafuzz"
  cp "$root/.clusterfuzzlite/build.sh" "$SRC/build.sh"
  [[ $library == libc++ ]] || return 0
  local branch url folder
  while read -r branch url folder; do
    [[ -d $SRC/$folder ]] ||
      git clone --quiet --depth 1 --branch "$branch" "$url" "$SRC/$folder" ||
      die "no $SRC/$folder: put version $branch of $url there, or set VMAFUZZ_LIBRARY=libstdc++"
  done < <(sed -nE 's|.*git clone .*--branch ([^ ]+) ([^ ]+) [$]SRC/([^ ]+).*|\1 \2 \3|p' \
    "$root/.clusterfuzzlite/Dockerfile")
}

# What base-clang/Dockerfile, base-builder/Dockerfile, compile and compile_ENGINE of OSS-Fuzz set.
builder_environment() {
  local sanitizer=$1 engine=$2
  export SRC=$work/src-$library
  [[ $library == libc++ ]] && SRC=$work/src
  export WORK=$work/$1-$2/work OUT=$work/$1-$2/out
  export SANITIZER=$sanitizer FUZZING_ENGINE=$engine ARCHITECTURE=x86_64 FUZZING_LANGUAGE=c++
  export CC=clang-$clang CXX=clang++-$clang CCC=clang++-$clang
  export CFLAGS='-O1 -fno-omit-frame-pointer -gline-tables-only'
  local warning
  for warning in incompatible-function-pointer-types int-conversion deprecated-declarations \
    implicit-function-declaration implicit-int unknown-warning-option vla-cxx-extension; do
    CFLAGS+=" -Wno-error=$warning"
  done
  CFLAGS+=' -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION'
  local checks=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size
  checks+=,return,returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound,vptr
  case $sanitizer in
    address) CFLAGS+=' -fsanitize=address -fsanitize-address-use-after-scope' ;;
    undefined)
      CFLAGS+=" -fsanitize=$checks,unsigned-integer-overflow -fno-sanitize-recover=$checks"
      ;;
    *) die "no flags are known for the sanitizer $sanitizer" ;;
  esac
  export UBSAN_OPTIONS=silence_unsigned_overflow=1
  mkdir -p "$WORK" "$OUT"
  case $engine in
    libfuzzer)
      CFLAGS+=' -fsanitize=fuzzer-no-link'
      export LIB_FUZZING_ENGINE=-fsanitize=fuzzer
      # The base builder's libFuzzer brings its own C++ library along; Debian's wants libstdc++, and
      # clang would take -lstdc++ for the library that -stdlib names.
      [[ $library == libstdc++ ]] || LIB_FUZZING_ENGINE+=' -Wl,-lstdc++'
      ;;
    afl)
      # Debian's afl-clang-fast++ is too old a clang for C++20: this is the workaround that
      # compile_afl has for such cases, clang's own counters with AFL++'s runtime.
      CFLAGS+=' -fsanitize-coverage=trace-pc-guard'
      export LIB_FUZZING_ENGINE=$WORK/libFuzzingEngine.a
      cp /usr/lib/afl/libAFLDriver.a "$LIB_FUZZING_ENGINE"
      ar r "$LIB_FUZZING_ENGINE" /usr/lib/afl/afl-compiler-rt.o
      export ASAN_OPTIONS=detect_leaks=0:symbolize=0:detect_odr_violation=0:abort_on_error=1
      ;;
    *) die "no engine $engine" ;;
  esac
  export CXXFLAGS=$CFLAGS
  [[ $library == libstdc++ ]] || CXXFLAGS+=" -stdlib=$library"
}

# options_of TARGET SECTION: key=value, one a line.
options_of() {
  sed -n "/^\[$2\]/,/^\[/s/^\([a-z_]*\) *= *\(.*\)/\1=\2/p" "$OUT/$1.options"
}

# What base-runner/Dockerfile sets; run_fuzzer appends what TARGET.options says, bad_build_check's
# first look at a target does not.
runner_environment() {
  export ASAN_OPTIONS=alloc_dealloc_mismatch=0:allocator_may_return_null=1
  ASAN_OPTIONS+=:allocator_release_to_os_interval_ms=500:check_malloc_usable_size=0
  ASAN_OPTIONS+=:detect_container_overflow=1:detect_odr_violation=0:detect_leaks=1
  ASAN_OPTIONS+=:detect_stack_use_after_return=1:fast_unwind_on_fatal=0:handle_abort=1
  ASAN_OPTIONS+=:handle_segv=1:handle_sigill=1:max_uar_stack_size_log=16:print_scariness=1
  ASAN_OPTIONS+=:quarantine_size_mb=10:strict_memcmp=1:symbolize=1:use_sigaltstack=1
  ASAN_OPTIONS+=:dedup_token_length=3
  export UBSAN_OPTIONS=print_stacktrace=1:print_summary=1:silence_unsigned_overflow=1:symbolize=1
  UBSAN_OPTIONS+=:dedup_token_length=3
}
target_environment() {
  runner_environment
  local from_file
  from_file=$(options_of "$1" asan | paste -sd:)
  [[ -z $from_file ]] || ASAN_OPTIONS+=:$from_file
}

check_files() {
  local target
  for target in "${targets[@]}"; do
    [[ -x $OUT/$target ]] || die "there is no \$OUT/$target"
    (($(unzip -Z1 "$OUT/${target}_seed_corpus.zip" | wc -l) > 50)) || die "$target has few seeds"
    (($(options_of "$target" libfuzzer | wc -l) > 0)) || die "$target has no options"
    # The runner has none of the builder's libraries. (A distribution's Abseil is shared.)
    local foreign=boost
    [[ $library == libc++ ]] && foreign+='|absl'
    ! grep -E "$foreign" <<<"$(ldd "$OUT/$target")" ||
      die "$target needs a library of the builder's"
    check_instrumentation "$target"
  done
  [[ -s $OUT/fuzz_repro_text.dict ]] || die "the parser has no dictionary"
}

# As bad_build_check counts: calls into the runtime of the sanitizer that was asked for, and of no
# other.
check_instrumentation() {
  local calls wanted other least
  calls=$(objdump -d "$OUT/$1" | sed -nE 's/.*callq? +[0-9a-f]+ <__(asan|ubsan)_.*/\1/p' | sort |
    uniq -c)
  case $SANITIZER in
    address) wanted=asan other=ubsan least=1000 ;;
    *) wanted=ubsan other=asan least=169 ;;
  esac
  (($(count_of $wanted) > least)) || die "$1 is hardly instrumented: $calls"
  (($(count_of $other) < 200)) || die "$1 has another sanitizer in it: $calls"
}
count_of() { awk -v name="$1" '$2 == name {n = $1} END {print n + 0}' <<<"$calls"; }

unpack_seeds() { # TARGET FOLDER
  rm -rf "$2" && mkdir "$2" && unzip -q "$OUT/$1_seed_corpus.zip" -d "$2"
}

run_libfuzzer() {
  local target=$1 corpus=$WORK/corpus-$1 log=$WORK/$1.log line edges
  (
    runner_environment
    cd "$WORK" && timeout -k 10 60 "$OUT/$target" -seed=1337 -runs=4 >"$log" 2>&1
  ) || { tail -30 "$log"; die "$target does not start without options"; }
  edges=$(sed -nE 's/^INFO: Loaded .*(counters|guards)\): *([0-9]+).*/\2/p' "$log")
  ((edges > 100)) || { cat "$log"; die "$target counts no edges"; }
  local -a flags=(-rss_limit_mb=2560 -timeout=25 -runs=3000 -print_final_stats=1 -seed=1)
  while read -r line; do flags+=("-$line"); done < <(options_of "$target" libfuzzer)
  [[ ! -e $OUT/$target.dict ]] || flags+=("-dict=$OUT/$target.dict")
  unpack_seeds "$target" "$corpus"
  (
    target_environment "$target"
    cd "$WORK" && timeout -k 10 300 "$OUT/$target" "${flags[@]}" "$corpus" >"$log" 2>&1
  ) || { tail -30 "$log"; die "$target ends with an error"; }
  grep -E 'INITED|number_of_executed|DONE' "$log" | sed "s/^/  $target: /"
}

run_afl() {
  local target=$1 in=$WORK/in-$1 out=$WORK/afl-$1 stats
  local -a flags=(-V 40 -m none -t 5000+)
  [[ ! -e $OUT/$target.dict ]] || flags+=(-x "$OUT/$target.dict")
  unpack_seeds "$target" "$in"
  echo input >"$in/input" # run_fuzzer's own
  rm -rf "$out"
  (
    target_environment "$target"
    export ASAN_OPTIONS="$ASAN_OPTIONS:abort_on_error=1:symbolize=0:detect_odr_violation=0"
    export UBSAN_OPTIONS="$UBSAN_OPTIONS:symbolize=0"
    export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_TRY_AFFINITY=1 AFL_FAST_CAL=1 AFL_CMPLOG_ONLY_NEW=1
    export AFL_FORKSRV_INIT_TMOUT=30000 AFL_IGNORE_PROBLEMS=1 AFL_IGNORE_UNKNOWN_ENVS=1
    export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
    timeout -k 10 300 afl-fuzz -i "$in" -o "$out" "${flags[@]}" -- "$OUT/$target" \
      >"$WORK/$target.log" 2>&1
  ) || { tail -30 "$WORK/$target.log"; die "afl-fuzz cannot run $target"; }
  stats=$out/default/fuzzer_stats
  grep -E '^(execs_done|edges_found|stability|saved_crashes|saved_hangs)' "$stats" |
    sed "s/^/  $target: /"
  (($(sed -n 's/^execs_done *: //p' "$stats") > 200)) || die "$target hardly ran"
  (($(sed -n 's/^edges_found *: //p' "$stats") > 100)) || die "$target counts no edges"
  grep -q '^stability *: 100.00%' "$stats" || die "$target does other things with the same input"
  grep -q '^saved_crashes *: 0' "$stats" || die "$target crashed"
}

# A kernel that is known to be wrong is reported, with a token by which others tell bugs apart.
check_report() {
  local status=0
  unzip -q -o "$OUT/fuzz_sim_seed_corpus.zip" v1-wrong-uprobe -d "$WORK"
  (
    target_environment fuzz_sim
    VMAFUZZ_KERNEL=v1 "$OUT/fuzz_sim" "$WORK/v1-wrong-uprobe" >"$WORK/crash.log" 2>&1
  ) || status=$?
  ((status != 0)) || die "fuzz_sim lets kernel v1 pass"
  grep -q 'DEDUP_TOKEN: *wrong-uprobe' "$WORK/crash.log" ||
    { cat "$WORK/crash.log"; die "fuzz_sim's report has no token"; }
  echo "  fuzz_sim: v1 is reported, $(grep -m1 DEDUP_TOKEN "$WORK/crash.log")"
}

check() {
  local sanitizer=${1%:*} engine=${1#*:} target
  builder_environment "$sanitizer" "$engine"
  make_sources
  echo "$1 with clang $clang, $library"
  (cd "$SRC/vmafuzz" && bash -eu "$SRC/build.sh") >"$WORK/../build.log" 2>&1 ||
    { tail -30 "$WORK/../build.log"; die "build.sh ends with an error"; }
  check_files
  for target in "${targets[@]}"; do run_"$engine" "$target"; done
  check_report
}

(($#)) || set -- address:libfuzzer undefined:libfuzzer address:afl undefined:afl
ran=0
for case in "$@"; do
  missing=$(lacks "${case#*:}" | paste -sd' ')
  if [[ $missing ]]; then
    echo "skipped $case: not installed: $missing"
    continue
  fi
  (check "$case")
  ran=$((ran + 1))
done
((ran > 0)) || exit 77
echo "passed: $ran of $#"
