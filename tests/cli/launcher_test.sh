#!/usr/bin/env bash
# Tests of the launcher in a tree of its own, with tools that only pretend: a compiler that prints
# where its runtime is, a cmake that "builds" a script in place of vmafuzz and counts how often it
# is asked to, an apt-get that records its arguments and puts the missing tools in place.
#
# usage: launcher_test.sh LAUNCHER CASE
#
# shellcheck disable=SC2016 # the single-quoted texts are scripts: they expand when they run
set -euo pipefail

launcher=$1
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
tree=$work/tree
bin=$work/bin
export VMAFUZZ_SYSTEM_ROOT=$work FAKE=$work
unset VMAFUZZ_CXX VMAFUZZ_NO_INSTALL VMAFUZZ_JOBS VMAFUZZ_ROOT

fail() {
  echo "FAILED: $*" >&2
  echo "--- stdout" >&2 && cat "$work/out" >&2
  echo "--- stderr" >&2 && cat "$work/err" >&2
  exit 1
}

# expect STATUS COMMAND...: runs it with nothing but the pretended machine's tools in PATH.
expect() {
  local wanted=$1 status=0
  shift
  PATH=$bin "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
  ((status == wanted)) || fail "$* ended with $status, not $wanted"
}
says() { grep -qF -- "$1" "$work/$2" || fail "no \"$1\" in std$2"; }
is_silent() { [[ ! -s $work/$1 ]] || fail "std$1 is not empty"; }
count() { grep -c "^$1" "$work/calls" || true; }

script() {
  local path=$1
  mkdir -p "${path%/*}"
  { echo '#!/bin/bash' && cat; } >"$path"
  chmod +x "$path"
}

make_machine() {
  local tool
  mkdir -p "$bin"
  for tool in bash cat chmod dirname env find flock git grep mkdir mv nproc readlink rm setpriv sh \
    sleep tee touch; do
    ln -s "$(command -v "$tool")" "$bin/$tool"
  done
  : >"$work/calls"
}

make_tree() {
  mkdir -p "$tree"/{lib,fuzz,tests}
  cp "$launcher" "$tree/vmafuzz"
  echo '{}' >"$tree/CMakePresets.json"
  touch "$tree/CMakeLists.txt" "$tree/lib/a.cc"
  # Sources are older than any build that follows, whatever the clock's grain.
  find "$tree" -exec touch -d '1 hour ago' {} +
}

install_compiler() {
  mkdir -p "$work/clang/lib/linux"
  touch "$work/clang/lib/linux/libclang_rt.fuzzer-x86_64.a"
  echo "echo $work/clang" | script "$bin/clang++-19"
  echo | script "$bin/llvm-symbolizer"
}

install_rest() {
  local header
  for header in absl/base/config.h boost/context/fiber.hpp nlohmann/json.hpp gtest/gtest.h \
    boost/process.hpp; do
    mkdir -p "$work/usr/include/${header%/*}"
    touch "$work/usr/include/$header"
  done
  echo | script "$bin/ninja"
  script "$bin/ctest" <<'SCRIPT'
echo "ctest $*" >>"$FAKE/calls"
exit "$(cat "$FAKE/ctest-status" 2>/dev/null || echo 0)"
SCRIPT
  script "$bin/cmake" <<'SCRIPT'
echo "cmake $*" >>"$FAKE/calls"
if [[ $1 == --preset ]]; then
  mkdir -p "build/$2"
  touch "build/$2/build.ninja"
  echo "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" >"build/$2/CMakeCache.txt"
  exit 0
fi
if [[ -e $FAKE/broken ]]; then
  echo "lib/a.cc:1:1: error: the compiler's complaint"
  exit 1
fi
mkdir -p "build/$3/fuzz"
cat >"build/$3/fuzz/vmafuzz" <<'BINARY'
#!/bin/bash
echo "ran $* in $PWD with root $VMAFUZZ_ROOT as process $$"
[[ $1 == exit ]] && exit "$2"
[[ $1 != sleep ]] || exec sleep 60
exit 0
BINARY
chmod +x "build/$3/fuzz/vmafuzz"
SCRIPT
}

fake_sudo() {
  script "$bin/sudo" <<'SCRIPT'
[[ $1 == -v ]] || exec "$@"
SCRIPT
}

