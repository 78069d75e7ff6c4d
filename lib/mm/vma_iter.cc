// The VMA tree as mm uses it: lookups, and stores whose memory is set aside first (mm/vma.h's
// vma_iter_*).
#include "mm/vma.h"

namespace vmafuzz::kernel {

// --- lookups
// -----------------------------------------------------------------------------------------

vm_area_struct* vma_lookup(mm_struct* mm, unsigned long addr) {
  return static_cast<vm_area_struct*>(mtree_load(&mm->mm_mt, addr));
}

vm_area_struct* find_vma_intersection(mm_struct* mm, unsigned long start, unsigned long end) {
  MA_STATE(mas, &mm->mm_mt, start, start);
  return static_cast<vm_area_struct*>(mas_find(&mas, end - 1));
}

vm_area_struct* find_vma(mm_struct* mm, unsigned long addr) {
  return find_vma_intersection(mm, addr, TASK_SIZE);
}

vm_area_struct* vma_prev(mm_struct* mm, unsigned long addr) {
  MA_STATE(mas, &mm->mm_mt, addr, addr);
  return static_cast<vm_area_struct*>(mas_prev(&mas, 0));
}

// --- stores
// ------------------------------------------------------------------------------------------

static void set_range_of(vma_iterator* vmi, vm_area_struct* vma) {
  vma_iter_config(vmi, vma->vm_start.get(), vma->vm_end.get());
}

int vma_iter_prealloc(vma_iterator* vmi, vm_area_struct* vma) {
  return mas_preallocate(&vmi->mas, vma);
}

void vma_iter_free(vma_iterator* vmi) { mas_destroy(&vmi->mas); }

void vma_iter_store_overwrite(vma_iterator* vmi, vm_area_struct* vma) {
  set_range_of(vmi, vma);
  mas_store_prealloc(&vmi->mas, vma);
}

void vma_iter_store_new(vma_iterator* vmi, vm_area_struct* vma) {
  // Before 6.15 a new VMA is born attached.
  if (rules.vma_lock == vma_lock_kind::refcount) vma_mark_attached(vma);
  vma_iter_store_overwrite(vmi, vma);
}

int vma_iter_store_gfp(vma_iterator* vmi, vm_area_struct* vma) {
  set_range_of(vmi, vma);
  const int err = mas_store_gfp(&vmi->mas, vma);
  if (err != 0) return err;
  // Attached after the store, unlike vma_iter_store_new(): the only user is brk.
  if (rules.vma_lock == vma_lock_kind::refcount) vma_mark_attached(vma);
  return 0;
}

int vma_iter_clear_gfp(vma_iterator* vmi, unsigned long start, unsigned long end) {
  vma_iter_config(vmi, start, end);
  return mas_store_gfp(&vmi->mas, nullptr);
}

void vma_iter_clear_nofail(vma_iterator* vmi, unsigned long start, unsigned long end) {
  while (vma_iter_clear_gfp(vmi, start, end) != 0) {
  }
}

void vma_iter_clear(vma_iterator* vmi) { mas_store_prealloc(&vmi->mas, nullptr); }

}  // namespace vmafuzz::kernel
