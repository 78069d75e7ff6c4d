// Registration and traps, one thing after the other.
#include "world.h"

namespace vmafuzz {
namespace {

using namespace kernel;  // NOLINT: model code

TEST_F(UprobeWorld, ARegisteredProbeIsHitUntilItIsUnregistered) {
  HitResult before{}, during{}, after{};
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              before = uprobe_hit(mm(), 6);
              ASSERT_EQ(trace_uprobe_register(0, 2, 0), 0);
              EXPECT_TRUE(armed(6));
              EXPECT_FALSE(armed(5));
              during = uprobe_hit(mm(), 6);
              ASSERT_EQ(trace_uprobe_unregister(0, 2, 0), 0);
              EXPECT_FALSE(armed(6));
              after = uprobe_hit(mm(), 6);
            }),
            "")
      << what_;
  EXPECT_EQ(before, HitResult::kNoTrap);
  EXPECT_EQ(during, HitResult::kHandled);
  EXPECT_EQ(after, HitResult::kNoTrap);
  EXPECT_EQ(live_uprobes(), 0);
}

TEST_F(UprobeWorld, EveryKernelHandlesAHit) {
  for (const variants::Kernel& kernel : variants::kernels()) {
    use(kernel.name);
    HitResult result{};
    EXPECT_EQ(run([&] {
                map(4, 4, 0, 0);
                trace_uprobe_register(0, 2, 0);
                result = uprobe_hit(mm(), 6);
              }),
              "")
        << std::string(kernel.name) << ": " << what_;
    EXPECT_EQ(result, HitResult::kHandled) << std::string(kernel.name);
  }
}

TEST_F(UprobeWorld, AMappingMadeLaterGetsItsBreakpoints) {
  EXPECT_EQ(run([&] {
              trace_uprobe_register(0, 2, 0);
              trace_uprobe_register(0, 3, 1);
              trace_uprobe_register(0, 9, 0);
              map(10, 4, 0, 1);  // file pages 1..4
              EXPECT_FALSE(armed(10));
              EXPECT_TRUE(armed(11));
              EXPECT_TRUE(armed(12));
              EXPECT_FALSE(armed(13));
              EXPECT_EQ(uprobe_hit(mm(), 11), HitResult::kHandled);
            }),
            "")
      << what_;
}

TEST_F(UprobeWorld, AWritableOrSharedMappingGetsNone) {
  EXPECT_EQ(run([&] {
              trace_uprobe_register(0, 0, 0);
              map(4, 1, 0, 0, PROT_READ | PROT_WRITE | PROT_EXEC);
              sys_mmap_slot(mm(), page(6), page(1), PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED,
                            0, 0);
              EXPECT_FALSE(armed(4));
              EXPECT_FALSE(armed(6));
            }),
            "")
      << what_;
}

TEST_F(UprobeWorld, BothAddressSpacesThatMapTheFileAreProbed) {
  EXPECT_EQ(run([&] {
              map(4, 2, 0, 0);
              map(8, 2, 0, 0, PROT_READ | PROT_EXEC, 1);
              trace_uprobe_register(0, 1, 0);
              EXPECT_TRUE(armed(5, 0));
              EXPECT_TRUE(armed(9, 1));
              EXPECT_EQ(uprobe_hit(mm(1), 9), HitResult::kHandled);
              trace_uprobe_unregister(0, 1, 0);
              EXPECT_FALSE(armed(5, 0));
              EXPECT_FALSE(armed(9, 1));
            }),
            "")
      << what_;
}

TEST_F(UprobeWorld, UnmappingTakesBreakpointsAlongAndUnregisterCopes) {
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              trace_uprobe_register(0, 2, 0);
              unmap(6, 1);
              EXPECT_FALSE(armed(6));
              EXPECT_TRUE(mm_flags_test(MMF_RECALC_UPROBES, mm()));
              EXPECT_EQ(uprobe_hit(mm(), 6), HitResult::kNoTrap);
              trace_uprobe_unregister(0, 2, 0);
            }),
            "")
      << what_;
  EXPECT_EQ(live_uprobes(), 0);
}

TEST_F(UprobeWorld, SplittingAndMergingKeepTheBreakpoint) {
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              trace_uprobe_register(0, 2, 0);
              sys_mprotect(mm(), page(6), page(1), PROT_READ);
              EXPECT_EQ(uprobe_hit(mm(), 6), HitResult::kHandled);
              sys_mprotect(mm(), page(6), page(1), PROT_READ | PROT_EXEC);
              EXPECT_EQ(uprobe_hit(mm(), 6), HitResult::kHandled);
            }),
            "")
      << what_;
}

