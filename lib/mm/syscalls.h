// The memory system calls of a task that uses mm: what a test program's operations do.
//
// Addresses and lengths are in bytes, pgoff in pages, as in the kernel. Results are the kernel's:
// an address or 0, or a negated error code. Each call runs the task's work at its end (the last
// fput() of a file frees it then). Nothing is locked on entry nor on return.
#ifndef VMAFUZZ_MM_SYSCALLS_H_
#define VMAFUZZ_MM_SYSCALLS_H_

#include "mm/mm.h"
#include "mm/mman.h"

namespace vmafuzz::kernel {

// file: null with MAP_ANONYMOUS. The caller keeps its reference.
long sys_mmap(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
              unsigned long flags, file* file, pgoff_t pgoff);
// The same for a slot of the file table, which is opened if it has to be; slot -1: anonymous
// memory.
long sys_mmap_slot(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
                   unsigned long flags, int slot, pgoff_t pgoff);
long sys_munmap(mm_struct* mm, unsigned long addr, unsigned long len);
long sys_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot);
long sys_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
                unsigned long flags, unsigned long new_addr);
// The end of the heap afterwards.
long sys_brk(mm_struct* mm, unsigned long brk);
long sys_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior);
// The first stack page of a fresh address space, as exec leaves it: [39, 40). 0 or an error.
long sys_setup_stack(mm_struct* mm);
// A write just below the stack, so far down that the stack grows to addr. 0 or -EFAULT.
long sys_grow_stack(mm_struct* mm, unsigned long addr);
// A page fault: 0, -EFAULT (the task gets SIGSEGV), -ENOMEM or -EINTR.
long sys_fault(mm_struct* mm, unsigned long addr, bool write);
long sys_open(int slot, unsigned long ino, bool backing);
long sys_close(int slot);

// Without task work: for callers that are inside of something else.
long do_user_addr_fault(mm_struct* mm, unsigned long address, bool write);
int do_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot);
long do_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
               unsigned long flags, unsigned long new_addr);
int do_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior);
unsigned long do_brk(mm_struct* mm, unsigned long brk);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_SYSCALLS_H_
