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
              unsigned long flags, file* file, pgoff_t pgoff, Site site = Site::current());
// The same for a slot of the file table, which is opened if it has to be; slot -1: anonymous
// memory.
long sys_mmap_slot(mm_struct* mm, unsigned long addr, unsigned long len, unsigned long prot,
                   unsigned long flags, int slot, pgoff_t pgoff, Site site = Site::current());
long sys_munmap(mm_struct* mm, unsigned long addr, unsigned long len, Site site = Site::current());
long sys_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot,
                  Site site = Site::current());
long sys_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
                unsigned long flags, unsigned long new_addr, Site site = Site::current());
// The end of the heap afterwards.
long sys_brk(mm_struct* mm, unsigned long brk, Site site = Site::current());
long sys_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior,
                 Site site = Site::current());
// The first stack page of a fresh address space, as exec leaves it: [39, 40). 0 or an error.
long sys_setup_stack(mm_struct* mm, Site site = Site::current());
// A write just below the stack, so far down that the stack grows to addr. 0 or -EFAULT.
long sys_grow_stack(mm_struct* mm, unsigned long addr, Site site = Site::current());
// A page fault: 0, -EFAULT (the task gets SIGSEGV), -ENOMEM or -EINTR.
long sys_fault(mm_struct* mm, unsigned long addr, bool write, Site site = Site::current());
long sys_open(int slot, unsigned long ino, bool backing, Site site = Site::current());
long sys_close(int slot, Site site = Site::current());

// Without task work: for callers that are inside of something else.
long do_user_addr_fault(mm_struct* mm, unsigned long address, bool write,
                        Site site = Site::current());
int do_mprotect(mm_struct* mm, unsigned long start, unsigned long len, unsigned long prot,
                Site site = Site::current());
long do_mremap(mm_struct* mm, unsigned long addr, unsigned long old_len, unsigned long new_len,
               unsigned long flags, unsigned long new_addr, Site site = Site::current());
int do_madvise(mm_struct* mm, unsigned long start, unsigned long len, int behavior,
               Site site = Site::current());
unsigned long do_brk(mm_struct* mm, unsigned long brk, Site site = Site::current());

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_SYSCALLS_H_
