// Breakpoints in mappings: putting them in, taking them out, following mmap and munmap.
#include "kernel/bugs.h"
#include "mm/mm.h"
#include "uprobes/internal.h"

namespace vmafuzz::kernel {

// May a mapping carry breakpoints? When registering it must not be writable either; later flags may
// have changed. build_map_info() asks without the mmap lock while mprotect() may store vm_flags:
// the kernel has no data_race() here, and no test for a bit that mprotect() changes but VM_WRITE,
// which is tested again under the lock.
bool valid_vma(const vm_area_struct* vma, bool is_register) {
  vm_flags_t flags = VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE;
  if (is_register) flags |= VM_WRITE;
  return vma->vm_file.get() != nullptr && (data_race(vma->vm_flags) & flags) == VM_MAYEXEC;
}

namespace {

// Once per uprobe. What it copies must be there for whoever sees UPROBE_COPY_INSN (handle_swbp()).
void prepare_uprobe(uprobe* uprobe) {
  if ((READ_ONCE(uprobe->flags) & UPROBE_COPY_INSN) != 0) return;
  down_write(uprobe->consumer_rwsem);
  if ((READ_ONCE(uprobe->flags) & UPROBE_COPY_INSN) == 0) {
    uprobe->arch_insn.set(kCopiedInsn);
    if (!bug(Bug::copy_insn_without_wmb)) smp_wmb();
    atomic_fetch_op(uprobe->flags, Order::kNoReturn,
                    [](unsigned long x) { return x | UPROBE_COPY_INSN; });
  }
  up_write(uprobe->consumer_rwsem);
}

// What FOLL_WRITE of get_user_pages_remote() makes of a page that is not the task's own: a copy
// that is, for which the VMA needs an anon_vma as for any write (vmf_anon_prepare() of the fault;
// before 6.16 uprobe_write_opcode() called anon_vma_prepare() itself). It keeps that whatever comes
// after: without memory for the copy, and when the breakpoint is removed.
int break_cow(vm_area_struct* vma, unsigned long vaddr, Site site) {
  if ((ptep_get(pte_offset(vma->vm_mm.get(site), vaddr), site) & kPteAnon) != 0) return 0;
  if (anon_vma_prepare(vma) != 0) return -ENOMEM;
  return platform::machine.injected_failure(site) ? -ENOMEM : 0;
}

// uprobe_write(): the page becomes a private copy with one byte changed. Pinning the page may be
// interrupted by a fatal signal.
int uprobe_write_opcode(vm_area_struct* vma, unsigned long vaddr, bool breakpoint, Site site) {
  if (platform::machine.injected_failure(site)) return -EINTR;
  if (breakpoint) {
    if (const int err = break_cow(vma, vaddr, site)) return err;
  }
  mm_struct* mm = vma->vm_mm.get(site);
  Shared<unsigned long>& pte = pte_offset(mm, vaddr);
  spin_lock(mm->page_table_lock, site);
  unsigned long value = ptep_get(pte, site);
  if (breakpoint) {
    set_pte(pte, value | kPtePresent | kPteAnon | kPteBreakpoint, site);
  } else if ((value & kPteBreakpoint) != 0) {
    // The copy is the same as the file's page again and can go: the next access maps that.
    set_pte(pte, 0, site);
  }
  spin_unlock(mm->page_table_lock, site);
  return 0;
}

}  // namespace

int install_breakpoint(uprobe* uprobe, vm_area_struct* vma, unsigned long vaddr) {
  mm_struct* mm = vma->vm_mm.get();
  prepare_uprobe(uprobe);
  // In advance: a task may run into it as soon as it is there.
  const bool first_uprobe = !mm_flags_test(MMF_HAS_UPROBES, mm);
  if (first_uprobe) mm_flags_set(MMF_HAS_UPROBES, mm);
  const int ret = uprobe_write_opcode(vma, vaddr, true, Site::current());
  if (ret == 0) {
    mm_flags_clear(MMF_RECALC_UPROBES, mm);
  } else if (first_uprobe) {
    mm_flags_clear(MMF_HAS_UPROBES, mm);
  }
  return ret;
}

int remove_breakpoint(uprobe*, vm_area_struct* vma, unsigned long vaddr) {
  mm_flags_set(MMF_RECALC_UPROBES, vma->vm_mm.get());
  return uprobe_write_opcode(vma, vaddr, false, Site::current());
}

int is_trap_at_addr(mm_struct* mm, unsigned long vaddr) {
  const unsigned long pte = ptep_get(pte_offset(mm, vaddr));
  if ((pte & kPtePresent) == 0) return 0;  // faulted in: the file's page, without a breakpoint
  return (pte & kPteBreakpoint) != 0 ? 1 : 0;
}

void mmf_recalc_uprobes(mm_struct* mm) {
  vm_area_struct* vma = find_vma(mm, 0);
  for (; vma != nullptr; vma = find_vma(mm, vma->vm_end.get())) {
    if (!valid_vma(vma, false)) continue;
    // Some other breakpoint may be in there; it is not known which are installed.
    if (vma_has_uprobes(vma, vma->vm_start.get(), vma->vm_end.get())) return;
  }
  mm_flags_clear(MMF_HAS_UPROBES, mm);
}

// --- what mm calls
// -----------------------------------------------------------------------------------

namespace {

mutex& uprobes_mmap_hash(const inode* inode) {
  return uprobe_globals->uprobes_mmap_mutex[inode->i_ino.peek() % uprobe_statics::UPROBES_HASH_SZ];
}

void add_if_alive(uprobe* u, list_head* head) {
  // One that went away is safe to ignore.
  if (try_get_uprobe(u)) list_add(&u->pending_list, head);
}

// The uprobes of a range of the mapping, each with a reference.
void build_probe_list(inode* inode, vm_area_struct* vma, unsigned long start, unsigned long end,
                      list_head* head) {
  INIT_LIST_HEAD(head);
  const loff_t min = vaddr_to_offset(vma, start);
  const loff_t max = min + static_cast<loff_t>(end - start) - 1;
  read_lock(uprobe_globals->uprobes_treelock);
  rb_node* n = find_node_in_range(inode, min, max);
  for (rb_node* t = n; t != nullptr; t = rb_prev(t)) {
    uprobe* u = __node_2_uprobe(t);
    if (u->inode.get() != inode || u->offset.get() < min) break;
    add_if_alive(u, head);
  }
  for (rb_node* t = n == nullptr ? nullptr : rb_next(n); t != nullptr; t = rb_next(t)) {
    uprobe* u = __node_2_uprobe(t);
    if (u->inode.get() != inode || u->offset.get() > max) break;
    add_if_alive(u, head);
  }
  read_unlock(uprobe_globals->uprobes_treelock);
}

}  // namespace

// Under the mmap write lock, when the mapping is in place. Errors are ignored, as upstream ignores
// them.
int uprobe_mmap(vm_area_struct* vma) {
  if (no_uprobe_events() || !valid_vma(vma, true)) return 0;
  inode* inode = file_inode(vma->vm_file.get());
  if (inode == nullptr) return 0;

  mutex_lock(uprobes_mmap_hash(inode));
  list_head& tmp_list = uprobe_globals->tmp_list[platform::machine.cpu()];
  build_probe_list(inode, vma, vma->vm_start.get(), vma->vm_end.get(), &tmp_list);
  // uprobe_unregister() may have been faster. Then filter_chain() finds no consumer.
  for (list_head* p = tmp_list.next.get(); p != &tmp_list;) {
    uprobe* uprobe = list_entry(p, struct uprobe, pending_list);
    p = p->next.get();
    if (filter_chain(uprobe, vma->vm_mm.get())) {
      const unsigned long vaddr = offset_to_vaddr(vma, uprobe->offset.get());
      if (install_breakpoint(uprobe, vma, vaddr) != 0) uprobe->incomplete = true;
    }
    put_uprobe(uprobe);
  }
  mutex_unlock(uprobes_mmap_hash(inode));
  return 0;
}

// A hint only: whoever runs into a breakpoint without a uprobe may then find out that none is left.
void uprobe_munmap(vm_area_struct* vma, unsigned long start, unsigned long end) {
  if (no_uprobe_events() || !valid_vma(vma, false)) return;
  mm_struct* mm = vma->vm_mm.get();
  if (atomic_read(mm->mm_users) == 0) return;  // mmput()
  if (!mm_flags_test(MMF_HAS_UPROBES, mm) || mm_flags_test(MMF_RECALC_UPROBES, mm)) return;
  if (vma_has_uprobes(vma, start, end)) mm_flags_set(MMF_RECALC_UPROBES, mm);
}

}  // namespace vmafuzz::kernel
