// A machine with a few globals, for tests of lib/sim.
#ifndef VMAFUZZ_TESTS_SIM_FIXTURE_H_
#define VMAFUZZ_TESTS_SIM_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "kernel/atomic.h"
#include "kernel/rcupdate.h"
#include "kernel/spinlock.h"
#include "sim/explore.h"
#include "sim/trace.h"

namespace vmafuzz::sim {

struct Globals {
  Shared<int> x, y, z;
  Shared<Globals*> p;
  kernel::atomic_t a;
  kernel::spinlock_t lock, other_lock;
  template <class V>
  void visit(V&& v) {
    v("x", x);
    v("y", y);
    v("z", z);
    v("p", p);
    v("a", a);
    v("lock", lock);
    v("other_lock", other_lock);
  }
};

// Directives given as a list; nothing else.
class ListDirector : public Director {
 public:
  explicit ListDirector(std::vector<Directive> list) : list_(std::move(list)) {}
  uint16_t next_point(int, uint16_t op, uint16_t after) override {
    uint16_t next = 0xffff;
    for (const Directive& d : list_) {
      if (d.op == op && d.access > after && d.access < next) next = d.access;
    }
    return next;
  }
  Decision decide(const Point& point) override {
    Decision decision;
    for (const Directive& d : list_) {
      if (d.op != point.op || d.access != point.access) continue;
      if (d.kind == DirectiveKind::kPreempt) decision.preempt = static_cast<int8_t>(d.arg);
      if (d.kind == DirectiveKind::kStale) decision.stale = d.arg;
      if (d.kind == DirectiveKind::kTear) decision.tear = true;
      if (d.kind == DirectiveKind::kReload) decision.reload = true;
      if (d.kind == DirectiveKind::kFail) decision.fail = true;
      if (d.kind == DirectiveKind::kHold) decision.hold = d.arg;
      if (d.kind == DirectiveKind::kExpire) decision.expire = true;
    }
    return decision;
  }

 private:
  std::vector<Directive> list_;
};

class MachineTest : public ::testing::Test {
 protected:
  using Body = std::function<void()>;

  // One execution with these directives; each body is one operation, numbered by its CPU.
  bool run(std::vector<Body> bodies, std::vector<Directive> directives, Options options = {},
           Body set_up = {}) {
    ListDirector director(std::move(directives));
    options.record = true;
    machine.begin(options, &director);
    reset();
    if (set_up && !machine.run_alone(&call, &set_up)) return false;
    std::vector<std::pair<Body*, uint16_t>> args;
    args.reserve(bodies.size());
    for (size_t i = 0; i < bodies.size(); ++i)
      args.emplace_back(&bodies[i], static_cast<uint16_t>(i));
    for (size_t i = 0; i < bodies.size(); ++i)
      machine.start(static_cast<int>(i), &call_op, &args[i]);
    const bool ok = machine.run();
    return ok;
  }

  // Every execution; what report() says at the end of each, or the verdict.
  std::set<std::string> explore_all(std::vector<Body> bodies, std::function<std::string()> report,
                                    Bounds bounds = {}, Body set_up = {}) {
    sim::Body body;
    body.reset = [this] { reset(); };
    body.set_up = std::move(set_up);
    body.cpus = std::move(bodies);
    std::set<std::string> outcomes;
    const Exploration exploration = explore(body, bounds, [&] {
      outcomes.insert(machine.verdict() ? machine.verdict().name : report());
      return true;
    });
    EXPECT_TRUE(exploration.complete);
    return outcomes;
  }

  std::string verdict() const { return machine.verdict() ? machine.verdict().name : ""; }

  virtual void reset() {
    arena.reset();
    g = new_global<Globals>("globals", "g");
  }

  Globals* g = nullptr;

 private:
  static void call(void* arg) { (*static_cast<Body*>(arg))(); }
  static void call_op(void* arg) {
    const auto* pair = static_cast<std::pair<Body*, uint16_t>*>(arg);
    machine.begin_op(pair->second);
    (*pair->first)();
    machine.end_op();
  }
};

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_TESTS_SIM_FIXTURE_H_