# ---- the cases ------------------------------------------------------------------------------

refuses_to_install() {
  install_rest
  local how
  for how in flag variable; do
    if [[ $how == flag ]]; then
      expect 3 "$tree/vmafuzz" --no-install doctor
    else
      VMAFUZZ_NO_INSTALL=1 expect 3 "$tree/vmafuzz" doctor
    fi
    is_silent out
    says 'missing: clang-19 libclang-rt-19-dev llvm-19' err
    says 'apt-get install -y --no-install-recommends clang-19 libclang-rt-19-dev llvm-19' err
    ((EUID == 0)) || says 'sudo apt-get update && sudo apt-get install' err
  done
  [[ ! -s $work/calls ]] || fail "something was called: $(cat "$work/calls")"
}

names_every_missing_package() {
  expect 3 "$tree/vmafuzz" --no-install doctor
  says 'missing: clang-19 libclang-rt-19-dev llvm-19 cmake ninja-build libabsl-dev' err
  says 'libboost-context-dev nlohmann-json3-dev libgtest-dev libboost-dev' err
  VMAFUZZ_CXX=clang++-22 expect 3 "$tree/vmafuzz" --no-install doctor
  says 'missing: clang-22 libclang-rt-22-dev llvm-22' err
}

says_so_without_apt() {
  install_rest
  expect 3 "$tree/vmafuzz" doctor
  says 'no apt-get here' err
}

asks_sudo_or_tells_what_root_must_run() {
  install_rest
  echo 'echo "apt-get $*" >>"$FAKE/calls"' | script "$bin/apt-get"
  local -a other=()
  if ((EUID == 0)); then
    other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chown -R 65534:65534 "$work"
  fi
  expect 3 "${other[@]}" "$tree/vmafuzz" doctor
  says 'neither root nor sudo. As root, run:' err
  says '  apt-get update && apt-get install -y --no-install-recommends clang-19' err
  [[ ! -s $work/calls ]] || fail "something was called: $(cat "$work/calls")"
  echo '[[ $1 != -v ]]' | script "$bin/sudo"
  expect 3 "${other[@]}" "$tree/vmafuzz" doctor
  says 'sudo refused; the line to run is: sudo apt-get update && sudo apt-get install' err
  fake_sudo
  expect 3 "${other[@]}" "$tree/vmafuzz" doctor
  says 'still not found: clang-19' err
  [[ $(count apt-get) == 2 ]] || fail "sudo did not pass apt-get on"
}

installs_once_and_runs() {
  install_rest
  script "$bin/apt-get" <<SCRIPT
echo "apt-get \$*" >>"\$FAKE/calls"
[[ \$* == *update* ]] && exit 100  # a broken third-party list does not stop the install
mkdir -p "$work/clang/lib/linux"
touch "$work/clang/lib/linux/libclang_rt.fuzzer-x86_64.a"
printf '#!/bin/sh\necho %s\n' "$work/clang" >"$bin/clang++-19"
printf '#!/bin/sh\n' >"$bin/llvm-symbolizer"
chmod +x "$bin/clang++-19" "$bin/llvm-symbolizer"
SCRIPT
  fake_sudo
  expect 0 "$tree/vmafuzz" doctor --json
  says 'ran doctor --json' out
  grep -q 'install -y --no-install-recommends clang-19 libclang-rt-19-dev llvm-19$' "$work/calls" ||
    fail "wrong apt-get calls: $(cat "$work/calls")"
  expect 0 "$tree/vmafuzz" doctor
  (($(count apt-get) == 2)) || fail "apt-get ran again: $(cat "$work/calls")"
}

names_what_an_install_did_not_bring() {
  install_rest
  echo 'echo E: no such package; exit 0' | script "$bin/apt-get"
  fake_sudo
  expect 3 "$tree/vmafuzz" doctor
  says 'installed, but still not found: clang-19' err
  echo 'echo E: no such package; exit 100' | script "$bin/apt-get"
  expect 3 "$tree/vmafuzz" doctor
  says 'E: no such package' err
  says 'could not install: clang-19' err
}

