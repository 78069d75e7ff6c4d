// mmap, munmap, mprotect, madvise, brk and stacks, one at a time.
#include "world.h"

namespace vmafuzz::kernel {
namespace {

class Mapping : public World {};

TEST_F(Mapping, FixedReplacesWhatIsThere) {
  alone([&] {
    map(0, 6);
    ASSERT_EQ(picture(), "AAAAAA....");
    uprobe_calls.clear();
    EXPECT_EQ(map_at(2, 2, 9, kRx, 0), static_cast<long>(page(2)));
    EXPECT_EQ(picture(), "BBCCDD....");
    EXPECT_EQ(offsets(), "019a45....");
    EXPECT_EQ(live_vmas(), 3);
    EXPECT_EQ(uprobe_calls.back(), "+2-4");
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mapping, NoReplaceChangesNothingWhereSomethingIs) {
  alone([&] {
    map(2, 2);
    EXPECT_EQ(map(0, 3, kRx, 0, MAP_PRIVATE | MAP_FIXED_NOREPLACE), -EEXIST);
    EXPECT_EQ(map(0, 2, kR, 0, MAP_PRIVATE | MAP_FIXED_NOREPLACE), 0);
    EXPECT_EQ(offsets(), "0123......");
  });
}

TEST_F(Mapping, HintIsTakenIfFreeElseTheLowestGapThatFits) {
  alone([&] {
    map(1, 1);
    map(4, 2);
    EXPECT_EQ(map(8, 2, kR, 0, MAP_PRIVATE), static_cast<long>(page(8)));
    EXPECT_EQ(map(3, 2, kR, 0, MAP_PRIVATE), static_cast<long>(page(2)));
    EXPECT_EQ(map(3, 3, kR, 0, MAP_PRIVATE), static_cast<long>(page(10)));
    EXPECT_EQ(map(0, 40, kR, 0, MAP_PRIVATE), -ENOMEM);
    EXPECT_EQ(map(35, 8, kR, 0, MAP_PRIVATE | MAP_FIXED), -ENOMEM);
  });
}

TEST_F(Mapping, RefusesWhatIsNotPossible) {
  alone([&] {
    EXPECT_EQ(map(0, 0), -EINVAL);
    EXPECT_EQ(sys_mmap(mm0, 0, page(1), kR, MAP_FIXED, nullptr, 0), -EINVAL);  // no type
    EXPECT_EQ(map(0, 1, kRw, 1, MAP_SHARED | MAP_FIXED), -EACCES);  // slot 1 is read-only
    EXPECT_EQ(map_at(0, 1, ~0ul, kR, 0), -EOVERFLOW);
    EXPECT_EQ(unmap(0, 0), -EINVAL);
    EXPECT_EQ(sys_munmap(mm0, 12, page(1)), -EINVAL);
    EXPECT_EQ(unmap(39, 2), -EINVAL);
    EXPECT_EQ(sys_mprotect(mm0, 12, page(1), kR), -EINVAL);
    EXPECT_EQ(live_vmas(), 0);
  });
}

TEST_F(Mapping, SharedMappingOfAReadOnlyFileKeepsMayShareAlone) {
  alone([&] {
    map(0, 1, kR, 1, MAP_SHARED | MAP_FIXED);
    EXPECT_EQ(vma_at(0)->vm_flags.peek() & (VM_SHARED | VM_MAYSHARE | VM_MAYWRITE), VM_MAYSHARE);
    EXPECT_EQ(protect(0, 1, kRw), -EACCES);
    map(1, 1, kR, 0, MAP_SHARED | MAP_FIXED);
    EXPECT_EQ(vma_at(1)->vm_flags.peek() & (VM_SHARED | VM_MAYSHARE), VM_SHARED | VM_MAYSHARE);
    EXPECT_EQ(protect(1, 1, kRw), 0);
  });
}

TEST_F(Mapping, SharedAnonymousMemoryIsAFileOfItsOwn) {
  alone([&] {
    for (unsigned long p : {0, 2}) {
      sys_mmap(mm0, page(p), page(2), kRw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, nullptr, 7);
    }
    EXPECT_EQ(picture(), "AABB......");
    EXPECT_EQ(offsets(), "0101......");
    EXPECT_EQ(live_files(), 2);
    unmap(0, 4);
    EXPECT_EQ(live_files(), 0);
    sim::grace_periods.run_all_now();
    EXPECT_EQ(live_inodes(), 0);
  });
}

TEST_F(Mapping, FileLivesUntilItsLastMappingGoes) {
  alone([&] {
    map(0, 4);
    file* f = peek_slot(0);
    EXPECT_EQ(f->f_ref.peek(), 2);
    EXPECT_EQ(unmap(1, 1), 0);
    EXPECT_EQ(f->f_ref.peek(), 3);
    EXPECT_EQ(sys_close(0), 0);
    EXPECT_EQ(sys_close(0), -EBADF);
    EXPECT_EQ(live_files(), 1);
    EXPECT_EQ(unmap(0, 4), 0);
    EXPECT_EQ(live_files(), 0);
    EXPECT_EQ(live_inodes(), 1);  // until a grace period has passed
    sim::grace_periods.run_all_now();
    EXPECT_EQ(live_inodes(), 0);
  });
}

TEST_F(Mapping, MemoryOfAnInodeIsUsedAgainByAnother) {
  alone([&] {
    map(0, 1, kR, 0);
    const inode* first = peek_inode(0);
    unmap(0, 1);
    sys_close(0);
    EXPECT_EQ(peek_inode(0), nullptr);
    sim::grace_periods.run_all_now();
    map(0, 1, kR, 2);
    EXPECT_EQ(peek_inode(2), first);
  });
}

TEST_F(Mapping, BackingFilesAreOfAnotherClass) {
  alone([&] {
    map(0, 1, kR, 4);
    EXPECT_NE(peek_slot(4)->f_mode.peek() & FMODE_BACKING, 0u);
    EXPECT_EQ(sys_open(0, 0, true), 0);
    EXPECT_NE(peek_slot(0)->f_mode.peek() & FMODE_BACKING, 0u);
    EXPECT_EQ(sys_open(0, 0, false), 0);
    EXPECT_EQ(peek_slot(0)->f_mode.peek() & FMODE_BACKING, 0u);
    EXPECT_EQ(peek_slot(0)->f_inode.peek(), peek_slot(4)->f_inode.peek());
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mapping, MunmapPassesOverHoles) {
  alone([&] {
    map(1, 2);
    map_anon(4, 2);
    EXPECT_EQ(unmap(0, 8), 0);
    EXPECT_EQ(picture(), "..........");
    EXPECT_EQ(unmap(0, 8), 0);
  });
}

TEST_F(Mapping, CountOfMappingsIsLimited) {
  alone([&] {
    map(0, 9);
    ASSERT_EQ(picture(), "AAAAAAAAA.");
    sysctl_max_map_count = 2;
    // Two more at the same time are one too many for mprotect, one more is all right for munmap.
    EXPECT_EQ(protect(3, 3, kR), -ENOMEM);
    EXPECT_EQ(picture(), "BBBAAAAAA.");
    EXPECT_EQ(unmap(5, 1), -ENOMEM);
    EXPECT_EQ(unmap(8, 1), 0);
    map(9, 1, kR);
    EXPECT_EQ(map(11, 1, kR), -ENOMEM);
  });
}

TEST_F(Mapping, MprotectStopsAtTheFirstHole) {
  alone([&] {
    map(0, 2);
    map(4, 2);
    EXPECT_EQ(protect(0, 6, kR), -ENOMEM);
    EXPECT_EQ(vma_at(0)->vm_flags.peek() & VM_ACCESS_FLAGS, VM_READ);
    EXPECT_EQ(vma_at(4)->vm_flags.peek() & VM_ACCESS_FLAGS, VM_READ | VM_EXEC);
    EXPECT_EQ(protect(3, 2, kR), -ENOMEM);
  });
}

TEST_F(Mapping, WritableOnceIsAccountedAndNoLongerMerges) {
  alone([&] {
    map(0, 6);
    protect(2, 2, kRw);
    protect(2, 2, kRx);
    EXPECT_NE(vma_at(2)->vm_flags.peek() & VM_ACCOUNT, 0u);
    EXPECT_EQ(dump_vmas(mm0).size(), 3u);
  });
}

TEST_F(Mapping, AdviceSplitsAndMergesAgain) {
  alone([&] {
    map(0, 6);
    ASSERT_EQ(picture(), "AAAAAA....");
    EXPECT_EQ(sys_madvise(mm0, page(2), page(2), MADV_DONTFORK), 0);
    EXPECT_EQ(picture(), "BBAACC....");
    EXPECT_EQ(sys_madvise(mm0, page(2), page(2), MADV_DOFORK), 0);
    EXPECT_EQ(picture(), "BBBBBB....");
    EXPECT_EQ(sys_madvise(mm0, page(0), page(1), MADV_WIPEONFORK), -EINVAL);
    EXPECT_EQ(sys_madvise(mm0, page(5), page(3), MADV_RANDOM), -ENOMEM);
    EXPECT_EQ(picture(), "DDDDDB....");
    EXPECT_EQ(sys_madvise(mm0, page(0), page(1), 77), -EINVAL);
  });
}

TEST_F(Mapping, DiscardingDropsPagesAndChangesNoMapping) {
  alone([&] {
    map_anon(0, 4);
    EXPECT_EQ(sys_fault(mm0, page(1), true), 0);
    EXPECT_EQ(pte_offset(mm0, page(1)).peek(), kPtePresent | kPteAnon);
    EXPECT_EQ(sys_madvise(mm0, page(0), page(2), MADV_DONTNEED), 0);
    EXPECT_EQ(pte_offset(mm0, page(1)).peek(), 0u);
    EXPECT_EQ(picture(), "AAAA......");
    map(6, 1);
    EXPECT_EQ(sys_madvise(mm0, page(6), page(1), MADV_FREE), -EINVAL);
    EXPECT_EQ(sys_madvise(mm0, page(3), page(4), MADV_DONTNEED), -ENOMEM);
  });
}

TEST_F(Mapping, FaultsFillPagesAsTheProtectionAllows) {
  alone([&] {
    map(0, 2);
    EXPECT_EQ(sys_fault(mm0, page(0), false), 0);
    EXPECT_EQ(pte_offset(mm0, page(0)).peek(), kPtePresent);
    EXPECT_EQ(sys_fault(mm0, page(0), true), -EFAULT);
    EXPECT_EQ(sys_fault(mm0, page(5), false), -EFAULT);
    protect(1, 1, kRw);
    EXPECT_EQ(sys_fault(mm0, page(1), true), 0);
    EXPECT_EQ(pte_offset(mm0, page(1)).peek(), kPtePresent | kPteAnon);
    unmap(0, 2);
    EXPECT_EQ(pte_offset(mm0, page(0)).peek() | pte_offset(mm0, page(1)).peek(), 0u);
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mapping, BrkGrowsShrinksAndStopsAtOthers) {
  alone([&] {
    const unsigned long start = kStartBrkPage;
    EXPECT_EQ(sys_brk(mm0, 0), static_cast<long>(page(start)));
    EXPECT_EQ(sys_brk(mm0, page(start + 3)), static_cast<long>(page(start + 3)));
    const vm_area_struct* heap = vma_at(start);
    EXPECT_EQ(sys_brk(mm0, page(start + 5)), static_cast<long>(page(start + 5)));
    EXPECT_EQ(vma_at(start + 4), heap);
    EXPECT_EQ(sys_brk(mm0, page(start + 1)), static_cast<long>(page(start + 1)));
    EXPECT_EQ(validate_mm(mm0), "");
    EXPECT_EQ(vma_at(start + 1), nullptr);
    map(start + 4, 1);
    EXPECT_EQ(sys_brk(mm0, page(start + 4)), static_cast<long>(page(start + 1)));
    EXPECT_EQ(sys_brk(mm0, page(start + 3)), static_cast<long>(page(start + 3)));
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mapping, OnlyPrivateAnonymousMemoryGrowsDown) {
  alone([&] {
    constexpr unsigned long kStack = MAP_FIXED | MAP_GROWSDOWN;
    EXPECT_EQ(map(2, 1, kRw, 0, MAP_PRIVATE | kStack), -EINVAL);
    EXPECT_EQ(sys_mmap(mm0, page(2), page(1), kRw, MAP_SHARED | MAP_ANONYMOUS | kStack, nullptr, 0),
              -EINVAL);
    EXPECT_EQ(
        sys_mmap(mm0, page(6), page(2), kRw, MAP_PRIVATE | MAP_ANONYMOUS | kStack, nullptr, 0),
        static_cast<long>(page(6)));
    map_anon(8, 1);
    EXPECT_EQ(picture(), "......AAB.");  // not merged with what does not grow
    EXPECT_EQ(sys_fault(mm0, page(4), true), 0);
    EXPECT_EQ(picture(), "....AAAAB.");
    EXPECT_EQ(sys_fault(mm0, page(3), false), 0);
    EXPECT_EQ(offsets(), "...345678.");
    EXPECT_EQ(map(1, 2, kR, 0, MAP_PRIVATE), static_cast<long>(page(0)));  // not into the gap
    EXPECT_EQ(sys_fault(mm0, page(2), true), -EFAULT);
    EXPECT_EQ(protect(0, 2, PROT_NONE), 0);
    EXPECT_EQ(sys_fault(mm0, page(2), true), 0);  // what nobody can touch needs no gap
    EXPECT_EQ(mm0->mm_lock_seq.peek() % 2, 0u);
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

TEST_F(Mapping, StackGrowsDownToTheFaultButNotNextToOthers) {
  alone([&] {
    EXPECT_EQ(sys_setup_stack(mm0), 0);
    map(20, 1);
    EXPECT_EQ(sys_grow_stack(mm0, page(30)), 0);
    EXPECT_EQ(vma_at(30), vma_at(39));
    EXPECT_EQ(vma_at(30)->vm_pgoff.peek(), 30u);
    EXPECT_EQ(validate_mm(mm0), "");
    EXPECT_EQ(sys_grow_stack(mm0, page(21)), -EFAULT);  // the guard gap
    EXPECT_EQ(sys_grow_stack(mm0, page(22)), 0);
    EXPECT_EQ(sys_grow_stack(mm0, page(10)), -EFAULT);  // below somebody else
    EXPECT_EQ(map(21, 1, kR, 0, MAP_PRIVATE), 0);       // nobody is put into the gap
    EXPECT_EQ(mm0->mm_lock_seq.peek() % 2, 0u);
  });
  EXPECT_EQ(tear_down_leaks(), "");
}

}  // namespace
}  // namespace vmafuzz::kernel
