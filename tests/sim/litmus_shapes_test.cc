// The classic shapes, by enumeration: the exact set of outcomes of each.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "kernel/atomic.h"
#include "kernel/rcupdate.h"
#include "kernel/spinlock.h"
#include "sim/explore.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: the shapes read like litmus tests

struct Globals {
  Shared<int> x, y, z;
  Shared<Globals*> p;
  atomic_t a;
  spinlock_t lock;
  template <class V>
  void visit(V&& v) {
    v("x", x);
    v("y", y);
    v("z", z);
    v("p", p);
    v("a", a);
    v("lock", lock);
  }
};

class Shapes : public ::testing::Test {
 protected:
  using Outcomes = std::set<std::string>;

  // Runs every execution of the bodies; an outcome is what registers r[] hold at the end.
  Outcomes outcomes(std::vector<std::function<void()>> cpus, std::function<void()> set_up = {}) {
    sim::Body body;
    body.uses_contexts = false;
    body.assume_dependencies = assume_dependencies_;
    body.reset = [this] {
      sim::arena.reset();
      g = sim::new_global<Globals>("globals", "g");
      node = sim::new_global<Globals>("globals", "node");
      leaf = sim::new_global<Globals>("globals", "leaf");
      other = sim::new_global<Globals>("globals", "other");
      for (int& value : r) value = -1;
    };
    body.cpus = std::move(cpus);
    body.set_up = std::move(set_up);
    Outcomes result;
    const sim::Exploration exploration = sim::explore(body, {}, [&] {
      if (sim::machine.verdict()) {
        result.insert(sim::machine.verdict().name);
        return true;
      }
      std::string text;
      for (int value : r) {
        if (value >= 0) text += std::to_string(value);
      }
      result.insert(text);
      return true;
    });
    EXPECT_TRUE(exploration.complete);
    return result;
  }

  Globals* g = nullptr;
  Globals* node = nullptr;
  Globals* leaf = nullptr;
  Globals* other = nullptr;
  int r[8];
  bool assume_dependencies_ = true;
};

TEST_F(Shapes, MessagePassingNeedsBothHalves) {
  const auto writer_plain = [&] {
    WRITE_ONCE(g->x, 1);
    WRITE_ONCE(g->y, 1);
  };
  const auto writer_release = [&] {
    WRITE_ONCE(g->x, 1);
    smp_store_release(g->y, 1);
  };
  const auto writer_wmb = [&] {
    WRITE_ONCE(g->x, 1);
    smp_wmb();
    WRITE_ONCE(g->y, 1);
  };
  const auto reader_plain = [&] {
    r[0] = READ_ONCE(g->y);
    r[1] = READ_ONCE(g->x);
  };
  const auto reader_acquire = [&] {
    r[0] = smp_load_acquire(g->y);
    r[1] = READ_ONCE(g->x);
  };
  const auto reader_rmb = [&] {
    r[0] = READ_ONCE(g->y);
    smp_rmb();
    r[1] = READ_ONCE(g->x);
  };
  const Outcomes all{"00", "01", "10", "11"}, ordered{"00", "01", "11"};
  EXPECT_EQ(outcomes({writer_plain, reader_plain}), all);
  EXPECT_EQ(outcomes({writer_release, reader_plain}), all);
  EXPECT_EQ(outcomes({writer_plain, reader_acquire}), all);
  EXPECT_EQ(outcomes({writer_release, reader_acquire}), ordered);
  EXPECT_EQ(outcomes({writer_wmb, reader_acquire}), ordered);
  EXPECT_EQ(outcomes({writer_wmb, reader_rmb}), ordered);
  EXPECT_EQ(outcomes({writer_release, reader_rmb}), ordered);
}

TEST_F(Shapes, StoreBufferingNeedsFullBarriersOnBothSides) {
  const auto side = [&](Shared<int> Globals::* mine, Shared<int> Globals::* other, int reg,
                        bool mb) {
    return [=, this] {
      WRITE_ONCE(g->*mine, 1);
      if (mb) smp_mb();
      r[reg] = READ_ONCE(g->*other);
    };
  };
  const Outcomes all{"00", "01", "10", "11"}, ordered{"01", "10", "11"};
  EXPECT_EQ(outcomes({side(&Globals::x, &Globals::y, 0, false),
                      side(&Globals::y, &Globals::x, 1, false)}),
            all);
  EXPECT_EQ(
      outcomes({side(&Globals::x, &Globals::y, 0, true), side(&Globals::y, &Globals::x, 1, false)}),
      all);
  EXPECT_EQ(
      outcomes({side(&Globals::x, &Globals::y, 0, true), side(&Globals::y, &Globals::x, 1, true)}),
      ordered);
}

TEST_F(Shapes, LoadsOfOneLocationDoNotGoBack) {
  EXPECT_EQ(outcomes({[&] {
                        WRITE_ONCE(g->x, 1);
                        WRITE_ONCE(g->x, 2);
                      },
                      [&] {
                        r[0] = READ_ONCE(g->x);
                        r[1] = READ_ONCE(g->x);
                      }}),
            (Outcomes{"00", "01", "02", "11", "12", "22"}));
}

