#include "input/engine_bytes.h"

#include <algorithm>

#include "input/bytes.h"

namespace vmafuzz::input {
namespace {

// encode() after dropping what does not fit. A buffer too small for a header gets its beginning,
// which decodes to the same as if zeros followed.
std::vector<uint8_t> encode_within(Program& program, size_t max_size) {
  fit_to_bytes(program, max_size);
  std::vector<uint8_t> bytes = encode(program);
  if (bytes.size() > max_size) bytes.resize(max_size);
  return bytes;
}

}  // namespace

size_t mutate_bytes(uint8_t* data, size_t size, size_t max_size, uint32_t seed,
                    const MutateOptions& options) {
  Rng rng(seed);
  const std::vector<uint8_t> bytes = mutant_of({data, size}, {}, max_size, rng, options);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

size_t cross_over_bytes(std::span<const uint8_t> a, std::span<const uint8_t> b,
                        std::span<uint8_t> out, uint32_t seed, const MutateOptions& options) {
  Rng rng(seed);
  std::vector<uint8_t> bytes;
  if (rng.chance(1, 2)) {
    bytes = mutant_of(a, {}, out.size(), rng, options);
  } else {
    Program child = cross_over(decode(a), decode(b), rng, options);
    bytes = encode_within(child, out.size());
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return bytes.size();
}

std::vector<uint8_t> mutant_of(std::span<const uint8_t> bytes, std::span<const uint8_t> other,
                               size_t max_size, Rng& rng, const MutateOptions& options) {
  Program program = decode(bytes);
  if (!other.empty() && rng.chance(1, 4))
    program = cross_over(program, decode(other), rng, options);
  mutate(program, rng, options);
  return encode_within(program, max_size);
}

}  // namespace vmafuzz::input
