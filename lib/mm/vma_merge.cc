// Which VMAs may become one, and how they do (mm/vma.c). Which object survives, and that fields
// change before the tree, is what lookups without a lock can tell.
#include "kernel/bugs.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

// --- may they merge?
// ---------------------------------------------------------------------------------

// Pointers to files are compared, not inodes: two open()s of one file never merge. vm_ops->close,
// memory policies, userfaultfd and names of anonymous memory are not modelled.
static bool is_mergeable_vma(const vma_merge_struct* vmg, const vm_area_struct* vma) {
  const vm_flags_t different = (vma->vm_flags.get() ^ vmg->vm_flags) & ~VM_IGNORE_MERGE;
  if (different != 0 && !bug(Bug::merge_other_flags)) return false;
  const file* vm_file = vma->vm_file.get();
  if (bug(Bug::merge_other_file) && vm_file != nullptr && vmg->file != nullptr) {
    return file_inode(vm_file) == file_inode(vmg->file);
  }
  return vm_file == vmg->file;
}

static bool is_mergeable_anon_vma(const vma_merge_struct* vmg, const vm_area_struct* target) {
  const anon_vma* tgt_anon = target->anon_vma.get();
  const anon_vma* src_anon = vmg->anon_vma;
  if (tgt_anon == nullptr && src_anon != nullptr) {
    return !vma_is_fork_child(vmg->middle) && !vma_is_fork_child(vmg->copied_from);
  }
  if (tgt_anon != nullptr && src_anon == nullptr) return !vma_is_fork_child(target);
  return src_anon == tgt_anon || bug(Bug::merge_other_anon_vma);
}

// [.., pgoff) is followed by `next` in the file as well.
static bool linear(pgoff_t pgoff, pgoff_t next) {
  return pgoff == next || bug(Bug::merge_other_offset);
}

static bool can_vma_merge_before(const vma_merge_struct* vmg) {
  const pgoff_t pglen = PHYS_PFN(vmg->end - vmg->start);
  return is_mergeable_vma(vmg, vmg->next) && is_mergeable_anon_vma(vmg, vmg->next) &&
         linear(vmg->pgoff + pglen, vmg->next->vm_pgoff.get());
}

static bool can_vma_merge_after(const vma_merge_struct* vmg) {
  return is_mergeable_vma(vmg, vmg->prev) && is_mergeable_anon_vma(vmg, vmg->prev) &&
         linear(vmg->prev->vm_pgoff.get() + vma_pages(vmg->prev), vmg->pgoff);
}

static bool can_vma_merge_left(const vma_merge_struct* vmg) {
  return vmg->prev != nullptr && vmg->prev->vm_end.get() == vmg->start && can_vma_merge_after(vmg);
}

// Both neighbours may go with the range and still not with each other.
static bool can_vma_merge_right(const vma_merge_struct* vmg, bool can_merge_left) {
  if (vmg->next == nullptr || vmg->end != vmg->next->vm_start.get()) return false;
  if (!can_vma_merge_before(vmg)) return false;
  if (!can_merge_left || bug(Bug::merge_unlike_neighbours)) return true;
  const anon_vma* left = vmg->prev->anon_vma.get();
  const anon_vma* right = vmg->next->anon_vma.get();
  return left == nullptr || right == nullptr || left == right;
}

// --- merging
// -----------------------------------------------------------------------------------------

// The survivor stands for all of them: it joins src's anon_vma if it has none. *dup: it did.
static int dup_anon_vma(vm_area_struct* dst, vm_area_struct* src, vm_area_struct** dup) {
  anon_vma* anon = src->anon_vma.get();
  if (anon == nullptr || dst->anon_vma.get() != nullptr) return 0;
  vma_assert_write_locked(dst);
  dst->anon_vma.set(anon);
  const int err = anon_vma_clone(dst, src);
  if (err == 0) *dup = dst;
  return err;
}

static void init_multi_vma_prep(struct vma_prepare* vp, vm_area_struct* vma,
                                const vma_merge_struct* vmg) {
  vm_area_struct** remove = &vp->remove;
  if (vmg->remove_middle) {
    *remove = vmg->middle;
    remove = &vp->remove2;
  }
  if (vmg->remove_next) *remove = vmg->next;
  if (vmg->adjust_middle_start) {
    vp->adj_next = vmg->middle;
  } else if (vmg->adjust_next_start) {
    vp->adj_next = vmg->next;
  }
  vp->skip_vma_uprobe = vmg->skip_vma_uprobe;
  init_vma_prep(vp, vma);
}

static void vmg_adjust_set_range(const vma_merge_struct* vmg) {
  vm_area_struct* adjust = nullptr;
  pgoff_t pgoff = 0;
  if (vmg->adjust_middle_start) {
    adjust = vmg->middle;
    pgoff = adjust->vm_pgoff.get() + PHYS_PFN(vmg->end - adjust->vm_start.get());
  } else if (vmg->adjust_next_start) {
    adjust = vmg->next;
    pgoff = adjust->vm_pgoff.get() - PHYS_PFN(adjust->vm_start.get() - vmg->end);
  } else {
    return;
  }
  vma_set_range(adjust, vmg->end, adjust->vm_end.get(), pgoff);
}

