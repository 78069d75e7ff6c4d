// Every step that can fail, failing: what each system call leaves behind is what the kernel
// documents. Each operation is run once for each of its fallible steps, on cpu0, after the same
// set-up.
#include "world.h"

namespace vmafuzz::kernel {
namespace {

constexpr unsigned long kMove = MREMAP_MAYMOVE | MREMAP_FIXED;

// One run: which step failed (counted from 1), what was returned, what is mapped.
struct Outcome {
  int step;
  long result;
  std::string before, after;
};

class Failure : public World {
 protected:
  // All runs of op after set_up, until none of its steps is left to fail. After each, the tree is
  // sound, locks are free, and nothing leaks.
  std::vector<Outcome> sweep(const std::function<void()>& set_up, const std::function<long()>& op) {
    std::vector<Outcome> outcomes;
    for (int n = 1; n < 100; ++n) {
      Outcome outcome{n, 0, "", ""};
      EXPECT_TRUE(alone(set_up));
      outcome.before = offsets();
      const int steps = with_failure(n, [&] { outcome.result = op(); });
      outcome.after = offsets();
      EXPECT_EQ(validate_mm(mm0), "") << "step " << n;
      EXPECT_FALSE(rwsem_is_locked(mm0->mmap_lock)) << "step " << n;
      EXPECT_EQ(mm0->mm_lock_seq.peek() % 2, 0u) << "step " << n;
      EXPECT_EQ(tear_down_leaks(), "") << "step " << n;
      if (steps < n) return outcomes;  // nothing failed
      outcomes.push_back(outcome);
    }
    ADD_FAILURE() << "too many steps";
    return outcomes;
  }
  // Whatever fails, the pages are what they were.
  void expect_untouched(const std::vector<Outcome>& outcomes, size_t at_least) {
    EXPECT_GE(outcomes.size(), at_least);
    for (const Outcome& o : outcomes) {
      EXPECT_TRUE(o.result == -ENOMEM || o.result == -EINTR || o.result == -EAGAIN)
          << "step " << o.step << ": " << o.result;
      EXPECT_EQ(o.after, o.before) << "step " << o.step;
    }
  }
};

TEST_F(Failure, KilledLockIsEintrAndLeavesTheCounter) {
  alone([&] { map(0, 3); });
  const unsigned long seq = mm0->mm_lock_seq.peek();
  long result = 0;
  with_failure(1, [&] { result = unmap(0, 3); });
  EXPECT_EQ(result, -EINTR);
  EXPECT_EQ(mm0->mm_lock_seq.peek(), seq);
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Failure, MmapIntoAGap) {
  expect_untouched(sweep([&] { map_anon(0, 1); }, [&] { return map(2, 2); }), 5);
}

TEST_F(Failure, MmapThatCannotJoinAnAnonVmaTakesAVmaOfItsOwn) {
  const auto outcomes = sweep(
      [&] {
        map_anon(0, 2);
        map_anon(4, 2);
        sys_fault(mm0, page(4), true);
      },
      [&] { return map_anon(2, 2); });
  int mapped = 0;
  for (const Outcome& o : outcomes) {
    if (o.result >= 0) ++mapped;
    EXPECT_EQ(o.after, o.result < 0 ? o.before : "012345....") << o.step;
  }
  EXPECT_GT(mapped, 0);
  EXPECT_LT(mapped, static_cast<int>(outcomes.size()));
}

TEST_F(Failure, MmapFixedLosesTheOldMappingOnceItsPagesAreGone) {
  const auto outcomes = sweep([&] { map(0, 6); }, [&] { return map_at(2, 2, 12, kR, 2); });
  bool kept = false;
  bool lost = false;
  for (const Outcome& o : outcomes) {
    EXPECT_LT(o.result, 0);
    kept |= o.after == o.before;
    lost |= o.after == "01..45....";
    EXPECT_TRUE(o.after == o.before || o.after == "01..45....") << o.step << o.after;
  }
  EXPECT_TRUE(kept && lost);
}

TEST_F(Failure, SharedAnonymousMemory) {
  expect_untouched(sweep([&] { map(0, 1); },
                         [&] {
                           return sys_mmap(mm0, page(2), page(2), kRw,
                                           MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, nullptr, 0);
                         }),
                   5);
}

TEST_F(Failure, MunmapLeavesTheMappingThoughPerhapsSplit) {
  const auto outcomes = sweep(
      [&] {
        map(0, 4);
        map_anon(4, 4);
        sys_fault(mm0, page(5), true);
      },
      [&] { return unmap(2, 4); });
  expect_untouched(outcomes, 8);
}

TEST_F(Failure, Mprotect) {
  expect_untouched(sweep([&] { map(0, 6); }, [&] { return protect(2, 2, kR); }), 5);
}

TEST_F(Failure, MprotectThatMerges) {
  expect_untouched(sweep(
                       [&] {
                         map_anon(0, 2);
                         map_anon(2, 2, kR);
                         map_anon(4, 2);
                         sys_fault(mm0, page(4), true);
                       },
                       [&] { return protect(2, 2, kRw); }),
                   2);
}

TEST_F(Failure, Madvise) {
  expect_untouched(
      sweep([&] { map(0, 6); }, [&] { return sys_madvise(mm0, page(2), page(2), MADV_DONTDUMP); }),
      5);
}

TEST_F(Failure, MremapMove) {
  const auto outcomes = sweep(
      [&] {
        map_anon(0, 4);
        sys_fault(mm0, page(1), true);
        map(6, 2);
      },
      [&] { return remap(1, 2, 2, kMove, 6); });
  // The destination goes first and does not come back; the source stays mapped unless all went
  // well, and where only its unmapping fails there are two.
  int moved_and_kept = 0;
  for (const Outcome& o : outcomes) {
    const bool early = o.after == o.before;
    const bool gone = o.after == "0123......";
    const bool both = o.after == "0123..12..";
    EXPECT_TRUE(early || gone || both) << o.step << " " << o.after;
    if (both) ++moved_and_kept;
    EXPECT_EQ(o.result < 0, !both) << o.step;
  }
  EXPECT_GT(moved_and_kept, 0);
}

TEST_F(Failure, MremapMoveKeepsPagesWhereTheyCanBeFound) {
  for (int n = 1; n < 40; ++n) {
    alone([&] {
      map_anon(0, 2);
      sys_fault(mm0, page(1), true);
    });
    const int steps = with_failure(n, [&] { remap(0, 2, 2, kMove, 6); });
    const unsigned long here = pte_offset(mm0, page(1)).peek();
    const unsigned long there = pte_offset(mm0, page(7)).peek();
    EXPECT_EQ(here | there, kPtePresent | kPteAnon) << n;
    EXPECT_EQ(here & there, 0u) << n;
    EXPECT_EQ(tear_down_leaks(), "") << n;
    if (steps >= n) continue;
    EXPECT_GT(steps, 4);
    return;
  }
  FAIL() << "too many steps";
}

TEST_F(Failure, MremapGrowsOrNot) {
  const auto grow = [&] { return remap(0, 2, 4); };
  const auto set_up = [&] {
    map_anon(0, 2);
    map_anon(4, 2);
    sys_fault(mm0, page(4), true);
  };
  expect_untouched(sweep(set_up, grow), 3);
}

TEST_F(Failure, Brk) {
  const unsigned long b = kStartBrkPage;
  for (unsigned long to : {b + 4, b + 1}) {
    for (int n = 1; n < 40; ++n) {
      alone([&] { sys_brk(mm0, page(b + 2)); });
      long result = 0;
      const int steps = with_failure(n, [&] { result = sys_brk(mm0, page(to)); });
      EXPECT_EQ(validate_mm(mm0), "");
      const bool killed = result == -EINTR;
      if (steps >= n && !killed) {
        EXPECT_EQ(result, static_cast<long>(page(b + 2)));
      }
      const unsigned long end = steps >= n ? b + 2 : to;
      EXPECT_EQ(mm0->brk.peek(), page(end));
      EXPECT_NE(vma_at(end - 1), nullptr);
      EXPECT_EQ(vma_at(end), nullptr);
      EXPECT_EQ(tear_down_leaks(), "");
      if (steps < n) break;
    }
  }
}

TEST_F(Failure, StackGrowth) {
  for (int n = 1; n < 40; ++n) {
    alone([&] { sys_setup_stack(mm0); });
    long result = 0;
    const int steps = with_failure(n, [&] { result = sys_grow_stack(mm0, page(34)); });
    EXPECT_EQ(validate_mm(mm0), "") << n;
    EXPECT_EQ(result == 0, steps < n) << n;
    EXPECT_FALSE(rwsem_is_locked(mm0->mmap_lock)) << n;
    EXPECT_EQ(tear_down_leaks(), "") << n;
    if (steps >= n) continue;
    EXPECT_EQ(steps, 3);  // the write lock, the chain's link, the anon_vma
    return;
  }
  FAIL() << "too many steps";
}

}  // namespace
}  // namespace vmafuzz::kernel
