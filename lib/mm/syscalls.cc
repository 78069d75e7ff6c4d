#include "mm/syscalls.h"

#include "mm/vma.h"

namespace vmafuzz::kernel {

namespace {
// exit_to_user_mode: the task's work runs, then the result is returned.
long leave_syscall(long result) {
  task_work_run();
  return result;
}

// vm_mmap_pgoff()
long vm_mmap_pgoff(mm_struct* mm, file* file, unsigned long addr, unsigned long len,
                   unsigned long prot, unsigned long flags, pgoff_t pgoff) {
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  const unsigned long ret = do_mmap(mm, file, addr, len, prot, flags, pgoff);
  mmap_write_unlock(mm);
  return static_cast<long>(ret);
}
}  // namespace

long sys_mmap(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
              unsigned long flags, file* file, pgoff_t pgoff) {
  return leave_syscall(vm_mmap_pgoff(mm, file, addr, len, prot, flags, pgoff));
}

long sys_mmap_slot(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
                   unsigned long flags, int slot, pgoff_t pgoff) {
  if (slot < 0) return sys_mmap(mm, addr, len, prot, flags | MAP_ANONYMOUS, nullptr, pgoff);
  file* f = fget_slot(slot);
  if (f == nullptr) return leave_syscall(-ENOMEM);
  const long ret = vm_mmap_pgoff(mm, f, addr, len, prot, flags, pgoff);
  fput(f);
  return leave_syscall(ret);
}

// __vm_munmap() with unlock
long sys_munmap(mm_struct* mm, unsigned long addr, unsigned long len) {
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  vma_iterator vmi(mm);
  const int ret = do_vmi_munmap(&vmi, mm, addr, len, true);
  if (ret != 0) mmap_write_unlock(mm);
  return leave_syscall(ret);
}

long sys_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot) {
  return leave_syscall(do_mprotect(mm, start, len, prot));
}

long sys_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
                unsigned long flags, unsigned long new_addr) {
  return leave_syscall(do_mremap(mm, addr, old_len, new_len, flags, new_addr));
}

long sys_brk(mm_struct* mm, unsigned long brk) {
  return leave_syscall(static_cast<long>(do_brk(mm, brk)));
}

long sys_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior) {
  return leave_syscall(do_madvise(mm, start, len, behavior));
}

// create_init_stack_vma() and what setup_arg_pages() leaves of it.
long sys_setup_stack(mm_struct* mm) {
  if (mmap_write_lock_killable(mm) != 0) return -EINTR;
  long error = -ENOMEM;
  vm_area_struct* vma = vm_area_alloc(mm);
  if (vma != nullptr) {
    const unsigned long end = mm->start_stack.get();
    vma_set_range(vma, end - PAGE_SIZE, end, (end - PAGE_SIZE) >> PAGE_SHIFT);
    vm_flags_init(vma, VM_STACK_FLAGS | VM_SOFTDIRTY);
    error = insert_vm_struct(mm, vma);
    if (error != 0) vm_area_free(vma);
  }
  mmap_write_unlock(mm);
  return error;
}

long sys_grow_stack(mm_struct* mm, unsigned long addr) { return sys_fault(mm, addr, true); }

long sys_fault(mm_struct* mm, unsigned long addr, bool write) {
  return leave_syscall(do_user_addr_fault(mm, addr, write));
}

long sys_open(int slot, unsigned long ino, bool backing) {
  return leave_syscall(open_slot(slot, ino, backing));
}

long sys_close(int slot) { return leave_syscall(close_slot(slot)); }

}  // namespace vmafuzz::kernel
