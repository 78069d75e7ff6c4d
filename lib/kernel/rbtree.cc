// Mirror images are one case here: side 0 is left, 1 is right. The order of stores is the kernel's,
// as lockless readers can tell the difference.
#include "kernel/rbtree.h"

#include <string>

namespace vmafuzz::kernel {

namespace {

uintptr_t bits(const rb_node* node) { return reinterpret_cast<uintptr_t>(node); }
// Only a red node's parent is marked, so that a root, which has none, is black: a marked null
// pointer would be no address of the machine.
rb_node* coloured(rb_node* parent, bool black) {
  return parent == nullptr ? nullptr : reinterpret_cast<rb_node*>(bits(parent) | uintptr_t{!black});
}
rb_node* parent_part(rb_node* parent_color) {
  return reinterpret_cast<rb_node*>(bits(parent_color) & ~uintptr_t{1});
}
bool black_part(const rb_node* parent_color) { return (bits(parent_color) & 1) == 0; }

// Writers know these from the lock they hold: plain loads.
rb_node* rb_parent(const rb_node* node) { return parent_part(node->__rb_parent_color.get()); }
bool rb_is_black(const rb_node* node) { return black_part(node->__rb_parent_color.get()); }
bool is_red(const rb_node* node) { return node != nullptr && !rb_is_black(node); }
void rb_set_parent_color(rb_node* node, rb_node* parent, bool black) {
  node->__rb_parent_color.set(coloured(parent, black));
}
void rb_set_parent(rb_node* node, rb_node* parent) {
  rb_set_parent_color(node, parent, rb_is_black(node));
}

Shared<rb_node*>& link_of(rb_node* node, int side) {
  return side == 0 ? node->rb_left : node->rb_right;
}
rb_node* child(const rb_node* node, int side) {
  return (side == 0 ? node->rb_left : node->rb_right).get();
}
int side_of(const rb_node* node, const rb_node* parent) { return child(parent, 0) == node ? 0 : 1; }

// __rb_change_child(): whatever led to old leads to node.
void change_child(rb_node* old, rb_node* node, rb_node* parent, rb_root* root) {
  if (parent == nullptr) {
    WRITE_ONCE(root->rb_node, node);
  } else {
    WRITE_ONCE(link_of(parent, side_of(old, parent)), node);
  }
}

// Turns `up`, the child of `down` that is not on `side`, into the parent of it. Downward links
// only, and not the one that leads there: until that is changed, readers from above do not meet
// `up` at all. First the link to `up` goes and then the one back appears: the other way round is a
// loop.
rb_node* rotate(rb_node* down, rb_node* up, int side) {
  rb_node* moved = child(up, side);
  WRITE_ONCE(link_of(down, 1 - side), moved);
  WRITE_ONCE(link_of(up, side), down);
  return moved;
}

// __rb_rotate_set_parents(): `up` takes the place of `down`, and its colour.
void take_place(rb_node* down, rb_node* up, rb_root* root, bool black) {
  rb_node* place = down->__rb_parent_color.get();
  up->__rb_parent_color.set(place);
  rb_set_parent_color(down, up, black);
  change_child(down, up, parent_part(place), root);
}

constexpr bool kRed = false;
constexpr bool kBlack = true;

// ____rb_erase_color(): ways down through node (null at first) have one black node too few.
void erase_color(rb_node* parent, rb_root* root) {
  rb_node* node = nullptr;
  for (;;) {
    const int side = child(parent, 1) == node ? 1 : 0;
    rb_node* sibling = child(parent, 1 - side);
    if (is_red(sibling)) {
      rb_node* moved = rotate(parent, sibling, side);
      rb_set_parent_color(moved, parent, kBlack);
      take_place(parent, sibling, root, kRed);
      sibling = moved;
    }
    rb_node* far = child(sibling, 1 - side);
    if (!is_red(far)) {
      rb_node* near = child(sibling, side);
      if (!is_red(near)) {
        rb_set_parent_color(sibling, parent, kRed);
        if (is_red(parent)) {
          rb_set_parent_color(parent, rb_parent(parent), kBlack);
          return;
        }
        node = parent;
        parent = rb_parent(node);
        if (parent == nullptr) return;
        continue;
      }
      rb_node* moved = rotate(sibling, near, 1 - side);
      WRITE_ONCE(link_of(parent, 1 - side), near);
      if (moved != nullptr) rb_set_parent_color(moved, sibling, kBlack);
      far = sibling;
      sibling = near;
    }
    rb_node* moved = rotate(parent, sibling, side);
    rb_set_parent_color(far, sibling, kBlack);
    if (moved != nullptr) rb_set_parent(moved, parent);
    take_place(parent, sibling, root, kBlack);
    return;
  }
}

// A node with two children: its successor takes its place. Returns where a black node is missing.
rb_node* erase_with_successor(rb_node* node, rb_root* root) {
  rb_node* right = child(node, 1);
  rb_node* parent = right;
  rb_node* successor = right;
  rb_node* orphan;
  if (rb_node* left = child(right, 0); left == nullptr) {
    orphan = child(successor, 1);
  } else {
    do {
      parent = successor;
      successor = left;
      left = child(left, 0);
    } while (left != nullptr);
    orphan = child(successor, 1);
    WRITE_ONCE(parent->rb_left, orphan);
    WRITE_ONCE(successor->rb_right, right);
    rb_set_parent(right, successor);
  }
  rb_node* left = child(node, 0);
  WRITE_ONCE(successor->rb_left, left);
  rb_set_parent(left, successor);
  rb_node* place = node->__rb_parent_color.get();
  change_child(node, successor, parent_part(place), root);
  rb_node* rebalance = nullptr;
  if (orphan != nullptr) {
    rb_set_parent_color(orphan, parent, kBlack);
  } else if (rb_is_black(successor)) {
    rebalance = parent;
  }
  successor->__rb_parent_color.set(place);
  return rebalance;
}

// At most one child, which then is red and takes the node's place.
rb_node* erase_with_one_child(rb_node* node, rb_root* root) {
  rb_node* only = child(node, 0) != nullptr ? child(node, 0) : child(node, 1);
  rb_node* place = node->__rb_parent_color.get();
  rb_node* parent = parent_part(place);
  change_child(node, only, parent, root);
  if (only == nullptr) return black_part(place) ? parent : nullptr;
  only->__rb_parent_color.set(place);
  return nullptr;
}

rb_node* outermost(rb_node* node, int side) {
  while (rb_node* next = child(node, side)) node = next;
  return node;
}

rb_node* neighbour(const rb_node* node, int side) {
  if (RB_EMPTY_NODE(node)) return nullptr;
  if (rb_node* next = child(node, side)) return outermost(next, 1 - side);
  rb_node* parent = rb_parent(node);
  while (parent != nullptr && child(parent, side) == node) {
    node = parent;
    parent = rb_parent(node);
  }
  return parent;
}

}  // namespace

void rb_link_node(rb_node* node, rb_node* parent, Shared<rb_node*>* link, Site site) {
  node->__rb_parent_color.set(coloured(parent, kRed), site);
  node->rb_left.set(nullptr, site);
  node->rb_right.set(nullptr, site);
  link->set(node, site);
}

void rb_link_node_rcu(rb_node* node, rb_node* parent, Shared<rb_node*>* link, Site site) {
  node->__rb_parent_color.set(coloured(parent, kRed), site);
  node->rb_left.set(nullptr, site);
  node->rb_right.set(nullptr, site);
  rcu_assign_pointer(*link, node, site);
}

void rb_insert_color(rb_node* node, rb_root* root) {
  for (;;) {
    rb_node* parent = rb_parent(node);
    if (parent == nullptr) {
      rb_set_parent_color(node, nullptr, kBlack);
      return;
    }
    if (rb_is_black(parent)) return;
    rb_node* gparent = rb_parent(parent);
    const int side = side_of(parent, gparent);
    if (rb_node* uncle = child(gparent, 1 - side); is_red(uncle)) {
      rb_set_parent_color(uncle, gparent, kBlack);
      rb_set_parent_color(parent, gparent, kBlack);
      node = gparent;
      rb_set_parent_color(node, rb_parent(node), kRed);
      continue;
    }
    if (child(parent, 1 - side) == node) {
      // Inner grandchild: it goes above its parent, which gparent still leads to.
      rb_node* moved = rotate(parent, node, side);
      if (moved != nullptr) rb_set_parent_color(moved, parent, kBlack);
      rb_set_parent_color(parent, node, kRed);
      parent = node;
    }
    rb_node* moved = rotate(gparent, parent, 1 - side);
    if (moved != nullptr) rb_set_parent_color(moved, gparent, kBlack);
    take_place(gparent, parent, root, kRed);
    return;
  }
}

void rb_erase(rb_node* node, rb_root* root) {
  const bool two_children = child(node, 0) != nullptr && child(node, 1) != nullptr;
  rb_node* rebalance =
      two_children ? erase_with_successor(node, root) : erase_with_one_child(node, root);
  if (rebalance != nullptr) erase_color(rebalance, root);
}

rb_node* rb_first(const rb_root* root) {
  rb_node* top = root->rb_node.get();
  return top == nullptr ? nullptr : outermost(top, 0);
}
rb_node* rb_last(const rb_root* root) {
  rb_node* top = root->rb_node.get();
  return top == nullptr ? nullptr : outermost(top, 1);
}
rb_node* rb_next(const rb_node* node) { return neighbour(node, 1); }
rb_node* rb_prev(const rb_node* node) { return neighbour(node, 0); }

rb_node* rb_find(const void* key, const rb_root* tree, rb_key_cmp cmp) {
  rb_node* node = tree->rb_node.get();
  while (node != nullptr) {
    const int c = cmp(key, node);
    if (c == 0) return node;
    node = child(node, c < 0 ? 0 : 1);
  }
  return nullptr;
}

rb_node* rb_find_add_rcu(rb_node* node, rb_root* tree, rb_node_cmp cmp) {
  Shared<rb_node*>* link = &tree->rb_node;
  rb_node* parent = nullptr;
  while (rb_node* next = link->get()) {
    parent = next;
    const int c = cmp(node, parent);
    if (c == 0) return parent;
    link = &link_of(parent, c < 0 ? 0 : 1);
  }
  rb_link_node_rcu(node, parent, link);
  rb_insert_color(node, tree);
  return nullptr;
}

rb_node* rb_find_rcu(const void* key, const rb_root* tree, rb_key_cmp cmp) {
  // The kernel loads the root plainly; a compiler that tore a pointer would break more than this.
  rb_node* node = rcu_dereference_raw(tree->rb_node);
  while (node != nullptr) {
    const int c = cmp(key, node);
    if (c == 0) return node;
    node = rcu_dereference_raw(c < 0 ? node->rb_left : node->rb_right);
  }
  return nullptr;
}

// --- checks
// ------------------------------------------------------------------------------------------

namespace {

struct check_state {
  bool (*less)(const rb_node*, const rb_node*);
  const rb_node* last = nullptr;
  const char* error = nullptr;
};

// Returns the number of black nodes on each way down.
int check_subtree(const rb_node* node, const rb_node* parent, int depth, check_state* state) {
  if (node == nullptr || state->error != nullptr) return 0;
  if (depth > 64) {
    state->error = "a loop in the tree";
    return 0;
  }
  rb_node* parent_color = node->__rb_parent_color.peek();
  const bool black = black_part(parent_color);
  if (parent_part(parent_color) != parent) state->error = "a node with the wrong parent";
  if (!black && (parent == nullptr || !black_part(parent->__rb_parent_color.peek()))) {
    state->error = "a red node below a red one";
  }
  const int left = check_subtree(node->rb_left.peek(), node, depth + 1, state);
  if (state->last != nullptr && !state->less(state->last, node)) state->error = "keys out of order";
  state->last = node;
  const int right = check_subtree(node->rb_right.peek(), node, depth + 1, state);
  if (left != right && state->error == nullptr) {
    state->error = "more black nodes on one way down than on another";
  }
  return left + (black ? 1 : 0);
}

}  // namespace

const char* rb_check(const rb_root* root, bool (*less)(const rb_node* a, const rb_node* b)) {
  check_state state;
  state.less = less;
  check_subtree(root->rb_node.peek(), nullptr, 0, &state);
  return state.error;
}

void rb_validate(const rb_root* root, bool (*less)(const rb_node* a, const rb_node* b), Site site) {
  if (const char* error = rb_check(root, less)) {
    platform::machine.fail("tree-corrupt", error, site);
  }
}

}  // namespace vmafuzz::kernel
