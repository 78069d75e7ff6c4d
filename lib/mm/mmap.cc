// mmap() and brk() (mm/mmap.c, and __mmap_region() of mm/vma.c).
#include "kernel/bugs.h"
#include "mm/mman.h"
#include "mm/syscalls.h"
#include "mm/uprobes.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

using platform::machine;

int sysctl_max_map_count = kDefaultMaxMapCount;

// --- where
// ---------------------------------------------------------------------------------------------

static bool hint_is_free(mm_struct* mm, unsigned long addr, unsigned long len) {
  if (addr > TASK_SIZE - len) return false;
  const vm_area_struct* vma = find_vma(mm, addr);
  if (vma == nullptr) return true;
  return addr + len <= vm_start_gap(vma);
}

// unmapped_area(): bottom-up, so that where things go can be told without a layout's random base.
static unsigned long unmapped_area(mm_struct* mm, unsigned long len) {
  MA_STATE(mas, &mm->mm_mt, 0, 0);
  unsigned long gap = 0;
  while (gap + len <= TASK_SIZE) {
    const auto* vma = static_cast<vm_area_struct*>(mas_find(&mas, TASK_SIZE - 1));
    if (vma == nullptr || gap + len <= vm_start_gap(vma)) return gap;
    gap = vma->vm_end.get();
  }
  return -ENOMEM;
}

unsigned long get_unmapped_area(mm_struct* mm, unsigned long addr, unsigned long len,
                                unsigned long flags) {
  if (len > TASK_SIZE) return -ENOMEM;
  if ((flags & MAP_FIXED) != 0) {
    if (addr > TASK_SIZE - len) return -ENOMEM;
    return offset_in_page(addr) != 0 ? -EINVAL : addr;
  }
  addr = PAGE_ALIGN(addr);
  if (hint_is_free(mm, addr, len)) return addr;
  return unmapped_area(mm, len);
}

// --- the new VMA
// ---------------------------------------------------------------------------------------

namespace {
struct mmap_state {
  mm_struct* mm;
  vma_iterator* vmi;
  unsigned long addr;
  unsigned long end;
  pgoff_t pgoff;
  vm_flags_t vm_flags;
  struct file* file;
  vm_area_struct* prev = nullptr;
  vm_area_struct* next = nullptr;
  vma_munmap_struct vms;
};
}  // namespace