// 0, or -ENOMEM with nothing changed.
static int commit_merge(vma_merge_struct* vmg) {
  vm_area_struct* vma = nullptr;
  if (vmg->adjust_next_start) {
    vma = vmg->middle;
    vma_iter_config(vmg->vmi, vmg->end, vmg->next->vm_end.get());
  } else {
    vma = vmg->target;
    vma_iter_config(vmg->vmi, vmg->start, vmg->end);
  }
  struct vma_prepare vp;
  init_multi_vma_prep(&vp, vma, vmg);
  if (vma_iter_prealloc(vmg->vmi, vmg->target) != 0) return -ENOMEM;

  vma_prepare(&vp);
  vma_set_range(vma, vmg->start, vmg->end, vmg->pgoff);
  vmg_adjust_set_range(vmg);
  vma_iter_store_overwrite(vmg->vmi, vmg->target);
  vma_complete(&vp, vmg->vmi, vmg->mm);
  return 0;
}

// Sets the range that results, and gives the survivor the anon_vma of what it swallows.
static int prepare_merge_range(vma_merge_struct* vmg, bool merge_left, bool merge_right,
                               vm_area_struct** anon_dup) {
  vm_area_struct* const prev = vmg->prev;
  vm_area_struct* const middle = vmg->middle;
  vm_area_struct* const next = vmg->next;
  if (merge_left && merge_right) {
    vmg->start = prev->vm_start.get();
    vmg->end = next->vm_end.get();
    vmg->pgoff = prev->vm_pgoff.get();
    const bool from_next = next->anon_vma.get() != nullptr;
    return dup_anon_vma(prev, from_next ? next : middle, anon_dup);
  }
  if (merge_left) {
    vmg->start = prev->vm_start.get();
    vmg->pgoff = prev->vm_pgoff.get();
    vmg->adjust_middle_start = !vmg->remove_middle;
    return dup_anon_vma(prev, middle, anon_dup);
  }
  if (vmg->remove_middle) {
    const pgoff_t pglen = PHYS_PFN(vmg->end - vmg->start);
    vmg->end = next->vm_end.get();
    vmg->pgoff = next->vm_pgoff.get() - pglen;
  } else {
    // `middle` is what is handled, `next` is adjusted and is the target.
    vmg->adjust_next_start = true;
    vmg->end = vmg->start;
    vmg->start = middle->vm_start.get();
    vmg->pgoff = middle->vm_pgoff.get();
  }
  return dup_anon_vma(next, middle, anon_dup);
}

vm_area_struct* vma_merge_existing_range(vma_merge_struct* vmg) {
  vm_area_struct* const middle = vmg->middle;
  mmap_assert_write_locked(vmg->mm);
  vmg->state = VMA_MERGE_NOMERGE;
  const bool left_side = vmg->start == middle->vm_start.get();
  const bool right_side = vmg->end == middle->vm_end.get();
  if ((vmg->vm_flags & VM_SPECIAL) != 0 || (!left_side && !right_side)) return nullptr;

  const bool merge_left = left_side && can_vma_merge_left(vmg);
  bool merge_right = false;
  if (right_side) {
    vmg->next = vma_lookup(vmg->mm, vmg->end);
    merge_right = can_vma_merge_right(vmg, merge_left);
  }
  if (!merge_left && !merge_right) return nullptr;
  vmg->remove_middle = left_side && right_side;
  vmg->remove_next = merge_left && merge_right;

  vm_flags_t sticky_flags = vmg->vm_flags & VM_STICKY;
  vma_start_write(middle);
  if (merge_right) {
    vma_start_write(vmg->next);
    vmg->target = vmg->next;
    sticky_flags |= vmg->next->vm_flags.get() & VM_STICKY;
  }
  if (merge_left) {
    vma_start_write(vmg->prev);
    vmg->target = vmg->prev;
    sticky_flags |= vmg->prev->vm_flags.get() & VM_STICKY;
  }

  vm_area_struct* anon_dup = nullptr;
  int err = prepare_merge_range(vmg, merge_left, merge_right, &anon_dup);
  if (err == 0) err = commit_merge(vmg);
  if (err != 0) {
    if (anon_dup != nullptr) unlink_anon_vmas(anon_dup);
    vmg->state = VMA_MERGE_ERROR_NOMEM;
    return nullptr;
  }
  vm_flags_set(vmg->target, sticky_flags);
  vmg->state = VMA_MERGE_SUCCESS;
  return vmg->target;
}

