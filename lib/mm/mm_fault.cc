// Page faults (arch/x86/mm/fault.c, mm/memory.c, lock_mm_and_find_vma() of mm/mmap_lock.c): first
// under the VMA's own lock, then under mmap_lock.
#include "mm/syscalls.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

namespace {

enum class fault_result { kDone, kRetry, kNoMemory };

struct vm_fault {
  vm_area_struct* vma;
  unsigned long address;
  bool write;
  bool vma_lock;  // FAULT_FLAG_VMA_LOCK: mmap_lock is not held
};

// An anon_vma may be taken over from a neighbour, which takes mmap_lock to look at.
fault_result vmf_anon_prepare(const vm_fault* vmf) {
  // Set once under a read lock that another fault may hold: the kernel looks without a mark.
  if (data_race(vmf->vma->anon_vma) != nullptr) return fault_result::kDone;
  mm_struct* mm = vmf->vma->vm_mm.get();
  if (vmf->vma_lock && !mmap_read_trylock(mm)) return fault_result::kRetry;
  const int error = anon_vma_prepare(vmf->vma);
  if (vmf->vma_lock) mmap_read_unlock(mm);
  return error == 0 ? fault_result::kDone : fault_result::kNoMemory;
}

// Private memory that is written to becomes the task's own page.
fault_result handle_mm_fault(const vm_fault* vmf) {
  vm_area_struct* vma = vmf->vma;
  const bool cow = vmf->write && (vma->vm_flags.get() & VM_SHARED) == 0;
  if (cow) {
    const fault_result prepared = vmf_anon_prepare(vmf);
    if (prepared != fault_result::kDone) return prepared;
  }
  mm_struct* mm = vma->vm_mm.get();
  Shared<unsigned long>& pte = pte_offset(mm, vmf->address);
  spin_lock(mm->page_table_lock);
  const unsigned long old = ptep_get(pte);
  const unsigned long entry = old | kPtePresent | (cow ? kPteAnon : 0ul);
  if (entry != old) set_pte(pte, entry);
  spin_unlock(mm->page_table_lock);
  return fault_result::kDone;
}

bool access_error(const vm_area_struct* vma, bool write) {
  const vm_flags_t wanted = write ? VM_WRITE : VM_ACCESS_FLAGS;
  return (vma->vm_flags.get() & wanted) == 0;
}

// The VMA with mmap_lock held for reading; or null, with nothing held and *error set. A stack is
// extended under the write lock, which is then downgraded.
vm_area_struct* lock_mm_and_find_vma(mm_struct* mm, unsigned long addr, long* error) {
  *error = -EFAULT;
  if (!mmap_read_trylock(mm) && mmap_read_lock_killable(mm) != 0) {
    *error = -EINTR;
    return nullptr;
  }
  vm_area_struct* vma = find_vma(mm, addr);
  if (vma != nullptr && vma->vm_start.get() <= addr) return vma;
  const bool grows = vma != nullptr && (vma->vm_flags.get() & VM_GROWSDOWN) != 0;
  mmap_read_unlock(mm);
  if (!grows) return nullptr;
  if (mmap_write_lock_killable(mm) != 0) {
    *error = -EINTR;
    return nullptr;
  }
  vma = find_vma(mm, addr);
  const bool there = vma != nullptr && vma->vm_start.get() <= addr;
  if (there || (vma != nullptr && expand_downwards(vma, addr) == 0)) {
    mmap_write_downgrade(mm);
    return vma;
  }
  mmap_write_unlock(mm);
  return nullptr;
}

}  // namespace

long do_user_addr_fault(mm_struct* mm, unsigned long address, bool write) {
  vm_area_struct* vma = lock_vma_under_rcu(mm, address);
  if (vma != nullptr) {
    if (access_error(vma, write)) {
      vma_end_read(vma);
      return -EFAULT;
    }
    const vm_fault vmf{vma, address, write, true};
    const fault_result result = handle_mm_fault(&vmf);
    vma_end_read(vma);
    if (result == fault_result::kDone) return 0;
    if (result == fault_result::kNoMemory) return -ENOMEM;
  }
  long error = 0;
  vma = lock_mm_and_find_vma(mm, address, &error);
  if (vma == nullptr) return error;
  if (access_error(vma, write)) {
    error = -EFAULT;
  } else {
    const vm_fault vmf{vma, address, write, false};
    error = handle_mm_fault(&vmf) == fault_result::kDone ? 0 : -ENOMEM;
  }
  mmap_read_unlock(mm);
  return error;
}

}  // namespace vmafuzz::kernel
