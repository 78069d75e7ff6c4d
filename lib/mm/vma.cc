// Changing the range of a VMA, splitting, linking and removing (mm/vma.c). The order of field,
// tree, uprobe and free steps is the kernel's: it is what lookups without a lock can see.
#include "mm/vma.h"

#include "mm/uprobes.h"

namespace vmafuzz::kernel {

// --- the file's reverse map: a list, where the kernel has an interval tree
// ----------------------------

// i_mmap_rwsem is held for writing.
static void __vma_link_file(vm_area_struct* vma, address_space* mapping, Site site) {
  vm_area_struct* first = mapping->i_mmap.get(site);
  vma->shared_prev.set(nullptr, site);
  vma->shared_next.set(first, site);
  if (first != nullptr) first->shared_prev.set(vma, site);
  mapping->i_mmap.set(vma, site);
}

static void __remove_shared_vm_struct(vm_area_struct* vma, address_space* mapping, Site site) {
  vm_area_struct* prev = vma->shared_prev.get(site);
  vm_area_struct* next = vma->shared_next.get(site);
  if (next != nullptr) next->shared_prev.set(prev, site);
  if (prev != nullptr) {
    prev->shared_next.set(next, site);
  } else {
    mapping->i_mmap.set(next, site);
  }
}

void vma_link_file(vm_area_struct* vma, Site site) {
  file* f = vma->vm_file.get(site);
  if (f == nullptr) return;
  address_space* mapping = f->f_mapping.get(site);
  i_mmap_lock_write(mapping, site);
  __vma_link_file(vma, mapping, site);
  i_mmap_unlock_write(mapping, site);
}

void unlink_file_vma(vm_area_struct* vma, Site site) {
  file* f = vma->vm_file.get(site);
  if (f == nullptr) return;
  address_space* mapping = f->f_mapping.get(site);
  i_mmap_lock_write(mapping, site);
  __remove_shared_vm_struct(vma, mapping, site);
  i_mmap_unlock_write(mapping, site);
}

// --- before and after a change of ranges
// -------------------------------------------------------------

void init_vma_prep(struct vma_prepare* vp, vm_area_struct* vma, Site site) {
  vp->vma = vma;
  vp->anon_vma = vma->anon_vma.get(site);
  if (vp->anon_vma == nullptr && vp->adj_next != nullptr) {
    vp->anon_vma = vp->adj_next->anon_vma.get(site);
  }
  vp->file = vma->vm_file.get(site);
  if (vp->file != nullptr) vp->mapping = vp->file->f_mapping.get(site);
}

static void uprobe_munmap_vma(vm_area_struct* vma, Site site) {
  uprobe_munmap(vma, vma->vm_start.get(site), vma->vm_end.get(site));
}

// The kernel takes vma and adj_next out of the interval trees until vma_complete(), because their
// keys change. A list has no keys, and nobody can look at it in between.
void vma_prepare(struct vma_prepare* vp, Site site) {
  if (vp->file != nullptr) {
    uprobe_munmap_vma(vp->vma, site);
    if (vp->adj_next != nullptr) uprobe_munmap_vma(vp->adj_next, site);
    i_mmap_lock_write(vp->mapping, site);
    if (vp->insert != nullptr) __vma_link_file(vp->insert, vp->mapping, site);
  }
  if (vp->anon_vma != nullptr) anon_vma_lock_write(vp->anon_vma, site);
}

static void add_map_count(mm_struct* mm, int change, Site site) {
  mm->map_count.set(mm->map_count.get(site) + change, site);
}

static void vma_complete_remove(struct vma_prepare* vp, vm_area_struct* removed, mm_struct* mm,
                                Site site) {
  vma_mark_detached(removed, site);
  if (vp->file != nullptr) {
    uprobe_munmap_vma(removed, site);
    fput(vp->file, site);
  }
  if (removed->anon_vma.get(site) != nullptr) unlink_anon_vmas(removed, site);
  add_map_count(mm, -1, site);
  vm_area_free(removed, site);
}

void vma_complete(struct vma_prepare* vp, vma_iterator* vmi, mm_struct* mm, Site site) {
  if (vp->remove != nullptr && vp->file != nullptr) {
    __remove_shared_vm_struct(vp->remove, vp->mapping, site);
    if (vp->remove2 != nullptr) __remove_shared_vm_struct(vp->remove2, vp->mapping, site);
  } else if (vp->insert != nullptr) {
    vma_iter_store_new(vmi, vp->insert, site);
    add_map_count(mm, 1, site);
  }
  if (vp->anon_vma != nullptr) anon_vma_unlock_write(vp->anon_vma, site);
  if (vp->file != nullptr) {
    i_mmap_unlock_write(vp->mapping, site);
    if (!vp->skip_vma_uprobe) {
      uprobe_mmap(vp->vma);
      if (vp->adj_next != nullptr) uprobe_mmap(vp->adj_next);
    }
  }
  // Freed while the write section is still open: another mm may own them before it ends.
  if (vp->remove != nullptr) vma_complete_remove(vp, vp->remove, mm, site);
  if (vp->remove2 != nullptr) vma_complete_remove(vp, vp->remove2, mm, site);
  if (vp->insert != nullptr && vp->file != nullptr) uprobe_mmap(vp->insert);
}

void vma_set_range(vm_area_struct* vma, unsigned long start, unsigned long end, pgoff_t pgoff,
                   Site site) {
  vma->vm_start.set(start, site);
  vma->vm_end.set(end, site);
  vma->vm_pgoff.set(pgoff, site);
}

// --- splitting
// ---------------------------------------------------------------------------------------

int __split_vma(vma_iterator* vmi, vm_area_struct* vma, unsigned long addr, bool new_below,
                Site site) {
  vm_area_struct* fresh = vm_area_dup(vma, site);
  if (fresh == nullptr) return -ENOMEM;
  const unsigned long old_start = vma->vm_start.get(site);
  const pgoff_t pages_below = (addr - old_start) >> PAGE_SHIFT;
  if (new_below) {
    fresh->vm_end.set(addr, site);
  } else {
    fresh->vm_start.set(addr, site);
    fresh->vm_pgoff.set(fresh->vm_pgoff.get(site) + pages_below, site);
  }
  vma_iter_config(vmi, fresh->vm_start.get(site), fresh->vm_end.get(site));
  if (vma_iter_prealloc(vmi, fresh, site) != 0) {
    vm_area_free(fresh, site);
    return -ENOMEM;
  }
  const int err = anon_vma_clone(fresh, vma, site);
  if (err != 0) {
    vma_iter_free(vmi);
    vm_area_free(fresh, site);
    return err;
  }
  if (file* f = fresh->vm_file.get(site)) get_file(f, site);

  vma_start_write(vma, site);
  vma_start_write(fresh, site);
  struct vma_prepare vp;
  vp.insert = fresh;
  init_vma_prep(&vp, vma, site);
  vma_prepare(&vp, site);
  // From here until the store, the tree still finds `vma` for all of what it was.
  if (new_below) {
    vma->vm_start.set(addr, site);
    vma->vm_pgoff.set(vma->vm_pgoff.get(site) + pages_below, site);
  } else {
    vma->vm_end.set(addr, site);
  }
  vma_complete(&vp, vmi, vma->vm_mm.get(site), site);
  return 0;
}

int split_vma(vma_iterator* vmi, vm_area_struct* vma, unsigned long addr, bool new_below,
              Site site) {
  if (vmi->mm->map_count.get(site) >= sysctl_max_map_count) return -ENOMEM;
  return __split_vma(vmi, vma, addr, new_below, site);
}

int vma_shrink(vma_iterator* vmi, vm_area_struct* vma, unsigned long start, unsigned long end,
               pgoff_t pgoff, Site site) {
  const unsigned long old_start = vma->vm_start.get(site);
  const unsigned long old_end = vma->vm_end.get(site);
  if (old_start < start) {
    vma_iter_config(vmi, old_start, start);
  } else {
    vma_iter_config(vmi, end, old_end);
  }
  if (vma_iter_prealloc(vmi, nullptr, site) != 0) return -ENOMEM;
  vma_start_write(vma, site);
  struct vma_prepare vp;
  init_vma_prep(&vp, vma, site);
  vma_prepare(&vp, site);
  // Tree first, then fields: the opposite of a merge.
  vma_iter_clear(vmi);
  vma_set_range(vma, start, end, pgoff, site);
  vma_complete(&vp, vmi, vmi->mm, site);
  return 0;
}

// --- linking and removing
// ----------------------------------------------------------------------------

int vma_link(mm_struct* mm, vm_area_struct* vma, Site site) {
  vma_iterator vmi(mm);
  vma_iter_config(&vmi, vma->vm_start.get(site), vma->vm_end.get(site));
  if (vma_iter_prealloc(&vmi, vma, site) != 0) return -ENOMEM;
  vma_start_write(vma, site);
  vma_iter_store_new(&vmi, vma, site);
  vma_link_file(vma, site);
  add_map_count(mm, 1, site);
  return 0;
}

int insert_vm_struct(mm_struct* mm, vm_area_struct* vma, Site site) {
  const unsigned long start = vma->vm_start.get(site);
  if (find_vma_intersection(mm, start, vma->vm_end.get(site)) != nullptr) return -ENOMEM;
  if (vma_is_anonymous(vma, site)) vma->vm_pgoff.set(start >> PAGE_SHIFT, site);
  return vma_link(mm, vma, site);
}

void remove_vma(vm_area_struct* vma, Site site) {
  if (file* f = vma->vm_file.get(site)) fput(f, site);
  vm_area_free(vma, site);
}

// --- mremap's copy
// -----------------------------------------------------------------------------------

// A VMA of its own for what is copied. No uprobe_mmap(): breakpoints come with the page tables.
static vm_area_struct* duplicate_vma(vm_area_struct* vma, unsigned long addr, unsigned long len,
                                     pgoff_t pgoff, Site site) {
  vm_area_struct* new_vma = vm_area_dup(vma, site);
  if (new_vma == nullptr) return nullptr;
  vma_set_range(new_vma, addr, addr + len, pgoff, site);
  if (anon_vma_clone(new_vma, vma, site) != 0) {
    vm_area_free(new_vma, site);
    return nullptr;
  }
  file* f = new_vma->vm_file.get(site);
  if (f != nullptr) get_file(f, site);
  if (vma_link(vma->vm_mm.get(site), new_vma, site) == 0) return new_vma;
  if (f != nullptr) fput(f, site);
  unlink_anon_vmas(new_vma, site);
  vm_area_free(new_vma, site);
  return nullptr;
}

vm_area_struct* copy_vma(vm_area_struct** vmap, unsigned long addr, unsigned long len,
                         pgoff_t pgoff, bool* need_rmap_locks, Site site) {
  vm_area_struct* vma = *vmap;
  mm_struct* mm = vma->vm_mm.get(site);
  const unsigned long vma_start = vma->vm_start.get(site);
  *need_rmap_locks = false;
  // Never written to: no page knows its offset, and the copy may go with its new neighbours.
  if (vma_is_anonymous(vma, site) && vma->anon_vma.get(site) == nullptr) pgoff = addr >> PAGE_SHIFT;
  if (find_vma_intersection(mm, addr, addr + len) != nullptr) return nullptr;

  vma_iterator vmi(mm);
  vma_merge_struct vmg = vmg_vma_state(&vmi, vma_prev(mm, addr), vma, addr, addr + len, site);
  vmg.pgoff = pgoff;
  vmg.next = addr + len < TASK_SIZE ? find_vma(mm, addr + len) : nullptr;
  // Otherwise the merge would set breakpoints in pages that are about to be replaced
  // (CVE-2025-38207).
  vmg.skip_vma_uprobe = !vma_is_anonymous(vma, site);
  vmg.copied_from = vmg.middle;
  vmg.middle = nullptr;
  vm_area_struct* new_vma = vma_merge_new_range(&vmg, site);
  if (new_vma == nullptr) return duplicate_vma(vma, addr, len, pgoff, site);
  if (vma_start >= new_vma->vm_start.get(site) && vma_start < new_vma->vm_end.get(site)) {
    *vmap = vma = new_vma;
  }
  *need_rmap_locks = new_vma->vm_pgoff.get(site) <= vma->vm_pgoff.get(site);
  return new_vma;
}

// --- stacks
// ------------------------------------------------------------------------------------------

unsigned long vm_start_gap(const vm_area_struct* vma, Site site) {
  const unsigned long start = vma->vm_start.get(site);
  if ((vma->vm_flags.get(site) & VM_GROWSDOWN) == 0) return start;
  return start > stack_guard_gap ? start - stack_guard_gap : 0;
}

static bool stack_too_close(const vm_area_struct* prev, unsigned long address, Site site) {
  if (prev == nullptr || !vma_is_accessible(prev, site)) return false;
  if ((prev->vm_flags.get(site) & VM_GROWSDOWN) != 0) return false;
  return address - prev->vm_end.get(site) < stack_guard_gap;
}

// Only the stack itself moves here: page faults that extend it come with mmap_lock upgraded.
int expand_downwards(vm_area_struct* vma, unsigned long address, Site site) {
  mm_struct* mm = vma->vm_mm.get(site);
  mmap_assert_write_locked(mm, site);
  if ((vma->vm_flags.get(site) & VM_GROWSDOWN) == 0) return -EFAULT;
  address &= PAGE_MASK;
  const unsigned long start = vma->vm_start.get(site);
  const vm_area_struct* prev = vma_prev(mm, start);
  if (stack_too_close(prev, address, site)) return -ENOMEM;

  vma_iterator vmi(mm);
  vma_iter_config(&vmi, address, vma->vm_end.get(site));
  if (vma_iter_prealloc(&vmi, vma, site) != 0) return -ENOMEM;
  if (anon_vma_prepare(vma, site) != 0) {
    vma_iter_free(&vmi);
    return -ENOMEM;
  }
  vma_start_write(vma, site);
  anon_vma* anon = vma->anon_vma.get(site);
  anon_vma_lock_write(anon, site);
  int error = 0;
  if (address < start) {
    const pgoff_t grow = (start - address) >> PAGE_SHIFT;
    const pgoff_t pgoff = vma->vm_pgoff.get(site);
    error = -ENOMEM;
    if (grow <= pgoff) {
      vma->vm_start.set(address, site);
      vma->vm_pgoff.set(pgoff - grow, site);
      vma_iter_store_overwrite(&vmi, vma, site);
      error = 0;
    }
  }
  anon_vma_unlock_write(anon, site);
  vma_iter_free(&vmi);
  return error;
}

}  // namespace vmafuzz::kernel
