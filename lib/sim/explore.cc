#include "sim/explore.h"

#include <absl/container/flat_hash_map.h>

#include "sim/memory.h"

namespace vmafuzz::sim {
namespace {

constexpr const char* kPruned = "pruned";

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

// What a CPU will do next, as far as order with other CPUs is concerned.
struct Pending {
  bool known = false;
  AccessKind kind = AccessKind::kBegin;
  const Location* location = nullptr;
};

bool is_barrier(AccessKind kind) {
  return kind == AccessKind::kRmw || kind == AccessKind::kFence || kind == AccessKind::kGrace;
}
bool only_reads(AccessKind kind) {
  return kind == AccessKind::kLoad || kind == AccessKind::kReader;
}
bool has_location(AccessKind kind) {
  return only_reads(kind) || kind == AccessKind::kStore || kind == AccessKind::kRmw ||
         kind == AccessKind::kWeakRmw || kind == AccessKind::kGrace;
}

// True if the two steps, of different CPUs, lead to one state in either order.
bool commute(const Pending& a, const Pending& b) {
  if (!a.known || !b.known) return false;
  if (a.kind == AccessKind::kLocal || b.kind == AccessKind::kLocal) return true;
  if (!has_location(a.kind) && a.kind != AccessKind::kFence) return false;
  if (!has_location(b.kind) && b.kind != AccessKind::kFence) return false;
  // Full barriers are ordered among themselves.
  if (is_barrier(a.kind) && is_barrier(b.kind)) return false;
  if (a.location == nullptr || a.location != b.location) return true;
  return only_reads(a.kind) && only_reads(b.kind);
}

// Depth-first search over choices, each execution following the path of the last one but for its
// deepest choice that has alternatives left. Sleep sets (Godefroid) avoid executing two orders of
// steps that commute; a state is remembered with the CPUs that were asleep in it.
class Explorer : public Director {
 public:
  Explorer(const Bounds& bounds, const Body& body) : bounds_(bounds), body_(body) {
    for (size_t i = 0; i < body.cpus.size(); ++i) all_cpus_ |= bit(static_cast<int>(i));
  }

  void begin() {
    depth_ = 0;
    scheduled_ = kNone;
    preemptions_ = stale_ = 0;
    asked_version_ = UINT64_MAX;
    pruned_ = false;
    primed_ = 0;
    sleep_ = 0;
    unfinished_ = all_cpus_;
    for (Pending& pending : pending_) pending = Pending{};
  }
  bool pruned() const { return pruned_; }
  uint64_t states() const { return seen_.size(); }

  bool next_path() {
    while (!path_.empty() && path_.back().chosen + 1 >= path_.back().count) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().chosen;
    return true;
  }

  uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
  bool picks_stores() const override { return true; }

  Decision decide(const Point& point) override {
    Decision decision;
    // What commutes with everything needs no choice of who goes first.
    if (point.kind == AccessKind::kLocal || point.kind == AccessKind::kBegin) return decision;
    pending_[point.cpu] = {true, point.kind, point.location};
    int next = point.cpu;
    if ((primed_ & all_cpus_) != all_cpus_) {
      // Every CPU comes to its first access before any of them does something.
      primed_ |= bit(point.cpu);
      const uint8_t rest = all_cpus_ & ~primed_ & point.runnable;
      if (rest != 0) {
        decision.preempt = static_cast<int8_t>(__builtin_ctz(rest));
        return decision;
      }
      primed_ = all_cpus_;
    }
    next = schedule(point, point.cpu);
    if (next != point.cpu) decision.preempt = static_cast<int8_t>(next);
    return decision;
  }

  int pick_next(const Point& point, int fallback) override {
    pending_[point.cpu] = Pending{};
    if (point.kind == AccessKind::kEnd) unfinished_ &= ~bit(point.cpu);
    primed_ |= bit(point.cpu);
    if ((primed_ & all_cpus_) != all_cpus_) {
      const uint8_t rest = all_cpus_ & ~primed_ & point.runnable;
      if (rest != 0) return __builtin_ctz(rest);
    }
    return schedule(point, fallback);
  }

  int pick_store(const Point&, int count) override {
    if (bounds_.max_stale >= 0 && stale_ >= bounds_.max_stale) return 0;
    const int chosen = choose(count);
    if (chosen > 0) ++stale_;
    return chosen;
  }

