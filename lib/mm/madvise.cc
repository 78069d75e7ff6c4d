// madvise() (mm/madvise.c): advice that changes flags, under mmap_lock held for writing, and advice
// that drops pages, under one VMA's lock.
#include <algorithm>

#include "mm/mman.h"
#include "mm/syscalls.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

namespace {

struct madvise_behavior {
  mm_struct* mm;
  int behavior;
  unsigned long start;
  unsigned long end;
  vm_area_struct* prev = nullptr;
  vm_area_struct* vma = nullptr;
};

bool discards_pages(int behavior) { return behavior == MADV_DONTNEED || behavior == MADV_FREE; }

}  // namespace

static int madvise_update_vma(vm_flags_t new_flags, madvise_behavior* madv) {
  vm_area_struct* vma = madv->vma;
  if (new_flags == vma->vm_flags.get()) return 0;
  vma_iterator vmi(madv->mm);
  vma = vma_modify_flags(&vmi, madv->prev, vma, madv->start, madv->end, &new_flags);
  if (IS_ERR(vma)) return static_cast<int>(PTR_ERR(vma));
  madv->vma = vma;
  vma_start_write(vma);
  vm_flags_reset(vma, new_flags);
  return 0;
}

static int madvise_dontneed_free(const madvise_behavior* madv) {
  vm_area_struct* vma = madv->vma;
  const bool special = (vma->vm_flags.get() & (VM_PFNMAP | VM_IO)) != 0;
  if (special || (madv->behavior == MADV_FREE && !vma_is_anonymous(vma))) return -EINVAL;
  unmap_single_vma(vma, madv->start, madv->end);
  return 0;
}

// ksm_madvise(): only private memory is merged.
static bool vma_ksm_compatible(vm_flags_t flags) {
  return (flags & (VM_SHARED | VM_MAYSHARE | VM_SPECIAL | VM_HUGETLB)) == 0;
}

// The flags that the advice asks for, or -EINVAL.
static int advised_flags(const vm_area_struct* vma, int behavior, vm_flags_t* flags) {
  switch (behavior) {
    case MADV_NORMAL:
      *flags &= ~(VM_RAND_READ | VM_SEQ_READ);
      return 0;
    case MADV_SEQUENTIAL:
      *flags = (*flags & ~VM_RAND_READ) | VM_SEQ_READ;
      return 0;
    case MADV_RANDOM:
      *flags = (*flags & ~VM_SEQ_READ) | VM_RAND_READ;
      return 0;
    case MADV_DONTFORK:
      *flags |= VM_DONTCOPY;
      return 0;
    case MADV_DOFORK:
      if ((*flags & VM_SPECIAL) != 0) return -EINVAL;
      *flags &= ~VM_DONTCOPY;
      return 0;
    case MADV_WIPEONFORK:
      if (!vma_is_anonymous(vma) || (*flags & VM_SHARED) != 0) return -EINVAL;
      *flags |= VM_WIPEONFORK;
      return 0;
    case MADV_KEEPONFORK:
      *flags &= ~VM_WIPEONFORK;
      return 0;
    case MADV_DONTDUMP:
      *flags |= VM_DONTDUMP;
      return 0;
    case MADV_DODUMP:
      if ((*flags & VM_SPECIAL) != 0) return -EINVAL;
      *flags &= ~VM_DONTDUMP;
      return 0;
    case MADV_MERGEABLE:
      if (vma_ksm_compatible(*flags)) *flags |= VM_MERGEABLE;
      return 0;
    case MADV_UNMERGEABLE:
      *flags &= ~VM_MERGEABLE;
      return 0;
    case MADV_HUGEPAGE:
      *flags = (*flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
      return 0;
    case MADV_NOHUGEPAGE:
      *flags = (*flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
      return 0;
    default:
      return -EINVAL;
  }
}

static int madvise_vma_behavior(madvise_behavior* madv) {
  if (discards_pages(madv->behavior)) return madvise_dontneed_free(madv);
  vm_flags_t new_flags = madv->vma->vm_flags.get();
  int error = advised_flags(madv->vma, madv->behavior, &new_flags);
  if (error == 0) error = madvise_update_vma(new_flags, madv);
  // madvise() says so where memory is short for a moment.
  return error == -ENOMEM ? -EAGAIN : error;
}

// Holes are passed over and reported at the end.
static int madvise_walk_vmas(madvise_behavior* madv, unsigned long last_end) {
  int unmapped_error = 0;
  madv->vma = find_vma(madv->mm, madv->start);
  madv->prev = vma_prev(madv->mm, madv->start);
  if (madv->vma != nullptr && madv->start > madv->vma->vm_start.get()) madv->prev = madv->vma;
  for (;;) {
    if (madv->vma == nullptr) return -ENOMEM;
    const unsigned long vm_start = madv->vma->vm_start.get();
    if (madv->start < vm_start) {
      unmapped_error = -ENOMEM;
      madv->start = vm_start;
      if (madv->start >= last_end) break;
    }
    madv->end = std::min(madv->vma->vm_end.get(), last_end);
    const int error = madvise_vma_behavior(madv);
    if (error != 0) return error;
    madv->prev = madv->vma;
    madv->start = std::max(madv->start, madv->vma->vm_end.get());
    if (madv->start >= last_end) break;
    madv->vma = find_vma(madv->mm, madv->start);
  }
  return unmapped_error;
}

// try_vma_read_lock(): all of the range is in one VMA, and that can be locked.
static vm_area_struct* try_vma_read_lock(mm_struct* mm, unsigned long start, unsigned long end) {
  vm_area_struct* vma = lock_vma_under_rcu(mm, start);
  if (vma == nullptr) return nullptr;
  if (end <= vma->vm_end.get()) return vma;
  vma_end_read(vma);
  return nullptr;
}

static int madvise_discard(madvise_behavior* madv, unsigned long last_end) {
  vm_area_struct* vma = try_vma_read_lock(madv->mm, madv->start, last_end);
  if (vma != nullptr) {
    madv->vma = vma;
    madv->end = last_end;
    const int error = madvise_vma_behavior(madv);
    vma_end_read(vma);
    return error;
  }
  mmap_read_lock(madv->mm);
  const int error = madvise_walk_vmas(madv, last_end);
  mmap_read_unlock(madv->mm);
  return error;
}

int do_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior) {
  if (offset_in_page(start) != 0 || len > TASK_SIZE) return -EINVAL;
  const unsigned long end = start + PAGE_ALIGN(len);
  if (end < start) return -EINVAL;
  if (end == start) return 0;
  madvise_behavior madv{mm, behavior, start, end, nullptr, nullptr};
  if (discards_pages(behavior)) return madvise_discard(&madv, end);
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  const int error = madvise_walk_vmas(&madv, end);
  mmap_write_unlock(mm);
  return error;
}

}  // namespace vmafuzz::kernel
