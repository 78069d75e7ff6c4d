// Uprobes (kernel/events/uprobes.c): the tree of probes, their consumers, the breakpoints that they
// put into mappings, and what happens when a task runs into one. Follows the code of 6.13 to 7.0;
// drafts of the lockless lookup differ in lookup_*.cc only.
//
// A uprobe is known by (inode, offset). Consumers hold it: the first registration makes it, the
// last unregistration drops it. The tree holds no reference, so that a uprobe nobody holds stays
// findable until a work item has erased it, and its memory lasts until uretprobes_srcu and then
// tasks-trace RCU have had a grace period. Readers need no more than an RCU tasks-trace section.
//
// Not modelled: reference counters (ref_ctr_offset, the delayed list), uretprobes, single-stepping
// out of line. Breakpoints are bits of the page table word of their page (mm/pgtable.h).
#ifndef VMAFUZZ_UPROBES_UPROBES_H_
#define VMAFUZZ_UPROBES_UPROBES_H_

#include "kernel/list.h"
#include "kernel/percpu_rwsem.h"
#include "kernel/rbtree.h"
#include "kernel/refcount.h"
#include "kernel/rwlock.h"
#include "kernel/seqlock.h"
#include "kernel/spinlock.h"
#include "mm/errno.h"
#include "mm/fs.h"
#include "mm/mm_types.h"
#include "mm/uprobes.h"

namespace vmafuzz::kernel {

using loff_t = long;

// What a registrant hangs on a uprobe. The memory is the registrant's, who may free it after
// uprobe_unregister_nosync() and uprobe_unregister_sync().
struct uprobe_consumer {
  using handler_t = int (*)(uprobe_consumer* self, mm_struct* mm, unsigned long bp_vaddr);
  handler_t handler = nullptr;  // runs in the task that was hit; constant while registered
  Shared<mm_struct*> filter;    // only this mm, or null: every mm
  list_head cons_node;
  Shared<unsigned long> id;
  template <class V>
  void visit(V&& v) {
    v("filter", filter);
    v("cons_node", cons_node);
    v("id", id);
  }
};

inline constexpr unsigned long UPROBE_COPY_INSN = 1;  // uprobe->flags: arch_insn is ready
inline constexpr unsigned long kCopiedInsn = 0x90;    // what a copied instruction looks like

struct uprobe {
  struct rb_node rb_node;
  refcount_t ref;
  rw_semaphore register_rwsem{"register_rwsem"};
  rw_semaphore consumer_rwsem{"consumer_rwsem"};
  list_head pending_list;
  list_head consumers;
  Shared<struct inode*> inode;  // a key; only registrants know that it is alive
  Shared<unsigned long>
      work;  // union of rcu_head and work_struct: written when it is on its way out
  Shared<loff_t> offset;
  Shared<unsigned long> flags;
  Shared<unsigned long> arch_insn;

  // For the judge. Breakpoints could not be removed, so that it stays in the tree for good.
  platform::Unseen<bool> leaked{};
  // uprobe_mmap() could not install it somewhere, which upstream ignores.
  platform::Unseen<bool> incomplete{};

