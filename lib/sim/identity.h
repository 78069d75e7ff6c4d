// What the rest of an execution can depend on, as a number: for exploration.
//
// Two histories that led to the same knowledge need not be told apart. Clocks say what a CPU knows
// in times of other CPUs, most of which nobody can ask about any more; here a clock is what it can
// still make a difference to: for each location, the newest store that whoever holds the clock must
// know of, among the stores that somebody may still read. That is exact: whether a store is known
// under the join of two clocks is whether it is known under one of them.
#ifndef VMAFUZZ_SIM_IDENTITY_H_
#define VMAFUZZ_SIM_IDENTITY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/machine.h"

namespace vmafuzz::sim {

class StateIdentity {
 public:
  // Reads the machine's locations. `accessors` tells which CPUs may still touch a location, one bit
  // each; it may say too many.
  void gather(const std::function<uint8_t(const Location&, bool)>& accessors);

  // Valid until the machine moves on.
  uint64_t of(const Clock& clock) const;
  uint64_t of(const Dependency& dependency) const {
    return of(dependency.message) * 3 + of(dependency.before);
  }
  // Memory, what the CPUs know, grace periods: everything but what their programs keep.
  uint64_t machine_state() const;

 private:
  struct View {
    uint64_t id;
    const Location* location;
    uint8_t accessors;
    uint32_t begin, end;  // of entries_, oldest first; the first is the base record
    uint32_t floor;       // the oldest that somebody may still read
  };

  void add(const Location& location, uint8_t accessors);
  uint32_t floor_of(const View& view, const Cpu& cpu) const;
  uint32_t own_of(const View& view, int cpu) const;
  uint64_t of(const View& view) const;
  uint64_t of(const Cpu& cpu) const;

  std::vector<View> views_;
  std::vector<const Store*> entries_;
  uint8_t live_ = 0;  // CPUs that have something left to do
};

inline uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0xD6E8FEB86659FD93ull + 0x9E37;
  return hash ^ hash >> 29;
}

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_IDENTITY_H_
