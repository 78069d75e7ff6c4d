// The per-VMA lock, in both generations (include/linux/mmap_lock.h, mm/mmap_lock.c).
//
//   rwsem     6.4 .. 6.14: a read-write semaphore as old as the VMA, a `detached` flag
//   refcount  6.15 and later: vm_refcnt; VMAs are type-stable and may be recycled under a reader
//
// Readers take it for one VMA, under RCU. Writers mark VMAs one by one with the mm's mm_lock_seq,
// holding mmap_lock for writing; all marks go at once when the counter moves on.
#ifndef VMAFUZZ_MM_VMA_LOCK_H_
#define VMAFUZZ_MM_VMA_LOCK_H_

#include "mm/mmap_lock.h"

namespace vmafuzz::kernel {

// vm_lock_seq's value after vma_lock_init(), UINT_MAX in the kernel.
inline unsigned long vm_lock_seq_unlocked() { return mm_lock_seq_mask(rules.counter_bits); }

void vma_lock_init(vm_area_struct* vma, bool reset_refcnt);

// Null: not lockable now. ERR_PTR(-EAGAIN): it is detached, look it up again. Called under RCU,
// which a failure of the refcount generation leaves (as the kernel's does since 6.16).
vm_area_struct* vma_start_read(mm_struct* mm, vm_area_struct* vma);
void vma_end_read(vm_area_struct* vma);

// The VMA at that address, read-locked, or null: then mmap_lock has to be taken.
vm_area_struct* lock_vma_under_rcu(mm_struct* mm, unsigned long address);

// Keeps readers out until the end of the write section. mmap_lock is held for writing.
void vma_start_write(vm_area_struct* vma);
// 0 or -EINTR.
int vma_start_write_killable(vm_area_struct* vma);

// Assertions end the execution with lock-imbalance (not locked) or refcount (wrongly attached).
void vma_assert_write_locked(const vm_area_struct* vma);
void vma_assert_attached(const vm_area_struct* vma);
void vma_assert_detached(const vm_area_struct* vma);

void vma_mark_attached(vm_area_struct* vma);
void vma_mark_detached(vm_area_struct* vma);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_VMA_LOCK_H_