builds_only_what_changed() {
  install_compiler && install_rest
  expect 0 "$tree/vmafuzz" doctor
  expect 0 "$tree/vmafuzz" doctor
  is_silent err
  [[ $(count 'cmake --preset') == 1 && $(count 'cmake --build') == 1 ]] || fail "built twice"
  touch "$tree/lib/a.cc"
  expect 0 "$tree/vmafuzz" doctor
  [[ $(count 'cmake --preset') == 1 && $(count 'cmake --build') == 2 ]] || fail "not rebuilt"
  rm "$tree/lib/a.cc"
  expect 0 "$tree/vmafuzz" doctor
  [[ $(count 'cmake --build') == 3 ]] || fail "a removed file went unseen"
  echo '{ }' >"$tree/CMakePresets.json"
  expect 0 "$tree/vmafuzz" doctor
  [[ $(count 'cmake --preset') == 2 ]] || fail "changed presets went unseen"
}

builds_anew_for_another_compiler_or_place() {
  install_compiler && install_rest
  expect 0 "$tree/vmafuzz" doctor
  cp "$bin/clang++-19" "$bin/clang++-22"
  VMAFUZZ_CXX=clang++-22 expect 0 "$tree/vmafuzz" doctor
  grep -q 'cmake --preset release -DCMAKE_CXX_COMPILER=clang++-22' "$work/calls" || fail "not used"
  mv "$tree" "$work/moved"
  expect 0 "$work/moved/vmafuzz" doctor
  touch "$work/moved/lib/a.cc"
  VMAFUZZ_CXX=clang++-22 expect 0 "$work/moved/vmafuzz" doctor
  [[ $(count 'cmake --preset') == 4 ]] || fail "configured $(count 'cmake --preset') times"
}

# With cmake's own command for presets.
goes_on_with_what_was_configured_by_hand() {
  install_compiler && install_rest
  local folder=$tree/build/release
  mkdir -p "$folder"
  touch "$folder/build.ninja" "$folder/object"
  printf '%s\n' "CMAKE_HOME_DIRECTORY:INTERNAL=$tree" \
    "CMAKE_CXX_COMPILER:STRING=$bin/clang++-19" >"$folder/CMakeCache.txt"
  expect 0 "$tree/vmafuzz" doctor
  [[ -e $folder/object ]] || fail "what was built by hand is gone"
  rm "$folder/.configured" "$folder/.built"
  cp "$bin/clang++-19" "$bin/clang++-22"
  VMAFUZZ_CXX=clang++-22 expect 0 "$tree/vmafuzz" doctor
  [[ ! -e $folder/object ]] || fail "another compiler's objects are kept"
}

runs_from_any_folder_and_through_a_link() {
  install_compiler && install_rest
  mkdir "$work/elsewhere" "$work/links"
  ln -s ../tree/vmafuzz "$work/links/one"
  ln -s one "$work/links/two"
  cd "$work/elsewhere"
  expect 0 ../links/two replay 'a file' '*'
  says "ran replay a file * in $work/elsewhere with root $tree" out
}

passes_the_exit_status_on() {
  install_compiler && install_rest
  local status
  for status in 0 1 2 3; do expect "$status" "$tree/vmafuzz" exit "$status"; done
  expect 2 "$tree/vmafuzz" --preset
  says '--preset needs' err
  expect 0 "$tree/vmafuzz" --preset=dev doctor
  [[ -x $tree/build/dev/fuzz/vmafuzz ]] || fail "preset dev was not built"
}

shows_the_whole_log_of_a_failed_build() {
  install_compiler && install_rest
  touch "$work/broken"
  expect 3 "$tree/vmafuzz" doctor
  says "error: the compiler's complaint" err
  says "build/release/build.log" err
  is_silent out
  rm "$work/broken"
  expect 0 "$tree/vmafuzz" doctor
}

runs_what_is_built_in_a_read_only_tree() {
  install_compiler && install_rest
  # Root may write everywhere, so that root must become somebody else.
  local -a other=()
  ((EUID == 0)) && other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  expect 0 "$tree/vmafuzz" doctor
  chmod -R a+rX,a-w "$work"
  chmod a+rwx "$work"
  chmod a+w "$work/calls" "$work/out" "$work/err"
  expect 0 "${other[@]}" "$tree/vmafuzz" doctor
  is_silent err
  touch "$tree/lib/a.cc"
  expect 0 "${other[@]}" "$tree/vmafuzz" doctor
  says 'not writable: running it as it is' err
  says 'ran doctor' out
  chmod -R u+w "$tree" && rm -rf "$tree/build" && chmod -R a-w "$tree"
  expect 3 "${other[@]}" "$tree/vmafuzz" doctor
  says 'not writable' err
}

