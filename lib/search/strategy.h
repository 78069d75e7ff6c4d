// Search: how CPUs are picked and which store a load reads, drawn from the program's header.
//
// Everything here is a function of the program: the seed in its header, its operations, and nothing
// that an earlier execution left behind, so that the same bytes give the same execution everywhere.
// Expected amounts of work (for remaining-work weights and change points) come from a fixed table
// of accesses per operation, not from profiling runs.
//
// Sources: sticky, remaining-work-weighted (URW), selective (SURW: ASPLOS'25), partial order
// sampling (POS: CAV'18), PCT (ASPLOS'10); read policies: uniform, geometric (Relacy), "newest but
// d stale", "oldest but d fresh" (PCTWM, ASPLOS'23). Eager stores: C11Tester runs relaxed and
// release stores without offering a switch, since readers may still take older ones.
//
// What a compiler does to plain loads, steps that fail and callbacks that come late are drawn too,
// each in some executions only: where everything fails, nothing else happens (swarm testing, Groce
// et al., ISSTA 2012).
#ifndef VMAFUZZ_SEARCH_STRATEGY_H_
#define VMAFUZZ_SEARCH_STRATEGY_H_

#include <array>
#include <cstdint>

#include "input/program.h"
#include "input/rng.h"
#include "search/replay.h"
#include "sim/machine.h"

namespace vmafuzz::search {

// How many accesses an operation makes, roughly.
uint16_t expected_accesses(const input::Op& op);

// Explicit directives of the program first, then the strategy of its header.
class StrategyDirector final : public ReplayDirector {
 public:
  void begin(const input::Program& program);

  uint16_t next_point(int cpu, uint16_t op, uint16_t after) override;
  sim::Decision decide(const sim::Point& point) override;
  bool picks_stores() const override { return policy_ != input::ReadPolicy::kNewest; }
  int pick_store(const sim::Point& point, int count) override;
  int pick_next(const sim::Point& point, int fallback) override;
  void relaxes(int cpu) override;

 private:
  static constexpr int kCpus = sim::kMaxCpus;
  static constexpr int kMaxMarks = 16;

  void draw_portfolio(input::Header& header);
  void count_work(const input::Program& program);
  size_t draw_operation(const input::Program& program, size_t first);
  uint16_t draw_access(const input::Op& op);
  void draw_change_points(const input::Program& program, int depth);
  void disturb(const sim::Point& point, sim::Decision* decision);
  int pick_cpu(const sim::Point& point, bool must_leave);
  int pick_weighted(uint8_t runnable, bool remaining);
  int pick_pos(const sim::Point& point, uint8_t runnable);
  int pick_pct(const sim::Point& point, uint8_t runnable);
  int highest(uint8_t runnable) const;
  bool interesting(const sim::Point& point) const;
  uint16_t geometric(uint32_t chance_of_256);
  void set_order(uint8_t permutation);

  input::Strategy strategy_ = input::Strategy::kNone;
  input::ReadPolicy policy_ = input::ReadPolicy::kNewest;
  bool eager_ = false;
  int policy_arg_ = 0;
  uint32_t salt_ = 0;
  input::Rng rng_{0};
  // The permutation decides who comes first where weights are drawn: no role is favoured by its
  // number. By position: the CPU there, and sets of user CPUs as sets of positions.
  std::array<uint8_t, kCpus> order_{};
  std::array<uint8_t, 1 << input::kCpuCount> positions_{};
  std::array<uint32_t, kCpus> left_{};  // expected accesses still to come
  std::array<uint32_t, kCpus> priority_{};
  std::array<const sim::Location*, kCpus> pending_{};
  std::array<bool, kCpus> pending_store_{};
  struct Mark {
    uint16_t op = 0;
    uint16_t access = 0;
  };
  std::array<Mark, kMaxMarks> marks_{};  // PCT: where the running CPU is demoted
  int mark_count_ = 0;
  bool long_run_ = false;                        // the program has one
  std::array<uint16_t, kMaxMarks> odd_loads_{};  // ordinals of loads that break the policy's rule
  int odd_count_ = 0;
  uint16_t load_ = 0;
  uint32_t sticky_ = 0;       // chance to switch, of 256
  int wanted_ = -1;           // SURW: who does the next interesting access
  uint8_t disturbances_ = 0;  // of this execution, one bit each
};

}  // namespace vmafuzz::search

#endif  // VMAFUZZ_SEARCH_STRATEGY_H_
