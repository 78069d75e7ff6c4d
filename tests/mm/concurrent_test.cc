// Random programs on three CPUs and two address spaces under random schedules, stale loads and
// failing steps: no verdict, sound trees, nothing left over. For each kind of kernel that was
// correct.
#include <random>

#include "world.h"

namespace vmafuzz::kernel {
namespace {

// Switches, reads stale stores and lets steps fail now and then; all drawn from one seed.
class Drawn : public sim::Director {
 public:
  void seed(unsigned seed) { rng_.seed(seed); }
  uint16_t next_point(int, uint16_t, uint16_t after) override {
    return static_cast<uint16_t>(after + 1 + rng_() % 30);
  }
  sim::Decision decide(const sim::Point& point) override {
    sim::Decision decision;
    const unsigned others = point.runnable & ~(1u << point.cpu) & 0xfu;
    if (others != 0) decision.preempt = static_cast<int8_t>(pick(others));
    decision.fail = rng_() % 3 == 0;
    return decision;
  }
  bool picks_stores() const override { return true; }
  int pick_store(const sim::Point&, int count) override {
    return rng_() % 4 == 0 ? static_cast<int>(rng_() % static_cast<unsigned>(count)) : 0;
  }

 private:
  int pick(unsigned mask) {
    unsigned skip = rng_() % static_cast<unsigned>(__builtin_popcount(mask));
    while (skip-- > 0) mask &= mask - 1;
    return __builtin_ctz(mask);
  }
  std::mt19937 rng_;
};

class Concurrent : public World {
 protected:
  // One operation, drawn from `draw`. Everything that it may do to either mm.
  static void operate(mm_struct* mm, unsigned draw) {
    const unsigned long at = draw % 12;
    const unsigned long count = 1 + draw / 16 % 5;
    const unsigned long to = draw / 128 % 14;
    const unsigned long prots[] = {kRx, kR, kRw, kRx};
    const unsigned long prot = prots[draw / 2048 % 4];
    const int slot = static_cast<int>(draw / 8192 % 6) - 1;
    switch (draw / 65536 % 12) {
      case 0:
      case 1:
      case 2:
        sys_mmap_slot(mm, page(at), page(count), prot, MAP_PRIVATE | MAP_FIXED, slot, at);
        break;
      case 3:
      case 4:
        sys_munmap(mm, page(at), page(count));
        break;
      case 5:
        sys_mprotect(mm, page(at), page(count), prot);
        break;
      case 6:
        sys_mremap(mm, page(at), page(count), page(count), MREMAP_MAYMOVE | MREMAP_FIXED, page(to));
        break;
      case 7:
        sys_mremap(mm, page(at), page(count), page(1 + to % 4), MREMAP_MAYMOVE, 0);
        break;
      case 8:
        sys_brk(mm, page(kStartBrkPage + to % 4));
        break;
      case 9:
        sys_madvise(mm, page(at), page(count), draw % 2 != 0 ? MADV_DONTNEED : MADV_DONTFORK);
        break;
      case 10:
        if (slot >= 0) sys_close(slot);
        sys_grow_stack(mm, page(26 + to));
        break;
      default:
        sys_fault(mm, page(at), draw % 2 != 0);
    }
  }

  void execute(unsigned seed) {
    SCOPED_TRACE(seed);
    std::mt19937 rng(seed);
    std::vector<unsigned> draws(40);
    for (unsigned& draw : draws) draw = static_cast<unsigned>(rng());
    director_.seed(seed);
    sim::machine.begin({}, &director_);
    reset_world();
    const std::function<void()> set_up = [&] {
      sys_setup_stack(mm0);
      for (int i = 0; i < 6; ++i) operate(i % 2 == 0 ? mm0 : mm1, draws[i]);
    };
    ASSERT_TRUE(go(set_up));
    std::function<void()> cpus[3];
    for (unsigned c = 0; c < 3; ++c) {
      cpus[c] = [this, c, &draws] {
        for (unsigned i = 0; i < 5; ++i) {
          const unsigned draw = draws[6 + c * 5 + i];
          sim::machine.begin_op(static_cast<uint16_t>(c * 5 + i + 1));
          operate((draw >> 28) % 4 != 0 ? mm0 : mm1, draw);
          sim::machine.end_op();
        }
      };
      sim::machine.start(static_cast<int>(c), &Concurrent::call, &cpus[c]);
    }
    const bool fine = sim::machine.run();
    const sim::Verdict& verdict = sim::machine.verdict();
    ASSERT_TRUE(fine) << verdict.name << ": " << verdict.what << " at " << verdict.site.file_name()
                      << ":" << verdict.site.line();
    steps_ += sim::machine.steps();
    ASSERT_EQ(validate_mm(mm0), "");
    ASSERT_EQ(validate_mm(mm1), "");
    ASSERT_EQ(tear_down_leaks(), "");
  }
  void execute_many(unsigned count) {
    for (unsigned seed = 1; seed <= count && !HasFailure(); ++seed) execute(seed);
    EXPECT_GT(steps_, uint64_t{count} * 100);
  }

 private:
  static void call(void* function) { (*static_cast<std::function<void()>*>(function))(); }
  static bool go(const std::function<void()>& body) {
    return sim::machine.run_alone(&call, const_cast<std::function<void()>*>(&body));
  }
  Drawn director_;
  uint64_t steps_ = 0;
};

TEST_F(Concurrent, TypeStableVmasWithReferenceCounts) { execute_many(3000); }

TEST_F(Concurrent, VmasFreedAfterRcuWithSemaphores) {
  rules.vma_lock = vma_lock_kind::rwsem;
  rules.vma_free = free_kind::after_rcu;
  execute_many(100);
}

TEST_F(Concurrent, CounterAtUnlockOnly) {
  rules.vma_lock = vma_lock_kind::rwsem;
  rules.vma_free = free_kind::after_rcu;
  rules.counter = counter_kind::at_unlock;
  rules.end_order = write_end_order::store_release;
  execute_many(2000);
}

TEST_F(Concurrent, NoPerVmaLocks) {
  rules.vma_lock = vma_lock_kind::none;
  rules.vma_free = free_kind::immediate;
  rules.counter = counter_kind::none;
  execute_many(2000);
}

}  // namespace
}  // namespace vmafuzz::kernel
