// Random sequences of system calls: after each, what VMAs say about every page is what a table of
// pages says that was changed page by page.
#include <random>

#include "flat_map.h"
#include "world.h"

namespace vmafuzz::kernel {
namespace {

constexpr vm_flags_t kAdvice = VM_DONTCOPY | VM_DONTDUMP | VM_RAND_READ;

class Random : public World {
 protected:
  unsigned long below(unsigned long n) { return rng_() % n; }
  unsigned long any_prot() {
    constexpr unsigned long kProts[] = {kRx, kRx, kR, kRw, 0};
    return kProts[below(5)];
  }
  unsigned long vma_end(unsigned long p) {
    const vm_area_struct* vma = vma_at(p);
    return vma == nullptr ? 0 : vma->vm_end.peek() >> PAGE_SHIFT;
  }

  void step() {
    const unsigned long at = below(30);
    const unsigned long count = 1 + below(6);
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return do_mmap_step(at, count);
      case 3:
      case 4:
        text_ = "munmap";
        return expect(unmap(at, count), flat_.munmap(at, count));
      case 5:
      case 6: {
        const unsigned long prot = any_prot();
        text_ = "mprotect";
        return expect(protect(at, count, prot), flat_.mprotect(at, count, prot));
      }
      case 7:
        return do_mremap_step(at, count);
      case 8: {
        const unsigned long to = 22 + below(12);
        text_ = "brk";
        return expect(in_pages(sys_brk(mm0, page(to))), flat_.set_brk(to));
      }
      default:
        return do_other_step(at, count);
    }
  }
  void do_mmap_step(unsigned long at, unsigned long count) {
    constexpr unsigned long kPlacements[] = {0, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE};
    const unsigned long flags = (below(5) == 0 ? MAP_SHARED : MAP_PRIVATE) | kPlacements[below(4)];
    const int slot = static_cast<int>(below(5)) - 1;
    const unsigned long prot = any_prot();
    const unsigned long pgoff = below(3) != 0 ? at : below(8);
    text_ = "mmap";
    if (slot < 0 && (flags & MAP_SHARED) != 0) return;  // has a file; not compared
    expect(in_pages(map_at(at, count, pgoff, prot, slot, flags)),
           flat_.mmap(at, count, prot, flags, slot, pgoff));
  }
  void do_mremap_step(unsigned long at, unsigned long count) {
    constexpr unsigned long kFlags[] = {0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
                                        MREMAP_MAYMOVE | MREMAP_DONTUNMAP, MREMAP_FIXED};
    const unsigned long flags = kFlags[below(5)];
    const unsigned long to = below(30);
    const unsigned long new_count = 1 + below(6);
    // Several VMAs at once have a test of their own.
    if ((flags & MREMAP_FIXED) != 0 && count == new_count && at + count > vma_end(at)) return;
    const unsigned long end = vma_end(at);
    text_ = "mremap";
    const long result = in_pages(remap(at, count, new_count, flags, to));
    expect(result, flat_.mremap(at, count, new_count, flags, to, end));
  }
  void do_other_step(unsigned long at, unsigned long count) {
    switch (below(4)) {
      case 0:
        text_ = "dontfork";
        return expect(sys_madvise(mm0, page(at), page(count), MADV_DONTFORK),
                      flat_.madvise(at, count, VM_DONTCOPY, 0));
      case 1:
        text_ = "dofork";
        return expect(sys_madvise(mm0, page(at), page(count), MADV_DOFORK),
                      flat_.madvise(at, count, 0, VM_DONTCOPY));
      case 2:
        text_ = "close";
        sys_close(static_cast<int>(below(4)));
        return;
      default:
        text_ = "fault";
        sys_fault(mm0, page(at), below(2) == 0);
    }
  }
  static long in_pages(long address) {
    return address < 0 ? address
                       : static_cast<long>(static_cast<unsigned long>(address) >> PAGE_SHIFT);
  }

  // Results agree, and so does every page.
  void expect(long result, long wanted) {
    ASSERT_EQ(result, wanted) << text_;
    std::array<FlatPage, FlatMap::kPages> seen;
    for (const VmaDump& entry : dump_vmas(mm0)) {
      for (unsigned long p = entry.start >> PAGE_SHIFT; p < entry.end >> PAGE_SHIFT; ++p) {
        const bool anonymous = entry.vm_file == nullptr;
        seen[p] = {true,
                   flat_.pages[p].file,
                   anonymous ? 0 : entry.pgoff + p - (entry.start >> PAGE_SHIFT),
                   entry.flags & VM_ACCESS_FLAGS,
                   (entry.flags & VM_MAYSHARE) != 0,
                   entry.flags & kAdvice};
        ASSERT_EQ(anonymous, flat_.pages[p].file < 0) << text_ << " page " << p;
        if (!anonymous) {
          ASSERT_EQ(entry.vm_inode->i_ino.peek(),
                    static_cast<unsigned long>(flat_.pages[p].file) % kInodes);
        }
      }
    }
    for (unsigned long p = 0; p < FlatMap::kPages; ++p) {
      ASSERT_TRUE(seen[p] == flat_.pages[p]) << text_ << " page " << p << picture(40);
    }
    ASSERT_EQ(validate_mm(mm0), "") << text_;
  }

  void run(unsigned seed) {
    SCOPED_TRACE(seed);
    rng_.seed(seed);
    flat_ = FlatMap();
    alone([&] {
      sysctl_max_map_count = 1000;
      for (int i = 0; i < 120 && !HasFatalFailure(); ++i) {
        step();
        sim::grace_periods.run_all_now();
      }
      if (!HasFatalFailure()) EXPECT_EQ(live_vmas(), mm0->map_count.peek());
    });
    EXPECT_EQ(tear_down_leaks(), "");
  }

 private:
  std::mt19937 rng_;
  FlatMap flat_;
  std::string text_;
};

TEST_F(Random, AgreesWithATableOfPages) {
  for (unsigned seed = 1; seed <= 400 && !HasFailure(); ++seed) run(seed);
}

TEST_F(Random, AgreesInTheGenerationBefore) {
  rules.vma_lock = vma_lock_kind::rwsem;
  rules.vma_free = free_kind::after_rcu;
  rules.file_free = rules.backing_file_free = free_kind::after_rcu;
  for (unsigned seed = 1; seed <= 100 && !HasFailure(); ++seed) run(seed);
}

TEST_F(Random, AgreesWithoutPerVmaLocks) {
  rules.vma_lock = vma_lock_kind::none;
  rules.counter = counter_kind::none;
  rules.vma_free = rules.file_free = rules.backing_file_free = free_kind::immediate;
  for (unsigned seed = 1; seed <= 100 && !HasFailure(); ++seed) run(seed);
}

}  // namespace
}  // namespace vmafuzz::kernel
