// Stores to the VMA tree: mas_wr_store_type() and what it chooses from, over nodes of four slots.
//
// A store that cannot be done in place rebuilds the tree from the leaves up. The run of leaves that
// it touches becomes a list of slots, which is cut into new leaves; as long as these are not
// exactly one node in the place of one, their parents are a run that is rebuilt in the same way.
// Nothing of this can be seen until one slot, or the root, is swapped.
#include <cerrno>

#include "kernel/maple_node.h"

namespace vmafuzz::kernel {

using platform::machine;

namespace {

constexpr int kMaxHeight = 16;
constexpr int kMaxItems = 24;

// A node on the way down and the slot that was taken.
struct Frame {
  void* enode = nullptr;
  maple_range range;  // of the node
  maple_range slot;
  int offset = 0;
};
struct Path {
  Frame at[kMaxHeight];
  int leaf = 0;  // depth of the leaf; the root is 0
};

// A slot of the list that is being built.
struct Item {
  unsigned long max;
  void* slot;
};

// Access is how the old tree is read. With PeekAccess nothing is built: it counts the nodes.
template <class Access>
class TreeStore {
 public:
  TreeStore(ma_state* mas, void* entry)
      : mas_(mas), mt_(mas->tree), first_(mas->index), last_(mas->last), entry_(entry) {}

  // Returns how many nodes the store takes.
  int run() {
    if (Access::slot(mt_->ma_root) == nullptr) {
      store_in_empty_tree();
      return used_;
    }
    descend(first_, &left_);
    descend(last_, &right_);
    if (entry_ == nullptr) extend_null();
    if (left_.at[left_.leaf].enode == right_.at[right_.leaf].enode && store_in_place()) return 0;
    rebuild();
    return used_;
  }

 private:
  static constexpr bool kBuilds = !std::is_same_v<Access, PeekAccess>;

  void descend(unsigned long index, Path* path) {
    maple_range range;
    void* next = Access::slot(mt_->ma_root);
    for (int depth = 0;; ++depth) {
      if (next == nullptr || depth == kMaxHeight) corrupt("the VMA tree cannot be descended");
      Frame& frame = path->at[depth];
      frame.enode = next;
      frame.range = range;
      frame.offset = mt_find_slot<Access>(mte_to_node(next), index, &range);
      frame.slot = range;
      if (mte_is_leaf(next)) {
        path->leaf = depth;
        return;
      }
      next = Access::slot(mte_to_node(next)->slot[frame.offset]);
    }
  }

  static void* slot_of(const Frame& frame, int offset) {
    return Access::slot(mte_to_node(frame.enode)->slot[offset]);
  }

  // mas_wr_extend_null(), mas_extend_spanning_null(): an erased range takes in the empty ranges
  // next to it. No leaf but the last one ends with an empty slot (mas_is_span_wr()), so that only
  // the next leaf can begin with one.
  void extend_null() {
    const Frame& left = left_.at[left_.leaf];
    if (slot_of(left, left.offset) == nullptr) {
      first_ = left.slot.min;
    } else if (first_ == left.slot.min && left.offset > 0 &&
               slot_of(left, left.offset - 1) == nullptr) {
      descend(first_ - 1, &left_);  // `left` is there now
      first_ = left.slot.min;
    }
    const Frame& right = right_.at[right_.leaf];
    if (slot_of(right, right.offset) == nullptr) {
      last_ = right.slot.max;
    } else if (last_ == right.range.max) {
      if (last_ == ULONG_MAX) return;
      descend(last_ + 1, &right_);
      if (slot_of(right, 0) == nullptr) last_ = right.slot.max;
    } else if (last_ == right.slot.max && slot_of(right, right.offset + 1) == nullptr) {
      descend(last_ + 1, &right_);
      last_ = right.slot.max;
    }
  }

  // wr_exact_fit and wr_slot_store. The pivot follows its slot without a barrier between them.
  bool store_in_place() {
    const Frame& left = left_.at[left_.leaf];
    const Frame& right = right_.at[right_.leaf];
    maple_node* node = mte_to_node(left.enode);
    const bool from_start = first_ == left.slot.min;
    const bool to_end = last_ == right.slot.max;
    if (from_start && to_end && left.offset == right.offset) {
      if (first_ == 0 && last_ == ULONG_MAX) return false;  // wr_new_root
      if (kBuilds) rcu_assign_pointer(node->slot[left.offset], entry_);
      return true;
    }
    if (right.offset != left.offset + 1 || from_start == to_end) return false;
    if (!kBuilds) return true;
    if (from_start) {
      rcu_assign_pointer(node->slot[left.offset], entry_);
      data_race_store(node->pivot[left.offset], last_);
    } else {
      rcu_assign_pointer(node->slot[left.offset + 1], entry_);
      data_race_store(node->pivot[left.offset], first_ - 1);
    }
    return true;
  }

