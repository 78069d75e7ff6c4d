// The coverage of the present execution, whatever engine counts it.
//
// Two implementations, one of which is linked: edges_counters.cc for clang's inline 8-bit counters
// (libFuzzer, and programs that measure coverage without any engine), edges_afl.cc for AFL++'s map.
#ifndef VMAFUZZ_FUZZ_ENGINE_EDGES_H_
#define VMAFUZZ_FUZZ_ENGINE_EDGES_H_

#include <cstdint>
#include <span>

namespace vmafuzz::engine {

// One byte for each edge of the model, not zero if it was taken; how often, up to 255. Empty if
// the model is not instrumented. The numbers of edges are the same in all processes of one build.
std::span<uint8_t> edge_counters();

// After an execution: hands reads-from pairs and the like (sim/coverage.h) to the engine where it
// does not look by itself, and forgets them for the next one where it does not do that either.
void hand_over_features();

}  // namespace vmafuzz::engine

#endif  // VMAFUZZ_FUZZ_ENGINE_EDGES_H_
