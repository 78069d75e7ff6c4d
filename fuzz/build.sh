#!/bin/bash -eu
# Builds the fuzz targets the way OSS-Fuzz, ClusterFuzz and ClusterFuzzLite ask for: with the
# compiler, flags and engine of the environment, none of them taken for granted, and into $OUT.
#
# reads:   $CC $CXX $CFLAGS $CXXFLAGS $LIB_FUZZING_ENGINE $SANITIZER $FUZZING_ENGINE $SRC $WORK $OUT
# leaves:  $OUT/TARGET, $OUT/TARGET_seed_corpus.zip, $OUT/TARGET.options, $OUT/TARGET.dict
#
# The image's C++ library may be another one than the distribution's (libc++ there), so that Abseil
# is built from $SRC/abseil-cpp if that is there, and likewise $SRC/json; .clusterfuzzlite/Dockerfile
# puts them there. Of Boost only assembler is linked, which any C++ library gets along with.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
targets=(fuzz_sim fuzz_decode fuzz_repro_text)
dependencies=$WORK/dependencies
jobs=${VMAFUZZ_JOBS:-$(nproc)}

# build_dependency SOURCE FLAG...: installs below $dependencies, with the flags of the environment.
build_dependency() {
  local source=$1 name=${1##*/}
  shift
  [[ -d $source ]] || return 0
  cmake -S "$source" -B "$WORK/build-$name" -DCMAKE_BUILD_TYPE=None -DBUILD_TESTING=OFF \
    -DBUILD_SHARED_LIBS=OFF -DCMAKE_CXX_STANDARD=20 -DCMAKE_INSTALL_PREFIX="$dependencies" "$@"
  cmake --build "$WORK/build-$name" --parallel "$jobs" --target install
}

build_dependency "$SRC/abseil-cpp" -DABSL_PROPAGATE_CXX_STD=ON -DABSL_ENABLE_INSTALL=ON
build_dependency "$SRC/json" -DJSON_BuildTests=OFF

# libFuzzer, and no other engine, looks at what the machine says of reads-from pairs.
if [[ ${FUZZING_ENGINE:-libfuzzer} == libfuzzer ]]; then
  CXXFLAGS="${CXXFLAGS:-} -DVMAFUZZ_EXTRA_COUNTERS"
fi
export CXXFLAGS

# No build type: it would add flags of its own.
cmake -S "$root" -B "$WORK/build-vmafuzz" -DCMAKE_BUILD_TYPE=None -DBUILD_TESTING=OFF \
  -DBoost_USE_STATIC_LIBS=ON -DCMAKE_PREFIX_PATH="$dependencies" \
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
