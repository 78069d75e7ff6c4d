// A finding that an executor does not show as it came (of real threads, which no directives
// repeat; or of another executor): its operations under other schedules.
#ifndef VMAFUZZ_RUN_FIND_AGAIN_H_
#define VMAFUZZ_RUN_FIND_AGAIN_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "input/program.h"
#include "run/executor.h"

namespace vmafuzz::run {

// The same verdict at the same functions, whichever of them came first: what two executors call one
// bug, as the order in which two CPUs meet is the schedule's.
bool same_bug(absl::string_view bucket, absl::string_view other);

struct FoundAgain {
  bool found = false;
  input::Program program;  // that shows it, in any form
  Outcome outcome;
  uint64_t executions = 0;
};

// Looks for an execution of the program's operations that ends in the same bug as `bucket`: the
// program as it is; then, in turn, the search strategies with drawn seeds and executions near it
// (nearby.h), `most` at most. A function of its arguments.
FoundAgain find_again(Executor& executor, const input::Program& program, const std::string& bucket,
                      uint64_t most);

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_FIND_AGAIN_H_
