// What the slab allocator orders for memory that is type-stable (SLAB_TYPESAFE_BY_RCU).
#ifndef VMAFUZZ_MM_FREEPTR_H_
#define VMAFUZZ_MM_FREEPTR_H_

#include "kernel/atomic.h"

namespace vmafuzz::kernel {

// The free list's pointer in a type-stable object. It passes from who frees the object to who
// allocates it next, and with it what the former did (a cmpxchg or a lock of the slab allocator's).
struct freeptr_t {
  freeptr_t() { ptr.mark_sync(); }
  Shared<unsigned> ptr;
  template <class V>
  void visit(V&& v) {
    v("ptr", ptr);
  }
};
inline void slab_hand_back(freeptr_t& freeptr, Site site = Site::current()) {
  atomic_fetch_op(freeptr.ptr, Order::kRelease, [](unsigned x) { return x + 1; }, site);
}
inline void slab_take_over(freeptr_t& freeptr, Site site = Site::current()) {
  atomic_fetch_op(freeptr.ptr, Order::kAcquire, [](unsigned x) { return x; }, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_FREEPTR_H_