TEST_F(Shapes, WmbIsNotCumulativeButReleaseIs) {
  const auto first = [&] { WRITE_ONCE(g->x, 1); };
  const auto last = [&] {
    r[1] = smp_load_acquire(g->y);
    r[2] = READ_ONCE(g->x);
  };
  const auto by_wmb = outcomes({first,
                                [&] {
                                  r[0] = READ_ONCE(g->x);
                                  smp_wmb();
                                  WRITE_ONCE(g->y, 1);
                                },
                                last});
  const auto by_release = outcomes({first,
                                    [&] {
                                      r[0] = READ_ONCE(g->x);
                                      smp_store_release(g->y, 1);
                                    },
                                    last});
  EXPECT_TRUE(by_wmb.contains("110"));
  EXPECT_FALSE(by_release.contains("110"));
}

TEST_F(Shapes, ReadModifyWriteLosesNothing) {
  EXPECT_EQ(outcomes({[&] { atomic_inc(g->a); }, [&] { r[0] = atomic_add_return(1, g->a); }}),
            (Outcomes{"1", "2"}));
}

TEST_F(Shapes, LockExcludes) {
  const auto side = [&](int reg) {
    return [=, this] {
      spin_lock(g->lock);
      r[reg] = g->x.get();
      g->x.set(r[reg] + 1);
      spin_unlock(g->lock);
    };
  };
  EXPECT_EQ(outcomes({side(0), side(1)}), (Outcomes{"01", "10"}));
}

TEST_F(Shapes, GracePeriodWaitsForReader) {
  const auto reader = [&](bool lock) {
    return [=, this] {
      if (lock) rcu_read_lock();
      r[0] = READ_ONCE(g->x);
      r[1] = READ_ONCE(g->y);
      if (lock) rcu_read_unlock();
    };
  };
  const auto updater = [&] {
    WRITE_ONCE(g->x, 1);
    synchronize_rcu();
    WRITE_ONCE(g->y, 1);
  };
  EXPECT_FALSE(outcomes({reader(true), updater}).contains("01"));
  EXPECT_TRUE(outcomes({reader(false), updater}).contains("01"));
  EXPECT_FALSE(outcomes({reader(true), updater}).contains("10") == false);
}

TEST_F(Shapes, AddressDependencyOrdersTheDependentLoad) {
  const auto writer = [&] {
    WRITE_ONCE(g->x, 1);
    rcu_assign_pointer(g->p, g);
  };
  const auto reader = [&] {
    Globals* p = rcu_dereference(g->p);
    r[0] = p != nullptr;
    r[1] = p == nullptr ? 9 : READ_ONCE(p->x);
  };
  EXPECT_EQ(outcomes({writer, reader}), (Outcomes{"09", "11"}));
  EXPECT_TRUE(outcomes({[&] {
                          WRITE_ONCE(g->x, 1);
                          WRITE_ONCE(g->p, g);
                        },
                        reader})
                  .contains("10"));
}

// "addr" is in "ppo" from one load to the next: who has come by the released pointer sees what its
// writer did before, however many pointers further on, and whenever those were stored.
TEST_F(Shapes, AddressDependenciesGoOnThroughAChainOfPointers) {
  const auto follow = [&] {
    Globals* first = rcu_dereference(g->p);
    r[0] = first != nullptr;
    if (first == nullptr) return;
    Globals* second = rcu_dereference(first->p);
    r[1] = second == nullptr ? 9 : READ_ONCE(second->x);
  };
  const auto publish = [&] {
    WRITE_ONCE(leaf->x, 1);
    rcu_assign_pointer(g->p, node);
  };
  const auto link = [&] { node->p.set(leaf); };
  EXPECT_EQ(outcomes({publish, follow}, link), (Outcomes{"0", "11"}));
  const auto link_and_publish = [&] {
    WRITE_ONCE(leaf->x, 1);
    WRITE_ONCE(node->p, leaf);
    rcu_assign_pointer(g->p, node);
  };
  EXPECT_EQ(outcomes({link_and_publish, follow}), (Outcomes{"0", "11"}));
  // Two writers, each with something that the other's pointer does not tell of.
  const auto publish_leaf = [&] {
    WRITE_ONCE(leaf->y, 1);
    rcu_assign_pointer(node->p, leaf);
  };
  const auto follow_both = [&] {
    Globals* first = rcu_dereference(g->p);
    Globals* second = first == nullptr ? nullptr : rcu_dereference(first->p);
    if (second == nullptr) return;
    r[0] = READ_ONCE(second->x);
    r[1] = READ_ONCE(second->y);
  };
  EXPECT_EQ(outcomes({publish, publish_leaf, follow_both}), (Outcomes{"", "11"}));
  // A pointer that was come by in another way promises nothing.
  const auto pass_by = [&] {
    r[0] = READ_ONCE(g->p) != nullptr;
    r[1] = READ_ONCE(READ_ONCE(other->p)->x);
  };
  EXPECT_TRUE(outcomes({publish, pass_by}, [&] { other->p.set(leaf); }).contains("10"));
}

TEST_F(Shapes, PlainLoadRacesUnlessOrdered) {
  EXPECT_TRUE(
      outcomes({[&] { WRITE_ONCE(g->x, 1); }, [&] { r[0] = g->x.get(); }}).contains("data-race"));
  EXPECT_FALSE(
      outcomes({[&] { g->x.set(1); }, [&] { r[0] = READ_ONCE(g->x); }}).contains("data-race"));
  EXPECT_FALSE(outcomes({[&] {
                           g->x.set(1);
                           smp_store_release(g->y, 1);
                         },
                         [&] {
                           r[0] = smp_load_acquire(g->y);
                           r[1] = r[0] != 0 ? g->x.get() : 9;
                         }})
                   .contains("data-race"));
}

}  // namespace
}  // namespace vmafuzz
