#include "fuzz/engine/edges.h"

// The linker's names for the beginning and the end of a section; absent if nothing is in it.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));
}

namespace vmafuzz::engine {

std::span<uint8_t> edge_counters() {
  if (__start___sancov_cntrs == nullptr) return {};
  return {__start___sancov_cntrs, __stop___sancov_cntrs};
}
// NOLINTEND(bugprone-reserved-identifier)

// libFuzzer reads and clears its extra counters around each input.
void hand_over_features() {}

}  // namespace vmafuzz::engine
