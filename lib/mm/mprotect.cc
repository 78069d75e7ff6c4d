// mprotect() (mm/mprotect.c).
#include "mm/mman.h"
#include "mm/syscalls.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

using platform::machine;

// *pprev: the VMA that [.., end) belongs to afterwards. Accounting is kept as a flag only, since it
// decides later merges.
static int mprotect_fixup(vma_iterator* vmi, vm_area_struct* vma, vm_area_struct** pprev,
                          unsigned long start, unsigned long end, vm_flags_t newflags, Site site) {
  const vm_flags_t oldflags = READ_ONCE(vma->vm_flags, site);
  if (newflags == oldflags) {
    *pprev = vma;
    return 0;
  }
  if ((newflags & VM_WRITE) != 0) {
    if ((oldflags & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE)) == 0) {
      if (machine.injected_failure(site)) return -ENOMEM;  // security_vm_enough_memory_mm()
      newflags |= VM_ACCOUNT;
    }
  } else if ((oldflags & VM_ACCOUNT) != 0 && vma_is_anonymous(vma, site) &&
             vma->anon_vma.get(site) == nullptr) {
    newflags &= ~VM_ACCOUNT;
  }
  vma = vma_modify_flags(vmi, *pprev, vma, start, end, &newflags, site);
  if (IS_ERR(vma)) return static_cast<int>(PTR_ERR(vma));
  *pprev = vma;
  vma_start_write(vma, site);
  vm_flags_reset_once(vma, newflags, site);
  return 0;
}

static vm_flags_t protection(const vm_area_struct* vma, unsigned long prot, Site site) {
  return (prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) |
         (vma->vm_flags.get(site) & ~VM_ACCESS_FLAGS);
}

// VMA by VMA in one write section; stops at the first error or gap, and what is done stays done.
static int mprotect_range(mm_struct* mm, unsigned long start, unsigned long end, unsigned long prot,
                          Site site) {
  vma_iterator vmi(mm);
  vm_area_struct* vma = find_vma_intersection(mm, start, end);
  if (vma == nullptr || vma->vm_start.get(site) > start) return -ENOMEM;
  vm_area_struct* prev = vma_prev(mm, start);
  if (start > vma->vm_start.get(site)) prev = vma;
  unsigned long nstart = start;
  while (nstart < end) {
    vma = find_vma_intersection(mm, nstart, end);
    if (vma == nullptr) return -ENOMEM;
    if (nstart != start && vma->vm_start.get(site) != nstart) return -ENOMEM;
    const vm_flags_t newflags = protection(vma, prot, site);
    // VM_MAY* are four bits above what they allow.
    if ((newflags & ~(newflags >> 4) & VM_ACCESS_FLAGS) != 0) return -EACCES;
    unsigned long tmp = vma->vm_end.get(site);
    if (tmp > end) tmp = end;
    const int error = mprotect_fixup(&vmi, vma, &prev, nstart, tmp, newflags, site);
    if (error != 0) return error;
    nstart = prev->vm_end.get(site);
  }
  return 0;
}

int do_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot,
                Site site) {
  if (offset_in_page(start) != 0) return -EINVAL;
  if (len == 0) return 0;
  const unsigned long end = start + PAGE_ALIGN(len);
  if (end <= start) return -ENOMEM;
  if (mmap_write_lock_killable(mm, site) != 0) return -EINTR;
  const int error = mprotect_range(mm, start, end, prot, site);
  mmap_write_unlock(mm, site);
  return error;
}

}  // namespace vmafuzz::kernel
