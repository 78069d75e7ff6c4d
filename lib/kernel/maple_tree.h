// The VMA tree (lib/maple_tree.c): entries by ranges of unsigned long, read under RCU without a
// lock.
//
// A B-tree over [0, ULONG_MAX] in which every address belongs to a slot and empty ranges are slots
// that hold NULL. Nodes are small, four slots where the kernel has sixteen, so that a handful of
// VMAs makes three levels. The writer holds the tree's lock and follows mas_wr_store_type(): it
// replaces one slot when the range fits exactly; moves one boundary in place, slot first and then
// pivot, when exactly one has to move; and otherwise copies the nodes concerned and swaps a single
// slot of their common ancestor, or the root. Whoever walks without the lock therefore sees each
// store at once, except the in-place one, of which it may see either half first. Nodes that were
// replaced are marked dead (they become their own parent) and freed after a grace period; their
// rcu_head overlays the first two pivots, so that what is read from a dead node is garbage.
//
// Left out: gaps (mas_empty_area), append stores, and parent pointers, since the model's writer and
// iterators come down from the root each time.
//
// Under the tree's lock, and when nobody reads without it (mt_clear_in_rcu), walks are plain
// accesses without the check for dead nodes, which could find none: a writer that does not exclude
// them is a data-race verdict.
#ifndef VMAFUZZ_KERNEL_MAPLE_TREE_H_
#define VMAFUZZ_KERNEL_MAPLE_TREE_H_

#include <climits>

#include "kernel/rcupdate.h"
#include "kernel/rwsem.h"

namespace vmafuzz::kernel {

inline constexpr int kMapleSlots = 4;
inline constexpr int kMaplePivots = kMapleSlots - 1;
inline constexpr int kMapleMinSlots = 2;   // of nodes that are not the root
inline constexpr int kMaplePrealloc = 64;  // nodes that one store needs at most

// slot[i] is for indices from pivot[i - 1] + 1 to pivot[i]; the last one of four ends where the
// node does. With fewer slots in use the last one's pivot is where the node ends.
struct maple_node {
  Shared<maple_node*> parent;  // itself: dead
  Shared<unsigned long> pivot[kMaplePivots];
  Shared<void*> slot[kMapleSlots];  // entries, or encoded nodes (maple_node.h)

  template <class V>
  void visit(V&& v) {
    v("parent", parent);
    v("pivot[0]", pivot[0]);
    v("pivot[1]", pivot[1]);
    v("pivot[2]", pivot[2]);
    v("slot[0]", slot[0]);
    v("slot[1]", slot[1]);
    v("slot[2]", slot[2]);
    v("slot[3]", slot[3]);
  }
};

struct maple_tree {
  Shared<void*> ma_root;  // an encoded node, or NULL: nothing is stored
  // Not shared: both are set while nobody else uses the tree.
  bool in_rcu = false;
  rw_semaphore* ma_external_lock = nullptr;  // checked if set: stores need it held for writing

