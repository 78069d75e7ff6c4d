// mremap() (mm/mremap.c). What it is asked for is checked before it takes the lock, as since 6.17;
// before, some of the same checks came after that.
#include <algorithm>

#include "kernel/bugs.h"
#include "kernel/rules.h"
#include "mm/mman.h"
#include "mm/syscalls.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

using platform::machine;

namespace {

enum mremap_type { MREMAP_NO_RESIZE, MREMAP_SHRINK, MREMAP_EXPAND };

struct vma_remap_struct {
  mm_struct* mm;
  unsigned long addr;
  unsigned long old_len;
  unsigned long new_len;
  unsigned long flags;
  unsigned long new_addr;
  vm_area_struct* vma = nullptr;
  unsigned long delta = 0;
  mremap_type remap_type = MREMAP_NO_RESIZE;
  bool mmap_locked = false;
};

bool vrm_implies_new_addr(const vma_remap_struct* vrm) {
  return (vrm->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0;
}
bool vrm_will_map_new(const vma_remap_struct* vrm) {
  return vrm->remap_type == MREMAP_EXPAND || vrm_implies_new_addr(vrm);
}
// Only moves: then several VMAs may go at once, since 6.17.
bool vrm_move_only(const vma_remap_struct* vrm) {
  return rules.remap_move && (vrm->flags & MREMAP_FIXED) != 0 && vrm->old_len == vrm->new_len;
}
// Before 6.17: mremap_to() unmaps and shrinks first.
bool vrm_checked_late(const vma_remap_struct* vrm) {
  return !rules.remap_move && vrm_implies_new_addr(vrm);
}
bool vrm_overlaps(const vma_remap_struct* vrm) {
  return vrm->addr + vrm->old_len > vrm->new_addr && vrm->new_addr + vrm->new_len > vrm->addr;
}

// --- page tables: breakpoints travel with them
// ---------------------------------------------------------

// How much was moved: all, or nothing for lack of a page table at the new place.
unsigned long move_page_tables(mm_struct* mm, unsigned long old_addr, unsigned long new_addr,
                               unsigned long len, address_space* rmap_lock) {
  if (len == 0) return 0;
  if (machine.injected_failure(Site::current())) return 0;
  // Taken where rmap could otherwise walk past pages that move downwards.
  if (rmap_lock != nullptr) i_mmap_lock_write(rmap_lock);
  spin_lock(mm->page_table_lock);
  for (unsigned long done = 0; done < len; done += PAGE_SIZE) {
    Shared<unsigned long>& from = pte_offset(mm, old_addr + done);
    Shared<unsigned long>& to = pte_offset(mm, new_addr + done);
    const unsigned long pte = ptep_get(from);
    if (pte == 0) continue;
    // The page that is there already would belong to nobody (CVE-2025-38207).
    if (ptep_get(to) != 0) {
      machine.fail("leak", "mremap() moves a page over another that is mapped there");
    }
    set_pte(from, 0);
    set_pte(to, pte);
  }
  spin_unlock(mm->page_table_lock);
  if (rmap_lock != nullptr) i_mmap_unlock_write(rmap_lock);
  return len;
}

address_space* mapping_of(const vm_area_struct* vma) {
  file* f = vma->vm_file.get();
  return f == nullptr ? nullptr : f->f_mapping.get();
}

// --- moving
// --------------------------------------------------------------------------------------------

unsigned long vrm_set_new_addr(vma_remap_struct* vrm) {
  const unsigned long hint = vrm_implies_new_addr(vrm) ? vrm->new_addr : 0;
  const unsigned long map_flags = (vrm->flags & MREMAP_FIXED) != 0 ? MAP_FIXED : 0;
  const unsigned long res = get_unmapped_area(vrm->mm, hint, vrm->new_len, map_flags);
  if (IS_ERR_VALUE(res)) return res;
  vrm->new_addr = res;
  return 0;
}

bool vrm_calc_charge(const vma_remap_struct* vrm) {
  if ((vrm->vma->vm_flags.get() & VM_ACCOUNT) == 0) return true;
  return !machine.injected_failure(Site::current());  // security_vm_enough_memory_mm()
}

// VM_ACCOUNT goes for a moment, so that unmapping does not give back what the copy now owns.
void unmap_source_vma(vma_remap_struct* vrm) {
  vm_area_struct* vma = vrm->vma;
  const unsigned long addr = vrm->addr;
  const unsigned long end = addr + vrm->old_len;
  const bool accountable_move =
      (vma->vm_flags.get() & VM_ACCOUNT) != 0 && (vrm->flags & MREMAP_DONTUNMAP) == 0;
  unsigned long vm_start = 0;
  unsigned long vm_end = 0;
  if (accountable_move) {
    vm_flags_clear(vma, VM_ACCOUNT);
    vm_start = vma->vm_start.get();
    vm_end = vma->vm_end.get();
  }
  vma_iterator vmi(vrm->mm);
  const int err = do_vmi_munmap(&vmi, vrm->mm, addr, vrm->old_len, false);
  vrm->vma = nullptr;
  if (err != 0 || !accountable_move || bug(Bug::mremap_drops_account)) return;
  if (vm_start < addr) vm_flags_set(vma_prev(vrm->mm, addr), VM_ACCOUNT);
  if (vm_end > end) vm_flags_set(find_vma(vrm->mm, end), VM_ACCOUNT);
}

int copy_vma_and_data(vma_remap_struct* vrm, vm_area_struct** new_vma_ptr) {
  vm_area_struct* vma = vrm->vma;
  const pgoff_t internal_pgoff = (vrm->addr - vma->vm_start.get()) >> PAGE_SHIFT;
  const pgoff_t new_pgoff = vma->vm_pgoff.get() + internal_pgoff;
  bool need_rmap_locks = false;
  vm_area_struct* new_vma =
      copy_vma(&vma, vrm->new_addr, vrm->new_len, new_pgoff, &need_rmap_locks);
  *new_vma_ptr = new_vma;
  if (new_vma == nullptr) return -ENOMEM;
  vrm->vma = vma;
  address_space* rmap = need_rmap_locks ? mapping_of(new_vma) : nullptr;
  const unsigned long moved =
      move_page_tables(vrm->mm, vrm->addr, vrm->new_addr, vrm->old_len, rmap);
  if (moved == vrm->old_len) return 0;
  // What was moved goes back, and the new VMA is the one to be unmapped.
  move_page_tables(vrm->mm, vrm->new_addr, vrm->addr, moved, mapping_of(new_vma));
  vrm->vma = new_vma;
  vrm->old_len = vrm->new_len;
  vrm->addr = vrm->new_addr;
  return -ENOMEM;
}

void dontunmap_complete(vma_remap_struct* vrm, vm_area_struct* new_vma) {
  vm_area_struct* vma = vrm->vma;
  const bool whole =
      vrm->addr == vma->vm_start.get() && vrm->addr + vrm->old_len == vma->vm_end.get();
  if (new_vma != vma && whole && !bug(Bug::dontunmap_keeps_anon_vma)) unlink_anon_vmas(vma);
}

unsigned long move_vma(vma_remap_struct* vrm) {
  // Unmapping may split one VMA into three.
  if (vrm->mm->map_count.get() >= sysctl_max_map_count - 3) return -ENOMEM;
  if (!vrm_calc_charge(vrm)) return -ENOMEM;
  vma_start_write(vrm->vma);
  const unsigned long new_addr = vrm->new_addr;
  vm_area_struct* new_vma = nullptr;
  const int err = copy_vma_and_data(vrm, &new_vma);
  if (err != 0 && new_vma == nullptr) return err;
  if (err == 0 && (vrm->flags & MREMAP_DONTUNMAP) != 0) {
    dontunmap_complete(vrm, new_vma);
  } else {
    unmap_source_vma(vrm);
  }
  return err != 0 ? err : new_addr;
}

// vma_to_resize(), resize_is_valid(): may the VMA's part be moved or grow?
int resize_is_valid(const vma_remap_struct* vrm) {
  const vm_area_struct* vma = vrm->vma;
  const vm_flags_t vm_flags = vma->vm_flags.get();
  // Old length 0 duplicates a shared mapping.
  if (vrm->old_len == 0 && (vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0) return -EINVAL;
  const bool fixed_size = (vm_flags & (VM_DONTEXPAND | VM_PFNMAP)) != 0;
  if ((vrm->flags & MREMAP_DONTUNMAP) != 0 && fixed_size) return -EINVAL;
  const unsigned long old_len = vrm->remap_type == MREMAP_SHRINK ? vrm->new_len : vrm->old_len;
  if (old_len > vma->vm_end.get() - vrm->addr) return -EFAULT;
  if (vrm->new_len == old_len) return 0;
  return fixed_size ? -EFAULT : 0;
}

// --- shrinking, moving to an address
// -------------------------------------------------------------------

unsigned long shrink_vma(vma_remap_struct* vrm, bool drop_lock) {
  vma_iterator vmi(vrm->mm);
  const int res = do_vmi_munmap(&vmi, vrm->mm, vrm->addr + vrm->new_len, vrm->delta, drop_lock);
  vrm->vma = nullptr;
  if (res != 0) return res;
  if (drop_lock) {
    vrm->mmap_locked = false;
    return 0;
  }
  vrm->vma = vma_lookup(vrm->mm, vrm->addr);
  return vrm->vma == nullptr ? -EFAULT : 0;
}

unsigned long mremap_to(vma_remap_struct* vrm) {
  unsigned long err = 0;
  if ((vrm->flags & MREMAP_FIXED) != 0) {
    // First of all, and lost whatever happens later.
    err = do_munmap(vrm->mm, vrm->new_addr, vrm->new_len);
    vrm->vma = nullptr;
    if (err != 0) return err;
    vrm->vma = vma_lookup(vrm->mm, vrm->addr);
    if (vrm->vma == nullptr) return -EFAULT;
  }
  if (vrm->remap_type == MREMAP_SHRINK) {
    err = shrink_vma(vrm, false);
    if (err != 0) return err;
    vrm->old_len = vrm->new_len;
  }
  if (vrm_checked_late(vrm)) {
    if (const int invalid = resize_is_valid(vrm)) return static_cast<unsigned long>(invalid);
  }
  err = vrm_set_new_addr(vrm);
  return err != 0 ? err : move_vma(vrm);
}

// --- growing
// -------------------------------------------------------------------------------------------

bool vrm_can_expand_in_place(const vma_remap_struct* vrm) {
  const unsigned long vm_end = vrm->vma->vm_end.get();
  if (vm_end - vrm->addr != vrm->old_len) return false;
  const unsigned long end = vm_end + vrm->delta;
  return end <= TASK_SIZE && find_vma_intersection(vrm->mm, vm_end, end) == nullptr;
}

unsigned long expand_vma(vma_remap_struct* vrm) {
  if (vrm_can_expand_in_place(vrm)) {
    if (!vrm_calc_charge(vrm)) return -ENOMEM;
    vma_iterator vmi(vrm->mm);
    vrm->vma = vma_merge_extend(&vmi, vrm->vma, vrm->delta);
    return vrm->vma == nullptr ? -ENOMEM : vrm->addr;
  }
  if ((vrm->flags & MREMAP_MAYMOVE) == 0) return -ENOMEM;
  const unsigned long err = vrm_set_new_addr(vrm);
  return err != 0 ? err : move_vma(vrm);
}

unsigned long mremap_at(vma_remap_struct* vrm) {
  if (vrm->remap_type == MREMAP_EXPAND) return expand_vma(vrm);
  if (vrm->remap_type == MREMAP_SHRINK) {
    const unsigned long res = shrink_vma(vrm, true);
    if (res != 0) return res;
  }
  return vrm->addr;
}

// --- checks
// --------------------------------------------------------------------------------------------

int check_mremap_params(const vma_remap_struct* vrm) {
  if ((vrm->flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP)) != 0) return -EINVAL;
  if (offset_in_page(vrm->addr) != 0) return -EINVAL;
  if (vrm->new_len == 0 || vrm->new_len > TASK_SIZE) return -EINVAL;
  if (!vrm_implies_new_addr(vrm)) return 0;
  if (vrm->new_addr > TASK_SIZE - vrm->new_len || offset_in_page(vrm->new_addr) != 0)
    return -EINVAL;
  if ((vrm->flags & MREMAP_MAYMOVE) == 0) return -EINVAL;
  if ((vrm->flags & MREMAP_DONTUNMAP) != 0 && vrm->old_len != vrm->new_len) return -EINVAL;
  if (vrm_overlaps(vrm)) return -EINVAL;
  // Read without the lock, and again under it in move_vma(): a race that the kernel accepts.
  if (data_race(vrm->mm->map_count) + 2 >= sysctl_max_map_count - 3) return -ENOMEM;
  return 0;
}

int check_prep_vma(vma_remap_struct* vrm) {
  if (vrm->vma == nullptr) return -EFAULT;
  const bool grows = vrm->new_len > vrm->old_len;
  vrm->delta = grows ? vrm->new_len - vrm->old_len : vrm->old_len - vrm->new_len;
  vrm->remap_type = vrm->delta == 0 ? MREMAP_NO_RESIZE : grows ? MREMAP_EXPAND : MREMAP_SHRINK;
  if (!vrm_implies_new_addr(vrm)) vrm->new_addr = vrm->addr;
  if (!vrm_will_map_new(vrm) || vrm_checked_late(vrm)) return 0;
  return resize_is_valid(vrm);
}

// Since 6.17: all VMAs of the range, and the gaps between them. Not all or nothing.
unsigned long remap_move(vma_remap_struct* vrm) {
  const unsigned long start = vrm->addr;
  const unsigned long end = vrm->addr + vrm->old_len;
  unsigned long target_addr = vrm->new_addr;
  unsigned long res = -EFAULT;
  unsigned long last_end = start;
  bool seen_vma = false;
  for (unsigned long from = start; from < end; from = last_end) {
    vm_area_struct* vma = find_vma_intersection(vrm->mm, from, end);
    if (vma == nullptr) break;
    const unsigned long vm_start = vma->vm_start.get();
    const unsigned long vm_end = vma->vm_end.get();
    if (!seen_vma && start < vm_start) return -EFAULT;
    const unsigned long addr = std::max(vm_start, start);
    const unsigned long offset = seen_vma ? vm_start - last_end : 0;
    last_end = vm_end;
    vrm->vma = vma;
    vrm->addr = addr;
    vrm->new_addr = target_addr + offset;
    vrm->old_len = vrm->new_len = std::min(end, vm_end) - addr;
    const unsigned long len = vrm->new_len;
    unsigned long res_vma = check_prep_vma(vrm);
    if (res_vma == 0) res_vma = mremap_to(vrm);
    if (IS_ERR_VALUE(res_vma)) return res_vma;
    if (!seen_vma) res = res_vma;
    seen_vma = true;
    target_addr = res_vma + len;
  }
  return res;
}

}  // namespace

long do_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
               unsigned long flags, unsigned long new_addr) {
  vma_remap_struct vrm{mm, addr, PAGE_ALIGN(old_len), PAGE_ALIGN(new_len), flags, new_addr};
  const int error = check_mremap_params(&vrm);
  if (error != 0) return error;
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  vrm.mmap_locked = true;
  unsigned long res = 0;
  if (vrm_move_only(&vrm)) {
    res = remap_move(&vrm);
  } else {
    vrm.vma = vma_lookup(mm, vrm.addr);
    res = check_prep_vma(&vrm);
    if (res == 0) res = vrm_implies_new_addr(&vrm) ? mremap_to(&vrm) : mremap_at(&vrm);
  }
  if (vrm.mmap_locked) mmap_write_unlock(mm);
  return static_cast<long>(res);
}

}  // namespace vmafuzz::kernel
