#include "mm/syscalls.h"

#include "mm/vma.h"

namespace vmafuzz::kernel {

namespace {
// exit_to_user_mode: the task's work runs, then the result is returned.
long leave_syscall(long result, Site site) {
  task_work_run(site);
  return result;
}

// vm_mmap_pgoff()
long vm_mmap_pgoff(mm_struct* mm, file* file, unsigned long addr, unsigned long len,
                   unsigned long prot, unsigned long flags, pgoff_t pgoff, Site site) {
  if (mmap_write_lock_killable(mm, site) != 0) return -EINTR;
  const unsigned long ret = do_mmap(mm, file, addr, len, prot, flags, pgoff, site);
  mmap_write_unlock(mm, site);
  return static_cast<long>(ret);
}
}  // namespace

long sys_mmap(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
              unsigned long flags, file* file, pgoff_t pgoff, Site site) {
  return leave_syscall(vm_mmap_pgoff(mm, file, addr, len, prot, flags, pgoff, site), site);
}

long sys_mmap_slot(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
                   unsigned long flags, int slot, pgoff_t pgoff, Site site) {
  if (slot < 0) return sys_mmap(mm, addr, len, prot, flags | MAP_ANONYMOUS, nullptr, pgoff, site);
  file* f = fget_slot(slot, site);
  if (f == nullptr) return leave_syscall(-ENOMEM, site);
  const long ret = vm_mmap_pgoff(mm, f, addr, len, prot, flags, pgoff, site);
  fput(f, site);
  return leave_syscall(ret, site);
}

// __vm_munmap() with unlock
long sys_munmap(mm_struct* mm, unsigned long addr, unsigned long len, Site site) {
  if (mmap_write_lock_killable(mm, site) != 0) return -EINTR;
  vma_iterator vmi(mm);
  const int ret = do_vmi_munmap(&vmi, mm, addr, len, true, site);
  if (ret != 0) mmap_write_unlock(mm, site);
  return leave_syscall(ret, site);
}

long sys_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot,
                  Site site) {
  return leave_syscall(do_mprotect(mm, start, len, prot, site), site);
}

long sys_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
                unsigned long flags, unsigned long new_addr, Site site) {
  return leave_syscall(do_mremap(mm, addr, old_len, new_len, flags, new_addr, site), site);
}

long sys_brk(mm_struct* mm, unsigned long brk, Site site) {
  return leave_syscall(static_cast<long>(do_brk(mm, brk, site)), site);
}

long sys_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior, Site site) {
  return leave_syscall(do_madvise(mm, start, len, behavior, site), site);
}

// create_init_stack_vma() and what setup_arg_pages() leaves of it.
long sys_setup_stack(mm_struct* mm, Site site) {
  if (mmap_write_lock_killable(mm, site) != 0) return -EINTR;
  long error = -ENOMEM;
  vm_area_struct* vma = vm_area_alloc(mm, site);
  if (vma != nullptr) {
    const unsigned long end = mm->start_stack.get(site);
    vma_set_range(vma, end - PAGE_SIZE, end, (end - PAGE_SIZE) >> PAGE_SHIFT, site);
    vm_flags_init(vma, VM_STACK_FLAGS | VM_SOFTDIRTY, site);
    error = insert_vm_struct(mm, vma, site);
    if (error != 0) vm_area_free(vma, site);
  }
  mmap_write_unlock(mm, site);
  return error;
}

long sys_grow_stack(mm_struct* mm, unsigned long addr, Site site) {
  return sys_fault(mm, addr, true, site);
}

long sys_fault(mm_struct* mm, unsigned long addr, bool write, Site site) {
  return leave_syscall(do_user_addr_fault(mm, addr, write, site), site);
}

long sys_open(int slot, unsigned long ino, bool backing, Site site) {
  return leave_syscall(open_slot(slot, ino, backing, site), site);
}

long sys_close(int slot, Site site) { return leave_syscall(close_slot(slot, site), site); }

}  // namespace vmafuzz::kernel