const anon_vma* anon_of(mm_struct* mm, unsigned long n) {
  return vma_lookup(mm, n << PAGE_SHIFT)->anon_vma.peek();
}

TEST_F(UprobeWorld, ABreakpointGivesItsMappingAnAnonVmaThatStays) {
  EXPECT_EQ(run([&] {
              map(4, 2, 0, 0);
              map(8, 2, 0, 4);
              trace_uprobe_register(0, 1, 0);
              const anon_vma* anon = anon_of(mm(), 4);
              EXPECT_NE(anon, nullptr);
              EXPECT_EQ(anon_of(mm(), 8), nullptr);
              trace_uprobe_unregister(0, 1, 0);
              EXPECT_FALSE(armed(5));
              EXPECT_EQ(anon_of(mm(), 4), anon);
              EXPECT_EQ(live_anon_vmas(), 2);  // and its link
              unmap(4, 2);
              EXPECT_EQ(live_anon_vmas(), 0);
            }),
            "")
      << what_;
}

TEST_F(UprobeWorld, MappingsWithAnAnonVmaEachAreNotMerged) {
  for (const int probes : {0, 1, 2}) {
    EXPECT_EQ(run([&] {
                map(4, 1, 0, 0);
                map(8, 1, 0, 1);
                for (int i = 0; i < probes; ++i) {
                  trace_uprobe_register(0, static_cast<unsigned long>(i), 0);
                }
                sys_mremap(mm(), page(8), page(1), page(1), MREMAP_MAYMOVE | MREMAP_FIXED, page(5));
                // With one probe the other mapping simply joins.
                EXPECT_EQ(mm()->map_count.peek(), probes == 2 ? 2 : 1) << probes;
                EXPECT_EQ(anon_of(mm(), 4) == anon_of(mm(), 5), probes != 2);
                EXPECT_EQ(armed(4), probes > 0);
                EXPECT_EQ(armed(5), probes > 1);
              }),
              "")
        << what_;
  }
}

TEST_F(UprobeWorld, NeighboursThatMprotectToldApartShareAnAnonVmaAndMergeAgain) {
  EXPECT_EQ(run([&] {
              map(4, 2, 0, 0);
              sys_mprotect(mm(), page(5), page(1), PROT_READ);
              trace_uprobe_register(0, 0, 0);
              EXPECT_EQ(anon_of(mm(), 5), nullptr);
              trace_uprobe_register(0, 1, 0);
              EXPECT_EQ(anon_of(mm(), 5), anon_of(mm(), 4));
              EXPECT_EQ(mm()->map_count.peek(), 2);
              sys_mprotect(mm(), page(5), page(1), PROT_READ | PROT_EXEC);
              EXPECT_EQ(mm()->map_count.peek(), 1);
            }),
            "")
      << what_;
}

TEST_F(UprobeWorld, RegisteringWithoutMemoryForThePrivateCopyFailsAndLeavesNoBreakpoint) {
  std::map<int, int> results;
  for (int n = 1; director_.fail.empty() || director_.seen() >= n - 1; ++n) {
    director_.fail = {n};
    int result = 0;
    bool anon = false;
    EXPECT_EQ(run([&] {
                map(4, 2, 0, 0);
                if (vma_lookup(mm(), page(4)) == nullptr) return;
                result = trace_uprobe_register(0, 1, 0);
                anon = anon_of(mm(), 4) != nullptr;
                EXPECT_EQ(armed(5), result == 0);
              }),
              "")
        << what_;
    ++results[result];
    // What was prepared for the copy stays where only the copy itself has failed.
    if (result == -EINTR) EXPECT_FALSE(anon);
  }
  EXPECT_GE(results[-ENOMEM], 3);  // at least: the link, the anon_vma, the page
  EXPECT_GE(results[-EINTR], 1);
}

TEST_F(UprobeWorld, TheLastConsumerTakesTheBreakpointOut) {
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              EXPECT_EQ(trace_uprobe_register(0, 2, 0), 0);
              EXPECT_EQ(trace_uprobe_register(0, 2, 1), 0);
              EXPECT_EQ(trace_uprobe_register(0, 2, 1), -EBUSY);
              EXPECT_EQ(peek_trace_uprobe(0, 2, 0), peek_trace_uprobe(0, 2, 1));
              EXPECT_EQ(trace_uprobe_unregister(0, 2, 0), 0);
              EXPECT_TRUE(armed(6));
              EXPECT_EQ(trace_uprobe_unregister(0, 2, 0), -ENOENT);
              EXPECT_EQ(trace_uprobe_unregister(0, 2, 1), 0);
              EXPECT_FALSE(armed(6));
            }),
            "")
      << what_;
}

