// Walks, iterators, nodes and checks of the VMA tree; maple_store.cc has the writer.
#include "kernel/maple_tree.h"

#include <string>

#include "kernel/maple_node.h"

namespace vmafuzz::kernel {

using platform::machine;

namespace {

platform::KmemCache<maple_node> maple_node_cache("maple_node", false);

void mt_free_rcu(void* node) { maple_node_cache.free(static_cast<maple_node*>(node)); }

bool excludes_writers(const maple_tree* mt) {
  return !mt->in_rcu || machine.alone() ||
         (mt->ma_external_lock != nullptr && lockdep_is_held(*mt->ma_external_lock));
}

void* walk(const maple_tree* mt, unsigned long index, maple_range* range) {
  return excludes_writers(mt) ? mt_walk<LockedAccess>(mt, index, range)
                              : mt_walk<RcuAccess>(mt, index, range);
}

void* walk(ma_state* mas, unsigned long index) {
  maple_range range;
  void* entry = walk(mas->tree, index, &range);
  mas->index = range.min;
  mas->last = range.max;
  mas->status = maple_status::ma_active;
  return entry;
}

// rcu_read_lock() where the walk needs it.
class WalkGuard {
 public:
  explicit WalkGuard(const maple_tree* mt, Site site = Site::current())
      : site_(site), inside_(!excludes_writers(mt)) {
    if (inside_) rcu_read_lock(site_);
  }
  ~WalkGuard() {
    if (inside_) rcu_read_unlock(site_);
  }
  WalkGuard(const WalkGuard&) = delete;
  WalkGuard& operator=(const WalkGuard&) = delete;