static bool accountable_mapping(vm_flags_t vm_flags) {
  return (vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

static int __mmap_setup(mmap_state* map) {
  vma_munmap_struct* vms = &map->vms;
  vm_area_struct* overlap = find_vma_intersection(map->mm, map->addr, map->end);
  init_vma_munmap(vms, map->vmi, overlap, map->addr, map->end, false);
  if (overlap != nullptr) {
    const int error = vms_gather_munmap_vmas(vms);
    if (error != 0) {
      vms->nr_pages = 0;  // they are attached again
      return error;
    }
    map->next = vms->next;
    map->prev = vms->prev;
  } else {
    map->next = map->end < TASK_SIZE ? find_vma(map->mm, map->end) : nullptr;
    map->prev = vma_prev(map->mm, map->addr);
  }
  if (accountable_mapping(map->vm_flags)) {
    if (machine.injected_failure(Site::current()))
      return -ENOMEM;  // security_vm_enough_memory_mm()
    map->vm_flags |= VM_ACCOUNT;
  }
  vms_clean_up_area(vms);
  return 0;
}

// shmem_zero_setup(): shared anonymous memory is a file that has no name.
static int shmem_zero_setup(vm_area_struct* vma) {
  file* f = shmem_kernel_file_setup();
  if (f == nullptr) return -ENOMEM;
  vma->vm_file.set(f);
  return 0;
}

static int __mmap_new_file_vma(mmap_state* map, vm_area_struct* vma) {
  vma->vm_file.set(map->file);
  get_file(map->file);
  if (!machine.injected_failure(Site::current())) return 0;  // f_op->mmap
  fput(map->file);
  vma->vm_file.set(nullptr);
  return -ENOMEM;
}

static int __mmap_new_vma(mmap_state* map, vm_area_struct** vmap) {
  vm_area_struct* vma = vm_area_alloc(map->mm);
  if (vma == nullptr) return -ENOMEM;
  vma_iter_config(map->vmi, map->addr, map->end);
  vma_set_range(vma, map->addr, map->end, map->pgoff);
  vm_flags_init(vma, map->vm_flags);
  if (vma_iter_prealloc(map->vmi, vma) != 0) {
    vm_area_free(vma);
    return -ENOMEM;
  }
  int error = 0;
  if (map->file != nullptr) {
    error = __mmap_new_file_vma(map, vma);
  } else if ((map->vm_flags & VM_SHARED) != 0) {
    error = shmem_zero_setup(vma);
  }
  if (error != 0) {
    vma_iter_free(map->vmi);
    vm_area_free(vma);
    return error;
  }
  // Locked before it can be found: it is changed after that (33313a747e81).
  vma_start_write(vma);
  vma_iter_store_new(map->vmi, vma);
  add_map_count(map->mm, 1);
  vma_link_file(vma);
  *vmap = vma;
  return 0;
}

static void __mmap_complete(mmap_state* map, vm_area_struct* vma) {
  vms_complete_munmap_vmas(&map->vms);
  if (vma->vm_file.get() != nullptr) uprobe_mmap(vma);
  vm_flags_set(vma, VM_SOFTDIRTY);
}

static vm_area_struct* merge_mapping(mmap_state* map) {
  if (map->prev == nullptr && map->next == nullptr) return nullptr;
  vma_merge_struct vmg;
  vmg.mm = map->mm;
  vmg.vmi = map->vmi;
  vmg.start = map->addr;
  vmg.end = map->end;
  vmg.vm_flags = map->vm_flags;
  vmg.pgoff = map->pgoff;
  vmg.file = map->file;
  vmg.prev = map->prev;
  vmg.next = map->next;
  return vma_merge_new_range(&vmg);
}

unsigned long mmap_region(mm_struct* mm, struct file* file, unsigned long addr, unsigned long len,
                          vm_flags_t vm_flags, pgoff_t pgoff) {
  mmap_assert_write_locked(mm);
  vma_iterator vmi(mm);
  mmap_state map{mm, &vmi, addr, addr + len, pgoff, vm_flags, file, nullptr, nullptr, {}};
  int error = __mmap_setup(&map);
  if (error == 0) {
    vm_area_struct* vma = merge_mapping(&map);
    if (vma == nullptr) error = __mmap_new_vma(&map, &vma);
    if (error == 0) {
      __mmap_complete(&map, vma);
      return addr;
    }
  }
  vms_abort_munmap_vmas(&map.vms);
  return static_cast<unsigned long>(error);
}

// --- what it may do
// ------------------------------------------------------------------------------------

static vm_flags_t calc_vm_prot_bits(unsigned long prot) {
  return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);  // VM_* have the same values
}

static int file_vm_flags(struct file* file, unsigned long prot, unsigned long flags,
                         vm_flags_t* vm_flags) {
  const unsigned f_mode = file->f_mode.get();
  if ((flags & MAP_TYPE) == MAP_SHARED) {
    if ((prot & PROT_WRITE) != 0 && (f_mode & FMODE_WRITE) == 0) return -EACCES;
    *vm_flags |= VM_SHARED | VM_MAYSHARE;
    // VM_MAYSHARE stays: valid_vma() asks for it.
    const vm_flags_t shared = bug(Bug::readonly_file_shared) ? 0 : VM_SHARED;
    if ((f_mode & FMODE_WRITE) == 0) *vm_flags &= ~(VM_MAYWRITE | shared);
  }
  return (f_mode & FMODE_READ) == 0 ? -EACCES : 0;
}

unsigned long do_mmap(mm_struct* mm, struct file* file, unsigned long addr, unsigned long len,
                      unsigned long prot, unsigned long flags, pgoff_t pgoff) {
  mmap_assert_write_locked(mm);
  const unsigned long type = flags & MAP_TYPE;
  if (len == 0 || (type != MAP_SHARED && type != MAP_PRIVATE)) return -EINVAL;
  if ((flags & MAP_FIXED_NOREPLACE) != 0) flags |= MAP_FIXED;
  len = PAGE_ALIGN(len);
  if (len == 0) return -ENOMEM;
  if (pgoff + (len >> PAGE_SHIFT) < pgoff) return -EOVERFLOW;
  if (mm->map_count.get() > sysctl_max_map_count) return -ENOMEM;
  vm_flags_t vm_flags = calc_vm_prot_bits(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if ((flags & MAP_GROWSDOWN) != 0) vm_flags |= VM_GROWSDOWN;
  if ((flags & MAP_NORESERVE) != 0) vm_flags |= VM_NORESERVE;

  addr = get_unmapped_area(mm, addr, len, flags);
  if (IS_ERR_VALUE(addr)) return addr;
  if ((flags & MAP_FIXED_NOREPLACE) != 0 && !bug(Bug::noreplace_replaces) &&
      find_vma_intersection(mm, addr, addr + len) != nullptr) {
    return -EEXIST;
  }
  if (file != nullptr) {
    const int err = file_vm_flags(file, prot, flags, &vm_flags);
    if (err != 0) return err;
    if ((vm_flags & VM_GROWSDOWN) != 0) return -EINVAL;
  } else if (type == MAP_SHARED) {
    if ((vm_flags & VM_GROWSDOWN) != 0) return -EINVAL;
    pgoff = 0;
    vm_flags |= VM_SHARED | VM_MAYSHARE;
  } else {
    pgoff = addr >> PAGE_SHIFT;
  }
  return mmap_region(mm, file, addr, len, vm_flags, pgoff);
}

// --- brk
// -----------------------------------------------------------------------------------------------

int do_brk_flags(vma_iterator* vmi, vm_area_struct* vma, mm_struct* mm, unsigned long addr,
                 unsigned long len) {
  const vm_flags_t vm_flags = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT;
  if (mm->map_count.get() > sysctl_max_map_count) return -ENOMEM;
  if (machine.injected_failure(Site::current())) return -ENOMEM;  // security_vm_enough_memory_mm()
  if (vma != nullptr && vma->vm_end.get() == addr) {
    vma_merge_struct vmg;
    vmg.mm = mm;
    vmg.vmi = vmi;
    vmg.start = addr;
    vmg.end = addr + len;
    vmg.vm_flags = vm_flags;
    vmg.pgoff = PHYS_PFN(addr);
    vmg.prev = vma;
    vmg.just_expand = true;
    if (vma_merge_new_range(&vmg) != nullptr) {
      vm_flags_set(vma, VM_SOFTDIRTY);
      return 0;
    }
    if (vmg.state == VMA_MERGE_ERROR_NOMEM) return -ENOMEM;
  }
  vma = vm_area_alloc(mm);
  if (vma == nullptr) return -ENOMEM;
  vma_set_range(vma, addr, addr + len, addr >> PAGE_SHIFT);
  vm_flags_init(vma, vm_flags);
  vma_start_write(vma);
  if (vma_iter_store_gfp(vmi, vma) != 0) {
    vm_area_free(vma);
    return -ENOMEM;
  }
  add_map_count(mm, 1);
  vm_flags_set(vma, VM_SOFTDIRTY);
  return 0;
}

// True: done and unlocked. The new end is written first, because unmapping drops the lock.
static bool shrink_brk(mm_struct* mm, unsigned long brk, unsigned long newbrk,
                       unsigned long oldbrk) {
  vm_area_struct* brkvma = find_vma_intersection(mm, newbrk, oldbrk);
  if (brkvma == nullptr) return false;
  vma_iterator vmi(mm);
  mm->brk.set(brk);
  return do_vmi_align_munmap(&vmi, brkvma, mm, newbrk, oldbrk, true) == 0;
}

static bool grow_brk(mm_struct* mm, unsigned long newbrk, unsigned long oldbrk) {
  if (newbrk > TASK_SIZE) return false;
  // check_brk_limits() and the gap to what comes next.
  const unsigned long limit = newbrk + PAGE_SIZE;
  const vm_area_struct* next = find_vma_intersection(mm, oldbrk, limit + stack_guard_gap);
  if (next != nullptr && limit > vm_start_gap(next)) return false;
  vm_area_struct* brkvma = vma_prev(mm, oldbrk);
  if (brkvma != nullptr && brkvma->vm_end.get() <= mm->start_brk.get()) brkvma = nullptr;
  vma_iterator vmi(mm);
  return do_brk_flags(&vmi, brkvma, mm, oldbrk, newbrk - oldbrk) == 0;
}

unsigned long do_brk(mm_struct* mm, unsigned long brk) {
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  const unsigned long origbrk = mm->brk.get();
  const unsigned long newbrk = PAGE_ALIGN(brk);
  const unsigned long oldbrk = PAGE_ALIGN(origbrk);
  bool done = false;
  if (brk >= mm->start_brk.get()) {
    if (newbrk < oldbrk && shrink_brk(mm, brk, newbrk, oldbrk)) return brk;
    done = newbrk == oldbrk || (newbrk > oldbrk && grow_brk(mm, newbrk, oldbrk));
  }
  mm->brk.set(done ? brk : origbrk);
  mmap_write_unlock(mm);
  return done ? brk : origbrk;
}

}  // namespace vmafuzz::kernel
