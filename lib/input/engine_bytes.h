// Mutation on byte buffers, in the shapes in which fuzzing engines ask for it. The engines' entry
// points themselves live with the fuzz targets:
//
//   size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed)
//   { return mutate_bytes(data, size, max_size, seed); }
//
//   size_t LLVMFuzzerCustomCrossOver(...)  { return cross_over_bytes(...); }
//
//   afl_custom_init: Rng rng(seed).  afl_custom_fuzz: *out_buf = mutant_of(buf, add_buf, max, rng).
//
// All results are canonical encodings (bytes.h) of at most the given size, and depend on the
// arguments alone.
#ifndef VMAFUZZ_INPUT_ENGINE_BYTES_H_
#define VMAFUZZ_INPUT_ENGINE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "input/mutate.h"
#include "input/rng.h"

namespace vmafuzz::input {

// Mutates data[0, size) in place; returns the new size. REQUIRES: data has room for max_size.
size_t mutate_bytes(uint8_t* data, size_t size, size_t max_size, uint32_t seed,
                    const MutateOptions& options = {});

// Writes a child of two inputs to `out`; returns its size. Every other one is a mutant of the
// first: libFuzzer asks for as many children as for mutants, and mutants find more.
size_t cross_over_bytes(std::span<const uint8_t> a, std::span<const uint8_t> b,
                        std::span<uint8_t> out, uint32_t seed, const MutateOptions& options = {});

// A mutant of `bytes`, crossed with `other` first in one call of four where `other` is not empty.
std::vector<uint8_t> mutant_of(std::span<const uint8_t> bytes, std::span<const uint8_t> other,
                               size_t max_size, Rng& rng, const MutateOptions& options = {});

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_ENGINE_BYTES_H_
