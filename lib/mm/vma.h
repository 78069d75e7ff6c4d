// Changing the VMAs of an address space (mm/vma.h): splitting, merging, unmapping, mapping. All of
// it under mmap_lock held for writing.
#ifndef VMAFUZZ_MM_VMA_H_
#define VMAFUZZ_MM_VMA_H_

#include "mm/mm.h"

namespace vmafuzz::kernel {

// --- the tree
// ----------------------------------------------------------------------------------------

// A store into mm_mt: first its range is named, then memory is set aside, then nothing can fail.
struct vma_iterator {
  explicit vma_iterator(mm_struct* address_space)
      : mm(address_space), mas(&address_space->mm_mt, 0, 0) {}
  mm_struct* mm;
  ma_state mas;
};

inline void vma_iter_config(vma_iterator* vmi, unsigned long start, unsigned long end) {
  mas_set_range(&vmi->mas, start, end - 1);
}
// 0 or -ENOMEM. Null: room for clearing the range.
int vma_iter_prealloc(vma_iterator* vmi, vm_area_struct* vma);
// Gives back what vma_iter_prealloc() set aside.
void vma_iter_free(vma_iterator* vmi);
// Stores the VMA over the range that it has now.
void vma_iter_store_overwrite(vma_iterator* vmi, vm_area_struct* vma);
// The same for a VMA that was in no tree: it is attached first.
void vma_iter_store_new(vma_iterator* vmi, vm_area_struct* vma);
// Without memory set aside: 0 or -ENOMEM.
int vma_iter_store_gfp(vma_iterator* vmi, vm_area_struct* vma);
int vma_iter_clear_gfp(vma_iterator* vmi, unsigned long start, unsigned long end);
// With it: clears the configured range.
void vma_iter_clear(vma_iterator* vmi);
// __GFP_NOFAIL.
void vma_iter_clear_nofail(vma_iterator* vmi, unsigned long start, unsigned long end);

// --- merging
// -----------------------------------------------------------------------------------------

enum vma_merge_state {
  VMA_MERGE_NOMERGE,
  VMA_MERGE_ERROR_NOMEM,
  VMA_MERGE_SUCCESS,
};

// A range [start, end) that is given these properties, and its neighbours. `middle`: the VMA whose
// range it is or is a part of; null for a new range.
struct vma_merge_struct {
  mm_struct* mm = nullptr;
  vma_iterator* vmi = nullptr;
  pgoff_t pgoff = 0;
  vm_area_struct* prev = nullptr;
  vm_area_struct* middle = nullptr;
  vm_area_struct* next = nullptr;
  vm_area_struct* target = nullptr;  // who survives the merge
  unsigned long start = 0;
  unsigned long end = 0;
  vm_flags_t vm_flags = 0;
  struct file* file = nullptr;
  struct anon_vma* anon_vma = nullptr;
  vm_area_struct* copied_from = nullptr;  // mremap: the copy is merged
  vma_merge_state state = VMA_MERGE_NOMERGE;
  bool just_expand = false;      // brk: only prev is looked at
  bool skip_vma_uprobe = false;  // mremap of a file: breakpoints come with the page tables
  bool adjust_middle_start = false;
  bool adjust_next_start = false;
  bool remove_middle = false;
  bool remove_next = false;
};
// VMG_VMA_STATE(): the properties of vma for a range inside of it.
vma_merge_struct vmg_vma_state(vma_iterator* vmi, vm_area_struct* prev, vm_area_struct* vma,
                               unsigned long start, unsigned long end);

// The survivor, or null: no merge (vmg->state says whether for lack of memory).
vm_area_struct* vma_merge_existing_range(vma_merge_struct* vmg);
vm_area_struct* vma_merge_new_range(vma_merge_struct* vmg);
// 0 or -ENOMEM.
int vma_expand(vma_merge_struct* vmg);
// The range gets vmg->vm_flags's VMA of its own, or joins a neighbour. Flags are the caller's to
// set.
vm_area_struct* vma_modify_flags(vma_iterator* vmi, vm_area_struct* prev, vm_area_struct* vma,
                                 unsigned long start, unsigned long end, vm_flags_t* vm_flags);
vm_area_struct* vma_merge_extend(vma_iterator* vmi, vm_area_struct* vma, unsigned long delta);

// --- changing ranges
// ---------------------------------------------------------------------------------

// What changes together, under the locks of the file's and the anonymous reverse map.
struct vma_prepare {
  vm_area_struct* vma = nullptr;
  vm_area_struct* adj_next = nullptr;
  vm_area_struct* insert = nullptr;
  vm_area_struct* remove = nullptr;
  vm_area_struct* remove2 = nullptr;
  struct file* file = nullptr;
  address_space* mapping = nullptr;
  struct anon_vma* anon_vma = nullptr;
  bool skip_vma_uprobe = false;
};
void init_vma_prep(struct vma_prepare* vp, vm_area_struct* vma);
void vma_prepare(struct vma_prepare* vp);
// mm->map_count, under the write lock.
void add_map_count(mm_struct* mm, int change);
void vma_complete(struct vma_prepare* vp, vma_iterator* vmi, mm_struct* mm);
void vma_set_range(vm_area_struct* vma, unsigned long start, unsigned long end, pgoff_t pgoff);
// new_below: the new VMA is the lower part, else the upper. 0 or -ENOMEM.
int __split_vma(vma_iterator* vmi, vm_area_struct* vma, unsigned long addr, bool new_below);
int split_vma(vma_iterator* vmi, vm_area_struct* vma, unsigned long addr, bool new_below);
// exec only. 0 or -ENOMEM.
int vma_shrink(vma_iterator* vmi, vm_area_struct* vma, unsigned long start, unsigned long end,
               pgoff_t pgoff);
// A VMA joins its file's i_mmap / leaves it.
void vma_link_file(vm_area_struct* vma);
void unlink_file_vma(vm_area_struct* vma);
int vma_link(mm_struct* mm, vm_area_struct* vma);
int insert_vm_struct(mm_struct* mm, vm_area_struct* vma);
void remove_vma(vm_area_struct* vma);
// The copy of *vmap at [addr, addr + len), merged with its new neighbours if it can be; null: no
// memory. *vmap becomes the survivor if that swallowed the source as well.
vm_area_struct* copy_vma(vm_area_struct** vmap, unsigned long addr, unsigned long len,
                         pgoff_t pgoff, bool* need_rmap_locks);
int expand_downwards(vm_area_struct* vma, unsigned long address);

// --- unmapping
// ---------------------------------------------------------------------------------------

// struct vma_munmap_struct and the tree of detached VMAs, which nobody else sees.
struct vma_munmap_struct {
  vma_iterator* vmi = nullptr;
  vm_area_struct* vma = nullptr;  // the first
  vm_area_struct* prev = nullptr;
  vm_area_struct* next = nullptr;
  unsigned long start = 0;
  unsigned long end = 0;
  int vma_count = 0;
  unsigned long nr_pages = 0;
  bool unlock = false;      // downgrade, and unlock when done
  bool clear_ptes = false;  // page tables have still to be cleared
  bool section_ended = false;
  vm_area_struct* mt_detach[kTaskPages] = {};
};
void init_vma_munmap(vma_munmap_struct* vms, vma_iterator* vmi, vm_area_struct* vma,
                     unsigned long start, unsigned long end, bool unlock);
int vms_gather_munmap_vmas(vma_munmap_struct* vms);
void vms_clean_up_area(vma_munmap_struct* vms);
void vms_complete_munmap_vmas(vma_munmap_struct* vms);
void vms_abort_munmap_vmas(vma_munmap_struct* vms);
// 0, and mmap_lock dropped if `unlock`; or an error, and mmap_lock still held.
int do_vmi_align_munmap(vma_iterator* vmi, vm_area_struct* vma, mm_struct* mm, unsigned long start,
                        unsigned long end, bool unlock);
int do_vmi_munmap(vma_iterator* vmi, mm_struct* mm, unsigned long start, unsigned long len,
                  bool unlock);
int do_munmap(mm_struct* mm, unsigned long start, unsigned long len);

// --- mapping
// -----------------------------------------------------------------------------------------

// The lowest gap that fits, or addr itself if flags or luck allow it; or -ENOMEM.
unsigned long get_unmapped_area(mm_struct* mm, unsigned long addr, unsigned long len,
                                unsigned long flags);
unsigned long mmap_region(mm_struct* mm, struct file* file, unsigned long addr, unsigned long len,
                          vm_flags_t vm_flags, pgoff_t pgoff);
unsigned long do_mmap(mm_struct* mm, struct file* file, unsigned long addr, unsigned long len,
                      unsigned long prot, unsigned long flags, pgoff_t pgoff);
int do_brk_flags(vma_iterator* vmi, vm_area_struct* vma, mm_struct* mm, unsigned long addr,
                 unsigned long len);

// Gaps that growing stacks need below them.
unsigned long vm_start_gap(const vm_area_struct* vma);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_VMA_H_
