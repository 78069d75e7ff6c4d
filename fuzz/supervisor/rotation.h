// Which group gets a free core next, and for how long.
//
// A group is an engine on a target. Weighted fair queueing (Demers, Keshav and Shenker, 1989): the
// group that would end one more turn with the least worker time per weight is next, the heaviest
// and then the first in the table if several would. A kernel that must be caught and was not yet
// weighs most, one that must stay silent (whose silence is worth as much as it was tried) less, and
// one that was caught least: its bugs are known, more time only counts them up. An engine's share
// multiplies that. A first turn has no precedence: in a short run, those of what is caught would
// leave no time for what is not.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_ROTATION_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_ROTATION_H_

#include <cstddef>
#include <optional>
#include <span>

namespace vmafuzz::supervisor {

// What the choice depends on.
struct Candidate {
  double seconds = 0;        // of worker time, of those that run now too
  double least_seconds = 0;  // that a worker of its engine is worth starting for
  int share = 1;             // of its engine, beside others on the same kernel
  bool must_be_caught = false;
  bool caught = false;  // with a verdict that it must be caught for
  bool done = false;    // wants no more time
  bool broken = false;  // its workers do not start
};

int weight_of(const Candidate& candidate);

// The next group; nullopt if none wants time.
std::optional<size_t> next_group(std::span<const Candidate> candidates);

// How long the next worker of that group runs, in a run that has lasted `seconds` and will last
// `left` more (infinity if nobody knows). Short at first, so that each kernel is soon seen once;
// the longer the run, the longer, as a worker needs time to get deep.
double slice_seconds(const Candidate& candidate, size_t groups, double seconds, double left);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_ROTATION_H_
