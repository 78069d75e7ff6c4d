// mprotect() (mm/mprotect.c).
#include "kernel/bugs.h"
#include "mm/mman.h"
#include "mm/syscalls.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

using platform::machine;

// *pprev: the VMA that [.., end) belongs to afterwards. Accounting is kept as a flag only, since it
// decides later merges.
static int mprotect_fixup(vma_iterator* vmi, vm_area_struct* vma, vm_area_struct** pprev,
                          unsigned long start, unsigned long end, vm_flags_t newflags) {
  const vm_flags_t oldflags = READ_ONCE(vma->vm_flags);
  if (newflags == oldflags) {
    *pprev = vma;
    return 0;
  }
  if ((newflags & VM_WRITE) != 0) {
    if ((oldflags & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE)) == 0) {
      if (machine.injected_failure(Site::current()))
        return -ENOMEM;  // security_vm_enough_memory_mm()
      newflags |= VM_ACCOUNT;
    }
  } else if ((oldflags & VM_ACCOUNT) != 0 && vma_is_anonymous(vma) &&
             vma->anon_vma.get() == nullptr) {
    newflags &= ~VM_ACCOUNT;
  }
  vma = vma_modify_flags(vmi, *pprev, vma, start, end, &newflags);
  if (IS_ERR(vma)) return static_cast<int>(PTR_ERR(vma));
  *pprev = vma;
  vma_start_write(vma);
  vm_flags_reset_once(vma, newflags);
  return 0;
}

static vm_flags_t protection(const vm_area_struct* vma, unsigned long prot) {
  return (prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) | (vma->vm_flags.get() & ~VM_ACCESS_FLAGS);
}

// VMA by VMA in one write section; stops at the first error or gap, and what is done stays done.
static int mprotect_range(mm_struct* mm, unsigned long start, unsigned long end,
                          unsigned long prot) {
  vma_iterator vmi(mm);
  vm_area_struct* vma = find_vma_intersection(mm, start, end);
  if (vma == nullptr || vma->vm_start.get() > start) return -ENOMEM;
  vm_area_struct* prev = vma_prev(mm, start);
  if (start > vma->vm_start.get()) prev = vma;
  unsigned long nstart = start;
  while (nstart < end) {
    vma = find_vma_intersection(mm, nstart, end);
    if (vma == nullptr) return -ENOMEM;
    if (nstart != start && vma->vm_start.get() != nstart) {
      if (!bug(Bug::mprotect_skips_holes)) return -ENOMEM;
      nstart = vma->vm_start.get();
      prev = vma_prev(mm, nstart);
    }
    const vm_flags_t newflags = protection(vma, prot);
    // VM_MAY* are four bits above what they allow.
    if ((newflags & ~(newflags >> 4) & VM_ACCESS_FLAGS) != 0) return -EACCES;
    unsigned long tmp = vma->vm_end.get();
    if (tmp > end) tmp = end;
    const int error = mprotect_fixup(&vmi, vma, &prev, nstart, tmp, newflags);
    if (error != 0) return error;
    nstart = prev->vm_end.get();
  }
  return 0;
}

int do_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot) {
  if (offset_in_page(start) != 0) return -EINVAL;
  if (len == 0) return 0;
  const unsigned long end = start + PAGE_ALIGN(len);
  if (end <= start) return -ENOMEM;
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  const int error = mprotect_range(mm, start, end, prot);
  mmap_write_unlock(mm);
  return error;
}

}  // namespace vmafuzz::kernel
