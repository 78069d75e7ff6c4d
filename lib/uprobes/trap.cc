// A task runs into a breakpoint: find the uprobe, call its consumers.
#include "kernel/bugs.h"
#include "mm/mm.h"
#include "mm/observer.h"
#include "uprobes/internal.h"
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

namespace {

void tell_lookup_begins(mm_struct* mm, unsigned long bp_vaddr) {
  if (observer != nullptr) observer->lookup_begins(mm, bp_vaddr);
}
void tell_lookup_returns(mm_struct* mm, unsigned long bp_vaddr, uprobe* uprobe, bool speculative) {
  if (observer != nullptr) observer->lookup_returns(mm, bp_vaddr, uprobe, speculative);
}

// mm_flags_test_and_clear()
bool test_and_clear_recalc(mm_struct* mm) {
  const unsigned long old = atomic_fetch_op(
      mm->flags, Order::kFull, [](unsigned long x) { return x & ~MMF_RECALC_UPROBES; });
  return (old & MMF_RECALC_UPROBES) != 0;
}

// Under mmap_lock, where nothing changes under our feet.
uprobe* find_active_uprobe_locked(mm_struct* mm, unsigned long bp_vaddr, int* is_swbp) {
  const vm_area_struct* vma = vma_lookup(mm, bp_vaddr);
  if (vma == nullptr) {
    *is_swbp = -EFAULT;
    return nullptr;
  }
  uprobe* uprobe = nullptr;
  // Until 6.13: valid_vma(vma, false). v2's patch 4 left the test for a file.
  const bool looks =
      rules.valid_vma_in_locked_lookup ? valid_vma(vma, false) : vma->vm_file.get() != nullptr;
  if (looks) {
    uprobe = find_uprobe_rcu(file_inode(vma->vm_file.get()), vaddr_to_offset(vma, bp_vaddr));
  }
  if (uprobe == nullptr) *is_swbp = is_trap_at_addr(mm, bp_vaddr);
  return uprobe;
}

// False: the kernel would not call them, and the task restarts.
bool handler_chain(uprobe* uprobe, mm_struct* mm, unsigned long bp_vaddr) {
  bool has_consumers = false;
  for (list_head* p = list_next_rcu(&uprobe->consumers); p != &uprobe->consumers;
       p = list_next_rcu(p)) {
    uprobe_consumer* uc = list_entry(p, uprobe_consumer, cons_node);
    if (uc->handler == nullptr) [[unlikely]] {
      platform::machine.fail("null-dereference",
                             "calls the handler of a consumer whose memory was reused");
    }
    uc->handler(uc, mm, bp_vaddr);
    has_consumers = true;
  }
  return has_consumers;
}

// No access: whether the SIGTRAP is the named finding moved-mapping.
bool known_to_be_left(mm_struct* mm, unsigned long bp_vaddr) {
  for (const VmaDump& vma : dump_vmas(mm)) {
    if (bp_vaddr < vma.start || bp_vaddr >= vma.end || vma.vm_inode == nullptr) continue;
    return mapping_was_moved_away(vma.vm_inode, speculative_offset(vma.pgoff, vma.start, bp_vaddr));
  }
  return false;
}

}  // namespace

uprobe* find_active_uprobe_rcu(mm_struct* mm, unsigned long bp_vaddr, int* is_swbp) {
  tell_lookup_begins(mm, bp_vaddr);
  uprobe* uprobe = find_active_uprobe_speculative(mm, bp_vaddr);
  if (IS_ERR(uprobe)) {  // negative_result_trusted
    *is_swbp = is_trap_at_addr(mm, bp_vaddr);
    return nullptr;
  }
  tell_lookup_returns(mm, bp_vaddr, uprobe, true);
  if (uprobe != nullptr) return uprobe;

  const bool locked = !bug(Bug::locked_lookup_without_lock);
  if (locked) mmap_read_lock(mm);
  tell_lookup_begins(mm, bp_vaddr);
  uprobe = find_active_uprobe_locked(mm, bp_vaddr, is_swbp);
  tell_lookup_returns(mm, bp_vaddr, uprobe, false);
  if (uprobe == nullptr && test_and_clear_recalc(mm)) mmf_recalc_uprobes(mm);
  if (locked) mmap_read_unlock(mm);
  return uprobe;
}

HitResult handle_swbp(mm_struct* mm, unsigned long bp_vaddr) {
  rcu_read_lock_trace();
  int is_swbp = -EFAULT;
  HitResult result = HitResult::kRestarted;
  uprobe* uprobe = find_active_uprobe_rcu(mm, bp_vaddr, &is_swbp);
  if (uprobe == nullptr) {
    if (is_swbp > 0 && known_to_be_left(mm, bp_vaddr)) {
      result = HitResult::kKilled;
    } else if (is_swbp > 0) {
      platform::machine.fail("missed-uprobe",
                             "a breakpoint without a uprobe: SIGTRAP kills the process");
    }
    // We raced with uprobe_unregister(), or the memory has gone: the instruction is executed again.
  } else if ((READ_ONCE(uprobe->flags) & UPROBE_COPY_INSN) != 0) {
    // Otherwise unregister and register have put a new one there that is not ready: restart as
    // well.
    if (!bug(Bug::copy_insn_without_rmb)) smp_rmb();  // pairs with prepare_uprobe()
    if (handler_chain(uprobe, mm, bp_vaddr)) result = HitResult::kHandled;
    if (uprobe->arch_insn.get() != kCopiedInsn) {  // arch_uprobe_skip_sstep()
      platform::machine.fail("data-race",
                             "single-steps a copy of the instruction that is not ready");
    }
  }
  rcu_read_unlock_trace();
  return result;
}

HitResult uprobe_hit(mm_struct* mm, unsigned long page) {
  const unsigned long bp_vaddr = (page << PAGE_SHIFT) + kProbeOffset;
  const unsigned long pte = ptep_get(pte_offset(mm, bp_vaddr));
  if ((pte & (kPtePresent | kPteBreakpoint)) != (kPtePresent | kPteBreakpoint)) {
    return HitResult::kNoTrap;
  }
  // uprobe_pre_sstep_notifier(), in the exception: without the flag it is nobody's breakpoint. Set
  // before the first breakpoint is, and cleared when none can be left.
  return handle_swbp(mm, bp_vaddr);
}

}  // namespace vmafuzz::kernel
