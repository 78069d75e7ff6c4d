// What an input covers: the edges of the model and the reads-from pairs of one execution on each of
// a list of kernels. For programs that sort inputs; engines look at the counters themselves.
//
// An input's features depend on nothing but the input and the build, so that whatever is chosen by
// them is the same every time.
#ifndef VMAFUZZ_FUZZ_ENGINE_MEASURE_H_
#define VMAFUZZ_FUZZ_ENGINE_MEASURE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "run/executor.h"

namespace vmafuzz::engine {

struct Coverage {
  std::vector<uint64_t> features;    // sorted; no other program's numbers mean the same
  uint32_t edges = 0;                // how many edges, over all kernels
  uint32_t pairs = 0;                // reads-from pairs and the like
  uint32_t steps = 0;                // accesses
  std::vector<std::string> buckets;  // "KERNEL:BUCKET" of what it found
};

class Measure {
 public:
  // Fails if a target does not exist, or if the model of this build is not instrumented.
  absl::Status start(std::span<const run::Target> targets);
  // As a worker runs it (supervisor/decode_for_search.h).
  Coverage of(const input::Program& program);

 private:
  void add(size_t target, Coverage& coverage) const;

  std::vector<run::Target> targets_;
  run::Executor executor_;
  run::Outcome outcome_;
};

}  // namespace vmafuzz::engine

#endif  // VMAFUZZ_FUZZ_ENGINE_MEASURE_H_
