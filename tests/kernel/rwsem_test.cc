// struct rw_semaphore: who may be inside with whom, that nobody sleeps forever, what is a verdict.
#include "kernel/rwsem.h"

#include <cerrno>

#include "explore_fixture.h"
#include "kernel/atomic.h"
#include "kernel/percpu_rwsem.h"
#include "kernel/rules.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: reads like the model

struct Globals {
  rw_semaphore sem{"mmap_lock"};
  rw_semaphore other{"other"};
  percpu_rw_semaphore percpu{"dup_mmap_sem"};
  Shared<int> x, y, flag;
  template <class V>
  void visit(V&& v) {
    v("sem", sem);
    v("other", other);
    v("percpu", percpu);
    v("x", x);
    v("y", y);
    v("flag", flag);
  }
};

class Rwsem : public Exhaustive {
 protected:
  void make() override { g = sim::new_global<Globals>("globals", "g"); }
  void check() override {
    if (g->sem.count.peek() != 0) sim::machine.fail("left-locked", "", Site::current());
  }

  std::function<void()> writer(int reg) {
    return [=, this] {
      down_write(g->sem);
      r[reg] = g->x.get();
      g->x.set(r[reg] + 1);
      up_write(g->sem);
    };
  }
  std::function<void()> reader(int reg) {
    return [=, this] {
      down_read(g->sem);
      r[reg] = g->x.get() * 2 + (g->y.get() != g->x.get());
      up_read(g->sem);
    };
  }

  Globals* g = nullptr;
};

// Plain accesses inside: a data-race verdict would show a missing exclusion as well as a missing
// order.
TEST_F(Rwsem, WritersExcludeEachOther) {
  EXPECT_EQ(outcomes({writer(0), writer(1)}), (Outcomes{"01", "10"}));
  EXPECT_EQ(outcomes({writer(0), writer(1), writer(2)}),
            (Outcomes{"012", "021", "102", "120", "201", "210"}));
}

TEST_F(Rwsem, WriterExcludesReaders) {
  const auto both = [&] {
    down_write(g->sem);
    g->x.set(g->x.get() + 1);
    g->y.set(g->y.get() + 1);
    up_write(g->sem);
  };
  EXPECT_EQ(outcomes({both, reader(0)}), (Outcomes{"0", "2"}));
  EXPECT_EQ(outcomes({both, both, reader(0)}), (Outcomes{"0", "2", "4"}));
  EXPECT_EQ(outcomes({both, reader(0), reader(1)}), (Outcomes{"00", "02", "20", "22"}));
}

// MP+lock: one CPU stores in its section, the next one in its own, a third looks without the lock.
TEST_F(Rwsem, HandedToAnotherCpuItOrdersStoresForAThird) {
  const auto first = [&] {
    down_write(g->sem);
    WRITE_ONCE(g->x, 1);
    up_write(g->sem);
  };
  const auto second = [&] {
    down_write(g->sem);
    r[0] = READ_ONCE(g->x);
    WRITE_ONCE(g->y, 1);
    up_write(g->sem);
  };
  const auto watches = [&] {
    r[1] = READ_ONCE(g->y);
    smp_rmb();
    r[2] = READ_ONCE(g->x);
  };
  EXPECT_FALSE(outcomes({first, second, watches}).contains("110"));
  rules.rwsem_handover = false;
  EXPECT_TRUE(outcomes({first, second, watches}).contains("110"));
  rules.rwsem_handover = true;
}

// As litmus test unlock-lock-ww has it for a spinlock; release and acquire alone would let the
// stores pass each other.
TEST_F(Rwsem, TakenAgainByTheSameCpuItOrdersStoresForOthers) {
  const auto twice = [&] {
    down_write(g->sem);
    WRITE_ONCE(g->x, 1);
    up_write(g->sem);
    down_write(g->sem);
    WRITE_ONCE(g->y, 1);
    up_write(g->sem);
  };
  const auto watches = [&] {
    r[0] = READ_ONCE(g->y);
    smp_rmb();
    r[1] = READ_ONCE(g->x);
  };
  EXPECT_FALSE(outcomes({twice, watches}).contains("10"));
  rules.rwsem_handover = false;
  EXPECT_TRUE(outcomes({twice, watches}).contains("10"));
  rules.rwsem_handover = true;
}

TEST_F(Rwsem, ReadersAreInsideTogether) {
  const auto meets = [&](int reg, Shared<int> Globals::* mine, Shared<int> Globals::* other) {
    return [=, this] {
      down_read(g->sem);
      WRITE_ONCE(g->*mine, 1);
      smp_mb();
      r[reg] = READ_ONCE(g->*other);
      up_read(g->sem);
    };
  };
  EXPECT_TRUE(outcomes({meets(0, &Globals::x, &Globals::y), meets(1, &Globals::y, &Globals::x)})
                  .contains("11"));
}

TEST_F(Rwsem, DowngradeKeepsWritersOutAndLetsReadersIn) {
  const auto downgrades = [&] {
    down_write(g->sem);
    g->x.set(g->x.get() + 1);
    downgrade_write(g->sem);
    r[0] = g->x.get();
    r[1] = READ_ONCE(g->flag);
    up_read(g->sem);
  };
  const auto other = [&] {
    down_write(g->sem);
    g->x.set(g->x.get() + 4);
    up_write(g->sem);
  };
  // x stays what it was at the downgrade: 1 or 5, and nothing races.
  EXPECT_EQ(outcomes({downgrades, other}), (Outcomes{"10", "50"}));
  const auto joins = [&] {
    down_read(g->sem);
    r[2] = g->x.get();
    WRITE_ONCE(g->flag, 1);
    up_read(g->sem);
  };
  // "111": the reader was in and out between downgrade and release.
  EXPECT_EQ(outcomes({downgrades, joins}), (Outcomes{"101", "110", "111"}));
}

