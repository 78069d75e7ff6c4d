// mremap in all its kinds.
#include "world.h"

namespace vmafuzz::kernel {
namespace {

using Calls = std::vector<std::string>;
constexpr unsigned long kMove = MREMAP_MAYMOVE | MREMAP_FIXED;

class Mremap : public World {
 protected:
  long at(unsigned long p) { return static_cast<long>(page(p)); }
};

TEST_F(Mremap, ShrinksInPlace) {
  alone([&] {
    map(0, 5);
    ASSERT_EQ(picture(), "AAAAA.....");
    EXPECT_EQ(remap(0, 5, 2), at(0));
    EXPECT_EQ(picture(), "BB........");  // as munmap: what goes keeps the object
    EXPECT_EQ(remap(0, 2, 2), at(0));
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mremap, GrowsInPlaceAndMaySwallowNext) {
  alone([&] {
    map(0, 2);
    map(4, 2);
    ASSERT_EQ(picture(), "AA..BB....");
    EXPECT_EQ(remap(0, 2, 3), at(0));
    EXPECT_EQ(picture(), "AAA.BB....");
    EXPECT_EQ(remap(0, 3, 4), at(0));
    EXPECT_EQ(picture(), "AAAAAA....");
    EXPECT_EQ(offsets(), "012345....");
  });
}

TEST_F(Mremap, GrowsOnlyAtTheEndAndOnlyIntoAGap) {
  alone([&] {
    map(0, 4);
    map_anon(4, 1);
    EXPECT_EQ(remap(0, 4, 5), -ENOMEM);
    EXPECT_EQ(remap(0, 2, 3), -ENOMEM);
    ASSERT_EQ(picture(), "AAAAB.....");
    EXPECT_EQ(remap(0, 4, 5, MREMAP_MAYMOVE), at(5));
    EXPECT_EQ(picture(), "....BCCCCC");
    EXPECT_EQ(offsets(), "....401234");
  });
}

TEST_F(Mremap, MovesPagesWithTheirBreakpoints) {
  alone([&] {
    map(0, 3);
    set_pte(pte_offset(mm0, page(1)), kPtePresent | kPteAnon | kPteBreakpoint);
    ASSERT_EQ(picture(), "AAA.......");
    uprobe_calls.clear();
    EXPECT_EQ(remap(0, 3, 3, kMove, 5), at(5));
    EXPECT_EQ(picture(), ".....BBB..");
    EXPECT_EQ(offsets(), ".....012..");
    EXPECT_EQ(pte_offset(mm0, page(1)).peek(), 0u);
    EXPECT_EQ(pte_offset(mm0, page(6)).peek(), kPtePresent | kPteAnon | kPteBreakpoint);
    // No uprobe_mmap() of the copy: its breakpoints came with the pages.
    EXPECT_EQ(uprobe_calls, (Calls{"-0-3"}));
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mremap, MoveBackMergesWithoutNewBreakpoints) {
  // The sequence of CVE-2025-38207.
  alone([&] {
    map(0, 2);
    EXPECT_EQ(remap(0, 1, 1, kMove, 5), at(5));
    ASSERT_EQ(picture(), ".A...B....");
    uprobe_calls.clear();
    EXPECT_EQ(remap(5, 1, 1, kMove, 0), at(0));
    EXPECT_EQ(picture(), "AA........");
    EXPECT_EQ(uprobe_calls, (Calls{"-1-2", "-5-6"}));
  });
}

TEST_F(Mremap, FixedUnmapsTheDestinationFirst) {
  alone([&] {
    map(0, 2);
    map_anon(5, 3);
    EXPECT_EQ(remap(0, 2, 2, kMove, 6), at(6));
    EXPECT_EQ(offsets(), ".....501..");
    // Also where the move then turns out to be impossible.
    EXPECT_EQ(remap(0, 1, 2, kMove, 6), -EFAULT);
    EXPECT_EQ(offsets(), ".....501..");
    map(0, 2);
    EXPECT_EQ(remap(0, 4, 4, kMove, 6), at(6));
    EXPECT_EQ(offsets(), ".....501..");
  });
}

TEST_F(Mremap, DontUnmapKeepsTheSourceWithoutPages) {
  alone([&] {
    map_anon(0, 2);
    EXPECT_EQ(sys_fault(mm0, page(0), true), 0);
    ASSERT_EQ(picture(), "AA........");
    EXPECT_EQ(remap(0, 2, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 5), at(5));
    EXPECT_EQ(picture(), "AA...BB...");
    EXPECT_EQ(offsets(), "01...01...");
    EXPECT_EQ(vma_at(0)->anon_vma.peek(), nullptr);
    EXPECT_NE(vma_at(5)->anon_vma.peek(), nullptr);
    EXPECT_EQ(pte_offset(mm0, page(0)).peek(), 0u);
    EXPECT_EQ(pte_offset(mm0, page(5)).peek(), kPtePresent | kPteAnon);
    EXPECT_EQ(remap(0, 2, 3, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 5), -EINVAL);
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mremap, UntouchedAnonymousMemoryTakesTheOffsetOfItsNewPlace) {
  alone([&] {
    map_anon(0, 2);
    map_anon(6, 2);
    ASSERT_EQ(picture(), "AA....BB..");
    EXPECT_EQ(remap(0, 2, 2, kMove, 4), at(4));
    EXPECT_EQ(picture(), "....BBBB..");
    EXPECT_EQ(offsets(), "....4567..");
    // It may even merge with itself: the part that stays and the copy are one again.
    EXPECT_EQ(remap(4, 1, 1, kMove, 8), at(8));
    EXPECT_EQ(picture(), ".....CCCC.");
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mremap, SourceInTheMiddleLeavesBothSidesAccounted) {
  alone([&] {
    map_anon(0, 3);
    EXPECT_EQ(sys_fault(mm0, page(1), true), 0);
    EXPECT_EQ(remap(1, 1, 1, kMove, 6), at(6));
    for (unsigned long p : {0, 2, 6}) {
      EXPECT_NE(vma_at(p)->vm_flags.peek() & VM_ACCOUNT, 0u) << p;
    }
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mremap, SeveralVmasMoveAtOnceWithTheirGaps) {
  alone([&] {
    map(0, 2);
    map_anon(3, 2);
    EXPECT_EQ(remap(0, 5, 5, kMove, 10), at(10));
    EXPECT_EQ(offsets(16), "..........01.de.");
    EXPECT_EQ(remap(9, 5, 5, kMove, 0), -EFAULT);  // begins in a hole
  });
}

TEST_F(Mremap, Before617OneVmaMovesAtMostAndTheDestinationIsLostBeforeThatIsChecked) {
  for (const bool since_617 : {false, true}) {
    rules.remap_move = since_617;
    alone([&] {
      map(0, 2);
      map_anon(2, 1);
      map(6, 3);
      EXPECT_EQ(remap(0, 3, 3, kMove, 6), since_617 ? at(6) : -EFAULT);
      EXPECT_EQ(offsets(), since_617 ? "......018." : "012.......");
      map(0, 2);
      map_anon(2, 1);
      map(6, 3);
      EXPECT_EQ(remap(0, 3, 4, kMove, 5), -EFAULT);
      EXPECT_EQ(offsets(), since_617 ? "012...678." : "012.......");
      map(6, 3);
      EXPECT_EQ(remap(0, 2, 2, kMove, 7), at(7));
      EXPECT_EQ(offsets(), "..2...601.");
    });
    EXPECT_EQ(tear_down_leaks(), "");
  }
}

TEST_F(Mremap, OldLengthZeroDuplicatesSharedMappingsOnly) {
  alone([&] {
    map(0, 1);
    map(2, 1, kR, 0, MAP_SHARED | MAP_FIXED);
    EXPECT_EQ(remap(0, 0, 1, MREMAP_MAYMOVE), -EINVAL);
    EXPECT_EQ(remap(2, 0, 1, MREMAP_MAYMOVE), at(1));
    EXPECT_EQ(offsets(), "022.......");
  });
}

TEST_F(Mremap, RefusesWhatIsNotPossible) {
  alone([&] {
    map(0, 4);
    EXPECT_EQ(remap(0, 2, 0), -EINVAL);
    EXPECT_EQ(remap(0, 2, 2, MREMAP_FIXED, 6), -EINVAL);
    EXPECT_EQ(remap(0, 2, 2, kMove, 1), -EINVAL);
    EXPECT_EQ(remap(0, 2, 2, 8, 1), -EINVAL);
    EXPECT_EQ(remap(6, 1, 2, MREMAP_MAYMOVE), -EFAULT);
    EXPECT_EQ(remap(3, 2, 3, MREMAP_MAYMOVE), -EFAULT);
    EXPECT_EQ(sys_mremap(mm0, 12, page(1), page(1), 0, 0), -EINVAL);
    sysctl_max_map_count = 5;
    EXPECT_EQ(remap(0, 2, 2, kMove, 6), -ENOMEM);
    EXPECT_EQ(offsets(), "0123......");
  });
}

}  // namespace
}  // namespace vmafuzz::kernel
