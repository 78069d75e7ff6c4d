#!/bin/bash -eu
# Builds the fuzz targets the way OSS-Fuzz, ClusterFuzz and ClusterFuzzLite ask for: with the
# compiler, flags and engine of the environment, none of them taken for granted, and into $OUT.
#
# reads:   $CC $CXX $CFLAGS $CXXFLAGS $LIB_FUZZING_ENGINE $SANITIZER $FUZZING_ENGINE $SRC $WORK $OUT
# leaves:  $OUT/TARGET, $OUT/TARGET_seed_corpus.zip, $OUT/TARGET.options, $OUT/TARGET.dict
#
# The image's C++ library is another one than the distribution's (libc++ there), and no library with
# C++ in its interface that apt installs can be linked with it: Abseil is compiled from
# $SRC/abseil-cpp, where .clusterfuzzlite/Dockerfile puts it, and $SRC/json's headers are taken if
# they are there. Of Boost only assembler is linked, which any C++ library gets along with.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
targets=(fuzz_sim fuzz_decode fuzz_repro_text)
jobs=${VMAFUZZ_JOBS:-$(nproc)}
# No build type: it would add flags of its own.
options=(-DCMAKE_BUILD_TYPE=None -DBUILD_TESTING=OFF)

if [[ -d $SRC/json ]]; then
  cmake -S "$SRC/json" -B "$WORK/build-json" "${options[@]}" -DJSON_BuildTests=OFF \
    -DCMAKE_INSTALL_PREFIX="$WORK/dependencies"
  cmake --build "$WORK/build-json" --target install
fi
if [[ -d $SRC/abseil-cpp ]]; then
  options+=(-DVMAFUZZ_ABSEIL_SOURCE="$SRC/abseil-cpp")
elif [[ ${CXXFLAGS:-} == *-stdlib=libc++* ]]; then
  echo "fuzz/build.sh: the distribution's Abseil cannot be linked with -stdlib=libc++:" >&2
  echo "clone https://github.com/abseil/abseil-cpp to $SRC/abseil-cpp (.clusterfuzzlite/Dockerfile)" >&2
  exit 3
fi

# libFuzzer, and no other engine, looks at what the machine says of reads-from pairs.
if [[ ${FUZZING_ENGINE:-libfuzzer} == libfuzzer ]]; then
  CXXFLAGS="${CXXFLAGS:-} -DVMAFUZZ_EXTRA_COUNTERS"
fi
# Edges of the model, not of the harness: by clang's own counters, and by afl-clang-fast's.
ignorelist=$WORK/harness.ignorelist
sed "s|^src:|src:$root/|" "$root/fuzz/packaging/harness.ignorelist" >"$ignorelist"
echo "src:$SRC/abseil-cpp/*" >>"$ignorelist"
CXXFLAGS="${CXXFLAGS:-} -fsanitize-coverage-ignorelist=$ignorelist -Wno-unused-command-line-argument"
export CXXFLAGS AFL_LLVM_DENYLIST=$ignorelist

cmake -S "$root" -B "$WORK/build-vmafuzz" "${options[@]}" -DBoost_USE_STATIC_LIBS=ON \
  -DCMAKE_PREFIX_PATH="$WORK/dependencies" -DVMAFUZZ_PARSER_APART=ON \
  -DVMAFUZZ_FUZZ_ENGINE="$LIB_FUZZING_ENGINE"
cmake --build "$WORK/build-vmafuzz" --parallel "$jobs" --target "${targets[@]}" pack_seeds

# Every scenario and every known bug is a seed; programs for the parser come with its dictionary.
seeds=$WORK/seeds
rm -rf "$seeds"
"$WORK/build-vmafuzz/fuzz/pack_seeds" "$seeds" "$root"/corpus/*.repro \
  "$root"/repro/*.repro "$root"/repro/*/*.repro
for target in "${targets[@]}"; do
  cp "$WORK/build-vmafuzz/fuzz/$target" "$OUT/"
  rm -f "$OUT/${target}_seed_corpus.zip"
  (cd "$seeds/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
  cp "$root/fuzz/packaging/$target.options" "$OUT/"
done
cp "$seeds/fuzz_repro_text.dict" "$OUT/"
