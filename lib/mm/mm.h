// Address spaces and what is done inside them (include/linux/mm.h, mm/internal.h): declarations
// shared by the files of this folder. System calls are in mm/syscalls.h.
#ifndef VMAFUZZ_MM_MM_H_
#define VMAFUZZ_MM_MM_H_

#include <string>
#include <vector>

#include "mm/errno.h"
#include "mm/fs.h"
#include "mm/mmap_lock.h"
#include "mm/vma_lock.h"

namespace vmafuzz::kernel {

// --- mm_struct (kernel/fork.c)
// -----------------------------------------------------------------------

inline constexpr int kMaxMms = 4;
// Where brk and the stack begin, in pages of the address space.
inline constexpr unsigned long kStartBrkPage = 24;
inline constexpr unsigned long kStackTopPage = kTaskPages;

// The beginning of an execution, after arena.reset() and with kernel::rules set: caches, tables.
void mm_world_reset();
// A new, empty address space: mm<id>, with one user.
mm_struct* mm_alloc(int id);
// mm<id> of this execution, or null.
mm_struct* mm_at(int id);
// Drops a user; the last one frees all mappings (exit_mmap()) and then the structure's own
// reference.
void mmput(mm_struct* mm);
void mmgrab(mm_struct* mm);
void mmdrop(mm_struct* mm);
bool mmget_not_zero(mm_struct* mm);
void exit_mmap(mm_struct* mm);

// --- VMA objects (mm/vma_init.c)
// ---------------------------------------------------------------------

vm_area_struct* vm_area_alloc(mm_struct* mm);
vm_area_struct* vm_area_dup(vm_area_struct* orig);
void vm_area_free(vm_area_struct* vma);
int live_vmas();

// Only for VMAs that nobody else can see yet.
inline void vm_flags_init(vm_area_struct* vma, vm_flags_t flags, Site site = Site::current()) {
  vma->vm_flags.set(flags, site);
}
inline void vm_flags_reset(vm_area_struct* vma, vm_flags_t flags, Site site = Site::current()) {
  vma_assert_write_locked(vma);
  vma->vm_flags.set(flags, site);
}
// mprotect's: lockless readers get one or the other.
inline void vm_flags_reset_once(vm_area_struct* vma, vm_flags_t flags,
                                Site site = Site::current()) {
  vma_assert_write_locked(vma);
  WRITE_ONCE(vma->vm_flags, flags, site);
}
inline void vm_flags_set(vm_area_struct* vma, vm_flags_t flags, Site site = Site::current()) {
  vma_start_write(vma);
  vma->vm_flags.set(vma->vm_flags.get(site) | flags, site);
}
inline void vm_flags_clear(vm_area_struct* vma, vm_flags_t flags, Site site = Site::current()) {
  vma_start_write(vma);
  vma->vm_flags.set(vma->vm_flags.get(site) & ~flags, site);
}

// --- looking up VMAs; mmap_lock or RCU is held
// -------------------------------------------------------

vm_area_struct* vma_lookup(mm_struct* mm, unsigned long addr);
// The first VMA that ends after addr.
vm_area_struct* find_vma(mm_struct* mm, unsigned long addr);
// The first VMA that has something of [start, end).
vm_area_struct* find_vma_intersection(mm_struct* mm, unsigned long start, unsigned long end);
// The last VMA that begins before addr (and does not contain it, if addr is the start of a VMA).
vm_area_struct* vma_prev(mm_struct* mm, unsigned long addr);

// --- anonymous memory's reverse map (mm/rmap.c)
// ------------------------------------------------------

// The VMA has an anon_vma afterwards: 0, or -ENOMEM. mmap_lock is held.
int anon_vma_prepare(vm_area_struct* vma);
// dst, a copy of src, joins all that src belongs to. On failure dst->anon_vma is null.
int anon_vma_clone(vm_area_struct* dst, vm_area_struct* src);
void unlink_anon_vmas(vm_area_struct* vma);
// More than one link: it has been through fork.
bool vma_is_fork_child(const vm_area_struct* vma);
void anon_vma_lock_write(anon_vma* anon_vma);
void anon_vma_unlock_write(anon_vma* anon_vma);
int live_anon_vmas();

// --- page tables (mm/memory.c)
// -----------------------------------------------------------------------

// Clears the entries of a range that is a VMA's; its uprobes may have gone (uprobe_munmap()).
void unmap_single_vma(vm_area_struct* vma, unsigned long start, unsigned long end);
// Takes the VMA out of its reverse maps. mm_wr_locked: mmap_lock is still held for writing.
void free_pgtables(vm_area_struct* vma, bool mm_wr_locked);

// --- checks and pictures: they look at the newest values and are no accesses
// --------------------------

struct VmaDump {
  unsigned long start, end;  // addresses
  pgoff_t pgoff;
  vm_flags_t flags;
  const file* vm_file;
  const inode* vm_inode;
  const vm_area_struct* vma;
};
std::vector<VmaDump> dump_vmas(mm_struct* mm);
// What is wrong with the tree, or nothing: each entry's range is the VMA's, VMAs are this mm's and
// attached, map_count counts them.
std::string validate_mm(mm_struct* mm);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_MM_H_