  int choose(const Point&, int count) override { return choose(count); }

  // Memory comes and goes between accesses, as a part of the step before: which steps do so is only
  // known once they were taken.
  void changes_lifetime(int cpu) override {
    sleep_ = 0;
    if (scheduled_ != kNone) path_[scheduled_].lifetime |= bit(cpu);
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  struct Choice {
    int chosen;
    int count;
    uint8_t candidates = 0;  // of a scheduling choice: CPUs, tried in the order of candidate()
    uint8_t asleep = 0;      // and those whose steps were explored before
    uint8_t lifetime = 0;    // candidates whose steps here make or free objects: they never sleep
  };

  bool bounded() const { return bounds_.max_preemptions >= 0 || bounds_.max_stale >= 0; }

  int schedule(const Point& point, int fallback) {
    // A CPU that was switched to and has not done anything since is not asked a second time.
    if (machine.state_version() == asked_version_ && point.cpu == asked_for_) return fallback;
    if (depth_ == path_.size()) enter_state(point, fallback);
    scheduled_ = depth_;
    const Choice& choice = path_[depth_++];
    const int next = candidate(choice.candidates, fallback, choice.chosen);
    uint8_t tried = 0;
    for (int i = 0; i < choice.chosen; ++i) tried |= bit(candidate(choice.candidates, fallback, i));
    const uint8_t asleep = choice.asleep | (tried & ~choice.lifetime);
    sleep_ = 0;
    for (int i = 0; i < kMaxCpus; ++i) {
      if ((asleep & bit(i)) != 0 && commute(pending_[i], pending_[next])) sleep_ |= bit(i);
    }
    if (preempts(point) && next != point.cpu) ++preemptions_;
    asked_version_ = machine.state_version();
    asked_for_ = next;
    return next;
  }

  static bool preempts(const Point& point) {
    return point.kind != AccessKind::kBlock && point.kind != AccessKind::kEnd;
  }

  // The CPU that continues by itself comes first, then the others in order.
  static int candidate(uint8_t candidates, int first, int index) {
    if ((candidates & bit(first)) != 0) {
      if (index == 0) return first;
      candidates &= ~bit(first);
      --index;
    }
    for (; index > 0; --index) candidates &= candidates - 1;
    return __builtin_ctz(candidates);
  }

  // CPUs whose next step must be tried in this state: a set such that nothing the other CPUs may
  // ever do interferes with the steps of the set (a persistent set). The smallest that one CPU
  // leads to.
  uint8_t persistent(uint8_t runnable) const {
    uint8_t best = runnable;
    if (!body_.accessors) return best;
    for (int i = 0; i < kMaxCpus; ++i) {
      if ((runnable & bit(i)) == 0) continue;
      const uint8_t set = closure(static_cast<uint8_t>(bit(i)), runnable);
      if (__builtin_popcount(set) < __builtin_popcount(best)) best = set;
    }
    return best;
  }

  uint8_t closure(uint8_t set, uint8_t runnable) const {
    for (uint8_t left = set; left != 0;) {
      const int cpu = __builtin_ctz(left);
      left &= left - 1;
      if ((runnable & bit(cpu)) == 0 || !pending_[cpu].known) return runnable;
      const uint8_t more = interferers(pending_[cpu]) & unfinished_ & ~set;
      set |= more;
      left |= more;
    }
    return set;
  }

  // CPUs that may still do something that does not commute with the step.
  uint8_t interferers(const Pending& step) const {
    if (!has_location(step.kind) && step.kind != AccessKind::kFence) return 0xff;
    uint8_t cpus = 0;
    if (step.location != nullptr) cpus = body_.accessors(*step.location, only_reads(step.kind));
    if (is_barrier(step.kind)) cpus |= body_.accessors(machine.barrier_word(), false);
    return cpus;
  }

  void enter_state(const Point& point, int fallback) {
    uint8_t candidates = point.runnable;
    uint8_t asleep = 0;
    if (bounded()) {
      if (!seen_.emplace(key(), 0).second) prune(point);
      const bool exhausted =
          bounds_.max_preemptions >= 0 && preemptions_ >= bounds_.max_preemptions;
      if (exhausted && preempts(point) && (candidates & bit(fallback)) != 0)
        candidates = bit(fallback);
    } else {
      asleep = sleep_;
      candidates = persistent(candidates) & ~asleep;
      const auto [entry, fresh] = seen_.emplace(key(), asleep);
      if (!fresh) {
        // Seen before, when the CPUs in entry->second were asleep: only their steps are new.
        candidates &= entry->second;
        asleep |= point.runnable & ~entry->second;
        entry->second &= sleep_;
      }
      if (candidates == 0) prune(point);
    }
    path_.push_back({0, __builtin_popcount(candidates), candidates, asleep});
  }

  void prune(const Point& point) {
    pruned_ = true;
    machine.fail(kPruned, "", point.site);
  }

  int choose(int count) {
    if (count < 2) return 0;
    if (depth_ == path_.size()) path_.push_back({0, count});
    return path_[depth_++].chosen;
  }

  uint64_t state() {
    if (!body_.program || !body_.accessors) return machine.state_hash();
    identity_.gather(body_.accessors);
    uint64_t hash = identity_.machine_state();
    for (size_t i = 0; i < body_.cpus.size(); ++i) {
      hash = mixed(hash, body_.program(static_cast<int>(i), identity_));
    }
    return hash;
  }

  uint64_t key() {
    uint64_t key = state();
    if (bounds_.max_preemptions >= 0) {
      key =
          (key ^ static_cast<uint64_t>(preemptions_) ^ machine.cpu() * 64) * 0x9E3779B97F4A7C15ull;
    }
    if (bounds_.max_stale >= 0) key = (key ^ static_cast<uint64_t>(stale_)) * 0x9FB21C651E98DF25ull;
    return key;
  }

  const Bounds bounds_;
  const Body& body_;
  StateIdentity identity_;
  uint8_t all_cpus_ = 0;
  uint8_t unfinished_ = 0;
  std::vector<Choice> path_;
  size_t depth_ = 0;
  size_t scheduled_ = kNone;  // in path_: the choice of who takes the present step
  absl::flat_hash_map<uint64_t, uint8_t> seen_;
  Pending pending_[kMaxCpus];
  uint8_t primed_ = 0;
  uint8_t sleep_ = 0;
  uint64_t asked_version_ = UINT64_MAX;
  int asked_for_ = -1;
  int preemptions_ = 0;
  int stale_ = 0;
  bool pruned_ = false;
};

void call(void* arg) { (*static_cast<const std::function<void()>*>(arg))(); }

struct CpuBody {
  const std::function<void()>* function;
  uint16_t op;
};

void call_cpu(void* arg) {
  const auto* body = static_cast<const CpuBody*>(arg);
  machine.begin_op(body->op);
  (*body->function)();
  machine.end_op();
}

}  // namespace

Exploration explore(const Body& body, const Bounds& bounds, const std::function<bool()>& visit) {
  Options options;
  options.track_state = true;
  options.assume_dependencies = body.assume_dependencies;
  options.report_races = body.report_races;
  options.record = body.record;
  options.limits.op_steps = bounds.op_steps;
  options.limits.stale_loads = UINT16_MAX;
  std::vector<CpuBody> cpus;
  for (size_t i = 0; i < body.cpus.size(); ++i) {
    cpus.push_back({&body.cpus[i], static_cast<uint16_t>(i)});
  }
  Exploration result;
  Explorer explorer(bounds, body);
  do {
    if (result.executions + result.pruned >= bounds.max_executions) return result;
    explorer.begin();
    machine.set_uses_contexts(body.uses_contexts);
    machine.begin(options, &explorer);
    if (body.reset) body.reset();
    if (body.set_up) machine.run_alone(&call, const_cast<std::function<void()>*>(&body.set_up));
    if (!machine.verdict()) {
      for (size_t i = 0; i < cpus.size(); ++i)
        machine.start(static_cast<int>(i), &call_cpu, &cpus[i]);
      machine.run();
    }
    machine.set_uses_contexts(true);
    result.states = explorer.states();
    if (explorer.pruned()) {
      ++result.pruned;
      continue;
    }
    ++result.executions;
    if (!visit()) return result;
  } while (explorer.next_path());
  result.complete = true;
  return result;
}

}  // namespace vmafuzz::sim
