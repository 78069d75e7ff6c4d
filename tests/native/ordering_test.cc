// What lib/native tells ThreadSanitizer of each primitive: with it two plain accesses are ordered,
// without it they are reported. On fibres CPU 0 is through before CPU 1 begins, so that values are
// never in doubt and order alone decides.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "kernel/atomic.h"
#include "kernel/barrier.h"
#include "kernel/rcupdate.h"
#include "kernel/spinlock.h"
#include "native/machine.h"
#include "native/shared.h"
#include "native/slab.h"

namespace vmafuzz::native {
namespace {

using namespace kernel;  // NOLINT: the primitives under test, by their names

struct Words {
  Shared<int> data, flag, other;
  Shared<Words*> pointer;
  atomic_t counter;
  spinlock_t lock;
  template <class V>
  void visit(V&& v) {
    v("data", data);
    v("flag", flag);
    v("other", other);
    v("pointer", pointer);
    v("counter", counter);
    v("lock", lock);
  }
};

using Body = void (*)(Words&);

class OrderingTest : public ::testing::Test {
 protected:
  // The verdict of one execution, "" for none. Bodies run on CPUs 0, 1 and 2, one after the other.
  std::string run(Body first, Body second, Body third = nullptr) {
    const Body bodies[] = {first, second, third};
    Work work[3];
    machine.use(Executor::kFibres);
    machine.begin({}, nullptr);
    sim::arena.reset();
    cache_.reset(/*type_stable=*/false);
    stable_cache_.reset(/*type_stable=*/true);
    words_ = new_global<Words>("words", "words");
    for (int cpu = 0; cpu < 3; ++cpu) {
      if (bodies[cpu] == nullptr) continue;
      work[cpu] = {bodies[cpu], words_, static_cast<uint16_t>(cpu)};
      machine.start(cpu, &call, &work[cpu]);
    }
    machine.run();
    what_ = machine.verdict().what;
    return machine.verdict() ? machine.verdict().name : "";
  }

  static KmemCache<Words> cache_, stable_cache_;
  Words* words_ = nullptr;
  std::string what_;

