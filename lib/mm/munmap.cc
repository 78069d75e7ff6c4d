// munmap() and what mmap() over existing mappings shares with it (mm/vma.c, mm/memory.c).
#include "kernel/bugs.h"
#include "mm/uprobes.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

using platform::machine;

// --- page tables
// -------------------------------------------------------------------------------------

void unmap_single_vma(vm_area_struct* vma, unsigned long start, unsigned long end) {
  mm_struct* mm = vma->vm_mm.get();
  if (vma->vm_file.get() != nullptr) uprobe_munmap(vma, start, end);
  spin_lock(mm->page_table_lock);
  for (unsigned long addr = start; addr < end; addr += PAGE_SIZE) {
    Shared<unsigned long>& pte = pte_offset(mm, addr);
    if (ptep_get(pte) != 0) set_pte(pte, 0);
  }
  spin_unlock(mm->page_table_lock);
}

void free_pgtables(vm_area_struct* vma, bool mm_wr_locked) {
  if (mm_wr_locked) vma_start_write(vma);
  unlink_anon_vmas(vma);
  unlink_file_vma(vma);
}

static void unmap_region(vm_area_struct* const* vmas, int count, bool mm_wr_locked) {
  for (int i = 0; i < count; ++i) {
    vm_area_struct* vma = vmas[i];
    unmap_single_vma(vma, vma->vm_start.get(), vma->vm_end.get());
  }
  for (int i = 0; i < count; ++i) free_pgtables(vmas[i], mm_wr_locked);
}

// --- gather, complete, abort
// -------------------------------------------------------------------------

void init_vma_munmap(vma_munmap_struct* vms, vma_iterator* vmi, vm_area_struct* vma,
                     unsigned long start, unsigned long end, bool unlock) {
  vms->vmi = vmi;
  vms->vma = vma;
  vms->start = vma != nullptr ? start : 0;
  vms->end = vma != nullptr ? end : 0;
  vms->unlock = unlock;
}

static void reattach_vmas(vma_munmap_struct* vms) {
  for (int i = 0; i < vms->vma_count; ++i) vma_mark_attached(vms->mt_detach[i]);
}

// The VMA goes to the tree of those that will be unmapped. It is still in mm_mt: whoever finds it
// there sees that it is detached.
static int gather_one(vma_munmap_struct* vms, vm_area_struct* next) {
  if (next->vm_end.get() > vms->end && !bug(Bug::munmap_whole_vma)) {
    const int err = __split_vma(vms->vmi, next, vms->end, false);
    if (err != 0) return err;
  }
  vma_start_write(next);
  if (machine.injected_failure(Site::current())) return -ENOMEM;  // mas_store_gfp(mas_detach)
  vms->mt_detach[vms->vma_count++] = next;
  vma_mark_detached(next);
  vms->nr_pages += vma_pages(next);
  return 0;
}

int vms_gather_munmap_vmas(vma_munmap_struct* vms) {
  mm_struct* mm = vms->vmi->mm;
  vm_area_struct* const first = vms->vma;
  if (vms->start > first->vm_start.get()) {
    // One more than the limit for a moment is all right, two are not.
    if (vms->end < first->vm_end.get() && mm->map_count.get() >= sysctl_max_map_count) {
      return -ENOMEM;
    }
    const int err = __split_vma(vms->vmi, first, vms->start, true);
    if (err != 0) return err;
  }
  vms->prev = vma_prev(mm, first->vm_start.get());
  unsigned long addr = vms->start;
  while (addr < vms->end) {
    vm_area_struct* next = find_vma_intersection(mm, addr, vms->end);
    if (next == nullptr) break;
    const int err = gather_one(vms, next);
    if (err != 0) {
      reattach_vmas(vms);
      return err;
    }
    addr = next->vm_end.get();
  }
  vms->next = vms->end < TASK_SIZE ? find_vma(mm, vms->end) : nullptr;
  vms->clear_ptes = true;
  return 0;
}

static void vms_clear_ptes(vma_munmap_struct* vms, bool mm_wr_locked) {
  if (!vms->clear_ptes) return;
  unmap_region(vms->mt_detach, vms->vma_count, mm_wr_locked);
  vms->clear_ptes = false;
}

// MAP_FIXED: page tables are cleared while the old VMAs are still in mm_mt.
void vms_clean_up_area(vma_munmap_struct* vms) {
  if (vms->nr_pages != 0) vms_clear_ptes(vms, true);
}

static void downgrade(vma_munmap_struct* vms, mm_struct* mm) {
  if (!vms->section_ended) {
    mmap_write_downgrade(mm);
    return;
  }
  if (observer != nullptr) observer->write_section_ends(mm);
  downgrade_write(mm->mmap_lock);
}

void vms_complete_munmap_vmas(vma_munmap_struct* vms) {
  mm_struct* mm = vms->vmi->mm;
  add_map_count(mm, -vms->vma_count);
  if (vms->unlock) downgrade(vms, mm);
  if (vms->nr_pages == 0) return;
  vms_clear_ptes(vms, !vms->unlock);
  for (int i = 0; i < vms->vma_count; ++i) remove_vma(vms->mt_detach[i]);
  if (vms->unlock) mmap_read_unlock(mm);
}

void vms_abort_munmap_vmas(vma_munmap_struct* vms) {
  if (vms->nr_pages == 0) return;
  if (vms->clear_ptes) {
    reattach_vmas(vms);
    return;
  }
  // Page tables are gone: what was mapped there cannot be brought back and becomes a gap.
  vma_iter_clear_nofail(vms->vmi, vms->start, vms->end);
  vms_complete_munmap_vmas(vms);
}

// --- munmap
// ------------------------------------------------------------------------------------------

int do_vmi_align_munmap(vma_iterator* vmi, vm_area_struct* vma, mm_struct* mm, unsigned long start,
                        unsigned long end, bool unlock) {
  vma_munmap_struct vms;
  init_vma_munmap(&vms, vmi, vma, start, end, unlock);
  int error = vms_gather_munmap_vmas(&vms);
  if (error != 0) return error;
  if (unlock && bug(Bug::section_ends_before_unlink)) {
    vma_end_write_all(mm);
    vms.section_ended = true;
  }
  error = vma_iter_clear_gfp(vmi, start, end);
  if (error != 0) {
    if (vms.section_ended) mm_lock_seqcount_begin(mm);
    reattach_vmas(&vms);
    return error;
  }
  vms_complete_munmap_vmas(&vms);  // the point of no return
  return 0;
}

int do_vmi_munmap(vma_iterator* vmi, mm_struct* mm, unsigned long start, unsigned long len,
                  bool unlock) {
  if (offset_in_page(start) != 0 || start > TASK_SIZE || len > TASK_SIZE - start) return -EINVAL;
  const unsigned long end = start + PAGE_ALIGN(len);
  if (end == start) return -EINVAL;
  vm_area_struct* vma = find_vma_intersection(mm, start, end);
  if (vma == nullptr) {
    if (unlock) mmap_write_unlock(mm);
    return 0;
  }
  return do_vmi_align_munmap(vmi, vma, mm, start, end, unlock);
}

int do_munmap(mm_struct* mm, unsigned long start, unsigned long len) {
  vma_iterator vmi(mm);
  return do_vmi_munmap(&vmi, mm, start, len, false);
}

}  // namespace vmafuzz::kernel
