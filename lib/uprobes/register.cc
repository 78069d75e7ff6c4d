// Registration: consumers, and the walk over all mappings of the file.
#include "kernel/bugs.h"
#include "mm/mm.h"
#include "mm/observer.h"
#include "uprobes/internal.h"

namespace vmafuzz::kernel {

// --- consumers
// ---------------------------------------------------------------------------------------

namespace {

void consumer_add(uprobe* uprobe, uprobe_consumer* uc) {
  down_write(uprobe->consumer_rwsem);
  list_add_rcu(&uc->cons_node, &uprobe->consumers);
  uc->id.set(1 + atomic_fetch_op(uprobe_globals->next_consumer_id, Order::kFull,
                                 [](unsigned long x) { return x + 1; }));
  up_write(uprobe->consumer_rwsem);
}

void consumer_del(uprobe* uprobe, uprobe_consumer* uc) {
  down_write(uprobe->consumer_rwsem);
  list_del_rcu(&uc->cons_node);
  up_write(uprobe->consumer_rwsem);
}

}  // namespace

bool consumer_filter(uprobe_consumer* uc, mm_struct* mm) {
  const mm_struct* only = uc->filter.get();
  return only == nullptr || only == mm;
}

bool filter_chain(uprobe* uprobe, mm_struct* mm) {
  bool ret = false;
  down_read(uprobe->consumer_rwsem);
  for (list_head* p = uprobe->consumers.next.get(); p != &uprobe->consumers; p = p->next.get()) {
    ret = consumer_filter(list_entry(p, uprobe_consumer, cons_node), mm);
    if (ret) break;
  }
  up_read(uprobe->consumer_rwsem);
  return ret;
}

// --- the mappings of a file
// --------------------------------------------------------------------------

namespace {

struct map_info {
  Shared<map_info*> next;
  Shared<mm_struct*> mm;
  Shared<unsigned long> vaddr;
  template <class V>
  void visit(V&& v) {
    v("next", next);
    v("mm", mm);
    v("vaddr", vaddr);
  }
};
platform::KmemCache<map_info> map_info_cache("map_info", false);

map_info* free_map_info(map_info* info) {
  map_info* next = info->next.get();
  map_info_cache.free(info);
  return next;
}

bool maps(const vm_area_struct* vma, loff_t offset) {
  const unsigned long pgoff = static_cast<unsigned long>(offset) >> PAGE_SHIFT;
  const unsigned long first = vma->vm_pgoff.get();
  return first <= pgoff && pgoff < first + vma_pages(vma);
}

// Once through i_mmap, with at most as many entries as *prev holds, or one that is allocated on the
// way if it holds none and *more is 0. *more counts the mappings that found none left. The entries
// made.
map_info* collect_map_info(address_space* mapping, loff_t offset, bool is_register, map_info** prev,
                           int* more) {
  map_info* curr = nullptr;
  i_mmap_lock_read(mapping);
  for (vm_area_struct* vma = mapping->i_mmap.get(); vma != nullptr; vma = vma->shared_next.get()) {
    if (!maps(vma, offset) || !valid_vma(vma, is_register)) continue;
    if (*prev == nullptr && *more == 0) {
      *prev = map_info_cache.alloc();  // GFP_NOWAIT: it may fail
    }
    if (*prev == nullptr) {
      ++*more;
      continue;
    }
    mm_struct* mm = vma->vm_mm.get();
    if (!mmget_not_zero(mm)) continue;
    map_info* info = *prev;
    *prev = info->next.get();
    info->next.set(curr);
    curr = info;
    info->mm.set(mm);
    info->vaddr.set(offset_to_vaddr(vma, offset));
  }
  i_mmap_unlock_read(mapping);
  return curr;
}

// Where the offset is mapped, each mm with a reference. ERR_PTR(-ENOMEM).
map_info* build_map_info(address_space* mapping, loff_t offset, bool is_register) {
  map_info* prev = nullptr;
  for (;;) {
    int more = 0;
    map_info* curr = collect_map_info(mapping, offset, is_register, &prev, &more);
    if (more == 0) {
      while (prev != nullptr) prev = free_map_info(prev);
      return curr;
    }
    // Start over with memory for everything found; entries made so far are used again.
    for (prev = curr; curr != nullptr; curr = curr->next.get()) mmput(curr->mm.get());
    for (; more > 0; --more) {
      map_info* info = map_info_cache.alloc();
      if (info == nullptr) {
        while (prev != nullptr) prev = free_map_info(prev);
        return ERR_PTR<map_info>(-ENOMEM);
      }
      info->next.set(prev);
      prev = info;
    }
  }
}

// The mapping at vaddr if it still is one of the uprobe's, or null. Under mmap_lock: between
// build_map_info() and here anything may have happened.
vm_area_struct* revalidate(uprobe* uprobe, mm_struct* mm, unsigned long vaddr, bool is_register) {
  if (mm_flags_test(MMF_UNSTABLE, mm)) return nullptr;  // check_stable_address_space()
  vm_area_struct* vma = find_vma(mm, vaddr);
  if (vma == nullptr || !valid_vma(vma, is_register)) return nullptr;
  if (file_inode(vma->vm_file.get()) != uprobe->inode.get()) return nullptr;
  if (vma->vm_start.get() > vaddr) return nullptr;
  return vaddr_to_offset(vma, vaddr) == uprobe->offset.get() ? vma : nullptr;
}

platform::Unseen<bool>* moved_away_flag(const inode* inode, loff_t offset) {
  const unsigned long pgoff = static_cast<unsigned long>(offset) >> PAGE_SHIFT;
  return &uprobe_globals->moved_away[inode->i_ino.peek() % kInodes][pgoff % 16];
}

// The mapping that was at vaddr is elsewhere now, with its breakpoint? For the judge: no accesses.
void note_moved_mapping(const uprobe* uprobe, mm_struct* mm, unsigned long vaddr) {
  const inode* inode = uprobe->inode.peek();
  const loff_t offset = uprobe->offset.peek();
  for (const VmaDump& vma : dump_vmas(mm)) {
    const unsigned long here =
        vma.start + static_cast<unsigned long>(offset) - (vma.pgoff << PAGE_SHIFT);
    if (vma.vm_inode != inode || here < vma.start || here >= vma.end || here == vaddr) continue;
    if ((pte_offset(mm, here).peek() & kPteBreakpoint) != 0) *moved_away_flag(inode, offset) = true;
  }
}

// One mapping. `uc` is the new consumer, or null when unregistering.
int register_at(uprobe* uprobe, uprobe_consumer* uc, mm_struct* mm, unsigned long vaddr) {
  // For writing, so that a breakpoint does not appear between a lookup that found no uprobe under
  // the read lock and its is_trap_at_addr().
  const bool read_only = bug(Bug::register_under_read_lock);
  if (read_only) {
    mmap_read_lock(mm);
  } else {
    mmap_write_lock(mm);
  }
  int err = 0;
  if (vm_area_struct* vma = revalidate(uprobe, mm, vaddr, uc != nullptr)) {
    if (uc != nullptr) {
      if (consumer_filter(uc, mm)) err = install_breakpoint(uprobe, vma, vaddr);
    } else if (mm_flags_test(MMF_HAS_UPROBES, mm) && !filter_chain(uprobe, mm)) {
      // MREMAP_DONTUNMAP leaves the mapping where it was and takes the pages away.
      if ((pte_offset(mm, vaddr).peek() & kPteBreakpoint) == 0)
        note_moved_mapping(uprobe, mm, vaddr);
      err = remove_breakpoint(uprobe, vma, vaddr);
    }
  } else if (uc == nullptr) {
    note_moved_mapping(uprobe, mm, vaddr);
  }
  if (read_only) {
    mmap_read_unlock(mm);
  } else {
    mmap_write_unlock(mm);
  }
  return err;
}

int register_for_each_vma(uprobe* uprobe, uprobe_consumer* uc) {
  int err = 0;
  percpu_down_write(uprobe_globals->dup_mmap_sem);
  map_info* info =
      build_map_info(&uprobe->inode.get()->i_data, uprobe->offset.get(), uc != nullptr);
  if (IS_ERR(info)) {
    err = static_cast<int>(PTR_ERR(info));
    info = nullptr;
  }
  while (info != nullptr) {
    mm_struct* mm = info->mm.get();
    const bool give_up = err != 0 && uc != nullptr;
    if (!give_up) err |= register_at(uprobe, uc, mm, info->vaddr.get());
    mmput(mm);
    info = free_map_info(info);
  }
  percpu_up_write(uprobe_globals->dup_mmap_sem);
  return err;
}

}  // namespace

void reset_map_info() { map_info_cache.reset(false); }

bool mapping_was_moved_away(const inode* inode, loff_t offset) {
  return rules.accept_moved_mappings && *moved_away_flag(inode, offset);
}

// --- registration
// ------------------------------------------------------------------------------------

uprobe* uprobe_register(inode* inode, loff_t offset, uprobe_consumer* uc) {
  uprobe* uprobe = alloc_uprobe(inode, offset);
  if (IS_ERR(uprobe)) return uprobe;

  down_write(uprobe->register_rwsem);
  consumer_add(uprobe, uc);
  if (observer != nullptr) observer->consumer_added(uprobe, uc);
  const int ret = register_for_each_vma(uprobe, uc);
  up_write(uprobe->register_rwsem);

  if (ret != 0) {
    if (bug(Bug::consumer_freed_registered)) return ERR_PTR<struct uprobe>(ret);
    // Part of it may have succeeded, so that the consumer may be running right now.
    uprobe_unregister_nosync(uprobe, uc);
    uprobe_unregister_sync();
    return ERR_PTR<struct uprobe>(ret);
  }
  return uprobe;
}

void uprobe_unregister_nosync(uprobe* uprobe, uprobe_consumer* uc) {
  down_write(uprobe->register_rwsem);
  consumer_del(uprobe, uc);
  const int err = register_for_each_vma(uprobe, nullptr);
  // Leaked: a breakpoint is left, and whoever runs into it must still find the uprobe.
  if (err != 0) uprobe->leaked = true;
  if (observer != nullptr) observer->consumer_removed(uprobe, uc);
  up_write(uprobe->register_rwsem);
  if (err != 0 && !bug(Bug::failed_unregister_removes)) return;
  put_uprobe(uprobe);
}

void uprobe_unregister_sync() {
  synchronize_rcu_tasks_trace();
  synchronize_srcu(uprobe_globals->uretprobes_srcu);
}

}  // namespace vmafuzz::kernel