keeps_no_lock_while_a_command_runs() {
  install_compiler && install_rest
  PATH=$bin "$tree/vmafuzz" sleep >"$work/out" 2>"$work/err" &
  local running=$!
  until grep -q 'ran sleep' "$work/out"; do sleep 0.05; done
  flock -n "$tree/build/release.lock" true || { kill "$running" && fail "the lock is held"; }
  kill "$running"
  # The command took the launcher's place, so that signals reach it without a middleman.
  grep -q "as process $running$" "$work/out" || fail "the launcher is still there"
}

builds_afl_only_where_it_is_used() {
  install_compiler && install_rest
  expect 0 "$tree/vmafuzz" fuzz --for 1s
  [[ -x $tree/build/fuzz/fuzz/vmafuzz && ! -e $tree/build/afl ]] || fail "not the usual two presets"
  expect 3 "$tree/vmafuzz" --no-install fuzz --engine libfuzzer,afl
  says 'missing: afl++' err
  expect 3 "$tree/vmafuzz" --no-install fuzz --engine=afl
  echo | script "$bin/afl-fuzz"
  expect 0 "$tree/vmafuzz" fuzz --engine=libfuzzer
  [[ ! -e $tree/build/afl ]] || fail "preset afl was built for libFuzzer"
  expect 0 "$tree/vmafuzz" fuzz
  [[ -e $tree/build/afl ]] || fail "preset afl was not built"
}

builds_what_the_engines_need() {
  install_compiler && install_rest
  expect 0 "$tree/vmafuzz" fuzz --for 1s
  [[ ! -e $tree/build/fuzz-tsan ]] || fail "nobody asked for ThreadSanitizer"
  expect 0 "$tree/vmafuzz" fuzz --engine=tsan
  [[ -e $tree/build/fuzz-tsan/.built ]] || fail "preset fuzz-tsan was not built"
  # Built once, it takes part; so it must not stay behind the sources.
  touch "$tree/lib/a.cc"
  expect 0 "$tree/vmafuzz" fuzz --for 1s
  (($(count 'cmake --build --preset fuzz-tsan') == 2)) || fail "fuzz-tsan was left as it was"
  rm -rf "$tree/build"
  expect 0 "$tree/vmafuzz" fuzz --engine tsan-threads
  [[ -e $tree/build/fuzz-tsan && ! -e $tree/build/fuzz ]] || fail "not what tsan-threads needs"
  expect 3 "$tree/vmafuzz" --no-install fuzz --engine libfuzzer,afl-tsan
  says 'missing: afl++' err
  echo | script "$bin/afl-fuzz"
  expect 0 "$tree/vmafuzz" fuzz --engine=afl-tsan
  [[ -e $tree/build/afl && -e $tree/build/afl-tsan ]] || fail "not what afl-tsan needs"
  expect 0 "$tree/vmafuzz" replay --tsan a.repro
  [[ -e $tree/build/tsan ]] || fail "preset tsan was not built"
}

helps_without_installing() {
  install_rest
  local words
  for words in help --help 'fuzz --help'; do
    # shellcheck disable=SC2086
    expect 0 "$tree/vmafuzz" $words
    says 'usage: ./vmafuzz' out
    says 'clang-19' err
  done
  expect 2 "$tree/vmafuzz"
  expect 0 "$tree/vmafuzz" test --help
  says 'runs every test' out
  expect 0 "$tree/vmafuzz" help test
  says 'runs every test' out
  [[ ! -s $work/calls ]] || fail "something was called: $(cat "$work/calls")"
}

test_command_passes_arguments_and_maps_failure() {
  install_compiler && install_rest
  expect 0 "$tree/vmafuzz" test -R 'Some.*'
  grep -q 'ctest --preset dev --parallel [0-9]* -R Some\.\*' "$work/calls" || fail "not passed on"
  echo 8 >"$work/ctest-status"
  expect 1 "$tree/vmafuzz" test
  echo 1 >"$work/ctest-status"
  expect 2 "$tree/vmafuzz" test --no-such-flag
}

make_machine
make_tree
: >"$work/out"
: >"$work/err"
"$2"
echo "passed: $2"