int vma_expand(vma_merge_struct* vmg) {
  vm_area_struct* const target = vmg->target;
  vm_area_struct* const next = vmg->next;
  vma_start_write(target);
  const bool remove_next = next != nullptr && target != next && vmg->end == next->vm_end.get();
  vm_flags_t sticky_flags = vmg->vm_flags & VM_STICKY;
  sticky_flags |= target->vm_flags.get() & VM_STICKY;
  if (remove_next) sticky_flags |= next->vm_flags.get() & VM_STICKY;

  vm_area_struct* anon_dup = nullptr;
  int err = 0;
  if (remove_next) err = dup_anon_vma(target, next, &anon_dup);
  if (err == 0 && vmg->copied_from != nullptr && !bug(Bug::merge_drops_anon_vma)) {
    err = dup_anon_vma(target, vmg->copied_from, &anon_dup);
  }
  if (err != 0) return err;  // by the kernel's convention not reported: a VMA of its own is tried
  if (remove_next) {
    vma_start_write(next);
    vmg->remove_next = true;
  }
  if (commit_merge(vmg) != 0) {
    if (anon_dup != nullptr) unlink_anon_vmas(anon_dup);
    vmg->state = VMA_MERGE_ERROR_NOMEM;
    return -ENOMEM;
  }
  vm_flags_set(target, sticky_flags);
  return 0;
}

vm_area_struct* vma_merge_new_range(vma_merge_struct* vmg) {
  mmap_assert_write_locked(vmg->mm);
  vmg->state = VMA_MERGE_NOMERGE;
  if ((vmg->vm_flags & VM_SPECIAL) != 0) return nullptr;
  if (vmg->prev == nullptr && vmg->next == nullptr) return nullptr;
  const bool can_merge_left = can_vma_merge_left(vmg);
  const bool can_merge_right = !vmg->just_expand && can_vma_merge_right(vmg, can_merge_left);
  if (can_merge_right) {
    vmg->end = vmg->next->vm_end.get();
    vmg->target = vmg->next;
  }
  if (can_merge_left) {
    vmg->start = vmg->prev->vm_start.get();
    vmg->target = vmg->prev;
    vmg->pgoff = vmg->prev->vm_pgoff.get();
  }
  if (vmg->target == nullptr || vma_expand(vmg) != 0) return nullptr;
  vmg->state = VMA_MERGE_SUCCESS;
  return vmg->target;
}

// --- ranges whose properties change
// ------------------------------------------------------------------

vma_merge_struct vmg_vma_state(vma_iterator* vmi, vm_area_struct* prev, vm_area_struct* vma,
                               unsigned long start, unsigned long end) {
  vma_merge_struct vmg;
  vmg.mm = vmi->mm;
  vmg.vmi = vmi;
  vmg.prev = prev;
  vmg.middle = vma;
  vmg.start = start;
  vmg.end = end;
  vmg.vm_flags = vma->vm_flags.get();
  vmg.pgoff = vma->vm_pgoff.get() + PHYS_PFN(start - vma->vm_start.get());
  vmg.file = vma->vm_file.get();
  vmg.anon_vma = vma->anon_vma.get();
  return vmg;
}

static vm_area_struct* vma_modify(vma_merge_struct* vmg) {
  vm_area_struct* const vma = vmg->middle;
  const unsigned long start = vmg->start;
  const unsigned long end = vmg->end;
  vm_area_struct* merged = vma_merge_existing_range(vmg);
  if (merged != nullptr) return merged;
  if (vmg->state == VMA_MERGE_ERROR_NOMEM) return ERR_PTR<vm_area_struct>(-ENOMEM);
  if (vma->vm_start.get() < start) {
    const int err = split_vma(vmg->vmi, vma, start, true);
    if (err != 0) return ERR_PTR<vm_area_struct>(err);
  }
  if (vma->vm_end.get() > end) {
    const int err = split_vma(vmg->vmi, vma, end, false);
    if (err != 0) return ERR_PTR<vm_area_struct>(err);
  }
  return vma;
}

vm_area_struct* vma_modify_flags(vma_iterator* vmi, vm_area_struct* prev, vm_area_struct* vma,
                                 unsigned long start, unsigned long end, vm_flags_t* vm_flags) {
  vma_merge_struct vmg = vmg_vma_state(vmi, prev, vma, start, end);
  vmg.vm_flags = *vm_flags;
  vm_area_struct* ret = vma_modify(&vmg);
  if (IS_ERR(ret)) return ret;
  // Sticky flags of what was swallowed.
  if (vmg.state == VMA_MERGE_SUCCESS) *vm_flags = ret->vm_flags.get();
  return ret;
}

vm_area_struct* vma_merge_extend(vma_iterator* vmi, vm_area_struct* vma, unsigned long delta) {
  const unsigned long end = vma->vm_end.get();
  vma_merge_struct vmg = vmg_vma_state(vmi, vma, vma, end, end + delta);
  vmg.next = find_vma(vmg.mm, end);
  vmg.middle = nullptr;
  return vma_merge_new_range(&vmg);
}

}  // namespace vmafuzz::kernel
