// Runs a litmus test on the simulated machine, in every execution that the machine can show.
//
// Each thread is a simulated CPU whose statements call lib/kernel's primitives: what is explored
// here is the very memory on which the fuzzed model runs. Values carry their dependencies to the
// machine, so that exactly the order that linux-kernel.cat preserves is kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "litmus/state.h"
#include "sim/director.h"

namespace vmafuzz::litmus {

struct RunOptions {
  uint64_t max_executions = 20'000'000;
  // Tell states apart by what can still make a difference, and leave out interleavings that cannot
  // lead elsewhere (sim/explore.h). Off: by their histories; the same final states, much later.
  bool reduce = true;
  bool record = false;  // fill RunResult::directives
  int loop_bound = 2;   // rounds of a thread's loops; longer executions are dropped, as in herd7
};

struct RunResult {
  std::vector<State> states;  // distinct, sorted
  // With RunOptions::record, for each state one execution that ends in it: where it departs from
  // running CPU after CPU and reading the newest store. `op` is the thread.
  std::vector<std::vector<sim::Directive>> directives;
  uint64_t executions = 0;  // ended normally
  uint64_t blocked = 0;     // ended in a deadlock: dropped, as in the memory model
  uint64_t cut = 0;         // dropped at the loop bound
  uint64_t pruned = 0;      // given up in a state seen before
  bool complete = false;    // false: max_executions came first
};

// One test at a time a process (the machine is global). Errors: Unimplemented for a test that needs
// more than the machine has (CPUs, SRCU domains); InvalidArgument, with the line and column in the
// test, where an execution does what has no meaning (arithmetic on addresses, an access to what is
// no address, unlock of a lock that is not held).
absl::StatusOr<RunResult> run_litmus(const LitmusTest& test, const RunOptions& options);

// "P0@2 preempt P1, P1@3 stale 1": at the 2nd access of P0 P1 runs instead, P1's 3rd reads one
// store back.
std::string format_directives(const std::vector<sim::Directive>& directives);

}  // namespace vmafuzz::litmus