TEST_F(Rwsem, DowngradeWakesReadersThatWait) {
  // The writer goes on only when the reader has got in, which may have been waiting before.
  const auto downgrades = [&] {
    down_write(g->sem);
    downgrade_write(g->sem);
    down_read(g->other);
    up_read(g->other);
    up_read(g->sem);
  };
  const auto joins = [&] {
    down_write(g->other);
    down_read(g->sem);
    up_write(g->other);
    up_read(g->sem);
  };
  EXPECT_EQ(outcomes({downgrades, joins}), (Outcomes{""}));
}

TEST_F(Rwsem, ReaderAgainInsideOfItsSectionDeadlocksBehindAWaitingWriter) {
  const auto nested = [&] {
    down_read(g->sem);
    down_read(g->sem);
    up_read(g->sem);
    up_read(g->sem);
  };
  EXPECT_EQ(outcomes({nested, writer(0)}), (Outcomes{"0", "deadlock"}));
  EXPECT_EQ(outcomes({nested, nested}), (Outcomes{""}));
}

TEST_F(Rwsem, WaitingForOneselfIsADeadlock) {
  const Outcomes deadlock{"deadlock"};
  EXPECT_EQ(outcomes({[&] {
              down_write(g->sem);
              down_write(g->sem);
            }}),
            deadlock);
  EXPECT_EQ(outcomes({[&] {
              down_write(g->sem);
              down_read(g->sem);
            }}),
            deadlock);
  EXPECT_EQ(outcomes({[&] {
              down_read(g->sem);
              down_write(g->sem);
            }}),
            deadlock);
  EXPECT_NE(what_.find("mmap_lock"), std::string::npos) << what_;
}

TEST_F(Rwsem, GivingUpWhatIsNotHeldIsAVerdict) {
  const Outcomes imbalance{"lock-imbalance"};
  EXPECT_EQ(outcomes({[&] { up_read(g->sem); }}), imbalance);
  EXPECT_EQ(outcomes({[&] { up_write(g->sem); }}), imbalance);
  EXPECT_EQ(outcomes({[&] {
              down_read(g->sem);
              up_write(g->sem);
            }}),
            imbalance);
  EXPECT_EQ(outcomes({[&] {
              down_read(g->sem);
              downgrade_write(g->sem);
            }}),
            imbalance);
  EXPECT_EQ(outcomes({[&] {
              down_write(g->sem);
              downgrade_write(g->sem);
              up_write(g->sem);
            }}),
            imbalance);
  EXPECT_EQ(outcomes({[&] {
              down_read(g->sem);
              rwsem_assert_held_write(g->sem);
            }}),
            imbalance);
  EXPECT_EQ(outcomes({[&] { rwsem_assert_held(g->sem); }}), imbalance);
  EXPECT_EQ(outcomes({[&] { down_read(g->sem); }}), (Outcomes{"left-locked"}));
}

TEST_F(Rwsem, TrylockTakesOnlyWhatIsFree) {
  const auto try_write = [&] {
    r[0] = down_write_trylock(g->sem);
    if (r[0] != 0) g->x.set(g->x.get() + 1), up_write(g->sem);
  };
  const auto try_read = [&](int reg) {
    return [=, this] {
      r[reg] = down_read_trylock(g->sem);
      if (r[reg] != 0) r[reg + 1] = g->x.get(), up_read(g->sem);
    };
  };
  EXPECT_EQ(outcomes({try_write, writer(1)}), (Outcomes{"00", "10", "11"}));
  EXPECT_EQ(outcomes({try_read(0), writer(2)}), (Outcomes{"00", "100", "110"}));
  EXPECT_EQ(outcomes({try_read(0), try_read(2)}), (Outcomes{"1010"}));
}

TEST_F(Rwsem, WaitersAreWokenHoweverManyThereAre) {
  // A lost wake-up would be a deadlock verdict.
  EXPECT_EQ(outcomes({writer(0), reader(1), writer(2), reader(3)}, {.max_preemptions = 3})
                .count("deadlock"),
            0u);
}

TEST_F(Rwsem, KilledTaskDoesNotGetIt) {
  class Killer : public sim::Director {
    uint16_t next_point(int, uint16_t, uint16_t after) override { return after + 1; }
    sim::Decision decide(const sim::Point& point) override {
      sim::Decision decision;
      decision.fail = point.kind == sim::AccessKind::kFallible;
      return decision;
    }
  } killer;
  sim::machine.begin({}, &killer);
  sim::arena.reset();
  make();
  std::function<void()> body = [&] {
    sim::machine.begin_op(1);
    EXPECT_EQ(down_write_killable(g->sem), -EINTR);
    EXPECT_EQ(down_read_killable(g->sem), -EINTR);
    EXPECT_FALSE(rwsem_is_locked(g->sem));
    down_write(g->sem);
    EXPECT_TRUE(rwsem_is_write_locked(g->sem));
    up_write(g->sem);
  };
  sim::machine.start(0, [](void* f) { (*static_cast<std::function<void()>*>(f))(); }, &body);
  EXPECT_TRUE(sim::machine.run());
}

TEST_F(Rwsem, PercpuRwsemExcludes) {
  const auto forks = [&] {
    percpu_down_read(g->percpu);
    r[0] = g->x.get();
    r[1] = g->x.get();
    percpu_up_read(g->percpu);
  };
  const auto registers = [&] {
    percpu_down_write(g->percpu);
    g->x.set(1);
    percpu_up_write(g->percpu);
  };
  EXPECT_EQ(outcomes({forks, registers}), (Outcomes{"00", "11"}));
}

}  // namespace
}  // namespace vmafuzz