  void add(unsigned long max, void* slot) {
    if (count_ == kMaxItems) corrupt("a store touches more slots than it can");
    items_[count_++] = {max, slot};
  }
  void add_slots(const maple_copy& copy, int from, int to) {
    for (int i = from; i < to; ++i) add(copy.max[i], copy.slot[i]);
  }
  static maple_copy copy_of(const Frame& frame) {
    maple_copy copy;
    mt_copy_node<Access>(mte_to_node(frame.enode), frame.range.max, &copy);
    return copy;
  }

  void store_in_empty_tree() {
    if (entry_ == nullptr) return;
    if (first_ > 0) add(first_ - 1, nullptr);
    add(last_, entry_);
    if (last_ < ULONG_MAX) add(ULONG_MAX, nullptr);
    new_root(true);
  }

  void gather_leaves() {
    const Frame& left = left_.at[left_.leaf];
    const Frame& right = right_.at[right_.leaf];
    maple_copy copy = copy_of(left);
    add_slots(copy, 0, left.offset);
    if (left.slot.min < first_) add(first_ - 1, copy.slot[left.offset]);
    add(last_, entry_);
    if (right.enode != left.enode) copy = copy_of(right);
    if (last_ < right.slot.max) add(right.slot.max, copy.slot[right.offset]);
    add_slots(copy, right.offset + 1, copy.count);
  }

  // The parents of the run, with new nodes in the place of the run.
  void gather_parents(int depth) {
    Item children[kMaxItems];
    const int child_count = count_;
    for (int i = 0; i < child_count; ++i) children[i] = items_[i];
    count_ = 0;
    const Frame& left = left_.at[depth];
    const Frame& right = right_.at[depth];
    maple_copy copy = copy_of(left);
    add_slots(copy, 0, left.offset);
    for (int i = 0; i < child_count; ++i) add(children[i].max, children[i].slot);
    if (right.enode != left.enode) copy = copy_of(right);
    add_slots(copy, right.offset + 1, copy.count);
  }

  // wr_rebalance: a node that would be less than half full takes in its neighbour.
  void widen(int depth) {
    if (right_.at[depth].range.max != ULONG_MAX) {
      descend(right_.at[depth].range.max + 1, &right_);
      const maple_copy copy = copy_of(right_.at[depth]);
      add_slots(copy, 0, copy.count);
    } else {
      const Item only = items_[0];
      descend(left_.at[depth].range.min - 1, &left_);
      const maple_copy copy = copy_of(left_.at[depth]);
      count_ = 0;
      add_slots(copy, 0, copy.count);
      add(only.max, only.slot);
    }
  }

  void rebuild() {
    gather_leaves();
    for (int depth = left_.leaf;; --depth) {
      const bool leaves = depth == left_.leaf;
      if (count_ < kMapleMinSlots && !whole_level(depth)) widen(depth);
      run_[depth] = {left_.at[depth].range.min, right_.at[depth].range.max};
      if (whole_level(depth)) {
        void* old = left_.at[0].enode;
        for (int above = 0; above < depth; ++above) run_[above] = maple_range();
        new_root(leaves);
        retire(old, 0, maple_range());
        return;
      }
      cut(leaves);
      if (count_ == 1 && left_.at[depth].enode == right_.at[depth].enode) {
        if (kBuilds) {
          const Frame& parent = left_.at[depth - 1];
          rcu_assign_pointer(mte_to_node(parent.enode)->slot[parent.offset], items_[0].slot);
        }
        retire(left_.at[depth].enode, depth, left_.at[depth].range);
        return;
      }
      gather_parents(depth - 1);
    }
  }

  bool whole_level(int depth) const {
    return left_.at[depth].range.min == 0 && right_.at[depth].range.max == ULONG_MAX;
  }

  // wr_new_root, wr_store_root, and a root that grows or shrinks.
  void new_root(bool leaves) {
    if (leaves && count_ == 1 && items_[0].slot == nullptr) {
      if (kBuilds) rcu_assign_pointer(mt_->ma_root, nullptr);
      return;
    }
    if (leaves) cut(true);
    while (count_ > 1) cut(false);
    if (kBuilds) rcu_assign_pointer(mt_->ma_root, items_[0].slot);
  }

  // --- cutting a list of slots into nodes, about equally full
  // ----------------------------------------

  void cut(bool leaves) {
    int sizes[kMaxItems];
    int nodes = (count_ + kMapleSlots - 1) / kMapleSlots;
    while (!divide(0, nodes, leaves, sizes)) {
      if (++nodes > count_) corrupt("slots cannot be divided into nodes");
    }
    int from = 0;
    for (int i = 0; i < nodes; ++i) {
      const unsigned long max = items_[from + sizes[i] - 1].max;
      void* enode = new_node(&items_[from], sizes[i], leaves);
      from += sizes[i];
      items_[i] = {max, enode};
    }
    count_ = nodes;
  }

