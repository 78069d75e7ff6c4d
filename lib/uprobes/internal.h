// What the parts of uprobes.c share with each other and with nobody else.
#ifndef VMAFUZZ_UPROBES_INTERNAL_H_
#define VMAFUZZ_UPROBES_INTERNAL_H_

#include "uprobes/uprobes.h"

namespace vmafuzz::kernel {

#define __node_2_uprobe(node) rb_entry(node, struct uprobe, rb_node)

// uprobes_tree is empty: read without the lock, as uprobe_mmap() does.
bool no_uprobe_events();
bool uprobe_is_active(const uprobe* uprobe);
bool try_get_uprobe(uprobe* uprobe);
void put_uprobe(uprobe* uprobe);
uprobe* alloc_uprobe(inode* inode, loff_t offset);

// A node of the inode with min <= offset <= max, or null. Under uprobes_treelock.
rb_node* find_node_in_range(const inode* inode, loff_t min, loff_t max);
bool vma_has_uprobes(const vm_area_struct* vma, unsigned long start, unsigned long end);

bool filter_chain(uprobe* uprobe, mm_struct* mm);
bool consumer_filter(uprobe_consumer* uc, mm_struct* mm);
// Under the mmap write lock. 0, -EINTR or -ENOMEM.
int install_breakpoint(uprobe* uprobe, vm_area_struct* vma, unsigned long vaddr);
int remove_breakpoint(uprobe* uprobe, vm_area_struct* vma, unsigned long vaddr);
// 1: a breakpoint, 0: none, -EFAULT: no page.
int is_trap_at_addr(mm_struct* mm, unsigned long vaddr);
// Clears MMF_HAS_UPROBES if no mapping can have one any more. Under mmap_lock.
void mmf_recalc_uprobes(mm_struct* mm);

// build_map_info()'s memory.
void reset_map_info();

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_UPROBES_INTERNAL_H_
