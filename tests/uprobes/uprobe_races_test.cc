// Races, by enumeration: what each lookup protocol lets through, and what may happen around it.
#include "kernel/bugs.h"
#include "mm/vma_lock.h"
#include "uprobes/lookup.h"
#include "world.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: model code

// f0's pages 0..3 are mapped at 4..7. A writer makes it 1..3 at 5..7, as munmap of the first page
// does: vm_start and vm_pgoff change, what page 6 maps does not. There are probes where a mixture
// of old and new fields would lead.
class Protocol : public UprobeWorld {
 protected:
  static constexpr unsigned long kBpVaddr = page(6) + kProbeOffset;

  static void set_up() {
    map(4, 4, 0, 0);
    for (unsigned long pgoff : {1, 2, 3}) trace_uprobe_register(0, pgoff, 0);
  }
  static void shrink(vm_area_struct* vma) {
    vma_start_write(vma);
    vma->vm_start.set(page(5));
    vma->vm_pgoff.set(1);
  }
  static void writer(int more_sections) {
    vm_area_struct* vma = find_vma(mm(), page(6));
    mmap_write_lock(mm());
    shrink(vma);
    mmap_write_unlock(mm());
    for (; more_sections > 0; --more_sections) {
      mmap_write_lock(mm());
      mmap_write_unlock(mm());
    }
  }
  // "wrong" if a lookup of page 6 returned anything but the probe of file page 2.
  static void reader() {
    rcu_read_lock_trace();
    const uprobe* u = find_active_uprobe_speculative(mm(), kBpVaddr);
    rcu_read_unlock_trace();
    if (u != nullptr && u->offset.peek() != probe_offset(2)) {
      sim::machine.fail("wrong-uprobe", "of another page");
    }
  }
  bool goes_wrong(int more_sections = 0, bool extra_section_first = false) {
    const auto verdicts = explore(
        [=] {
          set_up();
          if (!extra_section_first) return;
          mmap_write_lock(mm());
          mmap_write_unlock(mm());
        },
        {[=] { writer(more_sections); }, [] { reader(); }}, 2, 2, "wrong-uprobe");
    for (const auto& [name, count] : verdicts) {
      EXPECT_TRUE(name.empty() || name == "wrong-uprobe") << name << what_;
    }
    return verdicts.contains("wrong-uprobe");
  }
};

TEST_F(Protocol, MergedAndMendedOnesAreNeverWrong) {
  for (const char* name :
       {"locked", "v2", "v2-no-patch4", "v2-no-patch5", "v3", "6.14", "6.15", "6.18"}) {
    use(name);
    EXPECT_FALSE(goes_wrong()) << name;
  }
}

TEST_F(Protocol, DraftsAreWrong) {
  for (const char* name : {"peter-sketch", "aug02-draft", "aug05-draft", "suren-rfc", "v1",
                           "v1-acquire-at-end", "v1-release-at-begin"}) {
    use(name);
    EXPECT_TRUE(goes_wrong()) << name;
  }
}

// Where a counter that is incremented at unlock happens to be even, its parity says nothing.
TEST_F(Protocol, ParityOfACounterThatCountsUnlocksMeansNothing) {
  for (const char* name : {"plan-a-e", "v2-no-patch1"}) {
    use(name);
    EXPECT_TRUE(goes_wrong(0, false) || goes_wrong(0, true)) << name;
  }
}

TEST_F(Protocol, ACounterThatComesBackIsWrong) {
  for (const char* name : {"suren-rfc-wrap", "v2-int"}) {
    use(name, {}, {"counter-bits=4"});
    EXPECT_TRUE(goes_wrong(7)) << name;
    use(name, {}, {"counter-bits=64"});
    EXPECT_FALSE(goes_wrong(7)) << name;
  }
}

TEST_F(Protocol, EachMissingOrderIsWrongOnTheMergedLookup) {
  for (const char* bug : {"no-odd-test", "retry-not-checked", "retry-acquires", "retry-without-rmb",
                          "end-without-wmb"}) {
    use("6.18", {bug});
    EXPECT_TRUE(goes_wrong()) << bug;
  }
}