 private:
  Site site_;
  bool inside_;
};

void* next_slot(ma_state* mas, unsigned long max, bool empty) {
  while (mas->last < max) {
    void* entry = walk(mas, mas->last + 1);
    if (entry != nullptr || empty) return entry;
  }
  mas->status = maple_status::ma_overflow;
  return nullptr;
}

void* prev_slot(ma_state* mas, unsigned long min, bool empty) {
  while (mas->index > min) {
    void* entry = walk(mas, mas->index - 1);
    if (entry != nullptr || empty) return entry;
  }
  mas->status = maple_status::ma_underflow;
  return nullptr;
}

// mas_next_setup(): an iterator that ran over the lower end is thought of as before the first
// entry.
void* next(ma_state* mas, unsigned long max, bool empty) {
  if (mas->last >= max) {
    mas->status = maple_status::ma_overflow;
    return nullptr;
  }
  if (mas->status == maple_status::ma_underflow) {
    if (void* entry = walk(mas, mas->index)) return entry;
  } else if (mas->status == maple_status::ma_start || mas->status == maple_status::ma_pause) {
    walk(mas, mas->index);
  }
  return next_slot(mas, max, empty);
}

void* prev(ma_state* mas, unsigned long min, bool empty) {
  if (mas->index <= min) {
    mas->status = maple_status::ma_underflow;
    return nullptr;
  }
  if (mas->status == maple_status::ma_overflow) {
    if (void* entry = walk(mas, mas->index)) return entry;
  } else if (mas->status == maple_status::ma_start || mas->status == maple_status::ma_pause) {
    walk(mas, mas->index);
  }
  return prev_slot(mas, min, empty);
}

}  // namespace

void maple_tree_init() { maple_node_cache.reset(false); }
int maple_live_nodes() { return maple_node_cache.live(); }

maple_node* maple_alloc_node(Site site) { return maple_node_cache.alloc_nofail(site); }

void maple_discard_node(maple_node* node) { maple_node_cache.free(node); }

// The node is not reachable any more, and marked if it ever was.
void maple_free_node(maple_tree* mt, maple_node* node) {
  if (!mt->in_rcu) {
    maple_node_cache.free(node);
    return;
  }
  data_race_store(node->pivot[0], kRcuHeadNext);
  data_race_store(node->pivot[1], kRcuHeadFunc);
  call_rcu(&mt_free_rcu, node);
}

void* mtree_load(const maple_tree* mt, unsigned long index) {
  const WalkGuard guard(mt);
  maple_range range;
  return walk(mt, index, &range);
}

void* mt_find(const maple_tree* mt, unsigned long* index, unsigned long max) {
  const WalkGuard guard(mt);
  MA_STATE(mas, const_cast<maple_tree*>(mt), *index, *index);
  void* entry = mas_find(&mas, max);
  if (entry != nullptr) *index = mas.last + 1;
  return entry;
}

void* mt_next(const maple_tree* mt, unsigned long index, unsigned long max) {
  const WalkGuard guard(mt);
  MA_STATE(mas, const_cast<maple_tree*>(mt), index, index);
  return mas_next(&mas, max);
}

void* mt_prev(const maple_tree* mt, unsigned long index, unsigned long min) {
  const WalkGuard guard(mt);
  MA_STATE(mas, const_cast<maple_tree*>(mt), index, index);
  return mas_prev(&mas, min);
}

void* mas_walk(ma_state* mas) { return walk(mas, mas->index); }

void* mas_find(ma_state* mas, unsigned long max) {
  switch (mas->status) {
    case maple_status::ma_pause:
      if (mas->last >= max) return nullptr;
      mas->index = ++mas->last;
      [[fallthrough]];
    case maple_status::ma_start:
      if (mas->index > max) return nullptr;
      if (void* entry = walk(mas, mas->index)) return entry;
      break;
    case maple_status::ma_underflow:
    case maple_status::ma_overflow:
      if (mas->last >= max) return nullptr;
      if (void* entry = walk(mas, mas->index)) return entry;
      break;
    case maple_status::ma_active:
      break;
  }
  void* entry = next_slot(mas, max, false);
  mas->status = maple_status::ma_active;
  return entry;
}

void* mas_next(ma_state* mas, unsigned long max) { return next(mas, max, false); }
void* mas_prev(ma_state* mas, unsigned long min) { return prev(mas, min, false); }
void* mas_next_range(ma_state* mas, unsigned long max) { return next(mas, max, true); }
void* mas_prev_range(ma_state* mas, unsigned long min) { return prev(mas, min, true); }

// --- checks
// ------------------------------------------------------------------------------------------

namespace {

struct check_state {
  const char* error = nullptr;
  int nodes = 0;
  int height = 0;
  bool last_was_empty = false;
};

void check_node(void* enode, maple_range range, int depth, check_state* state) {
  const maple_node* node = mte_to_node(enode);
  ++state->nodes;
  if (node->parent.peek() == node) state->error = "a dead node is in the VMA tree";
  maple_copy copy;
  mt_copy_node<PeekAccess>(node, range.max, &copy);
  if (copy.max[copy.count - 1] != range.max) state->error = "a node ends beyond its parent's slot";
  if (depth > 1 && copy.count < kMapleMinSlots) state->error = "a node is less than half full";
  unsigned long min = range.min;
  for (int i = 0; i < copy.count && state->error == nullptr; ++i) {
    if (copy.max[i] < min) {
      state->error = "slots of a node are out of order";
    } else if (!mte_is_leaf(enode)) {
      if (copy.slot[i] == nullptr) {
        state->error = "an empty slot inside of the VMA tree";
      } else {
        check_node(copy.slot[i], {min, copy.max[i]}, depth + 1, state);
      }
    } else {
      const bool empty = copy.slot[i] == nullptr;
      if (empty && state->last_was_empty) state->error = "two empty ranges side by side";
      state->last_was_empty = empty;
    }
    min = copy.max[i] + 1;
  }
  if (!mte_is_leaf(enode)) return;
  if (state->height == 0) state->height = depth;
  if (state->height != depth && state->error == nullptr) state->error = "leaves of different depth";
}

check_state check(const maple_tree* mt) {
  check_state state;
  if (void* root = mt->ma_root.peek()) check_node(root, maple_range(), 1, &state);
  return state;
}

}  // namespace

const char* mt_check(const maple_tree* mt) { return check(mt).error; }
int mt_height(const maple_tree* mt) { return check(mt).height; }
int mt_count_nodes(const maple_tree* mt) { return check(mt).nodes; }

void mt_validate(const maple_tree* mt, Site site) {
  if (const char* error = mt_check(mt)) machine.fail("tree-corrupt", error, site);
}

void* mt_peek(const maple_tree* mt, unsigned long index, unsigned long* first,
              unsigned long* last) {
  maple_range range;
  void* entry = mt_walk<PeekAccess>(mt, index, &range);
  *first = range.min;
  *last = range.max;
  return entry;
}

}  // namespace vmafuzz::kernel
