// The random numbers of mutation and of nothing else that decides an execution: a program's own
// choices come from its seed inside the machine.
//
// xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64. The same seed gives the same
// sequence on every machine; std:: distributions would not.
#ifndef VMAFUZZ_INPUT_RNG_H_
#define VMAFUZZ_INPUT_RNG_H_

#include <bit>
#include <cstdint>

namespace vmafuzz::input {

class Rng {
 public:
  explicit Rng(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
      word = z ^ (z >> 31);
    }
  }

  uint64_t next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in 0 .. bound - 1 up to a bias of 2^-32 * bound. REQUIRES: 0 < bound <= 2^32.
  uint32_t below(uint64_t bound) { return static_cast<uint32_t>(((next() >> 32) * bound) >> 32); }

  // True `n` times out of `of`.
  bool chance(uint32_t n, uint32_t of) { return below(of) < n; }

 private:
  uint64_t state_[4];
};

}  // namespace vmafuzz::input

#endif  // VMAFUZZ_INPUT_RNG_H_
