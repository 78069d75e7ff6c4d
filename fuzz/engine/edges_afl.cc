// AFL++'s map holds the edges of clang's trace-pc-guard; this reserves a part of it for features,
// by the same call that clang's instrumentation reserves its edges with, so that afl-fuzz sizes its
// map for both.
#include <algorithm>
#include <cstring>

#include "fuzz/engine/edges.h"
#include "sim/coverage.h"

// NOLINTBEGIN(bugprone-reserved-identifier): the names of AFL++'s runtime.
extern "C" {
extern uint8_t* __afl_area_ptr;
void __sanitizer_cov_trace_pc_guard_init(uint32_t* start, uint32_t* stop);
extern uint32_t __start___sancov_guards[] __attribute__((weak));
extern uint32_t __stop___sancov_guards[] __attribute__((weak));
}

namespace vmafuzz::engine {
namespace {

uint32_t feature_guards[sim::kCoverageBytes];

// Before main(): the runtime tells afl-fuzz the size of the map when the fork server starts.
[[gnu::constructor]] void reserve_features() {
  __sanitizer_cov_trace_pc_guard_init(feature_guards, feature_guards + sim::kCoverageBytes);
}

}  // namespace

std::span<uint8_t> edge_counters() {
  if (__start___sancov_guards == __stop___sancov_guards) return {};
  // Each module's guards are numbered upwards; this program is one module.
  const auto [low, high] = std::minmax_element(__start___sancov_guards, __stop___sancov_guards);
  return {__afl_area_ptr + *low, __afl_area_ptr + *high + 1};
}
// NOLINTEND(bugprone-reserved-identifier)

void hand_over_features() {
  for (uint32_t at = 0; at < sim::kCoverageBytes; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, sim::coverage_map + at, sizeof word);
    if (word == 0) continue;
    for (uint32_t i = at; i < at + sizeof word; ++i) {
      if (sim::coverage_map[i] != 0) __afl_area_ptr[feature_guards[i]] = 1;
    }
  }
  std::memset(sim::coverage_map, 0, sim::kCoverageBytes);
}

}  // namespace vmafuzz::engine
