// Every execution of a body: all interleavings, all stores that loads may read.
//
// Stateless search with pruning: a choice is made again in a new execution from the start, and an
// execution that reaches a state seen before is given up. A state is what each CPU has observed so
// far and the order of stores and barriers (Machine::state_hash), which is all that the future
// depends on as long as the body's CPUs are deterministic functions of what they read. Bodies must
// go through the machine for everything that they share.
#ifndef VMAFUZZ_SIM_EXPLORE_H_
#define VMAFUZZ_SIM_EXPLORE_H_

#include <cstdint>
#include <functional>

#include "sim/identity.h"
#include "sim/machine.h"

namespace vmafuzz::sim {

struct Bounds {
  uint64_t max_executions = 1'000'000;
  int max_preemptions = -1;  // -1: no bound
  int max_stale = -1;        // stale loads in one execution
  uint32_t op_steps = 512;   // accesses of one CPU before its execution counts as livelocked
};

struct Exploration {
  uint64_t executions = 0;  // run to an end or a verdict
  uint64_t pruned = 0;      // given up in a state seen before
  uint64_t states = 0;
  bool complete = false;  // false: max_executions came first
};

struct Body {
  // Runs before each execution, outside of any CPU: reset the arena and caches, make new objects.
  std::function<void()> reset;
  std::function<void()> set_up;             // on the boot CPU, alone
  std::vector<std::function<void()>> cpus;  // at most 7 if contexts are not used, else 4
  bool uses_contexts = true;                // call_rcu, work items
  bool assume_dependencies = true;
  bool report_races = true;
  bool record = false;  // keep the directives that lead to each end (Machine::recorded())
  // If both are given, states are told apart by what the rest of the execution can depend on
  // (identity.h), not by their histories: far fewer. `program` is a number for all that the program
  // of a CPU keeps, `accessors` the CPUs that may still touch a location (one bit each; too many is
  // only slower), or store to it. Machine::barrier_word() stands for full barriers,
  // GracePeriods::readers_word() for the readers and grace periods of a domain, of which grace
  // periods are the stores. Without races and deferred work.
  std::function<uint64_t(int cpu, const StateIdentity& state)> program;
  std::function<uint8_t(const Location& location, bool stores)> accessors;
};

// Calls `visit` at the end of each complete execution and each verdict; the machine still shows its
// final state. Stops early when it returns false.
Exploration explore(const Body& body, const Bounds& bounds, const std::function<bool()>& visit);

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_EXPLORE_H_