// Two orders that something else in the kernel provides as well.
TEST_F(Protocol, OrdersThatAreGivenTwiceAreMissedOnlyTogether) {
  // Whoever locks a VMA for writing since 6.15 goes through rcuwait's full barrier, which does what
  // the smp_wmb() at the beginning of the section is for. A semaphore has none.
  for (const char* bug : {"begin-releases", "begin-without-wmb"}) {
    use("6.14", {bug});
    EXPECT_TRUE(goes_wrong()) << bug;
    use("6.18", {bug});
    EXPECT_FALSE(goes_wrong()) << bug;
  }
  // The walk down the tree has an smp_rmb() in ma_dead_node() between the first look at the counter
  // and the fields of the VMA.
  use("6.18", {"try-begin-relaxed"});
  EXPECT_FALSE(goes_wrong());
  use("6.18", {"try-begin-relaxed", "maple-dead-without-rmb"});
  EXPECT_TRUE(goes_wrong());
}

TEST_F(Protocol, PetersLoopDoesNotEndAfterAChange) {
  use("peter-sketch");
  const auto verdicts = explore(&set_up, {[] { writer(0); }, [] { reader(); }}, 1, 0, "livelock");
  EXPECT_TRUE(verdicts.contains("livelock"));
}

// A mapping of a file that nobody else holds goes away under the lookup.
class LastMapping : public UprobeWorld {
 protected:
  std::map<std::string, int> verdicts(int slot) {
    return explore(
        [=] {
          map(4, 2, slot, 0);
          trace_uprobe_register(default_inode(slot), 1, 0);
          sys_close(slot);
        },
        {[] { unmap(4, 2); }, [] { uprobe_hit(mm(), 5); }}, 2, 0, "use-after-free");
  }
};

TEST_F(LastMapping, BackingFilesFreedAtOnceAreUsedAfterFree) {
  for (const char* name : {"aug02-draft", "aug05-draft", "v1", "v2-no-patch3"}) {
    use(name);
    EXPECT_TRUE(verdicts(4).contains("use-after-free")) << name;
    EXPECT_FALSE(verdicts(0).contains("use-after-free")) << name;
  }
}

TEST_F(LastMapping, OrdinaryFilesAreUsedAfterFreeOnlyIfTheirCacheIsNotTypeStable) {
  use("aug05-wrong-slab");
  EXPECT_TRUE(verdicts(0).contains("use-after-free"));
  EXPECT_FALSE(verdicts(4).contains("use-after-free"));
}

TEST_F(LastMapping, MergedKernelsTouchNothingFreed) {
  for (const char* name : {"v2", "v3", "6.14", "6.18"}) {
    use(name);
    for (int slot : {0, 4}) {
      const auto found = verdicts(slot);
      EXPECT_EQ(found.size(), 1u) << name << ": " << found.rbegin()->first << " " << what_;
    }
  }
}

class HitAgainstUnregister : public UprobeWorld {
 protected:
  static void set_up() {
    map(4, 4, 0, 0);
    trace_uprobe_register(0, 2, 0);
  }
  static void hit() { uprobe_hit(mm(), 6); }
  static void unregister() { trace_uprobe_unregister(0, 2, 0); }
  std::map<std::string, int> verdicts() {
    auto found = sweep(&set_up, &hit, &unregister);
    found.merge(sweep(&set_up, &unregister, &hit));
    return found;
  }
};

TEST_F(HitAgainstUnregister, IsSafe) {
  for (const char* name : {"locked", "v3", "6.14", "6.18"}) {
    use(name);
    const auto swept = verdicts();
    EXPECT_EQ(swept.size(), 1u) << name << ": " << swept.rbegin()->first << " " << what_;
  }
  const auto explored = explore(&set_up, {&hit, &unregister}, 2, 1, "use-after-free");
  EXPECT_EQ(explored.size(), 1u) << explored.rbegin()->first << " " << what_;
}

TEST_F(HitAgainstUnregister, WithTheWrongFlavourIsUseAfterFree) {
  for (const char* bug : {"uprobe-freed-at-once", "uprobe-freed-after-rcu",
                          "uprobe-freed-after-srcu", "unregister-without-sync"}) {
    use("6.18", {bug});
    EXPECT_TRUE(verdicts().contains("use-after-free")) << bug;
  }
}

