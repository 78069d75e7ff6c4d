// Merging and splitting: which object survives, with which range and offsets, and what uprobes
// hear.
#include "world.h"

namespace vmafuzz::kernel {
namespace {

using Calls = std::vector<std::string>;

class Merge : public World {
 protected:
  // Three VMAs of one file that differ in protection only: r-x, r--, r-x.
  void three() {
    map(0, 9);
    protect(3, 3, kR);
    ASSERT_EQ(picture(), "AAABBBCCC.");
    uprobe_calls.clear();
  }
};

// --- an existing range is modified: the five cases of vma_merge_existing_range()
// ----------------------

TEST_F(Merge, BothSidesKeepPrevAndRemoveMiddleAndNext) {
  alone([&] {
    three();
    EXPECT_EQ(protect(3, 3, kRx), 0);
    EXPECT_EQ(picture(), "AAAAAAAAA.");
    EXPECT_EQ(offsets(), "012345678.");
    EXPECT_EQ(uprobe_calls, (Calls{"-0-3", "+0-9", "-3-6", "-6-9"}));
    EXPECT_EQ(live_vmas(), 1);
  });
}

TEST_F(Merge, LeftWithWholeMiddleKeepsPrev) {
  alone([&] {
    three();
    unmap(6, 3);
    uprobe_calls.clear();
    EXPECT_EQ(protect(3, 3, kRx), 0);
    EXPECT_EQ(picture(), "AAAAAA....");
    EXPECT_EQ(uprobe_calls, (Calls{"-0-3", "+0-6", "-3-6"}));
  });
}

TEST_F(Merge, LeftWithPartOfMiddleMovesMiddlesStart) {
  alone([&] {
    three();
    EXPECT_EQ(protect(3, 1, kRx), 0);
    EXPECT_EQ(picture(), "AAAABBCCC.");
    EXPECT_EQ(offsets(), "012345678.");
    EXPECT_EQ(uprobe_calls, (Calls{"-0-3", "-3-6", "+0-4", "+4-6"}));
  });
}

TEST_F(Merge, RightWithWholeMiddleKeepsNextAndExtendsItDownwards) {
  alone([&] {
    three();
    unmap(0, 3);
    uprobe_calls.clear();
    EXPECT_EQ(protect(3, 3, kRx), 0);
    EXPECT_EQ(picture(), "...CCCCCC.");
    EXPECT_EQ(offsets(), "...345678.");
    EXPECT_EQ(uprobe_calls, (Calls{"-6-9", "+3-9", "-3-6"}));
  });
}

TEST_F(Merge, RightWithPartOfMiddleShrinksMiddleAndExtendsNextDownwards) {
  alone([&] {
    three();
    EXPECT_EQ(protect(5, 1, kRx), 0);
    EXPECT_EQ(picture(), "AAABBCCCC.");
    EXPECT_EQ(offsets(), "012345678.");
    EXPECT_EQ(uprobe_calls, (Calls{"-3-6", "-6-9", "+3-5", "+5-9"}));
  });
}

// --- a new range
// ---------------------------------------------------------------------------------------

TEST_F(Merge, NewRangeBetweenTwoKeepsPrevAndRemovesNext) {
  alone([&] {
    map(0, 2);
    map(4, 2);
    ASSERT_EQ(picture(), "AA..BB....");
    map(2, 2);
    EXPECT_EQ(picture(), "AAAAAA....");
    EXPECT_EQ(live_vmas(), 1);
  });
}

TEST_F(Merge, NewRangeAfterPrevExtendsIt) {
  alone([&] {
    map(0, 2);
    ASSERT_EQ(picture(), "AA........");
    map(2, 3);
    EXPECT_EQ(picture(), "AAAAA.....");
  });
}

TEST_F(Merge, NewRangeBeforeNextExtendsItDownwards) {
  alone([&] {
    map(4, 2);
    ASSERT_EQ(picture(), "....AA....");
    map(1, 3);
    EXPECT_EQ(picture(), ".AAAAA....");
    EXPECT_EQ(offsets(), ".12345....");
  });
}

TEST_F(Merge, NeedsOffsetsThatGoOn) {
  alone([&] {
    map_at(0, 2, 0, kRx, 0);
    map_at(2, 2, 3, kRx, 0);
    EXPECT_EQ(picture(), "AABB......");
    EXPECT_EQ(offsets(), "0134......");
  });
}

TEST_F(Merge, NeedsTheSameFileNotTheSameInode) {
  alone([&] {
    map(0, 2);
    EXPECT_EQ(sys_open(1, 0, false), 0);  // another file on the inode of slot 0
    ASSERT_EQ(picture(), "AA........");
    map(2, 2, kRx, 1);
    EXPECT_EQ(picture(), "AABB......");
    EXPECT_EQ(dump_vmas(mm0)[0].vm_inode, dump_vmas(mm0)[1].vm_inode);
  });
}

TEST_F(Merge, NeedsTheSameSharing) {
  alone([&] {
    map(0, 2, kR, 0, MAP_PRIVATE | MAP_FIXED);
    map(2, 2, kR, 0, MAP_SHARED | MAP_FIXED);
    EXPECT_EQ(picture(), "AABB......");
  });
}

TEST_F(Merge, AnonymousMemoryWithOwnPagesStaysApartUnlessItSharesThem) {
  alone([&] {
    map_anon(0, 2);
    map_anon(4, 2);
    EXPECT_EQ(sys_fault(mm0, page(0), true), 0);
    EXPECT_EQ(sys_fault(mm0, page(4), true), 0);
    ASSERT_EQ(picture(), "AA..BB....");
    // The new range goes with either, they do not go with each other: prev wins.
    map_anon(2, 2);
    EXPECT_EQ(picture(), "AAAABB....");
  });
}

TEST_F(Merge, SurvivorJoinsTheAnonVmaOfWhatItSwallows) {
  alone([&] {
    map_anon(0, 2);
    map_anon(2, 2, kR);
    map_anon(2, 1, kRw);
    EXPECT_EQ(sys_fault(mm0, page(3), false), 0);
    EXPECT_EQ(vma_at(0)->anon_vma.peek(), nullptr);
    map_anon(6, 2);
    EXPECT_EQ(sys_fault(mm0, page(6), true), 0);
    EXPECT_EQ(unmap(3, 1), 0);
    map_anon(3, 3);
    EXPECT_EQ(vma_at(0), vma_at(7));
    EXPECT_NE(vma_at(0)->anon_vma.peek(), nullptr);
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

// --- splitting
// -----------------------------------------------------------------------------------------

TEST_F(Merge, ModifyingTheMiddleKeepsTheObjectThere) {
  alone([&] {
    map(0, 9);
    ASSERT_EQ(picture(), "AAAAAAAAA.");
    uprobe_calls.clear();
    EXPECT_EQ(protect(3, 3, kR), 0);
    EXPECT_EQ(picture(), "BBBAAACCC.");
    EXPECT_EQ(offsets(), "012345678.");
    EXPECT_EQ(uprobe_calls, (Calls{"-0-9", "+3-9", "+0-3", "-3-9", "+3-6", "+6-9"}));
  });
}

TEST_F(Merge, UnmappingTheMiddleLeavesTwoNewObjects) {
  alone([&] {
    map(0, 9);
    ASSERT_EQ(picture(), "AAAAAAAAA.");
    EXPECT_EQ(unmap(3, 3), 0);
    EXPECT_EQ(picture(), "BBB...CCC.");
    EXPECT_EQ(offsets(), "012...678.");
  });
}

TEST_F(Merge, UnmappingTheBeginningKeepsTheObjectForWhatGoes) {
  alone([&] {
    map(0, 9);
    ASSERT_EQ(picture(), "AAAAAAAAA.");
    EXPECT_EQ(unmap(0, 3), 0);  // the end is split off: the upper part is the new object
    EXPECT_EQ(picture(), "...BBBBBB.");
    EXPECT_EQ(unmap(7, 2), 0);  // the start is split off: the lower part is the new object
    EXPECT_EQ(picture(), "...CCCC...");
  });
}

TEST_F(Merge, SplitsOfAnonymousMemoryCopyItsChain) {
  alone([&] {
    map_anon(0, 6);
    EXPECT_EQ(sys_fault(mm0, page(2), true), 0);
    EXPECT_EQ(unmap(2, 1), 0);
    EXPECT_NE(vma_at(0)->anon_vma.peek(), nullptr);
    EXPECT_EQ(vma_at(0)->anon_vma.peek(), vma_at(4)->anon_vma.peek());
    EXPECT_EQ(vma_at(0)->anon_vma.peek()->num_children.peek(), 2);
    map_anon(2, 1);
    EXPECT_EQ(picture(), "AAAAAA....");
    EXPECT_EQ(vma_at(0)->anon_vma.peek()->num_children.peek(), 1);
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

}  // namespace
}  // namespace vmafuzz::kernel
