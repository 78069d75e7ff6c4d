// Barriers put where the model has none, while an execution runs: for diagnosis.
//
// A barrier stands before every access of one place in the source, on one CPU or on all. It takes
// no access number, so that directives still meet the accesses that they were made for; and it
// costs nothing where it is not used, since it is a director's doing.
#ifndef VMAFUZZ_RUN_STRENGTHEN_H_
#define VMAFUZZ_RUN_STRENGTHEN_H_

#include <utility>
#include <vector>

#include "sim/director.h"

namespace vmafuzz::run {

enum class BarrierKind : uint8_t { kRmb, kWmb, kMb };
const char* barrier_name(BarrierKind kind);  // "smp_rmb()"

// A place in the source, and what it does there: a line may load and store.
struct AccessSite {
  sim::Site site;
  sim::AccessKind kind = sim::AccessKind::kLoad;
};
bool same_place(const AccessSite& a, const AccessSite& b);

struct Barrier {
  AccessSite before;
  BarrierKind kind = BarrierKind::kMb;
  int cpu = -1;  // the only one that has it; -1: all have
};

// Does what another director says, with barriers.
class StrengthenedDirector : public sim::Director {
 public:
  explicit StrengthenedDirector(std::vector<Barrier> barriers) : barriers_(std::move(barriers)) {}
  // Before each execution; `inner` must outlive it.
  void begin(sim::Director* inner) { inner_ = inner; }

  uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
  sim::Decision decide(const sim::Point& point) override;
  bool picks_stores() const override { return inner_->picks_stores(); }
  int pick_store(const sim::Point& point, int count) override {
    return inner_->pick_store(point, count);
  }
  int pick_next(const sim::Point& point, int fallback) override {
    return inner_->pick_next(point, fallback);
  }
  void relaxes(int cpu) override { inner_->relaxes(cpu); }
  int choose(const sim::Point& point, int count) override { return inner_->choose(point, count); }

 private:
  void execute(BarrierKind kind, sim::Site site);

  std::vector<Barrier> barriers_;
  sim::Director* inner_ = nullptr;
  bool inserting_ = false;
};

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_STRENGTHEN_H_
