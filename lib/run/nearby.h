// Executions near a given one: its operations, under other schedules.
//
// Two kinds, in turn. Sparse ones draw a few preemptions and stale loads at random places, and so
// are small by construction. Neighbours take the directives that are there, leave some out, shift
// the others a little and may add one: an operation less, or a barrier more, moves the accesses
// that a bug needs, seldom far.
#ifndef VMAFUZZ_RUN_NEARBY_H_
#define VMAFUZZ_RUN_NEARBY_H_

#include <cstddef>
#include <cstdint>

#include "input/program.h"
#include "input/rng.h"
#include "run/executor.h"
#include "run/strengthen.h"
#include "search/replay.h"
#include "sim/director.h"

namespace vmafuzz::run {

// Decides by drawing at most `deviations` preemptions and stale loads at random places of an
// execution of about `steps` accesses with `stale_choices` loads that have a choice; nothing else.
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

class Nearby {
 public:
  // `around`: in replay form. What it finds has at most max_directives directives if they count;
  // sequential: every load reads the newest store.
  Nearby(Executor& executor, const input::Program& around, size_t max_directives, uint64_t seed,
         bool sequential = false);

  // From now on with these barriers, which must outlive it; null: without.
  void strengthen(StrengthenedDirector* strengthened) { strengthened_ = strengthened; }

  void set_options(const RunOptions& options) { options_ = options; }

  // One more execution. Outcome::directives is what it was.
  const Outcome& run();
  // The last execution as a program in replay form.
  input::Program program() const { return Executor::as_replay(bare_, outcome_); }

 private:
  void execute(const input::Program& program, sim::Director* director);
  void run_sparse();
  void run_neighbour();
  void jitter(input::Directive* directive);
  input::Directive any_directive();

  Executor& executor_;
  input::Program bare_;    // without directives
  input::Program around_;  // as given
  input::Program candidate_;
  size_t max_directives_;
  bool sequential_;
  input::Rng rng_;
  SparseDirector sparse_;
  search::ReplayDirector replay_;
  StrengthenedDirector* strengthened_ = nullptr;
  RunOptions options_;
  uint32_t steps_ = 64;
  uint32_t choices_ = 8;
  uint64_t count_ = 0;
  Outcome outcome_;
};

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_NEARBY_H_
