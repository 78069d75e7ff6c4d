// What mm calls in uprobes (include/linux/uprobes.h); defined in lib/uprobes.
#ifndef VMAFUZZ_MM_UPROBES_H_
#define VMAFUZZ_MM_UPROBES_H_

namespace vmafuzz::kernel {

struct vm_area_struct;

int uprobe_mmap(vm_area_struct* vma);
void uprobe_munmap(vm_area_struct* vma, unsigned long start, unsigned long end);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_UPROBES_H_
