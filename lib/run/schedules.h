// Executions of a program's operations under other schedules than its own.
//
// Two kinds, in turn: what the search strategies make of drawn seeds, which is how bugs are found
// in the first place and owes nothing to the schedule that is there; and executions near the
// program (nearby.h), which have few deviations.
#ifndef VMAFUZZ_RUN_SCHEDULES_H_
#define VMAFUZZ_RUN_SCHEDULES_H_

#include <cstddef>
#include <cstdint>

#include "input/program.h"
#include "input/rng.h"
#include "run/executor.h"
#include "run/nearby.h"

namespace vmafuzz::run {

class Schedules {
 public:
  // `near_directives`: of an execution near the program, at most.
  Schedules(Executor& executor, const input::Program& program, size_t near_directives,
            uint64_t seed);

  // One more execution. Outcome::directives is what it was.
  const Outcome& run();
  // The last execution as a program, in any form.
  input::Program program() const { return drawn_last_ ? drawn_ : nearby_.program(); }

 private:
  void draw();

  Executor& executor_;
  input::Rng rng_;
  input::Program drawn_;
  Nearby nearby_;
  bool drawn_last_ = false;
  Outcome outcome_;
};

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_SCHEDULES_H_