  template <class V>
  void visit(V&& v) {
    v("ma_root", ma_root);
  }
};

// Forgets all nodes: belongs to the beginning of an execution, with arena.reset().
void maple_tree_init();
int maple_live_nodes();  // allocated and not yet freed

inline void mt_set_external_lock(maple_tree* mt, rw_semaphore* lock) {
  mt->ma_external_lock = lock;
}
inline bool mt_in_rcu(const maple_tree* mt) { return mt->in_rcu; }
inline void mt_set_in_rcu(maple_tree* mt) { mt->in_rcu = true; }
// Nobody walks the tree without its lock any more: fork's child, exit.
inline void mt_clear_in_rcu(maple_tree* mt) { mt->in_rcu = false; }
inline bool mtree_empty(const maple_tree* mt, Site site = Site::current()) {
  return READ_ONCE(mt->ma_root, site) == nullptr;
}

// --- without an iterator; they enter RCU themselves
// --------------------------------------------------

// The entry that index belongs to, or null.
void* mtree_load(const maple_tree* mt, unsigned long index);
// The first entry at *index or above whose range begins at max or below; *index becomes the index
// behind its range (0 behind ULONG_MAX). Null: none, *index is unchanged.
void* mt_find(const maple_tree* mt, unsigned long* index, unsigned long max);
// The first entry behind the range that index belongs to, up to max; the last before it, down to
// min.
void* mt_next(const maple_tree* mt, unsigned long index, unsigned long max);
void* mt_prev(const maple_tree* mt, unsigned long index, unsigned long min);
// All nodes go; entries are the caller's. Needs the lock.
void __mt_destroy(maple_tree* mt);
inline void mtree_destroy(maple_tree* mt) { __mt_destroy(mt); }

// --- iterators: the caller holds the lock or is inside of RCU
// ----------------------------------------

enum class maple_status : uint8_t { ma_start, ma_active, ma_pause, ma_overflow, ma_underflow };

// [index, last] is the range to look at or to store to; after a walk that of the slot that was
// found.
struct ma_state {
  maple_tree* tree = nullptr;
  unsigned long index = 0;
  unsigned long last = 0;
  maple_status status = maple_status::ma_start;
  uint8_t node_count = 0;  // preallocated
  maple_node* nodes[kMaplePrealloc];

  ma_state(maple_tree* mt, unsigned long first, unsigned long end)
      : tree(mt), index(first), last(end) {}
};
#define MA_STATE(name, mt, first, end) ::vmafuzz::kernel::ma_state name(mt, first, end)

inline void __mas_set_range(ma_state* mas, unsigned long first, unsigned long last) {
  mas->index = first;
  mas->last = last;
}
inline void mas_reset(ma_state* mas) { mas->status = maple_status::ma_start; }
inline void mas_set_range(ma_state* mas, unsigned long first, unsigned long last) {
  __mas_set_range(mas, first, last);
  mas_reset(mas);
}
inline void mas_set(ma_state* mas, unsigned long index) { mas_set_range(mas, index, index); }
// Others may change the tree before the iterator goes on behind where it is.
inline void mas_pause(ma_state* mas) { mas->status = maple_status::ma_pause; }

// The entry of index, null if there is none; the iterator is at its slot's range either way.
void* mas_walk(ma_state* mas);
// From the start: the entry of index or the next one; afterwards the next one, up to max.
void* mas_find(ma_state* mas, unsigned long max);
void* mas_next(ma_state* mas, unsigned long max);
void* mas_prev(ma_state* mas, unsigned long min);
// The same, stopping at empty ranges as well.
void* mas_next_range(ma_state* mas, unsigned long max);
void* mas_prev_range(ma_state* mas, unsigned long min);

// Gets the nodes that storing entry at [index, last] takes: the last point at which that may fail
// (-ENOMEM, nothing changed). Takes no nodes and cannot fail where none are needed.
int mas_preallocate(ma_state* mas, void* entry, Site site = Site::current());
// Stores entry, or with null erases, at [index, last]; gives back nodes that it did not use. Needs
// the lock for writing. Running out of nodes is a tree-corrupt verdict.
void mas_store_prealloc(ma_state* mas, void* entry);
// Both at once: 0 or -ENOMEM.
int mas_store_gfp(ma_state* mas, void* entry, Site site = Site::current());
// Gives back preallocated nodes.
void mas_destroy(ma_state* mas);

// --- for checks: they look at the newest state and are no accesses
// -----------------------------------

// What is wrong with the tree, or null: slots ordered and complete, levels equally deep, nodes at
// least half full, none dead, no two empty ranges side by side.
const char* mt_check(const maple_tree* mt);
// Verdict tree-corrupt if something is.
void mt_validate(const maple_tree* mt, Site site = Site::current());
// The slot that index belongs to: entry or null, and its range.
void* mt_peek(const maple_tree* mt, unsigned long index, unsigned long* first, unsigned long* last);
int mt_height(const maple_tree* mt);  // levels of nodes
int mt_count_nodes(const maple_tree* mt);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_MAPLE_TREE_H_
