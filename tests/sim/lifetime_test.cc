// Slab caches, grace periods and deferred work.
#include "fixture.h"

namespace vmafuzz::sim {
namespace {

using namespace kernel;  // NOLINT: bodies read like kernel code

struct Thing {
  Shared<int> id;
  Shared<Thing*> next;
  template <class V>
  void visit(V&& v) {
    v("id", id);
    v("next", next);
  }
};

KmemCache<Thing> ordinary("thing", false);
KmemCache<Thing> stable("stable_thing", true);
struct Root {
  Shared<Thing*> thing;
  template <class V>
  void visit(V&& v) {
    v("thing", thing);
  }
};
Root* root;

class LifetimeTest : public MachineTest {
 protected:
  void reset() override {
    MachineTest::reset();
    ordinary.reset(false);
    stable.reset(true);
    root = new_global<Root>("root", "root");
    seen = 0;
  }
  Body publish(KmemCache<Thing>& cache) {
    return [&cache] {
      Thing* thing = cache.alloc_nofail();
      thing->id.set(1);
      rcu_assign_pointer(root->thing, thing);
    };
  }
  Body reader(bool lock) {
    return [this, lock] {
      if (lock) rcu_read_lock();
      if (Thing* thing = rcu_dereference(root->thing)) seen = READ_ONCE(thing->id);
      if (lock) rcu_read_unlock();
    };
  }
  int seen = 0;
};

void free_thing(void* thing) { ordinary.free(static_cast<Thing*>(thing)); }

TEST_F(LifetimeTest, TouchingFreedMemoryNamesTypeAndField) {
  Thing* kept = nullptr;
  EXPECT_FALSE(run({[&] {
                     kept = ordinary.alloc_nofail();
                     ordinary.free(kept);
                     (void)READ_ONCE(kept->id);
                   }},
                   {}));
  EXPECT_EQ(verdict(), "use-after-free");
  EXPECT_NE(machine.verdict().what.find("thing#1.id"), std::string::npos) << machine.verdict().what;
}

// Fields behind a null pointer, and before one that container_of() has made of null.
TEST_F(LifetimeTest, ANullPointerThatIsFollowedIsAVerdictAndNoCrash) {
  const auto field_at = [](intptr_t byte) {
    return reinterpret_cast<Shared<unsigned long>*>(static_cast<uintptr_t>(byte));
  };
  for (const intptr_t byte : {0, 8, 72, -24}) {
    Shared<unsigned long>* field = field_at(byte);
    const std::vector<Body> accesses = {
        [=] { (void)field->get(); },
        [=] { field->set(1); },
        [=] { (void)READ_ONCE(*field); },
        [=] { smp_store_release(*field, 1); },
        [=] { atomic_fetch_op(*field, Order::kFull, [](unsigned long x) { return x + 1; }); },
        [=] {
          unsigned long expected = 0;
          try_cmpxchg(*field, &expected, 1, Order::kAcquire);
        },
    };
    for (size_t i = 0; i < accesses.size(); ++i) {
      for (const bool concurrent : {false, true}) {
        const std::vector<Body> cpus = {accesses[i], [] {}};
        EXPECT_FALSE(concurrent ? run(cpus, {}) : run({}, {}, {}, accesses[i])) << byte << " " << i;
        EXPECT_EQ(verdict(), "null-dereference") << byte << " " << i;
      }
    }
  }
}

TEST_F(LifetimeTest, FreeingTwiceIsNoticed) {
  EXPECT_FALSE(run({[&] {
                     Thing* thing = ordinary.alloc_nofail();
                     ordinary.free(thing);
                     ordinary.free(thing);
                   }},
                   {}));
  EXPECT_EQ(verdict(), "double-free");
}

TEST_F(LifetimeTest, ReuseIsLastInFirstOut) {
  ASSERT_TRUE(run({[&] {
                    Thing* a = ordinary.alloc_nofail();
                    Thing* b = ordinary.alloc_nofail();
                    ordinary.free(a);
                    ordinary.free(b);
                    EXPECT_EQ(ordinary.alloc_nofail(), b);
                    EXPECT_EQ(ordinary.alloc_nofail(), a);
                  }},
                  {}));
}

TEST_F(LifetimeTest, TypeStableMemoryKeepsContentsAndHistory) {
  const auto outcomes = explore_all(
      {[&] {
         Thing* thing = root->thing.get();
         stable.free(thing);
         Thing* again = stable.alloc_nofail();
         EXPECT_EQ(again, thing);
         WRITE_ONCE(again->id, 2);
       },
       reader(true)},
      [&] { return std::to_string(seen); }, {}, publish(stable));
  EXPECT_EQ(outcomes, (std::set<std::string>{"1", "2"}));
}

TEST_F(LifetimeTest, ReaderIsSafeUntilItsGracePeriodEnds) {
  const auto remover = [&](bool wait) {
    return [&, wait] {
      Thing* thing = root->thing.get();
      WRITE_ONCE(root->thing, nullptr);
      if (wait) {
        call_rcu(&free_thing, thing);
      } else {
        ordinary.free(thing);
      }
    };
  };
  const auto report = [&] { return std::to_string(seen); };
  EXPECT_EQ(explore_all({remover(true), reader(true)}, report, {}, publish(ordinary)),
            (std::set<std::string>{"0", "1"}));
  EXPECT_TRUE(explore_all({remover(true), reader(false)}, report, {}, publish(ordinary))
                  .contains("use-after-free"));
  EXPECT_TRUE(explore_all({remover(false), reader(true)}, report, {}, publish(ordinary))
                  .contains("use-after-free"));
}

TEST_F(LifetimeTest, TheOtherFlavourDoesNotProtect) {
  const auto remover = [&] {
    Thing* thing = root->thing.get();
    WRITE_ONCE(root->thing, nullptr);
    call_rcu_tasks_trace(&free_thing, thing);
  };
  EXPECT_TRUE(
      explore_all(
          {remover, reader(true)}, [&] { return std::to_string(seen); }, {}, publish(ordinary))
          .contains("use-after-free"));
}

TEST_F(LifetimeTest, CallbackRunsAtOnceUnlessHeld) {
  std::string order;
  static std::string* log;
  log = &order;
  const auto body = [&] {
    call_rcu([](void*) { *log += "callback "; }, nullptr);
    for (int i = 0; i < 4; ++i) {
      WRITE_ONCE(g->x, i);
      *log += std::to_string(i) + " ";
    }
  };
  ASSERT_TRUE(run({body}, {}));
  EXPECT_EQ(order, "callback 0 1 2 3 ");
  order.clear();
  ASSERT_TRUE(run({body}, {{0, 2, DirectiveKind::kHold, 3}}));
  EXPECT_EQ(order, "0 1 callback 2 3 ");
  order.clear();
  ASSERT_TRUE(run({body}, {{0, 2, DirectiveKind::kHold, kHoldToEnd}}));
  EXPECT_EQ(order, "0 1 2 3 callback ");
}

// The context of callbacks finds more to do at the moment when it has nothing left: what was held
// back to the end by a callback itself.
TEST_F(LifetimeTest, CallbackHeldByACallbackRunsAtTheEnd) {
  std::string order;
  static std::string* log;
  log = &order;
  const auto body = [&] {
    call_rcu(
        [](void*) {
          *log += "outer ";
          call_rcu([](void*) { *log += "inner "; }, nullptr);
        },
        nullptr);
  };
  ASSERT_TRUE(run({body}, {{kFirstContextOp + 1, 1, DirectiveKind::kHold, kHoldToEnd}}));
  EXPECT_EQ(order, "outer inner ");
}

TEST_F(LifetimeTest, DeadlockNamesWhoWaitsForWhat) {
  const auto body = [&](spinlock_t Globals::* first, spinlock_t Globals::* second) {
    return [=, this] {
      spin_lock(g->*first);
      spin_lock(g->*second);
      spin_unlock(g->*second);
      spin_unlock(g->*first);
    };
  };
  const auto outcomes = explore_all(
      {body(&Globals::lock, &Globals::other_lock), body(&Globals::other_lock, &Globals::lock)},
      [] { return std::string("done"); });
  EXPECT_EQ(outcomes, (std::set<std::string>{"deadlock", "done"}));
}

TEST_F(LifetimeTest, DeadlockNamesLocksAndWhoHoldsThem) {
  const auto body = [&](spinlock_t Globals::* first, spinlock_t Globals::* second) {
    return [=, this] {
      spin_lock(g->*first);
      WRITE_ONCE(g->x, 1);
      spin_lock(g->*second);
    };
  };
  EXPECT_FALSE(
      run({body(&Globals::lock, &Globals::other_lock), body(&Globals::other_lock, &Globals::lock)},
          {{0, 3, DirectiveKind::kPreempt, 1}}));
  EXPECT_EQ(verdict(), "deadlock");
  EXPECT_EQ(machine.verdict().what,
            "cpu0 waits for g.other_lock, held by cpu1, "
            "cpu1 waits for g.lock, held by cpu0");
}

TEST_F(LifetimeTest, GracePeriodThatWaitsForAReaderWhichNeverLeavesIsRcuStall) {
  EXPECT_FALSE(run({[&] {
                      rcu_read_lock();
                      spin_lock(g->lock);
                      spin_unlock(g->lock);
                      rcu_read_unlock();
                    },
                    [&] {
                      spin_lock(g->lock);
                      synchronize_rcu();
                      spin_unlock(g->lock);
                    }},
                   {{0, 3, DirectiveKind::kPreempt, 1}}));
  EXPECT_EQ(verdict(), "rcu-stall");
}

TEST_F(LifetimeTest, EndlessLoopIsLivelock) {
  EXPECT_FALSE(run({[&] {
                     while (READ_ONCE(g->x) == 0) cpu_relax();
                   }},
                   {}));
  EXPECT_EQ(verdict(), "livelock");
  EXPECT_TRUE(run({[&] {
                     while (READ_ONCE(g->x) == 0) cpu_relax();
                   },
                   [&] { WRITE_ONCE(g->x, 1); }},
                  {}));
}

TEST_F(LifetimeTest, StaleReadersSeeTheEndEventually) {
  // Every load that may be stale is: still the loop ends, since memory becomes visible in the end.
  class Oldest : public ListDirector {
   public:
    Oldest() : ListDirector({}) {}
    bool picks_stores() const override { return true; }
    int pick_store(const Point&, int count) override { return count - 1; }
  } director;
  machine.begin({}, &director);
  reset();
  static Globals* globals;
  globals = g;
  machine.start(
      0,
      [](void*) {
        machine.begin_op(0);
        WRITE_ONCE(globals->x, 1);
        machine.end_op();
      },
      nullptr);
  machine.start(
      1,
      [](void*) {
        machine.begin_op(1);
        while (READ_ONCE(globals->x) == 0) cpu_relax();
        machine.end_op();
      },
      nullptr);
  EXPECT_TRUE(machine.run()) << machine.verdict().what;
}

}  // namespace
}  // namespace vmafuzz::sim
