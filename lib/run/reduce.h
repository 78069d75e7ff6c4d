// From a finding to its smallest form: replay, minimise, name it.
#ifndef VMAFUZZ_RUN_REDUCE_H_
#define VMAFUZZ_RUN_REDUCE_H_

#include "absl/status/statusor.h"
#include "input/minimize.h"
#include "run/executor.h"

namespace vmafuzz::run {

// Decides by drawing at most `deviations` preemptions and stale loads at random places of an
// execution of about `steps` accesses, and nothing else: what it finds is small by construction.
class SparseDirector : public sim::Director {
 public:
  void begin(uint64_t seed, size_t deviations, uint32_t steps, uint32_t stale_choices);
  uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
  sim::Decision decide(const sim::Point& point) override;
  bool picks_stores() const override { return true; }
  int pick_store(const sim::Point& point, int count) override;

  // Of the last execution: how many places there were.
  uint32_t steps() const { return step_; }
  uint32_t stale_choices() const { return choice_; }

 private:
  static constexpr size_t kMost = 16;
  input::Rng rng_{0};
  uint32_t switch_at_[kMost] = {};
  size_t switches_ = 0;
  uint32_t stale_at_[kMost] = {};
  size_t stales_ = 0;
  uint32_t step_ = 0;
  uint32_t choice_ = 0;
};

// The smallest program in replay form that ends in the same bucket on the executor's target. Fails
// if `program` (in any form) does not end in `bucket` itself.
absl::StatusOr<input::MinimizeResult> reduce(Executor& executor, const input::Program& program,
                                             const std::string& bucket,
                                             const input::MinimizeOptions& options = {});

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_REDUCE_H_
