// Inputs by number, of every sort that an executor meets, on every kernel: for checks that compare
// executions across processes, builds and machines.
#ifndef VMAFUZZ_RUN_SAMPLE_H_
#define VMAFUZZ_RUN_SAMPLE_H_

#include <cstdint>
#include <vector>

#include "input/program.h"
#include "run/executor.h"

namespace vmafuzz::run {

struct SampleInput {
  Target target;
  input::Program program;
};

class Sample {
 public:
  // `scenarios` may be empty.
  Sample(std::vector<input::Program> scenarios, uint64_t seed)
      : scenarios_(std::move(scenarios)), seed_(seed) {}

  // A function of scenarios, seed and number alone: random bytes, random scenarios, mutants and
  // children of the scenarios in turn; any kernel, in one of four cases with a bug switch.
  SampleInput input(uint64_t number) const;

 private:
  std::vector<input::Program> scenarios_;
  uint64_t seed_;
};

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_SAMPLE_H_
