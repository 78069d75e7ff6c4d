// Red-black trees with lockless descents (lib/rbtree.c, include/linux/rbtree.h).
//
// Writers exclude each other by a lock of theirs. A reader without the lock follows rb_left and
// rb_right only: each is stored at once (WRITE_ONCE) and in an order that never makes a loop, so
// that a descent ends and finds no wrong node, but a rotation can move a node out of its way. Not
// finding a key proves nothing; a seqcount or the lock does (find_uprobe_rcu).
//
// rb_link_node_rcu() is a release, the rotations after it are not: that a reader who reaches the
// new node by a link that a rotation made sees it initialised is owed to a barrier of the caller's
// between initialising and inserting (for the uprobes tree, the smp_wmb() of
// write_seqcount_begin()).
#ifndef VMAFUZZ_KERNEL_RBTREE_H_
#define VMAFUZZ_KERNEL_RBTREE_H_

#include "kernel/barrier.h"
#include "kernel/container_of.h"

namespace vmafuzz::kernel {

struct rb_node {
  Shared<rb_node*>
      __rb_parent_color;  // bit 0: red (the kernel's: black); the node itself: in no tree
  Shared<rb_node*> rb_right;
  Shared<rb_node*> rb_left;
  template <class V>
  void visit(V&& v) {
    v("rb_parent_color", __rb_parent_color);
    v("rb_right", rb_right);
    v("rb_left", rb_left);
  }
};

struct rb_root {
  Shared<kernel::rb_node*> rb_node;
  template <class V>
  void visit(V&& v) {
    v("rb_root", rb_node);
  }
};

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

// Also called without the lock, where a stale answer does no harm (uprobe_mmap).
inline bool RB_EMPTY_ROOT(const rb_root* root, Site site = Site::current()) {
  return READ_ONCE(root->rb_node, site) == nullptr;
}
inline bool RB_EMPTY_NODE(const rb_node* node, Site site = Site::current()) {
  return node->__rb_parent_color.get(site) == node;
}
inline void RB_CLEAR_NODE(rb_node* node, Site site = Site::current()) {
  node->__rb_parent_color.set(node, site);
}

// --- under the lock
// ----------------------------------------------------------------------------------

// Puts the node at *link, below parent: red, not yet balanced.
void rb_link_node(rb_node* node, rb_node* parent, Shared<rb_node*>* link,
                  Site site = Site::current());
// The same, published to readers without the lock.
void rb_link_node_rcu(rb_node* node, rb_node* parent, Shared<rb_node*>* link,
                      Site site = Site::current());
void rb_insert_color(rb_node* node, rb_root* root);
// The node's own links stay as they are, for readers that have got there.
void rb_erase(rb_node* node, rb_root* root);

// In order of keys.
rb_node* rb_first(const rb_root* root);
rb_node* rb_last(const rb_root* root);
rb_node* rb_next(const rb_node* node);
rb_node* rb_prev(const rb_node* node);

using rb_key_cmp = int (*)(const void* key, const rb_node* node);
using rb_node_cmp = int (*)(rb_node* node, const rb_node* in_tree);

rb_node* rb_find(const void* key, const rb_root* tree, rb_key_cmp cmp);
// Inserts the node, or returns the one that is there with an equal key.
rb_node* rb_find_add_rcu(rb_node* node, rb_root* tree, rb_node_cmp cmp);

// --- inside of RCU
// -----------------------------------------------------------------------------------

// A node with the key, or null: then there may be one nevertheless.
rb_node* rb_find_rcu(const void* key, const rb_root* tree, rb_key_cmp cmp);

// --- for checks: no accesses
// -------------------------------------------------------------------------

// What is wrong with the tree, or null: order, parents, no red child of a red node, equally many
// black nodes on every way down. less() must peek.
const char* rb_check(const rb_root* root, bool (*less)(const rb_node* a, const rb_node* b));
// Verdict tree-corrupt if something is.
void rb_validate(const rb_root* root, bool (*less)(const rb_node* a, const rb_node* b),
                 Site site = Site::current());

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_RBTREE_H_