TEST_F(UprobeWorld, TwoHitsRaceOnAPlainCounterOnly) {
  const auto verdicts = [&] {
    return explore(
        [] {
          map(4, 4, 0, 0);
          trace_uprobe_register(0, 2, 0);
        },
        {[] { uprobe_hit(mm(), 6); }, [] { uprobe_hit(mm(), 6); }}, 2, 1, "data-race");
  };
  use("6.18");
  EXPECT_FALSE(verdicts().contains("data-race")) << what_;
  use("nhit");
  EXPECT_TRUE(verdicts().contains("data-race"));
}

TEST_F(UprobeWorld, ARegistrationDuringMmapMissesNothing) {
  int unarmed = 0;
  const auto found = explore([] { sys_open(0, 0, false); },
                             {[] { map(4, 4, 0, 0); }, [] { trace_uprobe_register(0, 2, 0); }}, 2,
                             0, "-", [&] { unarmed += !armed(6); });
  EXPECT_EQ(found.size(), 1u) << found.rbegin()->first << " " << what_;
  EXPECT_EQ(unarmed, 0);
}

TEST_F(UprobeWorld, AnUnregistrationDuringMmapLeavesNothing) {
  int left = 0;
  const auto found = explore([] { trace_uprobe_register(0, 2, 0); },
                             {[] { map(4, 4, 0, 0); }, [] { trace_uprobe_unregister(0, 2, 0); }}, 2,
                             0, "-", [&] { left += armed(6); });
  EXPECT_EQ(found.size(), 1u) << found.rbegin()->first << " " << what_;
  EXPECT_EQ(left, 0);
}

// A trap is being handled when another registration comes: it finds the new uprobe, not yet
// prepared.
TEST_F(UprobeWorld, TheCopyOfTheInstructionIsReadyWhenItsFlagIsSeen) {
  const auto verdicts = [&] {
    return sweep([] { map(4, 4, 0, 0); }, [] { trace_uprobe_register(0, 2, 0); },
                 [] { handle_swbp(mm(), page(6) + kProbeOffset); });
  };
  const auto good = verdicts();
  EXPECT_EQ(good.size(), 1u) << good.rbegin()->first << " " << what_;
  for (const char* bug : {"copy-insn-without-wmb", "copy-insn-without-rmb"}) {
    use("6.18", {bug});
    EXPECT_TRUE(verdicts().contains("data-race")) << bug;
  }
}

// mremap() takes neither dup_mmap_sem nor register_rwsem: what unregister has noted may be
// elsewhere by the time it gets there. Upstream has that; it is the finding moved-mapping.
TEST_F(UprobeWorld, AMappingThatMovesDuringUnregisterKeepsItsBreakpoint) {
  const auto verdicts = [&] {
    int killed = 0;
    auto found = sweep(
        [] {
          map(4, 1, 0, 2);
          trace_uprobe_register(0, 2, 0);
        },
        [] { trace_uprobe_unregister(0, 2, 0); },
        [&] {
          sys_mremap(mm(), page(4), page(1), page(1), MREMAP_MAYMOVE | MREMAP_FIXED, page(12));
          while (peek_uprobe(peek_inode(0), probe_offset(2)) != nullptr) cpu_relax();
          killed += uprobe_hit(mm(), 12) == HitResult::kKilled;
        });
    found["killed"] = killed;
    return found;
  };
  auto accepted = verdicts();
  EXPECT_GT(accepted["killed"], 0);
  EXPECT_FALSE(accepted.contains("missed-uprobe")) << what_;
  rules.accept_moved_mappings = false;
  auto reported = verdicts();
  EXPECT_EQ(reported["killed"], 0);
  EXPECT_TRUE(reported.contains("missed-uprobe"));
}

// Its breakpoint was removed and its uprobe is gone; a new registration comes while it looks.
TEST_F(UprobeWorld, RegisteringUnderTheReadLockKillsAProcess) {
  const auto verdicts = [&] {
    return explore(
        [] { map(4, 4, 0, 0); },
        {[] { handle_swbp(mm(), page(6) + kProbeOffset); }, [] { trace_uprobe_register(0, 2, 0); }},
        2, 0, "missed-uprobe");
  };
  for (const char* name : {"locked", "6.18"}) {
    use(name, {"register-under-read-lock"});
    EXPECT_TRUE(verdicts().contains("missed-uprobe")) << name;
    use(name);
    EXPECT_FALSE(verdicts().contains("missed-uprobe")) << name;
  }
}

}  // namespace
}  // namespace vmafuzz
