#include "sim/explore.h"

#include <absl/container/flat_hash_set.h>

#include "sim/memory.h"

namespace vmafuzz::sim {
namespace {

constexpr const char* kPruned = "pruned";

// Depth-first search over choices, each execution following the path of the last one but for its
// deepest choice that has alternatives left.
class Explorer : public Director {
 public:
  explicit Explorer(const Bounds& bounds) : bounds_(bounds) {}

  void begin() {
    depth_ = 0;
    preemptions_ = stale_ = 0;
    asked_version_ = UINT64_MAX;
    pruned_ = false;
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
    decision.preempt = static_cast<int8_t>(schedule(point, point.cpu));
    if (decision.preempt == point.cpu) decision.preempt = -1;
    return decision;
  }

  int pick_next(const Point& point, int fallback) override { return schedule(point, fallback); }

  int pick_store(const Point&, int count) override {
    if (bounds_.max_stale >= 0 && stale_ >= bounds_.max_stale) return 0;
    const int chosen = choose(count);
    if (chosen > 0) ++stale_;
    return chosen;
  }

  int choose(const Point&, int count) override { return choose(count); }

 private:
  struct Choice {
    int chosen;
    int count;
  };

  int schedule(const Point& point, int fallback) {
    // A CPU that was switched to and has not done anything since is not asked a second time.
    if (machine.state_version() == asked_version_ && point.cpu == asked_for_) return fallback;
    if (depth_ >= path_.size() && !seen_.insert(key()).second) {
      pruned_ = true;
      machine.fail(kPruned, std::string(), point.site);
    }
    int order[kMaxCpus];
    int count = 0;
    const bool can_go_on = (point.runnable >> fallback & 1) != 0;
    if (can_go_on) order[count++] = fallback;
    const bool preempts = point.kind != AccessKind::kBlock && point.kind != AccessKind::kEnd;
    if (!preempts || bounds_.max_preemptions < 0 || preemptions_ < bounds_.max_preemptions) {
      for (int i = 0; i < kMaxCpus; ++i) {
        if (i != fallback && (point.runnable >> i & 1) != 0) order[count++] = i;
      }
    }
    const int next = order[choose(count)];
    if (preempts && next != point.cpu) ++preemptions_;
    asked_version_ = machine.state_version();
    asked_for_ = next;
    return next;
  }

  int choose(int count) {
    if (count < 2) return 0;
    if (depth_ == path_.size()) path_.push_back({0, count});
    return path_[depth_++].chosen;
  }

  uint64_t key() const {
    uint64_t key = machine.state_hash();
    if (bounds_.max_preemptions >= 0) {
      key = (key ^ static_cast<uint64_t>(preemptions_) ^ machine.cpu() * 64) * 0x9E3779B97F4A7C15ull;
    }
    if (bounds_.max_stale >= 0) key = (key ^ static_cast<uint64_t>(stale_)) * 0x9FB21C651E98DF25ull;
    return key;
  }

  const Bounds bounds_;
  std::vector<Choice> path_;
  size_t depth_ = 0;
  absl::flat_hash_set<uint64_t> seen_;
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
  options.limits.op_steps = bounds.op_steps;
  options.limits.stale_loads = UINT16_MAX;
  std::vector<CpuBody> cpus;
  for (size_t i = 0; i < body.cpus.size(); ++i) {
    cpus.push_back({&body.cpus[i], static_cast<uint16_t>(i)});
  }
  Exploration result;
  Explorer explorer(bounds);
  do {
    if (result.executions + result.pruned >= bounds.max_executions) return result;
    explorer.begin();
    machine.set_uses_contexts(body.uses_contexts);
    machine.begin(options, &explorer);
    if (body.reset) body.reset();
    if (body.set_up) machine.run_alone(&call, const_cast<std::function<void()>*>(&body.set_up));
    if (!machine.verdict()) {
      for (size_t i = 0; i < cpus.size(); ++i) machine.start(static_cast<int>(i), &call_cpu, &cpus[i]);
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
