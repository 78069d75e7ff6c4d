// spinlock_t: one at a time, what it orders, nobody waits forever, what is a verdict.
#include "kernel/spinlock.h"

#include "explore_fixture.h"
#include "kernel/atomic.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: reads like the model

struct Globals {
  spinlock_t lock, other;
  Shared<int> x, y;
  template <class V>
  void visit(V&& v) {
    v("lock", lock);
    v("other", other);
    v("x", x);
    v("y", y);
  }
};

class Spinlock : public Exhaustive {
 protected:
  void make() override { g = sim::new_global<Globals>("globals", "g"); }
  void check() override {
    if (g->lock.held.peek() != 0) sim::machine.fail("left-locked", "", Site::current());
  }

  // Plain accesses inside: a data-race verdict would show a missing exclusion as well as a missing
  // order.
  std::function<void()> counter(int reg) {
    return [=, this] {
      spin_lock(g->lock);
      r[reg] = g->x.get();
      g->x.set(r[reg] + 1);
      spin_unlock(g->lock);
    };
  }

  Globals* g = nullptr;
};

TEST_F(Spinlock, OneAtATime) {
  EXPECT_EQ(outcomes({counter(0), counter(1)}), (Outcomes{"01", "10"}));
  EXPECT_EQ(outcomes({counter(0), counter(1), counter(2)}),
            (Outcomes{"012", "021", "102", "120", "201", "210"}));
}

TEST_F(Spinlock, OtherLocksExcludeNobody) {
  const auto other = [&] {
    spin_lock(g->other);
    g->x.set(g->x.get() + 1);
    spin_unlock(g->other);
  };
  EXPECT_TRUE(outcomes({counter(0), other}).contains("data-race"));
}

TEST_F(Spinlock, EveryWaiterIsWokenAndGetsIt) {
  // Twice each, so that a wake-up which is lost to a lock that was taken meanwhile would show.
  const auto twice = [&](int reg) {
    return [&, reg] {
      counter(reg)();
      counter(reg)();
    };
  };
  const Outcomes got = outcomes({twice(0), twice(1), twice(2)});
  EXPECT_FALSE(got.contains("deadlock"));
  EXPECT_FALSE(got.contains("livelock"));
  for (const std::string& numbers : got) EXPECT_EQ(numbers.size(), 3u) << numbers;
}

TEST_F(Spinlock, TrylockTakesOnlyWhatIsFree) {
  const auto holder = [&] {
    spin_lock(g->lock);
    g->x.set(1);
    g->x.set(2);
    spin_unlock(g->lock);
  };
  const auto trier = [&] {
    r[0] = spin_trylock(g->lock);
    if (r[0] == 0) return;
    r[1] = g->x.get();
    spin_unlock(g->lock);
  };
  // Never 1: the middle of the holder's section.
  EXPECT_EQ(outcomes({holder, trier}), (Outcomes{"0", "10", "12"}));
}

TEST_F(Spinlock, TakenInBothOrdersIsADeadlockThatNamesTheLocks) {
  const auto both = [&](spinlock_t Globals::* first, spinlock_t Globals::* second) {
    return [=, this] {
      spin_lock(g->*first);
      spin_lock(g->*second);
      spin_unlock(g->*second);
      spin_unlock(g->*first);
      r[0] = 1;
    };
  };
  EXPECT_EQ(
      outcomes({both(&Globals::lock, &Globals::other), both(&Globals::other, &Globals::lock)}),
      (Outcomes{"1", "deadlock"}));
  EXPECT_NE(what_.find("lock"), std::string::npos) << what_;
  EXPECT_NE(what_.find("other"), std::string::npos) << what_;
  EXPECT_EQ(
      outcomes({both(&Globals::lock, &Globals::other), both(&Globals::lock, &Globals::other)}),
      (Outcomes{"1"}));
}

TEST_F(Spinlock, MisuseIsAVerdict) {
  EXPECT_EQ(outcomes({[&] { spin_unlock(g->lock); }}), (Outcomes{"lock-imbalance"}));
  EXPECT_EQ(outcomes({[&] {
              spin_lock(g->lock);
              spin_lock(g->lock);
            }}),
            (Outcomes{"deadlock"}));
  // Another CPU's unlock.
  EXPECT_TRUE(outcomes({[&] {
                          spin_lock(g->lock);
                          spin_unlock(g->lock);
                        },
                        [&] {
                          if (spin_is_locked(g->lock)) spin_unlock(g->lock);
                        }})
                  .contains("lock-imbalance"));
}

}  // namespace
}  // namespace vmafuzz