 private:
  struct Work {
    Body body = nullptr;
    Words* words = nullptr;
    uint16_t op = 0;
  };
  static void call(void* arg) {
    const Work& work = *static_cast<Work*>(arg);
    machine.begin_op(work.op);
    work.body(*work.words);
    machine.end_op();
  }
};

KmemCache<Words> OrderingTest::cache_("words", false);
KmemCache<Words> OrderingTest::stable_cache_("stable_words", true);

TEST_F(OrderingTest, NothingOrdersTwoCpus) {
  EXPECT_EQ(run([](Words& w) { w.data.set(1); }, [](Words& w) { w.data.get(); }), "data-race");
  EXPECT_TRUE(absl::StartsWith(what_, "plain load of words.data by cpu1")) << what_;
  EXPECT_TRUE(absl::StrContains(what_, " and store to words.data by cpu0")) << what_;
}

// KCSAN_ASSUME_PLAIN_WRITES_ATOMIC and KCSAN_REPORT_VALUE_CHANGE_ONLY; data_race() is never told.
TEST_F(OrderingTest, WhatKcsanAllowsIsNoRace) {
  EXPECT_EQ(run([](Words& w) { w.data.set(1); }, [](Words& w) { READ_ONCE(w.data); }), "");
  EXPECT_EQ(run([](Words& w) { w.data.set(1); }, [](Words& w) { WRITE_ONCE(w.data, 2); }), "");
  EXPECT_EQ(run([](Words& w) { w.data.get(); }, [](Words& w) { w.data.set(0); }), "");
  EXPECT_EQ(run([](Words& w) { w.data.get(); }, [](Words& w) { w.data.set(1); }), "data-race");
  EXPECT_EQ(run([](Words& w) { w.data.set(1); }, [](Words& w) { data_race(w.data); }), "");
  EXPECT_EQ(run([](Words& w) { data_race(w.data); }, [](Words& w) { w.data.set(1); }), "");
}

TEST_F(OrderingTest, ReleaseAndAcquireOrder) {
  const Body release = [](Words& w) {
    w.data.set(1);
    smp_store_release(w.flag, 1);
  };
  const Body relaxed = [](Words& w) {
    w.data.set(1);
    WRITE_ONCE(w.flag, 1);
  };
  const Body acquire = [](Words& w) {
    smp_load_acquire(w.flag);
    w.data.get();
  };
  const Body once = [](Words& w) {
    READ_ONCE(w.flag);
    w.data.get();
  };
  EXPECT_EQ(run(release, acquire), "");
  EXPECT_EQ(run(release, once), "data-race");
  EXPECT_EQ(run(relaxed, acquire), "data-race");
}

TEST_F(OrderingTest, FencesOrderInPairs) {
  const Body wmb = [](Words& w) {
    w.data.set(1);
    smp_wmb();
    WRITE_ONCE(w.flag, 1);
  };
  const Body late_wmb = [](Words& w) {
    w.data.set(1);
    WRITE_ONCE(w.flag, 1);
    smp_wmb();
  };
  const Body rmb = [](Words& w) {
    READ_ONCE(w.flag);
    smp_rmb();
    w.data.get();
  };
  const Body early_rmb = [](Words& w) {
    smp_rmb();
    READ_ONCE(w.flag);
    w.data.get();
  };
  const Body mb = [](Words& w) {
    READ_ONCE(w.flag);
    smp_mb();
    w.data.get();
  };
  const Body acquire = [](Words& w) {
    smp_load_acquire(w.flag);
    w.data.get();
  };
  EXPECT_EQ(run(wmb, rmb), "");
  EXPECT_EQ(run(wmb, mb), "");
  EXPECT_EQ(run(wmb, acquire), "");
  EXPECT_EQ(run(late_wmb, rmb), "data-race");
  EXPECT_EQ(run(wmb, early_rmb), "data-race");
}

// A fence orders what was before it with every store after it, not with the first one only, and
// does not stand for what comes after it.
TEST_F(OrderingTest, AFenceLastsButDoesNotGrow) {
  const Body first = [](Words& w) {
    w.data.set(1);
    smp_wmb();
    WRITE_ONCE(w.flag, 1);
    w.other.set(1);
    WRITE_ONCE(w.counter.counter, 1);
  };
  EXPECT_EQ(run(first,
                [](Words& w) {
                  READ_ONCE(w.counter.counter);
                  smp_rmb();
                  w.data.get();
                }),
            "");
  EXPECT_EQ(run(first,
                [](Words& w) {
                  READ_ONCE(w.counter.counter);
                  smp_rmb();
                  w.other.get();
                }),
            "data-race");
}

// Who reads a store without order learns nothing of the store that it replaced; but a
// read-modify-write passes on what it has read.
TEST_F(OrderingTest, AStoreReplacesTheOrderOfTheOneBefore) {
  const Body publish = [](Words& w) {
    w.data.set(1);
    smp_wmb();
    WRITE_ONCE(w.counter.counter, 1);
  };
  const Body acquire = [](Words& w) {
    smp_load_acquire(w.counter.counter);
    w.data.get();
  };
  EXPECT_EQ(run(publish, [](Words& w) { WRITE_ONCE(w.counter.counter, 2); }, acquire), "data-race");
  EXPECT_EQ(run(publish, [](Words& w) { atomic_inc(w.counter); }, acquire), "");
}

TEST_F(OrderingTest, PointersOrderWhatIsReachedThroughThem) {
  const Body assign = [](Words& w) {
    Words* object = cache_.alloc_nofail();
    object->data.set(1);
    rcu_assign_pointer(w.pointer, object);
  };
  const Body write_once = [](Words& w) {
    Words* object = cache_.alloc_nofail();
    object->data.set(1);
    WRITE_ONCE(w.pointer, object);
  };
  const Body dereference = [](Words& w) { rcu_dereference(w.pointer)->data.get(); };
  EXPECT_EQ(run(assign, dereference), "");
  EXPECT_EQ(run(write_once, dereference), "data-race");
}

TEST_F(OrderingTest, LocksOrder) {
  const Body locked = [](Words& w) {
    spin_lock(w.lock);
    w.data.set(w.data.get() + 1);
    spin_unlock(w.lock);
  };
  const Body not_locked = [](Words& w) { w.data.set(w.data.get() + 1); };
  EXPECT_EQ(run(locked, locked, locked), "");
  EXPECT_EQ(run(locked, not_locked), "data-race");
  EXPECT_EQ(run(not_locked, locked), "data-race");
}

TEST_F(OrderingTest, FullReadModifyWritesOrderAndVoidOnesDoNot) {
  const Body full = [](Words& w) {
    w.data.set(1);
    atomic_add_return(1, w.counter);
  };
  const Body then_read = [](Words& w) {
    atomic_add_return(1, w.counter);
    w.data.get();
  };
  const Body weak = [](Words& w) {
    w.data.set(1);
    atomic_inc(w.counter);
  };
  const Body weak_then_read = [](Words& w) {
    atomic_inc(w.counter);
    w.data.get();
  };
  EXPECT_EQ(run(full, then_read), "");
  EXPECT_EQ(run(weak, then_read), "data-race");
  EXPECT_EQ(run(full, weak_then_read), "data-race");
  // A failed one orders nothing.
  EXPECT_EQ(run(full,
                [](Words& w) {
                  cmpxchg(w.counter.counter, 77, 78);
                  w.data.get();
                }),
            "data-race");
}

TEST_F(OrderingTest, GracePeriodsComeAfterReaders) {
  const Body reader = [](Words& w) {
    rcu_read_lock();
    w.data.get();
    rcu_read_unlock();
  };
  EXPECT_EQ(run(reader,
                [](Words& w) {
                  synchronize_rcu();
                  w.data.set(1);
                }),
            "");
  EXPECT_EQ(run(reader, [](Words& w) { w.data.set(1); }), "data-race");
  EXPECT_EQ(run(reader,
                [](Words& w) {
                  synchronize_rcu_tasks_trace();  // of another flavour
                  w.data.set(1);
                }),
            "data-race");
  EXPECT_EQ(run(reader,
                [](Words& w) {
                  call_rcu([](void* words) { static_cast<Words*>(words)->data.set(1); }, &w);
                }),
            "");
}

TEST_F(OrderingTest, ReadersComeAfterGracePeriodsThatHaveBegun) {
  const Body reader = [](Words& w) {
    rcu_read_lock();
    w.data.get();
    rcu_read_unlock();
  };
  EXPECT_EQ(run(
                [](Words& w) {
                  w.data.set(1);
                  synchronize_rcu();
                },
                reader),
            "");
  EXPECT_EQ(run(
                [](Words& w) {
                  synchronize_rcu();
                  w.data.set(1);
                },
                reader),
            "data-race");
}

TEST_F(OrderingTest, WorkComesAfterWhatQueuedIt) {
  const Body queue = [](Words& w) {
    w.data.set(1);
    schedule_work([](void* words) { static_cast<Words*>(words)->data.get(); }, &w);
  };
  EXPECT_EQ(run(queue, [](Words& w) { READ_ONCE(w.data); }), "");
  // Not with others: the work item's read and this store meet unordered.
  EXPECT_EQ(run(queue, [](Words& w) { w.data.set(2); }), "data-race");
}

// Freeing writes all of an object, so that an access which is not before it is found although it
// came in time; and touching freed memory is found by its poison.
TEST_F(OrderingTest, FreeingComesAfterEveryAccess) {
  const Body publish_and_read = [](Words& w) {
    Words* object = cache_.alloc_nofail();
    rcu_assign_pointer(w.pointer, object);
    object->data.get();
  };
  const Body free_at_once = [](Words& w) { cache_.free(rcu_dereference(w.pointer)); };
  EXPECT_EQ(run(publish_and_read, free_at_once), "data-race");
  EXPECT_NE(what_.find("all of words#"), std::string::npos) << what_;
  EXPECT_EQ(run(
                [](Words& w) {
                  Words* object = cache_.alloc_nofail();
                  rcu_assign_pointer(w.pointer, object);
                  cache_.free(object);
                },
                [](Words& w) { READ_ONCE(rcu_dereference(w.pointer)->data); }),
            "use-after-free");
}

// Memory of an ordinary cache that is handed out again is new: its old accesses are before it, its
// old values gone, its poison taken off.
TEST_F(OrderingTest, ReuseOfOrdinaryMemoryIsOrderedAndClean) {
  const Body user = [](Words& w) {
    Words* object = cache_.alloc_nofail();
    if (object->data.get() != 0) machine.fail("old-value", "reused memory has an old value");
    object->data.set(1);
    w.pointer.set(object);
    cache_.free(object);
  };
  EXPECT_EQ(run([](Words& w) { w.other.set(0); }, [](Words&) {}), "");
  const Body alone = [](Words&) {
    Words* first = cache_.alloc_nofail();
    first->data.set(1);
    cache_.free(first);
    Words* second = cache_.alloc_nofail();
    if (second != first) machine.fail("not-reused", "caches are last in, first out");
    if (second->data.get() != 0) machine.fail("old-value", "reused memory has an old value");
  };
  EXPECT_EQ(run(alone, alone), "") << what_;
  EXPECT_EQ(run(user, [](Words&) {}), "") << what_;
}

// Type-stable memory is handed out as it is: usable by whoever still has a pointer, values and all,
// and its new owner's plain accesses race with the old ones.
TEST_F(OrderingTest, ReuseOfTypeStableMemoryOrdersNothing) {
  const Body old_owner = [](Words& w) {
    Words* object = stable_cache_.alloc_nofail();
    WRITE_ONCE(object->data, 5);
    rcu_assign_pointer(w.pointer, object);
    object->other.get();
    stable_cache_.free(object);
  };
  EXPECT_EQ(run(old_owner,
                [](Words&) {
                  Words* object = stable_cache_.alloc_nofail();
                  if (READ_ONCE(object->data) != 5) machine.fail("lost-value", "it was cleared");
                }),
            "")
      << what_;
  EXPECT_EQ(run(old_owner,
                [](Words& w) {
                  stable_cache_.alloc_nofail();
                  READ_ONCE(rcu_dereference(w.pointer)->data);  // not poisoned
                }),
            "")
      << what_;
  EXPECT_EQ(run(old_owner, [](Words&) { stable_cache_.alloc_nofail()->other.set(1); }),
            "data-race");
}

// One OS thread: no load is stale, whatever a directive says. Both CPUs of a store buffer that run
// in turn see each other.
TEST_F(OrderingTest, ValuesOnFibresAreTheNewest) {
  EXPECT_EQ(run([](Words& w) { WRITE_ONCE(w.data, 1); },
                [](Words& w) {
                  if (READ_ONCE(w.data) != 1) machine.fail("stale", "an old value was read");
                }),
            "");
}

// What executions before it did makes no difference to the next: neither their order nor accesses.
TEST_F(OrderingTest, NothingIsLeftOfTheExecutionBefore) {
  const Body store = [](Words& w) { w.data.set(1); };
  const Body load = [](Words& w) { w.data.get(); };
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(run(store, [](Words&) {}), "") << i;
    ASSERT_EQ(run(load, [](Words&) {}), "") << i;
    ASSERT_EQ(run([](Words&) {}, store), "") << i;
    ASSERT_EQ(run(store, load), "data-race") << i;
  }
}

// ThreadSanitizer counts 2^14 releases of a fibre. What the fibre does after the last of them would
// count as done before it: that must not be in the middle of an execution (clocks.h).
TEST_F(OrderingTest, NoRaceIsMissedAtTheEndOfAClock) {
  const Body publish_early = [](Words& w) {
    smp_store_release(w.flag, 1);
    w.data.set(1);
  };
  const Body acquire = [](Words& w) {
    smp_load_acquire(w.flag);
    w.data.get();
  };
  for (int i = 0; i < 50000; ++i) ASSERT_EQ(run(publish_early, acquire), "data-race") << i;
}

}  // namespace
}  // namespace vmafuzz::native