// The fallible steps of registering in one mapping: event, uprobe, map_info, breakpoint.
TEST_F(UprobeWorld, ARegistrationThatFailsLeavesNothing) {
  for (int step = 1; step <= 4; ++step) {
    int result = 0;
    int first = 0;
    const auto body = [&] {
      map(4, 4, 0, 0);
      result = trace_uprobe_register(0, 2, 0);
      EXPECT_EQ(armed(6), result == 0) << step;
    };
    director_.fail = {};
    run(body);
    first = director_.seen() - 4;  // it is what comes last
    director_.fail = {first + step};
    if (step == 3) director_.fail.push_back(first + step + 1);  // GFP_NOWAIT, then GFP_KERNEL
    EXPECT_EQ(run(body), "") << what_;
    EXPECT_LT(result, 0) << step;
    EXPECT_EQ(lost_uprobes(), 0) << step;
  }
}

TEST_F(UprobeWorld, AnUprobeWhoseBreakpointStaysIsLeaked) {
  const auto body = [&] {
    map(4, 4, 0, 0);
    trace_uprobe_register(0, 2, 0);
    trace_uprobe_unregister(0, 2, 0);
    if (armed(6)) {
      EXPECT_EQ(uprobe_hit(mm(), 6), HitResult::kRestarted);
      EXPECT_TRUE(peek_uprobe(peek_inode(0), probe_offset(2))->leaked);
    }
  };
  EXPECT_EQ(run(body), "") << what_;
  EXPECT_EQ(live_uprobes(), 0);
  director_.fail = {director_.seen()};  // remove_breakpoint()
  EXPECT_EQ(run(body), "") << what_;
  EXPECT_EQ(live_uprobes(), 1);
  EXPECT_EQ(lost_uprobes(), 0);

  use("6.18", {"failed-unregister-removes"});
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              trace_uprobe_register(0, 2, 0);
              trace_uprobe_unregister(0, 2, 0);
              synchronize_rcu_tasks_trace();
              uprobe_hit(mm(), 6);
            }),
            "missed-uprobe");
}

TEST_F(UprobeWorld, UnregisterWaitsForNothingButItsReaders) {
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              trace_uprobe_register(0, 2, 0);
              uprobe* u = peek_trace_uprobe(0, 2, 0);
              trace_uprobe_unregister(0, 2, 0);
              EXPECT_FALSE(sim::arena.object_of(u)->live);
            }),
            "")
      << what_;
}

TEST_F(UprobeWorld, TheFlagsGoWhenNoBreakpointCanBeLeft) {
  EXPECT_EQ(run([&] {
              map(4, 4, 0, 0);
              trace_uprobe_register(0, 2, 0);
              EXPECT_TRUE(mm_flags_test(MMF_HAS_UPROBES, mm()));
              unmap(4, 4);
              int is_swbp = 0;
              rcu_read_lock_trace();
              EXPECT_EQ(find_active_uprobe_rcu(mm(), page(6) + kProbeOffset, &is_swbp), nullptr);
              rcu_read_unlock_trace();
              EXPECT_EQ(is_swbp, -EFAULT);
              EXPECT_FALSE(mm_flags_test(MMF_HAS_UPROBES, mm()));
              EXPECT_FALSE(mm_flags_test(MMF_RECALC_UPROBES, mm()));
            }),
            "")
      << what_;
}

// What an observer is told, in order.
class Listener : public Observer {
 public:
  std::string heard;
  void request_begins(const Request&) override {}
  void request_returns(long) override {}
  void write_section_begins(mm_struct*) override {}
  void write_section_ends(mm_struct*) override {}
  void map_count_changes(mm_struct*, int) override {}
  void consumer_added(uprobe*, uprobe_consumer*) override { heard += "+"; }
  void consumer_removed(uprobe*, uprobe_consumer*) override { heard += "-"; }
  void lookup_begins(mm_struct*, unsigned long) override { heard += "("; }
  void lookup_returns(mm_struct*, unsigned long, uprobe* u, bool speculative) override {
    heard += speculative ? "s" : "l";
    heard += u == nullptr ? "0)" : "1)";
  }
};

TEST_F(UprobeWorld, ObserversHearOfConsumersAndLookups) {
  for (const char* name : {"6.18", "locked"}) {
    use(name);
    Listener listener;
    observer = &listener;
    EXPECT_EQ(run([&] {
                map(4, 4, 0, 0);
                trace_uprobe_register(0, 2, 0);
                uprobe_hit(mm(), 6);
                trace_uprobe_unregister(0, 2, 0);
              }),
              "")
        << what_;
    EXPECT_EQ(listener.heard, std::string(name) == "locked" ? "+(s0)(l1)-" : "+(s1)-");
    observer = nullptr;
  }
}

}  // namespace
}  // namespace vmafuzz
