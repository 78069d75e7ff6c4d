// What the parts of the VMA tree share: encoded node pointers, and the ways to read a node.
#ifndef VMAFUZZ_KERNEL_MAPLE_NODE_H_
#define VMAFUZZ_KERNEL_MAPLE_NODE_H_

#include <cstdint>

#include "kernel/maple_tree.h"
#include "kernel/rules.h"

namespace vmafuzz::kernel {

// A pointer to a node says whether the node is a leaf, in bit 0 (the kernel: the type, in bits 3 to
// 6).
inline void* mt_mk_node(maple_node* node, bool leaf) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(node) | uintptr_t{leaf});
}
inline maple_node* mte_to_node(void* enode) {
  return reinterpret_cast<maple_node*>(reinterpret_cast<uintptr_t>(enode) & ~uintptr_t{1});
}
inline bool mte_is_leaf(void* enode) { return (reinterpret_cast<uintptr_t>(enode) & 1) != 0; }

// The check comes after what was read from the node: its smp_rmb() pairs with the smp_wmb() of
// mte_set_node_dead(). Both sides of `parent` are plain in the kernel, and race; KCSAN is not told,
// the model's data_race() says so.
inline bool ma_dead_node(const maple_node* node, Site site = Site::current()) {
  if (!rules.maple_dead_check) return false;
  if (rules.maple_dead_rmb) smp_rmb(site);
  return data_race(node->parent, site) == node;
}
inline void mte_set_node_dead(maple_node* node, Site site = Site::current()) {
  data_race_store(node->parent, node, site);
  if (rules.maple_dead_wmb) smp_wmb(site);
}

// Without the lock. The kernel's loads of pivots are plain and race with mas_wr_slot_store() and
// with the rcu_head of dead nodes: the model's data_race().
struct RcuAccess {
  static unsigned long pivot(const maple_node* node, int i, Site site = Site::current()) {
    return data_race(node->pivot[i], site);
  }
  static void* slot(const Shared<void*>& s, Site site = Site::current()) {
    return rcu_dereference(s, site);
  }
  static bool dead(const maple_node* node, Site site = Site::current()) {
    return ma_dead_node(node, site);
  }
};
// Under the lock, or where nobody else is.
struct LockedAccess {
  static unsigned long pivot(const maple_node* node, int i, Site site = Site::current()) {
    return node->pivot[i].get(site);
  }
  static void* slot(const Shared<void*>& s, Site site = Site::current()) { return s.get(site); }
  static bool dead(const maple_node*) { return false; }
};
// No access at all: for checks, and for arithmetic about a tree that the caller has locked.
struct PeekAccess {
  static unsigned long pivot(const maple_node* node, int i) { return node->pivot[i].peek(); }
  static void* slot(const Shared<void*>& s) { return s.peek(); }
  static bool dead(const maple_node*) { return false; }
};

// What call_rcu() writes over pivot[0] and pivot[1] of a replaced node: the end of a list and a
// function's address. Neither ends a range of anything that is stored in a tree.
inline constexpr unsigned long kRcuHeadNext = 0;
inline constexpr unsigned long kRcuHeadFunc = 0xffffffff81000000ul;

// Indices [min, max].
struct maple_range {
  unsigned long min = 0;
  unsigned long max = ULONG_MAX;
};

// All slots of a node, and where they end.
struct maple_copy {
  int count = 0;
  unsigned long max[kMapleSlots];
  void* slot[kMapleSlots];
};
template <class Access>
void mt_copy_node(const maple_node* node, unsigned long node_max, maple_copy* copy) {
  int i = 0;
  for (;; ++i) {
    copy->max[i] = i < kMaplePivots ? Access::pivot(node, i) : node_max;
    copy->slot[i] = Access::slot(node->slot[i]);
    if (copy->max[i] >= node_max || i == kMaplePivots) break;
  }
  copy->count = i + 1;
}

// Finds the slot that index belongs to, in a node for range->min to range->max; sets *range to the
// slot's.
template <class Access>
int mt_find_slot(const maple_node* node, unsigned long index, maple_range* range) {
  for (int i = 0; i < kMaplePivots; ++i) {
    const unsigned long pivot = Access::pivot(node, i);
    if (pivot >= index) {
      range->max = pivot;
      return i;
    }
    range->min = pivot + 1;
  }
  return kMaplePivots;
}

// mtree_lookup_walk(), mtree_range_walk(): down from the root, again from the root when a node
// turns out to be dead after it was read.
template <class Access>
void* mt_walk(const maple_tree* mt, unsigned long index, maple_range* range) {
retry:
  *range = maple_range();
  void* next = Access::slot(mt->ma_root);
  if (next == nullptr) return nullptr;
  if (Access::dead(mte_to_node(next))) goto retry;  // mas_start()
  for (;;) {
    const maple_node* node = mte_to_node(next);
    const bool leaf = mte_is_leaf(next);
    const int offset = mt_find_slot<Access>(node, index, range);
    next = Access::slot(node->slot[offset]);
    if (Access::dead(node)) goto retry;
    // That is what looking whether it is dead is for, with the barriers on both sides.
    if (range->max == kRcuHeadFunc) {
      platform::machine.fail("tree-corrupt", "a walk was led by the rcu_head of a replaced node",
                             Site::current());
    }
    if (leaf) return next;
    if (next == nullptr) {
      platform::machine.fail("tree-corrupt", "an empty slot inside of the VMA tree",
                             Site::current());
    }
  }
}

maple_node* maple_alloc_node(Site site);
void maple_discard_node(maple_node* node);  // never was in a tree
void maple_free_node(maple_tree* mt, maple_node* node);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_MAPLE_NODE_H_
