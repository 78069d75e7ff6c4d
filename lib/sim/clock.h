// Knowledge of a simulated CPU, as vector clocks over the CPUs of the machine.
//
// Time on a CPU is counted by its own 16-bit counter, which moves on at each store and each fence.
// A clock stands for a set of events that is closed under program order on each CPU, in two lanes a
// CPU:
//
//   w[c]  stores of cpu c with time <= w[c]
//   r[c]  loads  of cpu c with time <= r[c]
//
// Two lanes are needed because smp_wmb() publishes the stores before it but not what the loads
// before it have seen, while a release or a full barrier publishes both (A-cumulativity in
// tools/memory-model/linux-kernel.cat).
//
// `x` is a set of CPUs, one bit each. In the clock of a message it is "a store in this set
// overwrites something that the CPU had accessed", the first step of (prop \ id) & int; in a
// happens-before clock it is "an event of the CPU is in this set", by which order that left a CPU
// through relaxed stores is recognised when it comes back.
#ifndef VMAFUZZ_SIM_CLOCK_H_
#define VMAFUZZ_SIM_CLOCK_H_

#include <cstdint>

namespace vmafuzz::sim {

inline constexpr int kMaxCpus = 8;

using Lanes = uint16_t __attribute__((vector_size(16)));
using Words = uint64_t __attribute__((vector_size(16)));
static_assert(sizeof(Lanes) == sizeof(uint16_t) * kMaxCpus);

inline Lanes lanes_max(Lanes a, Lanes b) { return a > b ? a : b; }

// One lane in memory. Written as lanes[cpu] = time, compilers copy the vector to the stack, store
// there and load it whole again, which has to wait for the store.
inline uint16_t& lane(Lanes& lanes, int cpu) { return reinterpret_cast<uint16_t*>(&lanes)[cpu]; }
inline uint16_t lane(const Lanes& lanes, int cpu) {
  return reinterpret_cast<const uint16_t*>(&lanes)[cpu];
}

inline bool lanes_any(Lanes mask) {
  const Words words = reinterpret_cast<Words>(mask);
  return (words[0] | words[1]) != 0;
}

struct Clock {
  Lanes w{};
  Lanes r{};
  uint8_t x = 0;

  void join(const Clock& other) {
    w = lanes_max(w, other.w);
    r = lanes_max(r, other.r);
    x |= other.x;
  }
  // True if it says nothing that `other` does not.
  bool within(const Clock& other) const {
    return !lanes_any((w > other.w) | (r > other.r)) && (x & ~other.x) == 0;
  }
  // Adds every event of `cpu` up to `time`.
  void include(int cpu, uint16_t time) {
    if (lane(w, cpu) < time) lane(w, cpu) = time;
    if (lane(r, cpu) < time) lane(r, cpu) = time;
  }
};

inline Clock joined(Clock a, const Clock& b) {
  a.join(b);
  return a;
}

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_CLOCK_H_