  // Finds sizes for `nodes` nodes from items_[from] on: none too small or too large, and no leaf
  // but the last of the tree ends with an empty slot.
  bool divide(int from, int nodes, bool leaves, int* sizes) const {
    const int remaining = count_ - from;
    if (nodes == 0) return remaining == 0;
    const int even = (remaining + nodes - 1) / nodes;
    for (const int size : {even, even - 1, even + 1}) {
      if (size < 1 || size > kMapleSlots || size > remaining) continue;
      if (size < kMapleMinSlots && count_ > size) continue;
      const Item& end = items_[from + size - 1];
      if (leaves && end.slot == nullptr && end.max != ULONG_MAX) continue;
      *sizes = size;
      if (divide(from + size, nodes - 1, leaves, sizes + 1)) return true;
    }
    return false;
  }

  void* new_node(const Item* items, int count, bool leaf) {
    ++used_;
    if (!kBuilds) return mt_;  // anything but null
    if (mas_->node_count == 0) corrupt("a store needs more nodes than were preallocated");
    maple_node* node = mas_->nodes[--mas_->node_count];
    for (int i = 0; i < count; ++i) {
      node->slot[i].set(items[i].slot);
      if (i < kMaplePivots) node->pivot[i].set(items[i].max);
    }
    return mt_mk_node(node, leaf);
  }

  // mas_topiary_replace(): those nodes of the old subtree whose places new ones have taken.
  void retire(void* enode, int depth, maple_range range) {
    if (!kBuilds) return;
    maple_node* node = mte_to_node(enode);
    maple_copy copy;
    mt_copy_node<PeekAccess>(node, range.max, &copy);
    mte_set_node_dead(node);
    maple_free_node(mt_, node);
    if (mte_is_leaf(enode)) return;
    for (int i = 0; i < copy.count; ++i) {
      const maple_range child{i == 0 ? range.min : copy.max[i - 1] + 1, copy.max[i]};
      if (child.min >= run_[depth + 1].min && child.max <= run_[depth + 1].max) {
        retire(copy.slot[i], depth + 1, child);
      }
    }
  }

  [[noreturn]] static void corrupt(const char* what) {
    machine.fail("tree-corrupt", what, Site::current());
  }

  ma_state* mas_;
  maple_tree* mt_;
  unsigned long first_, last_;
  void* entry_;
  Path left_, right_;            // to the ends of the run
  maple_range run_[kMaxHeight];  // indices whose nodes are replaced, at each depth
  Item items_[kMaxItems];
  int count_ = 0;
  int used_ = 0;
};

void assert_write_locked(const maple_tree* mt) {
  if (mt->ma_external_lock != nullptr && !machine.alone()) {
    rwsem_assert_held_write(*mt->ma_external_lock);
  }
}

// mte_destroy_walk().
void destroy_node(maple_tree* mt, void* enode, unsigned long max) {
  maple_node* node = mte_to_node(enode);
  maple_copy copy;
  mt_copy_node<PeekAccess>(node, max, &copy);
  mte_set_node_dead(node);
  maple_free_node(mt, node);
  if (mte_is_leaf(enode)) return;
  for (int i = 0; i < copy.count; ++i) destroy_node(mt, copy.slot[i], copy.max[i]);
}

}  // namespace

int mas_preallocate(ma_state* mas, void* entry, Site site) {
  // Nobody can change the tree between here and the store, so that counting need not be accesses.
  const int needed = TreeStore<PeekAccess>(mas, entry).run();
  if (needed <= mas->node_count) return 0;
  if (machine.injected_failure(site)) return -ENOMEM;
  if (needed > kMaplePrealloc) {
    machine.fail("tree-corrupt", "a store needs more nodes than one can", site);
  }
  while (mas->node_count < needed) mas->nodes[mas->node_count++] = maple_alloc_node(site);
  return 0;
}

void mas_store_prealloc(ma_state* mas, void* entry) {
  assert_write_locked(mas->tree);
  TreeStore<LockedAccess>(mas, entry).run();
  mas_destroy(mas);
  mas->status = maple_status::ma_active;
}

int mas_store_gfp(ma_state* mas, void* entry, Site site) {
  const int error = mas_preallocate(mas, entry, site);
  if (error == 0) mas_store_prealloc(mas, entry);
  return error;
}

void mas_destroy(ma_state* mas) {
  while (mas->node_count > 0) maple_discard_node(mas->nodes[--mas->node_count]);
}

void __mt_destroy(maple_tree* mt) {
  assert_write_locked(mt);
  void* root = mt->ma_root.get();
  rcu_assign_pointer(mt->ma_root, nullptr);
  if (root != nullptr) destroy_node(mt, root, ULONG_MAX);
}

}  // namespace vmafuzz::kernel
