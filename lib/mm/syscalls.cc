#include "mm/syscalls.h"

#include "mm/observer.h"
#include "mm/vma.h"

namespace vmafuzz::kernel {

namespace {
// exit_to_user_mode: the task's work runs, then the result is returned.
long leave_syscall(long result) {
  task_work_run();
  return result;
}

Request request_to_map(mm_struct* mm, const file* file, unsigned long addr, unsigned long len,
                       unsigned long prot, unsigned long flags, pgoff_t pgoff) {
  Request request{.kind = Request::kMmap,
                  .mm = mm,
                  .addr = addr,
                  .len = len,
                  .prot = prot,
                  .flags = flags,
                  .file = file,
                  .pgoff = pgoff};
  if (file != nullptr) {
    request.readable = (file->f_mode.peek() & FMODE_READ) != 0;
    request.writable = (file->f_mode.peek() & FMODE_WRITE) != 0;
  }
  return request;
}

// vm_mmap_pgoff()
long vm_mmap_pgoff(mm_struct* mm, file* file, unsigned long addr, unsigned long len,
                   unsigned long prot, unsigned long flags, pgoff_t pgoff) {
  tell_request_begins(request_to_map(mm, file, addr, len, prot, flags, pgoff));
  if (mmap_write_lock_killable(mm) != 0) return tell_request_returns(-EINTR);
  const unsigned long ret = do_mmap(mm, file, addr, len, prot, flags, pgoff);
  mmap_write_unlock(mm);
  return tell_request_returns(static_cast<long>(ret));
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
  tell_request_begins({.kind = Request::kMunmap, .mm = mm, .addr = addr, .len = len});
  if (mmap_write_lock_killable(mm) != 0) return tell_request_returns(-EINTR);
  vma_iterator vmi(mm);
  const int ret = do_vmi_munmap(&vmi, mm, addr, len, true);
  if (ret != 0) mmap_write_unlock(mm);
  return leave_syscall(tell_request_returns(ret));
}

long sys_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot) {
  tell_request_begins(
      {.kind = Request::kMprotect, .mm = mm, .addr = start, .len = len, .prot = prot});
  return leave_syscall(tell_request_returns(do_mprotect(mm, start, len, prot)));
}

long sys_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
                unsigned long flags, unsigned long new_addr) {
  tell_request_begins({.kind = Request::kMremap,
                       .mm = mm,
                       .addr = addr,
                       .len = old_len,
                       .flags = flags,
                       .new_len = new_len,
                       .new_addr = new_addr});
  const long ret = do_mremap(mm, addr, old_len, new_len, flags, new_addr);
  return leave_syscall(tell_request_returns(ret));
}

long sys_brk(mm_struct* mm, unsigned long brk) {
  tell_request_begins({.kind = Request::kBrk, .mm = mm, .addr = brk});
  return leave_syscall(tell_request_returns(static_cast<long>(do_brk(mm, brk))));
}

long sys_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior) {
  tell_request_begins(
      {.kind = Request::kMadvise, .mm = mm, .addr = start, .len = len, .advice = behavior});
  return leave_syscall(tell_request_returns(do_madvise(mm, start, len, behavior)));
}

// create_init_stack_vma() and what setup_arg_pages() leaves of it.
long sys_setup_stack(mm_struct* mm) {
  tell_request_begins({.kind = Request::kSetUpStack, .mm = mm});
  if (mmap_write_lock_killable(mm) != 0) return tell_request_returns(-EINTR);
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
  return tell_request_returns(error);
}

long sys_grow_stack(mm_struct* mm, unsigned long addr) { return sys_fault(mm, addr, true); }

long sys_fault(mm_struct* mm, unsigned long addr, bool write) {
  tell_request_begins({.kind = Request::kFault, .mm = mm, .addr = addr});
  return leave_syscall(tell_request_returns(do_user_addr_fault(mm, addr, write)));
}

long sys_open(int slot, unsigned long ino, bool backing) {
  return leave_syscall(open_slot(slot, ino, backing));
}

long sys_close(int slot) { return leave_syscall(close_slot(slot)); }

}  // namespace vmafuzz::kernel
