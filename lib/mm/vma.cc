// Changing the range of a VMA, splitting, linking and removing (mm/vma.c). The order of field,
// tree, uprobe and free steps is the kernel's: it is what lookups without a lock can see.
#include "mm/vma.h"

#include "kernel/bugs.h"
#include "mm/uprobes.h"

namespace vmafuzz::kernel {

// --- the file's reverse map: a list, where the kernel has an interval tree
// ----------------------------

// i_mmap_rwsem is held for writing.
static void __vma_link_file(vm_area_struct* vma, address_space* mapping) {
  vm_area_struct* first = mapping->i_mmap.get();
  vma->shared_prev.set(nullptr);
  vma->shared_next.set(first);
  if (first != nullptr) first->shared_prev.set(vma);
  mapping->i_mmap.set(vma);
}

static void __remove_shared_vm_struct(vm_area_struct* vma, address_space* mapping) {
  vm_area_struct* prev = vma->shared_prev.get();
  vm_area_struct* next = vma->shared_next.get();
  if (next != nullptr) next->shared_prev.set(prev);
  if (prev != nullptr) {
    prev->shared_next.set(next);
  } else {
    mapping->i_mmap.set(next);
  }
}

void vma_link_file(vm_area_struct* vma) {
  file* f = vma->vm_file.get();
  if (f == nullptr) return;
  address_space* mapping = f->f_mapping.get();
  i_mmap_lock_write(mapping);
  __vma_link_file(vma, mapping);
  i_mmap_unlock_write(mapping);
}

void unlink_file_vma(vm_area_struct* vma) {
  file* f = vma->vm_file.get();
  if (f == nullptr) return;
  address_space* mapping = f->f_mapping.get();
  i_mmap_lock_write(mapping);
  __remove_shared_vm_struct(vma, mapping);
  i_mmap_unlock_write(mapping);
}

// --- before and after a change of ranges
// -------------------------------------------------------------

void init_vma_prep(struct vma_prepare* vp, vm_area_struct* vma) {
  vp->vma = vma;
  vp->anon_vma = vma->anon_vma.get();
  if (vp->anon_vma == nullptr && vp->adj_next != nullptr) {
    vp->anon_vma = vp->adj_next->anon_vma.get();
  }
  vp->file = vma->vm_file.get();
  if (vp->file != nullptr) vp->mapping = vp->file->f_mapping.get();
}

static void uprobe_munmap_vma(vm_area_struct* vma) {
  uprobe_munmap(vma, vma->vm_start.get(), vma->vm_end.get());
}

// The kernel takes vma and adj_next out of the interval trees until vma_complete(), because their
// keys change. A list has no keys, and nobody can look at it in between.
void vma_prepare(struct vma_prepare* vp) {
  if (vp->file != nullptr) {
    uprobe_munmap_vma(vp->vma);
    if (vp->adj_next != nullptr) uprobe_munmap_vma(vp->adj_next);
    i_mmap_lock_write(vp->mapping);
    if (vp->insert != nullptr) __vma_link_file(vp->insert, vp->mapping);
  }
  if (vp->anon_vma != nullptr) anon_vma_lock_write(vp->anon_vma);
}

void add_map_count(mm_struct* mm, int change) {
  const int count = mm->map_count.get() + change;
  if (observer != nullptr) observer->map_count_changes(mm, count);
  mm->map_count.set(count);
}

static void vma_complete_remove(struct vma_prepare* vp, vm_area_struct* removed, mm_struct* mm) {
  vma_mark_detached(removed);
  if (vp->file != nullptr) {
    uprobe_munmap_vma(removed);
    fput(vp->file);
  }
  if (removed->anon_vma.get() != nullptr) unlink_anon_vmas(removed);
  add_map_count(mm, -1);
  vm_area_free(removed);
}

void vma_complete(struct vma_prepare* vp, vma_iterator* vmi, mm_struct* mm) {
  if (vp->remove != nullptr && vp->file != nullptr) {
    __remove_shared_vm_struct(vp->remove, vp->mapping);
    if (vp->remove2 != nullptr) __remove_shared_vm_struct(vp->remove2, vp->mapping);
  } else if (vp->insert != nullptr) {
    vma_iter_store_new(vmi, vp->insert);
    add_map_count(mm, 1);
  }
  if (vp->anon_vma != nullptr) anon_vma_unlock_write(vp->anon_vma);
  if (vp->file != nullptr) {
    i_mmap_unlock_write(vp->mapping);
    if (!vp->skip_vma_uprobe) {
      uprobe_mmap(vp->vma);
      if (vp->adj_next != nullptr) uprobe_mmap(vp->adj_next);
    }
  }
  // Freed while the write section is still open: another mm may own them before it ends.
  if (vp->remove != nullptr) vma_complete_remove(vp, vp->remove, mm);
  if (vp->remove2 != nullptr) vma_complete_remove(vp, vp->remove2, mm);
  if (vp->insert != nullptr && vp->file != nullptr) uprobe_mmap(vp->insert);
}

void vma_set_range(vm_area_struct* vma, unsigned long start, unsigned long end, pgoff_t pgoff) {
  vma->vm_start.set(start);
  vma->vm_end.set(end);
  vma->vm_pgoff.set(pgoff);
}

// --- splitting
// ---------------------------------------------------------------------------------------

int __split_vma(vma_iterator* vmi, vm_area_struct* vma, unsigned long addr, bool new_below) {
  vm_area_struct* fresh = vm_area_dup(vma);
  if (fresh == nullptr) return -ENOMEM;
  const unsigned long old_start = vma->vm_start.get();
  const pgoff_t pages_below = (addr - old_start) >> PAGE_SHIFT;
  if (new_below) {
    fresh->vm_end.set(addr);
  } else {
    fresh->vm_start.set(addr);
    fresh->vm_pgoff.set(fresh->vm_pgoff.get() + pages_below);
  }
  vma_iter_config(vmi, fresh->vm_start.get(), fresh->vm_end.get());
  if (vma_iter_prealloc(vmi, fresh) != 0) {
    vm_area_free(fresh);
    return -ENOMEM;
  }
  const int err = anon_vma_clone(fresh, vma);
  if (err != 0) {
    vma_iter_free(vmi);
    vm_area_free(fresh);
    return err;
  }
  if (file* f = fresh->vm_file.get()) get_file(f);

  vma_start_write(vma);
  vma_start_write(fresh);
  struct vma_prepare vp;
  vp.insert = fresh;
  init_vma_prep(&vp, vma);
  vma_prepare(&vp);
  // From here until the store, the tree still finds `vma` for all of what it was.
  if (new_below) {
    vma->vm_start.set(addr);
    if (!bug(Bug::split_keeps_offset)) vma->vm_pgoff.set(vma->vm_pgoff.get() + pages_below);
  } else {
    vma->vm_end.set(addr);
  }
  vma_complete(&vp, vmi, vma->vm_mm.get());
  return 0;
}

int split_vma(vma_iterator* vmi, vm_area_struct* vma, unsigned long addr, bool new_below) {
  if (vmi->mm->map_count.get() >= sysctl_max_map_count) return -ENOMEM;
  return __split_vma(vmi, vma, addr, new_below);
}

int vma_shrink(vma_iterator* vmi, vm_area_struct* vma, unsigned long start, unsigned long end,
               pgoff_t pgoff) {
  const unsigned long old_start = vma->vm_start.get();
  const unsigned long old_end = vma->vm_end.get();
  if (old_start < start) {
    vma_iter_config(vmi, old_start, start);
  } else {
    vma_iter_config(vmi, end, old_end);
  }
  if (vma_iter_prealloc(vmi, nullptr) != 0) return -ENOMEM;
  vma_start_write(vma);
  struct vma_prepare vp;
  init_vma_prep(&vp, vma);
  vma_prepare(&vp);
  // Tree first, then fields: the opposite of a merge.
  vma_iter_clear(vmi);
  vma_set_range(vma, start, end, pgoff);
  vma_complete(&vp, vmi, vmi->mm);
  return 0;
}

// --- linking and removing
// ----------------------------------------------------------------------------

int vma_link(mm_struct* mm, vm_area_struct* vma) {
  vma_iterator vmi(mm);
  vma_iter_config(&vmi, vma->vm_start.get(), vma->vm_end.get());
  if (vma_iter_prealloc(&vmi, vma) != 0) return -ENOMEM;
  vma_start_write(vma);
  vma_iter_store_new(&vmi, vma);
  vma_link_file(vma);
  add_map_count(mm, 1);
  return 0;
}

int insert_vm_struct(mm_struct* mm, vm_area_struct* vma) {
  const unsigned long start = vma->vm_start.get();
  if (find_vma_intersection(mm, start, vma->vm_end.get()) != nullptr) return -ENOMEM;
  if (vma_is_anonymous(vma)) vma->vm_pgoff.set(start >> PAGE_SHIFT);
  return vma_link(mm, vma);
}

void remove_vma(vm_area_struct* vma) {
  if (file* f = vma->vm_file.get()) fput(f);
  vm_area_free(vma);
}

// --- mremap's copy
// -----------------------------------------------------------------------------------

// A VMA of its own for what is copied. No uprobe_mmap(): breakpoints come with the page tables.
static vm_area_struct* duplicate_vma(vm_area_struct* vma, unsigned long addr, unsigned long len,
                                     pgoff_t pgoff) {
  vm_area_struct* new_vma = vm_area_dup(vma);
  if (new_vma == nullptr) return nullptr;
  vma_set_range(new_vma, addr, addr + len, pgoff);
  if (anon_vma_clone(new_vma, vma) != 0) {
    vm_area_free(new_vma);
    return nullptr;
  }
  file* f = new_vma->vm_file.get();
  if (f != nullptr) get_file(f);
  if (vma_link(vma->vm_mm.get(), new_vma) == 0) return new_vma;
  if (f != nullptr) fput(f);
  unlink_anon_vmas(new_vma);
  vm_area_free(new_vma);
  return nullptr;
}

vm_area_struct* copy_vma(vm_area_struct** vmap, unsigned long addr, unsigned long len,
                         pgoff_t pgoff, bool* need_rmap_locks) {
  vm_area_struct* vma = *vmap;
  mm_struct* mm = vma->vm_mm.get();
  const unsigned long vma_start = vma->vm_start.get();
  *need_rmap_locks = false;
  // Never written to: no page knows its offset, and the copy may go with its new neighbours.
  const bool untouched = vma_is_anonymous(vma) && vma->anon_vma.get() == nullptr;
  if (untouched && !bug(Bug::mremap_keeps_offset)) pgoff = addr >> PAGE_SHIFT;
  if (find_vma_intersection(mm, addr, addr + len) != nullptr) return nullptr;

  vma_iterator vmi(mm);
  vma_merge_struct vmg = vmg_vma_state(&vmi, vma_prev(mm, addr), vma, addr, addr + len);
  vmg.pgoff = pgoff;
  vmg.next = addr + len < TASK_SIZE ? find_vma(mm, addr + len) : nullptr;
  // Otherwise the merge would set breakpoints in pages that are about to be replaced
  // (CVE-2025-38207).
  vmg.skip_vma_uprobe = !vma_is_anonymous(vma);
  vmg.copied_from = vmg.middle;
  vmg.middle = nullptr;
  vm_area_struct* new_vma = vma_merge_new_range(&vmg);
  if (new_vma == nullptr) return duplicate_vma(vma, addr, len, pgoff);
  if (vma_start >= new_vma->vm_start.get() && vma_start < new_vma->vm_end.get()) {
    *vmap = vma = new_vma;
  }
  *need_rmap_locks = new_vma->vm_pgoff.get() <= vma->vm_pgoff.get();
  return new_vma;
}

// --- stacks
// ------------------------------------------------------------------------------------------

unsigned long vm_start_gap(const vm_area_struct* vma) {
  const unsigned long start = vma->vm_start.get();
  if ((vma->vm_flags.get() & VM_GROWSDOWN) == 0) return start;
  return start > stack_guard_gap ? start - stack_guard_gap : 0;
}

static bool stack_too_close(const vm_area_struct* prev, unsigned long address) {
  if (prev == nullptr || !vma_is_accessible(prev)) return false;
  if ((prev->vm_flags.get() & VM_GROWSDOWN) != 0) return false;
  return address - prev->vm_end.get() < stack_guard_gap;
}

// Only the stack itself moves here: page faults that extend it come with mmap_lock upgraded.
int expand_downwards(vm_area_struct* vma, unsigned long address) {
  mm_struct* mm = vma->vm_mm.get();
  mmap_assert_write_locked(mm);
  if ((vma->vm_flags.get() & VM_GROWSDOWN) == 0) return -EFAULT;
  address &= PAGE_MASK;
  const unsigned long start = vma->vm_start.get();
  const vm_area_struct* prev = vma_prev(mm, start);
  if (stack_too_close(prev, address)) return -ENOMEM;

  vma_iterator vmi(mm);
  vma_iter_config(&vmi, address, vma->vm_end.get());
  if (vma_iter_prealloc(&vmi, vma) != 0) return -ENOMEM;
  if (anon_vma_prepare(vma) != 0) {
    vma_iter_free(&vmi);
    return -ENOMEM;
  }
  vma_start_write(vma);
  anon_vma* anon = vma->anon_vma.get();
  anon_vma_lock_write(anon);
  int error = 0;
  if (address < start) {
    const pgoff_t grow = (start - address) >> PAGE_SHIFT;
    const pgoff_t pgoff = vma->vm_pgoff.get();
    error = -ENOMEM;
    if (grow <= pgoff) {
      vma->vm_start.set(address);
      vma->vm_pgoff.set(pgoff - grow);
      vma_iter_store_overwrite(&vmi, vma);
      error = 0;
    }
  }
  anon_vma_unlock_write(anon);
  vma_iter_free(&vmi);
  return error;
}

}  // namespace vmafuzz::kernel
