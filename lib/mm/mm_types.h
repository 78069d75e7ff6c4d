// struct mm_struct and struct vm_area_struct (include/linux/mm_types.h): the fields that lookup,
// locking, splitting and merging touch.
//
// Who may touch what: everything in a VMA that is in an mm's tree is stored under that mm's write
// lock (and the VMA's own, vma_start_write()); plainly, as in the kernel. Readers without a lock
// find VMAs through mm_mt under RCU and validate by mm_lock_seq. Ownership: the tree owns VMAs, a
// VMA owns a reference of its file and its anon_vma_chain.
#ifndef VMAFUZZ_MM_MM_TYPES_H_
#define VMAFUZZ_MM_MM_TYPES_H_

#include "kernel/atomic.h"
#include "kernel/maple_tree.h"
#include "kernel/refcount.h"
#include "kernel/rwsem.h"
#include "kernel/spinlock.h"
#include "mm/freeptr.h"
#include "mm/pgtable.h"

namespace vmafuzz::kernel {

struct file;
struct mm_struct;

using vm_flags_t = unsigned long;
using pgoff_t = unsigned long;

// include/linux/mm.h
inline constexpr vm_flags_t VM_NONE = 0;
inline constexpr vm_flags_t VM_READ = 0x1;
inline constexpr vm_flags_t VM_WRITE = 0x2;
inline constexpr vm_flags_t VM_EXEC = 0x4;
inline constexpr vm_flags_t VM_SHARED = 0x8;
inline constexpr vm_flags_t VM_MAYREAD = 0x10;
inline constexpr vm_flags_t VM_MAYWRITE = 0x20;
inline constexpr vm_flags_t VM_MAYEXEC = 0x40;
inline constexpr vm_flags_t VM_MAYSHARE = 0x80;
inline constexpr vm_flags_t VM_GROWSDOWN = 0x100;
inline constexpr vm_flags_t VM_PFNMAP = 0x400;
inline constexpr vm_flags_t VM_MAYBE_GUARD = 0x800;
inline constexpr vm_flags_t VM_IO = 0x4000;
inline constexpr vm_flags_t VM_SEQ_READ = 0x8000;
inline constexpr vm_flags_t VM_RAND_READ = 0x10000;
inline constexpr vm_flags_t VM_DONTCOPY = 0x20000;
inline constexpr vm_flags_t VM_DONTEXPAND = 0x40000;
inline constexpr vm_flags_t VM_ACCOUNT = 0x100000;
inline constexpr vm_flags_t VM_NORESERVE = 0x200000;
inline constexpr vm_flags_t VM_HUGETLB = 0x400000;
inline constexpr vm_flags_t VM_WIPEONFORK = 0x2000000;
inline constexpr vm_flags_t VM_DONTDUMP = 0x4000000;
inline constexpr vm_flags_t VM_SOFTDIRTY = 0x8000000;
inline constexpr vm_flags_t VM_MIXEDMAP = 0x10000000;
inline constexpr vm_flags_t VM_HUGEPAGE = 0x20000000;
inline constexpr vm_flags_t VM_NOHUGEPAGE = 0x40000000;
inline constexpr vm_flags_t VM_MERGEABLE = 0x80000000;

inline constexpr vm_flags_t VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;
inline constexpr vm_flags_t VM_SPECIAL = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;
inline constexpr vm_flags_t VM_STICKY = VM_SOFTDIRTY | VM_MAYBE_GUARD;
inline constexpr vm_flags_t VM_IGNORE_MERGE = VM_STICKY;
inline constexpr vm_flags_t VM_DATA_DEFAULT_FLAGS =
    VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
inline constexpr vm_flags_t VM_STACK_FLAGS = VM_GROWSDOWN | VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT;

// /proc/sys/vm/max_map_count, small enough to be reached; and 256 pages in the kernel, of its 2^35.
inline constexpr int kDefaultMaxMapCount = 30;
extern int sysctl_max_map_count;
inline constexpr unsigned long stack_guard_gap = 1 * PAGE_SIZE;

// Anonymous memory's reverse map. The chain of a VMA that never went through fork has one link.
struct anon_vma {
  Shared<int> num_children;  // links to it
  rw_semaphore rwsem{"anon_vma rwsem"};
  template <class V>
  void visit(V&& v) {
    v("num_children", num_children);
    v("rwsem", rwsem);
  }
};
struct anon_vma_chain {
  Shared<struct anon_vma*> anon_vma;
  Shared<anon_vma_chain*> same_vma;  // the next link of the same VMA
  template <class V>
  void visit(V&& v) {
    v("anon_vma", anon_vma);
    v("same_vma", same_vma);
  }
};

// vm_refcnt of 6.15 and later: 0 detached, 1 attached, more: read-locked; with this bit a writer
// keeps readers out.
inline constexpr int VM_REFCNT_EXCLUDE_READERS_FLAG = 1 << 30;
inline constexpr int VM_REFCNT_LIMIT = VM_REFCNT_EXCLUDE_READERS_FLAG - 1;

struct vm_area_struct {
  // The kernel's shares memory with vm_start and vm_end, which a free VMA therefore loses; where a
  // sheaf holds the VMA, as from 6.18 on, it does not.
  freeptr_t vm_freeptr;
  Shared<unsigned long> vm_start;
  Shared<unsigned long> vm_end;  // the first byte after it
  Shared<mm_struct*> vm_mm;
  Shared<vm_flags_t> vm_flags;
  Shared<unsigned long> vm_lock_seq;  // equal to the mm's mm_lock_seq: write-locked
  Shared<anon_vma_chain*> anon_vma_chain;
  Shared<struct anon_vma*> anon_vma;
  Shared<pgoff_t> vm_pgoff;
  Shared<file*> vm_file;
  Shared<vm_area_struct*> shared_next, shared_prev;  // in its mapping's i_mmap, under i_mmap_rwsem
  refcount_t vm_refcnt;                              // vma_lock_kind::refcount
  rw_semaphore vm_lock{
      "vm_lock"};         // vma_lock_kind::rwsem: struct vma_lock, as old as the VMA itself
  Shared<bool> detached;  // vma_lock_kind::rwsem
  template <class V>
  void visit(V&& v) {
    v("vm_freeptr", vm_freeptr);
    v("vm_start", vm_start);
    v("vm_end", vm_end);
    v("vm_mm", vm_mm);
    v("vm_flags", vm_flags);
    v("vm_lock_seq", vm_lock_seq);
    v("anon_vma_chain", anon_vma_chain);
    v("anon_vma", anon_vma);
    v("vm_pgoff", vm_pgoff);
    v("vm_file", vm_file);
    v("shared_next", shared_next);
    v("shared_prev", shared_prev);
    v("vm_refcnt", vm_refcnt);
    v("vm_lock", vm_lock);
    v("detached", detached);
  }
};

// mm->flags
inline constexpr unsigned long MMF_UNSTABLE = 1ul << 22;
inline constexpr unsigned long MMF_HAS_UPROBES = 1ul << 19;
inline constexpr unsigned long MMF_RECALC_UPROBES = 1ul << 20;

// struct rcuwait: one task that waits, and who wakes it looks at `task` only.
struct rcuwait {
  Shared<int> task;  // 1 + the CPU that waits
  platform::WaitQueue queue;
  template <class V>
  void visit(V&& v) {
    v("task", task);
  }
};

struct mm_struct {
  rw_semaphore mmap_lock{"mmap_lock"};
  Shared<unsigned long> mm_lock_seq;  // rules.counter; `sequence` of the seqcount_t since 6.14
  maple_tree mm_mt;
  Shared<int> map_count;
  Shared<unsigned long> start_brk, brk, start_stack;
  Shared<unsigned long> flags;  // MMF_*, by atomic operations
  atomic_t mm_users;            // those that may use the address space
  atomic_t mm_count;            // those that keep this structure; all users together are one
  spinlock_t page_table_lock;
  pgtable pgd;
  rcuwait vma_writer_wait;  // the writer that waits for readers of a VMA
  int id = 0;               // n of mm<n>
  template <class V>
  void visit(V&& v) {
    v("mmap_lock", mmap_lock);
    v("mm_lock_seq", mm_lock_seq);
    v("mm_mt", mm_mt);
    v("map_count", map_count);
    v("start_brk", start_brk);
    v("brk", brk);
    v("start_stack", start_stack);
    v("flags", flags);
    v("mm_users", mm_users);
    v("mm_count", mm_count);
    v("page_table_lock", page_table_lock);
    v("vma_writer_wait", vma_writer_wait);
    v("pte", pgd);
  }
};

inline unsigned long vma_pages(const vm_area_struct* vma, Site site = Site::current()) {
  return (vma->vm_end.get(site) - vma->vm_start.get(site)) >> PAGE_SHIFT;
}
// Without a file: vm_ops is null. Shared anonymous memory has shmem's file.
inline bool vma_is_anonymous(const vm_area_struct* vma, Site site = Site::current()) {
  return vma->vm_file.get(site) == nullptr;
}
inline bool vma_is_accessible(const vm_area_struct* vma, Site site = Site::current()) {
  return (vma->vm_flags.get(site) & VM_ACCESS_FLAGS) != 0;
}
inline Shared<unsigned long>& pte_offset(mm_struct* mm, unsigned long address) {
  return mm->pgd.pte[address >> PAGE_SHIFT];
}

inline bool mm_flags_test(unsigned long flag, const mm_struct* mm, Site site = Site::current()) {
  return (READ_ONCE(mm->flags, site) & flag) != 0;
}
inline void mm_flags_set(unsigned long flag, mm_struct* mm, Site site = Site::current()) {
  atomic_fetch_op(mm->flags, Order::kNoReturn, [flag](unsigned long x) { return x | flag; }, site);
}
inline void mm_flags_clear(unsigned long flag, mm_struct* mm, Site site = Site::current()) {
  atomic_fetch_op(mm->flags, Order::kNoReturn, [flag](unsigned long x) { return x & ~flag; }, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_MM_TYPES_H_
