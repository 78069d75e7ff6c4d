// Reads-from pairs, for engines (sim/coverage.h), on fibres: of real threads' executions no two are
// alike.
#ifndef VMAFUZZ_NATIVE_COVERAGE_H_
#define VMAFUZZ_NATIVE_COVERAGE_H_

#include <cstdint>

#include "sim/coverage.h"
#include "sim/location.h"

namespace vmafuzz::native {

extern bool pairs_are_covered;  // in the present execution

// Who stored last is kept in fields of a Location that are lib/sim's otherwise.
inline void note_writer(sim::Location& location, int cpu, const sim::Site& site) {
  if (!pairs_are_covered) return;
  location.read_cpu = static_cast<uint8_t>(cpu + 1);
  location.read_time = static_cast<uint16_t>(sim::site_hash(site) >> 16);
}

// `cpu` reads what was stored last, at `site`.
inline void cover_pair(const sim::Location& location, int cpu, const sim::Site& site) {
  if (!pairs_are_covered || location.read_cpu == 0 || location.read_cpu == cpu + 1) return;
  sim::cover(location.read_time * 31u + sim::site_hash(site));
}

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_COVERAGE_H_
