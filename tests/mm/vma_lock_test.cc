// The per-VMA lock, in both generations, by enumeration.
#include "world.h"

namespace vmafuzz::kernel {
namespace {

struct Generation {
  const char* name;
  vma_lock_kind lock;
  free_kind vma_free;
};

class VmaLock : public World, public ::testing::WithParamInterface<Generation> {
 protected:
  VmaLock() {
    rules.vma_lock = GetParam().lock;
    rules.vma_free = GetParam().vma_free;
  }
  // What happened in all executions, by name; verdicts are among them.
  using Outcomes = std::map<std::string, int>;
  Outcomes explore(const std::function<void()>& set_up, std::vector<std::function<void()>> cpus,
                   int preemptions = -1, int stale = -1) {
    sim::Body body;
    body.reset = [&] {
      reset_world();
      outcome_ = "";
    };
    body.set_up = set_up;
    body.cpus = std::move(cpus);
    sim::Bounds bounds;
    bounds.max_preemptions = preemptions;
    bounds.max_stale = stale;
    bounds.op_steps = 2000;
    Outcomes outcomes;
    const sim::Exploration done = sim::explore(body, bounds, [&] {
      const sim::Verdict& verdict = sim::machine.verdict();
      ++outcomes[verdict ? std::string(verdict.name) + ": " + verdict.what : outcome_];
      if (!verdict && mm0->mm_mt.ma_root.peek() != nullptr) EXPECT_EQ(validate_mm(mm0), "");
      return true;
    });
    EXPECT_TRUE(done.complete);
    return outcomes;
  }
  static bool has_verdict(const Outcomes& outcomes, const std::string& name) {
    for (const auto& [outcome, count] : outcomes) {
      if (outcome.substr(0, name.size() + 1) == name + ":") return true;
    }
    return false;
  }
  // A read section that looks at the VMA as plainly as page faults do.
  void read_section(mm_struct* mm, unsigned long address) {
    vm_area_struct* vma = lock_vma_under_rcu(mm, address);
    if (vma == nullptr) {
      outcome_ += "locked ";
      return;
    }
    const vm_flags_t before = vma->vm_flags.get();
    const bool mine = vma->vm_mm.get() == mm && vma->vm_start.get() <= address;
    const bool stable = vma->vm_flags.get() == before && vma->vm_end.get() > address;
    vma_end_read(vma);
    outcome_ += !mine ? "foreign " : !stable ? "unstable " : "read ";
  }

