// The tree of uprobes and their lifetime.
#include "kernel/bugs.h"
#include "uprobes/internal.h"

namespace vmafuzz::kernel {

uprobe_statics* uprobe_globals = nullptr;

namespace {

platform::KmemCache<uprobe> uprobe_cache("uprobe", false);

int uprobe_cmp(const inode* l_inode, loff_t l_offset, const uprobe* r) {
  const inode* inode = r->inode.get();
  if (l_inode != inode) return l_inode < inode ? -1 : 1;
  const loff_t offset = r->offset.get();
  if (l_offset != offset) return l_offset < offset ? -1 : 1;
  return 0;
}

struct __uprobe_key {
  const struct inode* inode;
  loff_t offset;
};

int __uprobe_cmp_key(const void* key, const rb_node* b) {
  const auto* a = static_cast<const __uprobe_key*>(key);
  return uprobe_cmp(a->inode, a->offset, __node_2_uprobe(b));
}

int __uprobe_cmp(rb_node* a, const rb_node* b) {
  const uprobe* u = __node_2_uprobe(a);
  return uprobe_cmp(u->inode.get(), u->offset.get(), __node_2_uprobe(b));
}

}  // namespace

void uprobes_reset() {
  uprobe_cache.reset(false);
  reset_map_info();
  uprobe_globals = platform::new_global<uprobe_statics>("uprobes.c", "uprobes");
}

int live_uprobes() { return uprobe_cache.live(); }

// --- lookup
// ------------------------------------------------------------------------------------------

// A lockless descent may miss a node that is being rotated out of its way, but what it finds is
// right: inode and offset never change, and the memory outlives the tasks-trace section. So a hit
// is used without a second look, and only a miss asks the seqcount.
uprobe* find_uprobe_rcu(const inode* inode, loff_t offset) {
  uprobe_statics& g = *uprobe_globals;
  if (!rcu_read_lock_trace_held()) {
    platform::machine.fail("lock-imbalance", "find_uprobe_rcu() outside of rcu_read_lock_trace()");
  }
  const __uprobe_key key{inode, offset};
  unsigned seq;
  do {
    seq = read_seqcount_begin(g.uprobes_seqcount);
    rb_node* node = rb_find_rcu(&key, &g.uprobes_tree, __uprobe_cmp_key);
    if (node != nullptr) return __node_2_uprobe(node);
    if (bug(Bug::lookup_not_retried)) break;
  } while (read_seqcount_retry(g.uprobes_seqcount, seq));
  return nullptr;
}

bool no_uprobe_events() { return RB_EMPTY_ROOT(&uprobe_globals->uprobes_tree); }

bool uprobe_is_active(const uprobe* uprobe) { return !RB_EMPTY_NODE(&uprobe->rb_node); }

rb_node* find_node_in_range(const inode* inode, loff_t min, loff_t max) {
  rb_node* n = uprobe_globals->uprobes_tree.rb_node.get();
  while (n != nullptr) {
    const uprobe* u = __node_2_uprobe(n);
    const struct inode* found = u->inode.get();
    if (inode != found) {
      n = inode < found ? n->rb_left.get() : n->rb_right.get();
    } else if (max < u->offset.get()) {
      n = n->rb_left.get();
    } else if (min > u->offset.get()) {
      n = n->rb_right.get();
    } else {
      break;
    }
  }
  return n;
}

bool vma_has_uprobes(const vm_area_struct* vma, unsigned long start, unsigned long end) {
  const inode* inode = file_inode(vma->vm_file.get());
  const loff_t min = vaddr_to_offset(vma, start);
  const loff_t max = min + static_cast<loff_t>(end - start) - 1;
  read_lock(uprobe_globals->uprobes_treelock);
  const rb_node* n = find_node_in_range(inode, min, max);
  read_unlock(uprobe_globals->uprobes_treelock);
  return n != nullptr;
}

// --- references
// --------------------------------------------------------------------------------------

// The tree holds none, so what is found in it may be on its way out.
bool try_get_uprobe(uprobe* uprobe) {
  if (bug(Bug::refcount_inc_on_zero)) {
    // As atomic_inc() did: refcount_inc() would warn.
    atomic_fetch_op(uprobe->ref.refs, Order::kNoReturn, [](int x) { return x + 1; });
    return true;
  }
  return refcount_inc_not_zero(uprobe->ref);
}

namespace {

void uprobe_free_rcu_tasks_trace(void* object) { uprobe_cache.free(static_cast<uprobe*>(object)); }

void uprobe_free_srcu(void* object) {
  if (bug(Bug::uprobe_freed_after_srcu)) return uprobe_free_rcu_tasks_trace(object);
  call_rcu_tasks_trace(uprobe_free_rcu_tasks_trace, object);
}

void start_freeing(uprobe* uprobe) {
  uprobe->work.set(2);  // now it is an rcu_head
  if (bug(Bug::uprobe_freed_at_once)) return uprobe_free_rcu_tasks_trace(uprobe);
  if (bug(Bug::uprobe_freed_after_rcu)) return call_rcu(uprobe_free_rcu_tasks_trace, uprobe);
  call_srcu(uprobe_globals->uretprobes_srcu, uprobe_free_srcu, uprobe);
}

void uprobe_free_deferred(void* object) {
  auto* uprobe = static_cast<struct uprobe*>(object);
  uprobe_statics& g = *uprobe_globals;
  const bool locked = !bug(Bug::erase_without_treelock);
  if (locked) write_lock(g.uprobes_treelock);
  if (uprobe_is_active(uprobe)) {
    const bool bracketed = !bug(Bug::erase_without_seqcount);
    if (bracketed) write_seqcount_begin(g.uprobes_seqcount);
    rb_erase(&uprobe->rb_node, &g.uprobes_tree);
    if (bracketed) write_seqcount_end(g.uprobes_seqcount);
  }
  if (locked) write_unlock(g.uprobes_treelock);
  start_freeing(uprobe);
}

}  // namespace

void put_uprobe(uprobe* uprobe) {
  if (!refcount_dec_and_test(uprobe->ref)) return;
  uprobe->work.set(1);  // INIT_WORK()
  schedule_work(uprobe_free_deferred, uprobe);
}

// --- insertion
// ---------------------------------------------------------------------------------------

namespace {

// Under uprobes_treelock. The uprobe itself, or the one that was there, with a reference.
uprobe* __insert_uprobe(uprobe* uprobe) {
  uprobe_statics& g = *uprobe_globals;
  for (;;) {
    rb_node* node = rb_find_add_rcu(&uprobe->rb_node, &g.uprobes_tree, __uprobe_cmp);
    if (node == nullptr) return uprobe;
    struct uprobe* u = __node_2_uprobe(node);
    if (try_get_uprobe(u)) return u;
    // It is dying and has not been erased yet: its work item must not do that a second time.
    rb_erase(node, &g.uprobes_tree);
    if (!bug(Bug::replaced_node_not_cleared)) RB_CLEAR_NODE(&u->rb_node);
  }
}

uprobe* insert_uprobe(uprobe* uprobe) {
  uprobe_statics& g = *uprobe_globals;
  write_lock(g.uprobes_treelock);
  write_seqcount_begin(g.uprobes_seqcount);
  struct uprobe* u = __insert_uprobe(uprobe);
  write_seqcount_end(g.uprobes_seqcount);
  write_unlock(g.uprobes_treelock);
  return u;
}

}  // namespace

uprobe* alloc_uprobe(inode* inode, loff_t offset) {
  uprobe* uprobe = uprobe_cache.alloc();
  if (uprobe == nullptr) return ERR_PTR<struct uprobe>(-ENOMEM);
  uprobe->inode.set(inode);
  uprobe->offset.set(offset);
  INIT_LIST_HEAD(&uprobe->consumers);
  RB_CLEAR_NODE(&uprobe->rb_node);
  refcount_set(uprobe->ref, 1);

  struct uprobe* cur_uprobe = insert_uprobe(uprobe);
  if (cur_uprobe != uprobe) uprobe_cache.free(uprobe);  // nobody has ever seen it
  return cur_uprobe;
}

// --- for judges
// --------------------------------------------------------------------------------------

namespace {
void peek_subtree(rb_node* node, void (*visit)(void*, uprobe*), void* context) {
  if (node == nullptr) return;
  peek_subtree(node->rb_left.peek(), visit, context);
  visit(context, __node_2_uprobe(node));
  peek_subtree(node->rb_right.peek(), visit, context);
}
}  // namespace

void peek_uprobes(void (*visit)(void* context, uprobe* u), void* context) {
  peek_subtree(uprobe_globals->uprobes_tree.rb_node.peek(), visit, context);
}

void validate_uprobes_tree() {
  const auto less = [](const rb_node* a, const rb_node* b) {
    const uprobe* l = __node_2_uprobe(a);
    const uprobe* r = __node_2_uprobe(b);
    const inode* inode = l->inode.peek();
    return inode != r->inode.peek() ? inode < r->inode.peek() : l->offset.peek() < r->offset.peek();
  };
  rb_validate(&uprobe_globals->uprobes_tree, less);
}

int lost_uprobes() {
  int leaked = 0;
  peek_uprobes([](void* count, uprobe* u) { *static_cast<int*>(count) += u->leaked; }, &leaked);
  return live_uprobes() - leaked;
}

uprobe* peek_uprobe(const inode* inode, loff_t offset) {
  rb_node* node = uprobe_globals->uprobes_tree.rb_node.peek();
  while (node != nullptr) {
    uprobe* u = __node_2_uprobe(node);
    const struct inode* found = u->inode.peek();
    if (found == inode && u->offset.peek() == offset) return u;
    const bool left = inode != found ? inode < found : offset < u->offset.peek();
    node = left ? node->rb_left.peek() : node->rb_right.peek();
  }
  return nullptr;
}

}  // namespace vmafuzz::kernel
