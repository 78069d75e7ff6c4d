// Coverage beyond edges: which store a load read, how stale it was, where a CPU was interrupted,
// how many write sections began during a lookup.
//
// One byte a feature, seen or not, for engines that take extra counters (libFuzzer's
// __libfuzzer_extra_counters, AFL++'s map). Features are known by line and column, so that their
// numbers are the same in every process of every build of one source.
#ifndef VMAFUZZ_SIM_COVERAGE_H_
#define VMAFUZZ_SIM_COVERAGE_H_

#include <cstdint>

#include "sim/location.h"

namespace vmafuzz::sim {

inline constexpr uint32_t kCoverageBytes = 1 << 14;
extern uint8_t coverage_map[kCoverageBytes];

inline uint32_t site_hash(const Site& site) {
  return (site.line() * 0x9E3779B1u) ^ (site.column() * 0x85EBCA77u);
}

inline void cover(uint32_t feature) { coverage_map[(feature * 0xC2B2AE35u) >> 18] = 1; }

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_COVERAGE_H_