  template <class V>
  void visit(V&& v) {
    v("rb_node", rb_node);
    v("ref", ref);
    v("register_rwsem", register_rwsem);
    v("consumer_rwsem", consumer_rwsem);
    v("pending_list", pending_list);
    v("consumers", consumers);
    v("inode", inode);
    v("work", work);
    v("offset", offset);
    v("flags", flags);
    v("arch_insn", arch_insn);
  }
};

// The static variables of uprobes.c. One object an execution, made by uprobes_reset().
struct uprobe_statics {
  static constexpr int UPROBES_HASH_SZ = kInodes;
  rb_root uprobes_tree;
  rwlock_t uprobes_treelock{"uprobes_treelock"};
  seqcount_t uprobes_seqcount;
  mutex uprobes_mmap_mutex[UPROBES_HASH_SZ];  // by inode: serialises uprobe->pending_list
  percpu_rw_semaphore dup_mmap_sem{"dup_mmap_sem"};
  srcu_struct uretprobes_srcu;
  Shared<unsigned long> next_consumer_id;
  platform::Unseen<bool> moved_away[kInodes][16] =
      {};                                  // by inode and page: see mapping_was_moved_away()
  list_head tmp_list[platform::kMaxCpus];  // uprobe_mmap()'s, which the kernel has on its stack
  template <class V>
  void visit(V&& v) {
    static constexpr const char* kNames[UPROBES_HASH_SZ] = {
        "uprobes_mmap_mutex.0", "uprobes_mmap_mutex.1", "uprobes_mmap_mutex.2",
        "uprobes_mmap_mutex.3"};
    v("uprobes_tree", uprobes_tree);
    v("uprobes_treelock", uprobes_treelock);
    v("uprobes_seqcount", uprobes_seqcount);
    for (int i = 0; i < UPROBES_HASH_SZ; ++i) v(kNames[i], uprobes_mmap_mutex[i]);
    v("dup_mmap_sem", dup_mmap_sem);
    v("next_consumer_id", next_consumer_id);
    for (list_head& list : tmp_list) v("tmp_list", list);
  }
};
extern uprobe_statics* uprobe_globals;

// The beginning of an execution, after arena.reset().
void uprobes_reset();
// Allocated and not yet freed; leaked ones among them.
int live_uprobes();
// The same without those that were leaked on purpose: none when all is over.
int lost_uprobes();
// Calls visit(uprobe) for each in the tree, in order, without being an access.
void peek_uprobes(void (*visit)(void* context, uprobe* u), void* context);
// Verdict tree-corrupt if uprobes_tree is not a tree in order; no access.
void validate_uprobes_tree();
// The uprobe that the tree has for the key now, or null; no access either.
uprobe* peek_uprobe(const inode* inode, loff_t offset);

// --- registration (may sleep)
// ------------------------------------------------------------------------

// The uprobe, held by the consumer now, or ERR_PTR(-ENOMEM, -EINTR). The caller keeps the inode.
uprobe* uprobe_register(inode* inode, loff_t offset, uprobe_consumer* uc);
// Takes the consumer off. Handlers may still be running in it until uprobe_unregister_sync().
void uprobe_unregister_nosync(uprobe* uprobe, uprobe_consumer* uc);
void uprobe_unregister_sync();

// The named finding moved-mapping. build_map_info() notes addresses under i_mmap_rwsem; until the
// walk has come to one of them, mremap() may have moved the mapping, breakpoint and all, and the
// walk passes it by: nothing else keeps the two apart. The breakpoint stays although its uprobe is
// gone, and whoever runs into it is killed (still so in 7.0). True if that has happened to a
// mapping of this offset in this execution and rules say that it is known.
bool mapping_was_moved_away(const inode* inode, loff_t offset);

// --- lookup
// ------------------------------------------------------------------------------------------

// Inside of an RCU tasks-trace section. No reference is taken.
uprobe* find_uprobe_rcu(const inode* inode, loff_t offset);
// What the task in mm ran into at bp_vaddr, or null. Then *is_swbp is 1 if a breakpoint is there
// all the same, 0 if none is, negative if nobody can tell.
uprobe* find_active_uprobe_rcu(mm_struct* mm, unsigned long bp_vaddr, int* is_swbp);

bool valid_vma(const vm_area_struct* vma, bool is_register);
inline loff_t vaddr_to_offset(const vm_area_struct* vma, unsigned long vaddr,
                              Site site = Site::current()) {
  return (static_cast<loff_t>(vma->vm_pgoff.get(site)) << PAGE_SHIFT) +
         static_cast<loff_t>(vaddr - vma->vm_start.get(site));
}
inline unsigned long offset_to_vaddr(const vm_area_struct* vma, loff_t offset,
                                     Site site = Site::current()) {
  return vma->vm_start.get(site) + static_cast<unsigned long>(offset) -
         (vma->vm_pgoff.get(site) << PAGE_SHIFT);
}

// --- traps
// -------------------------------------------------------------------------------------------

enum class HitResult : uint8_t {
  kNoTrap,     // no breakpoint there: the instruction ran, or faulted
  kRestarted,  // the breakpoint has gone in the meantime
  kHandled,    // consumers were called
  kKilled,     // SIGTRAP, by the named finding moved-mapping
};
// A task of mm executes the probed instruction of a page. Verdict missed-uprobe where the kernel
// would send SIGTRAP.
HitResult uprobe_hit(mm_struct* mm, unsigned long page);
HitResult handle_swbp(mm_struct* mm, unsigned long bp_vaddr);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_UPROBES_UPROBES_H_
