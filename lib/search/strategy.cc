#include "search/strategy.h"

#include <algorithm>
#include <cstdint>

#include "sim/arena.h"
#include "sim/machine.h"

namespace vmafuzz::search {

using input::ReadPolicy;
using input::Strategy;

namespace {

// Of a lookup, up to where it checks whether it may believe what it read.
constexpr uint32_t kLocklessAccesses = 24;

enum Disturbance : uint8_t {
  kCompiler = 1 << 0,  // plain loads are torn or done twice
  kShortage = 1 << 1,  // what may fail does
  kLate = 1 << 2,      // deferred work is held back
};

// Write sections in a row that change nothing: what they are there for, such as a counter that
// comes round, must happen within one lookup.
bool is_long_run(const input::Op& op) {
  return op.cpu != 0 && op.kind == input::OpKind::kBrk && op.get(input::ArgId::kTimes) >= 8;
}

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

bool is_store(sim::AccessKind kind) {
  return kind == sim::AccessKind::kStore || kind == sim::AccessKind::kRmw ||
         kind == sim::AccessKind::kWeakRmw;
}

}  // namespace

// Means over the corpus, without waiting.
uint16_t expected_accesses(const input::Op& op) {
  switch (op.kind) {
    case input::OpKind::kHit:
      return static_cast<uint16_t>(40 * op.get(input::ArgId::kTimes));
    case input::OpKind::kFault:
    case input::OpKind::kGrowStack:
    case input::OpKind::kOpen:
    case input::OpKind::kClose:
      return 25;
    case input::OpKind::kRegister:
    case input::OpKind::kUnregister:
      return 100;
    case input::OpKind::kBrk:
      return static_cast<uint16_t>(150 + 12 * (op.get(input::ArgId::kTimes) - 1));
    case input::OpKind::kMmap:
    case input::OpKind::kMprotect:
      return 270;
    case input::OpKind::kMunmap:
    case input::OpKind::kMremap:
    case input::OpKind::kMadvise:
      return 390;
  }
  return 150;
}

void StrategyDirector::begin(const input::Program& program) {
  ReplayDirector::begin(program);
  input::Header header = program.header;
  uint64_t seed = header.seed;
  for (const input::Op& op : program.ops) {
    seed = (seed ^ static_cast<uint64_t>(op.kind) ^ (uint64_t{op.cpu} << 8)) * 0x100000001B3ull;
  }
  rng_ = input::Rng(seed);
  if (header.strategy == Strategy::kPortfolio) draw_portfolio(header);
  strategy_ = header.strategy;
  policy_ = strategy_ == Strategy::kNone ? ReadPolicy::kNewest : header.policy;
  eager_ = header.eager;
  policy_arg_ = header.policy_arg;
  set_order(header.permutation);
  salt_ = static_cast<uint32_t>(rng_.next());
  load_ = 0;
  wanted_ = -1;
  pending_.fill(nullptr);
  count_work(program);
  for (uint32_t& p : priority_) p = 0x1000 + rng_.below(1u << 20);
  const int depth = header.depth == 0 ? 2 + static_cast<int>(rng_.below(4)) : header.depth;
  draw_change_points(program, depth);
  // A change point is lost where its CPU had to give way before it: in every other case the first
  // one's CPU begins (with one point that is delay bounding, POPL'11).
  if (mark_count_ > 0 && rng_.chance(1, 2)) {
    priority_[program.ops[marks_[0].op].cpu - 1] = UINT32_MAX - 1;
  }
  // One switch in 4 .. 128 accesses.
  sticky_ = 256u >> (header.depth == 0 ? 2 + rng_.below(6) : 2 + header.depth % 6);
  odd_count_ = policy_arg_ < kMaxMarks ? policy_arg_ : kMaxMarks;
  const uint32_t range = 4u << rng_.below(7);
  for (int i = 0; i < odd_count_; ++i) odd_loads_[i] = static_cast<uint16_t>(rng_.below(range));
  disturbances_ = 0;
  for (const Disturbance one : {kCompiler, kShortage, kLate}) {
    if (rng_.chance(1, 8)) disturbances_ |= one;
  }
}

void StrategyDirector::set_order(uint8_t permutation) {
  const std::array<uint8_t, input::kCpuCount> order = input::cpu_order(permutation);
  for (int i = 0; i < kCpus; ++i) {
    order_[i] = i < input::kCpuCount ? order[i] : static_cast<uint8_t>(i);
  }
  for (size_t set = 0; set < positions_.size(); ++set) {
    positions_[set] = 0;
    for (int i = 0; i < input::kCpuCount; ++i) {
      if ((set >> order[i] & 1) != 0) positions_[set] |= bit(i);
    }
  }
}

void StrategyDirector::draw_portfolio(input::Header& header) {
  // PCT alone finds what needs a long run of one CPU within an operation of another; a round robin
  // finds nothing that others do not, and comes once in a while.
  constexpr struct {
    Strategy strategy;
    uint32_t weight;
  } kShares[] = {{Strategy::kPct, 5},  {Strategy::kSticky, 3}, {Strategy::kUrw, 3},
                 {Strategy::kSurw, 3}, {Strategy::kPos, 3},    {Strategy::kRoundRobin, 1}};
  uint32_t ticket = rng_.below(18);
  for (const auto& [strategy, weight] : kShares) {
    header.strategy = strategy;
    if (ticket < weight) break;
    ticket -= weight;
  }
  header.policy = static_cast<ReadPolicy>(rng_.below(input::kReadPolicyCount));
  header.eager = rng_.chance(1, 2);
  header.policy_arg = static_cast<uint8_t>(1 + rng_.below(4));
  header.depth = 0;
  header.permutation = static_cast<uint8_t>(rng_.below(input::kPermutationCount));
}

void StrategyDirector::count_work(const input::Program& program) {
  left_.fill(8);  // contexts
  for (int i = 0; i < input::kCpuCount; ++i) left_[i] = 1;
  for (const input::Op& op : program.ops) {
    if (op.cpu == 0) continue;
    left_[op.cpu - 1] += expected_accesses(op);
  }
}

// Drawn over the execution as a whole, hardly any change point would come in a short operation
// beside many long ones, and a lookup is short. So every other one comes in a lookup, and each one
// where there is a long run; the rest in any operation, of any CPU alike.
size_t StrategyDirector::draw_operation(const input::Program& program, size_t first) {
  const size_t count = program.ops.size() - first;
  const auto after = [&](size_t op, auto&& wanted) {
    for (size_t i = 0; i < count && !wanted(program.ops[op]); ++i) {
      if (++op == program.ops.size()) op = first;
    }
    return op;
  };
  const size_t any = first + rng_.below(count);
  if (rng_.chance(1, 2) || long_run_) {
    return after(any, [](const input::Op& op) { return op.kind == input::OpKind::kHit; });
  }
  if (rng_.chance(1, 2)) return any;
  const auto cpu = static_cast<uint8_t>(1 + rng_.below(input::kCpuCount));
  return after(any, [cpu](const input::Op& op) { return op.cpu == cpu; });
}

// Among the accesses of an operation alike, or at its beginning: what takes a whole number of
// another CPU's operations, such as a counter that wraps, is seen between two of them. In a lookup,
// every other one comes in the part without a lock.
uint16_t StrategyDirector::draw_access(const input::Op& op) {
  const bool lookup = op.kind == input::OpKind::kHit;
  if (!lookup && rng_.chance(1, 4)) return 1;
  const uint32_t range = lookup && rng_.chance(1, 2) ? kLocklessAccesses : expected_accesses(op);
  return static_cast<uint16_t>(1 + rng_.below(range));
}

void StrategyDirector::draw_change_points(const input::Program& program, int depth) {
  mark_count_ = 0;
  size_t first = 0;
  while (first < program.ops.size() && program.ops[first].cpu == 0) ++first;
  if (first == program.ops.size()) return;
  long_run_ = std::any_of(program.ops.begin(), program.ops.end(), is_long_run);
  const int wanted = depth - 1 < kMaxMarks ? depth - 1 : kMaxMarks;
  while (mark_count_ < wanted) {
    const size_t op = draw_operation(program, first);
    marks_[mark_count_++] = {static_cast<uint16_t>(op), draw_access(program.ops[op])};
  }
}

uint16_t StrategyDirector::geometric(uint32_t chance_of_256) {
  uint16_t n = 1;
  while (n < 4096 && !rng_.chance(chance_of_256, 256)) ++n;
  return n;
}

uint16_t StrategyDirector::next_point(int cpu, uint16_t op, uint16_t after) {
  const uint16_t explicit_point = ReplayDirector::next_point(cpu, op, after);
  uint32_t own = 0xffff;
  switch (strategy_) {
    case Strategy::kNone:
      return explicit_point;
    case Strategy::kSticky:
      own = after + geometric(sticky_);
      break;
    default:
      own = after + 1u;
      break;
  }
  if (own > 0xffff) own = 0xffff;
  return own < explicit_point ? static_cast<uint16_t>(own) : explicit_point;
}

sim::Decision StrategyDirector::decide(const sim::Point& point) {
  sim::Decision decision = ReplayDirector::decide(point);
  if (strategy_ == Strategy::kNone || decision.preempt >= 0) return decision;
  if (strategy_ != Strategy::kSticky) decision.again = 1;
  if (disturbances_ != 0) disturb(point, &decision);
  if (left_[point.cpu] > 1) --left_[point.cpu];
  if (eager_ && point.kind == sim::AccessKind::kStore) return decision;
  const int next = pick_cpu(point, false);
  if (next != point.cpu) decision.preempt = static_cast<int8_t>(next);
  return decision;
}

// Those that the program asks for remain.
void StrategyDirector::disturb(const sim::Point& point, sim::Decision* decision) {
  switch (point.kind) {
    case sim::AccessKind::kLoad:
      if ((disturbances_ & kCompiler) == 0 || !rng_.chance(1, 8)) return;
      (rng_.chance(1, 2) ? decision->tear : decision->reload) = true;
      return;
    case sim::AccessKind::kFallible:
      if ((disturbances_ & kShortage) != 0 && rng_.chance(1, 8)) decision->fail = true;
      return;
    case sim::AccessKind::kDefer:
      if ((disturbances_ & kLate) == 0 || decision->hold != 0) return;
      decision->hold = rng_.chance(1, 2)
                           ? input::kHoldEnd
                           : static_cast<uint8_t>(1 + rng_.below(1u << rng_.below(8)));
      return;
    default:
      return;
  }
}

int StrategyDirector::pick_next(const sim::Point& point, int fallback) {
  if (strategy_ == Strategy::kNone) return fallback;
  // Deferred work that is due keeps its turn: later is what `hold` is for.
  if (fallback >= sim::kUserCpus) return fallback;
  const int next = pick_cpu(point, true);
  return next < 0 ? fallback : next;
}

void StrategyDirector::relaxes(int cpu) {
  for (int i = 0; i < kCpus; ++i) {
    if (i != cpu && priority_[i] < UINT32_MAX) ++priority_[i];
  }
  priority_[cpu] = 0;
  pending_[cpu] = nullptr;
  if (wanted_ == cpu) wanted_ = -1;
}

[[gnu::always_inline]] inline int StrategyDirector::pick_cpu(const sim::Point& point,
                                                             bool must_leave) {
  uint8_t runnable = point.runnable;
  if (must_leave) runnable &= ~bit(point.cpu);
  if (runnable == 0) return must_leave ? -1 : point.cpu;
  switch (strategy_) {
    case Strategy::kSticky: {
      const uint8_t others = runnable & ~bit(point.cpu);
      return others == 0 ? point.cpu : pick_weighted(others, false);
    }
    case Strategy::kUrw:
      return pick_weighted(runnable, true);
    case Strategy::kSurw: {
      if (must_leave) return pick_weighted(runnable, true);
      if (!interesting(point)) return point.cpu;
      if (wanted_ < 0 || (runnable & bit(wanted_)) == 0) wanted_ = pick_weighted(runnable, true);
      const int next = wanted_;
      if (next == point.cpu) wanted_ = -1;
      return next;
    }
    case Strategy::kPos:
      return pick_pos(point, runnable);
    case Strategy::kPct:
      return pick_pct(point, runnable);
    case Strategy::kRoundRobin: {
      for (int i = 1; i <= kCpus; ++i) {
        const int next = (point.cpu + i) % kCpus;
        if ((runnable & bit(next)) != 0) return next;
      }
      return point.cpu;
    }
    default:
      return point.cpu;
  }
}

// A CPU among `runnable`: by remaining work, or evenly.
inline int StrategyDirector::pick_weighted(uint8_t runnable, bool remaining) {
  if ((runnable & (runnable - 1)) == 0) {
    rng_.next();  // a draw is a draw: what follows does not depend on how many could run
    return __builtin_ctz(runnable);
  }
  uint32_t total = 0;
  for (unsigned set = runnable; set != 0; set &= set - 1) {
    total += remaining ? left_[__builtin_ctz(set)] : 1;
  }
  uint32_t draw = rng_.below(total);
  constexpr unsigned kUsers = (1u << input::kCpuCount) - 1;
  unsigned set = positions_[runnable & kUsers] | (runnable & ~kUsers);
  for (; set != 0; set &= set - 1) {
    const int cpu = order_[__builtin_ctz(set)];
    const uint32_t weight = remaining ? left_[cpu] : 1;
    if (draw < weight) return cpu;
    draw -= weight;
  }
  return __builtin_ctz(runnable);
}

int StrategyDirector::pick_pos(const sim::Point& point, uint8_t runnable) {
  if (point.location != pending_[point.cpu] || point.kind == sim::AccessKind::kBegin) {
    pending_[point.cpu] = point.location;
    pending_store_[point.cpu] = is_store(point.kind);
    priority_[point.cpu] = rng_.below(1u << 20);
  }
  const int best = highest(runnable);
  if (best != point.cpu) return best;
  // It runs: draw again for it and for every pending access that races with this one.
  priority_[best] = rng_.below(1u << 20);
  pending_[best] = nullptr;
  for (int i = 0; i < kCpus; ++i) {
    if (i == best || point.location == nullptr || pending_[i] != point.location) continue;
    if (pending_store_[i] || is_store(point.kind)) priority_[i] = rng_.below(1u << 20);
  }
  return best;
}

inline int StrategyDirector::pick_pct(const sim::Point& point, uint8_t runnable) {
  for (int i = 0; i < mark_count_; ++i) {
    if (marks_[i].op == point.op && marks_[i].access == point.access) {
      priority_[point.cpu] = static_cast<uint32_t>(i);
    }
  }
  return highest(runnable);
}

// The one of several with the same priority that has the lowest number.
inline int StrategyDirector::highest(uint8_t runnable) const {
  int best = __builtin_ctz(runnable);
  for (unsigned set = runnable & (runnable - 1u); set != 0; set &= set - 1) {
    const int cpu = __builtin_ctz(set);
    if (priority_[cpu] > priority_[best]) best = cpu;
  }
  return best;
}

// SURW's subset: about one location in four, another one for each seed. What stands for an RCU
// domain lies outside of the arena, at an address that is another one in each process: no id.
bool StrategyDirector::interesting(const sim::Point& point) const {
  if (point.location == nullptr || !sim::arena.contains(point.location))
    return point.kind == sim::AccessKind::kBegin;
  const uint64_t id = sim::arena.id_of(point.location) >> 8;
  return ((id ^ salt_) * 0x9E3779B97F4A7C15ull >> 62) == 0;
}

int StrategyDirector::pick_store(const sim::Point&, int count) {
  // No further back than a directive can say.
  count = std::min(count, input::kMaxStale + 1);
  const uint16_t ordinal = load_++;
  bool odd = false;
  for (int i = 0; i < odd_count_; ++i) odd = odd || odd_loads_[i] == ordinal;
  switch (policy_) {
    case ReadPolicy::kNewest:
      return 0;
    case ReadPolicy::kNewestStale:
      return odd ? 1 + static_cast<int>(rng_.below(count - 1)) : 0;
    case ReadPolicy::kOldestFresh:
      return odd ? 0 : count - 1;
    case ReadPolicy::kUniform:
      return static_cast<int>(rng_.below(count));
    case ReadPolicy::kGeometric: {
      int back = 0;
      while (back + 1 < count && rng_.chance(1, 2)) ++back;
      return back;
    }
  }
  return 0;
}

}  // namespace vmafuzz::search