  std::string outcome_;
};

TEST_P(VmaLock, ReaderAndWriterExcludeEachOther) {
  const auto outcomes = explore([&] { map_anon(0, 2); },
                                {[&] { read_section(mm0, page(1)); },
                                 [&] {
                                   mmap_write_lock(mm0);
                                   vm_area_struct* vma = vma_lookup(mm0, page(1));
                                   vma_start_write(vma);
                                   vma->vm_flags.set(VM_READ);
                                   vma->vm_flags.set(VM_WRITE);
                                   mmap_write_unlock(mm0);
                                 }},
                                4, 2);
  EXPECT_TRUE(outcomes.contains("read "));
  EXPECT_TRUE(outcomes.contains("locked "));
  EXPECT_EQ(outcomes.size(), 2u) << outcomes.begin()->first << outcomes.rbegin()->first;
}

TEST_P(VmaLock, WithoutItAWriterRacesWithReaders) {
  const auto outcomes = explore([&] { map_anon(0, 2); },
                                {[&] { read_section(mm0, page(1)); },
                                 [&] {
                                   mmap_write_lock(mm0);
                                   vma_lookup(mm0, page(1))->vm_flags.set(VM_WRITE);
                                   mmap_write_unlock(mm0);
                                 }},
                                2, 1);
  EXPECT_TRUE(has_verdict(outcomes, "data-race"));
}

TEST_P(VmaLock, ReaderNeverGetsAVmaThatAnotherMmUsesNow) {
  const auto outcomes = explore([&] { map_anon(0, 1); },
                                {[&] { read_section(mm0, page(0)); },
                                 [&] {
                                   unmap(0, 1);
                                   // Takes over the memory of the VMA, if that is free already.
                                   sys_mmap(mm1, 0, page(1), kRw,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, nullptr, 0);
                                 }},
                                2, 1);
  EXPECT_TRUE(outcomes.contains("read "));
  EXPECT_TRUE(outcomes.contains("locked "));
  EXPECT_EQ(outcomes.size(), 2u) << outcomes.begin()->first << outcomes.rbegin()->first;
}

// vma_start_write() takes a mark that is exactly one round of the counter old for its own, and does
// not wait for the reader that got in meanwhile. With the kernel's 32 bits that takes 2^31 write
// sections in which the VMA is not locked.
TEST_P(VmaLock, CounterThatWrapsLetsAWriterPastAReader) {
  const auto run = [&] {
    return explore(
        [&] {
          map_anon(0, 1);  // write-locked in section 1
          mmap_write_lock(mm0);
          mmap_write_unlock(mm0);
        },
        {[&] { read_section(mm0, page(0)); },
         [&] {
           mmap_write_lock(mm0);
           vm_area_struct* vma = vma_lookup(mm0, page(0));
           vma_start_write(vma);
           vma->vm_flags.set(VM_WRITE);
           mmap_write_unlock(mm0);
         }},
        2, 1);
  };
  EXPECT_FALSE(has_verdict(run(), "data-race"));
  rules.counter_bits = 2;
  EXPECT_TRUE(has_verdict(run(), "data-race"));
}

TEST_P(VmaLock, TwoReadersShareIt) {
  const auto outcomes =
      explore([&] { map_anon(0, 1); },
              {[&] { read_section(mm0, page(0)); }, [&] { read_section(mm0, page(0)); }}, 2, 1);
  EXPECT_EQ(outcomes.size(), 1u);
  EXPECT_TRUE(outcomes.contains("read read "));
}

TEST_P(VmaLock, FaultDuringMunmapLeavesNoPageBehind) {
  const auto outcomes = explore(
      [&] { map_anon(0, 1); },
      {[&] { outcome_ += sys_fault(mm0, 0, true) == 0 ? "filled" : "no"; }, [&] { unmap(0, 1); }},
      2, 1);
  for (const auto& [outcome, count] : outcomes) {
    EXPECT_TRUE(outcome == "filled" || outcome == "no") << outcome;
  }
  EXPECT_EQ(outcomes.size(), 2u);
}

TEST_P(VmaLock, MergeWaitsForReadersOfTheVmaThatGoes) {
  const auto outcomes = explore(
      [&] {
        map_anon(0, 1);
        map_anon(1, 1, kR);
      },
      {[&] { read_section(mm0, page(1)); }, [&] { protect(1, 1, kRw); }}, 2, 1);
  EXPECT_TRUE(outcomes.contains("read "));
  EXPECT_TRUE(outcomes.contains("locked "));
  EXPECT_EQ(outcomes.size(), 2u) << outcomes.begin()->first << outcomes.rbegin()->first;
}

TEST_P(VmaLock, KilledWriterLetsReadersInAgain) {
  alone([&] {
    map_anon(0, 1);
    mmap_write_lock(mm0);
    EXPECT_EQ(vma_start_write_killable(vma_at(0)), 0);
    EXPECT_EQ(vma_start_write_killable(vma_at(0)), 0);  // it has it already
    EXPECT_EQ(lock_vma_under_rcu(mm0, 0), nullptr);
    mmap_write_unlock(mm0);
    vm_area_struct* vma = lock_vma_under_rcu(mm0, 0);
    ASSERT_NE(vma, nullptr);
    vma_end_read(vma);
  });
}

INSTANTIATE_TEST_SUITE_P(
    Generations, VmaLock,
    ::testing::Values(Generation{"Rwsem", vma_lock_kind::rwsem, free_kind::after_rcu},
                      Generation{"Refcount", vma_lock_kind::refcount, free_kind::type_stable}),
    [](const auto& generation) { return generation.param.name; });

}  // namespace
}  // namespace vmafuzz::kernel
