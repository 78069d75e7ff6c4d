// refcount_t (include/linux/refcount.h). Where the kernel warns and saturates, the execution ends
// with the verdict "refcount": counting up from zero, below zero, past the sign, or to zero by
// refcount_dec().
#ifndef VMAFUZZ_KERNEL_REFCOUNT_H_
#define VMAFUZZ_KERNEL_REFCOUNT_H_

#include <climits>

#include "kernel/atomic.h"

namespace vmafuzz::kernel {

struct refcount_t {
  Shared<int> refs;
  template <class V>
  void visit(V&& v) {
    v("refs", refs);
  }
};

[[noreturn]] inline void refcount_warn(const char* what, Site site) {
  platform::machine.fail("refcount", what, site);
}

inline void refcount_set(refcount_t& r, int n, Site site = Site::current()) {
  WRITE_ONCE(r.refs, n, site);
}
// Publishes what was initialised before (vma_mark_attached).
inline void refcount_set_release(refcount_t& r, int n, Site site = Site::current()) {
  smp_store_release(r.refs, n, site);
}
inline int refcount_read(const refcount_t& r, Site site = Site::current()) {
  return READ_ONCE(r.refs, site);
}

// --- up: relaxed, because whoever counts up has another reason to know that the object is there
// -------

inline void refcount_add(int i, refcount_t& r, Site site = Site::current()) {
  // Wraps like the machine's instruction does; the check comes after.
  const auto add = [i](int x) {
    return static_cast<int>(static_cast<unsigned>(x) + static_cast<unsigned>(i));
  };
  const int old = atomic_fetch_op(r.refs, Order::kRelaxed, add, site);
  if (old == 0) refcount_warn("addition on 0: use after free", site);
  if (old < 0 || old > INT_MAX - i) refcount_warn("saturated: memory leaks", site);
}
inline void refcount_inc(refcount_t& r, Site site = Site::current()) { refcount_add(1, r, site); }

// False, with *oldp telling why, if the count was zero or would exceed limit.
inline bool __refcount_add_not_zero_limited(int i, refcount_t& r, int* oldp, int limit, Order order,
                                            Site site) {
  int old = refcount_read(r, site);
  do {
    if (oldp != nullptr) *oldp = old;
    if (old == 0) return false;
    if (i > limit - old) {
      if (limit == INT_MAX) refcount_warn("saturated: memory leaks", site);
      return false;
    }
  } while (!try_cmpxchg(r.refs, &old, old + i, order, site));
  if (oldp != nullptr) *oldp = old;
  if (old < 0) refcount_warn("saturated: memory leaks", site);
  return true;
}
inline bool refcount_add_not_zero(int i, refcount_t& r, Site site = Site::current()) {
  return __refcount_add_not_zero_limited(i, r, nullptr, INT_MAX, Order::kRelaxed, site);
}
inline bool refcount_add_not_zero_acquire(int i, refcount_t& r, Site site = Site::current()) {
  return __refcount_add_not_zero_limited(i, r, nullptr, INT_MAX, Order::kAcquire, site);
}
inline bool refcount_inc_not_zero(refcount_t& r, Site site = Site::current()) {
  return refcount_add_not_zero(1, r, site);
}
// For objects whose memory is type-stable: what follows is ordered after the reference was taken.
inline bool refcount_inc_not_zero_acquire(refcount_t& r, Site site = Site::current()) {
  return refcount_add_not_zero_acquire(1, r, site);
}
inline bool __refcount_inc_not_zero_limited_acquire(refcount_t& r, int* oldp, int limit,
                                                    Site site = Site::current()) {
  return __refcount_add_not_zero_limited(1, r, oldp, limit, Order::kAcquire, site);
}

// --- down: release, and acquire for whoever is last
// --------------------------------------------------

inline bool __refcount_sub_and_test(int i, refcount_t& r, int* oldp, Site site = Site::current()) {
  const int old = atomic_fetch_op(r.refs, Order::kRelease, [i](int x) { return x - i; }, site);
  if (oldp != nullptr) *oldp = old;
  if (old == i && old > 0) {
    smp_rmb(site);  // smp_acquire__after_ctrl_dep()
    return true;
  }
  if (old <= 0 || old - i < 0) refcount_warn("underflow: use after free", site);
  return false;
}
inline bool refcount_sub_and_test(int i, refcount_t& r, Site site = Site::current()) {
  return __refcount_sub_and_test(i, r, nullptr, site);
}
inline bool __refcount_dec_and_test(refcount_t& r, int* oldp, Site site = Site::current()) {
  return __refcount_sub_and_test(1, r, oldp, site);
}
inline bool refcount_dec_and_test(refcount_t& r, Site site = Site::current()) {
  return __refcount_sub_and_test(1, r, nullptr, site);
}
inline void refcount_dec(refcount_t& r, Site site = Site::current()) {
  const int old = atomic_fetch_op(r.refs, Order::kRelease, [](int x) { return x - 1; }, site);
  if (old <= 1) refcount_warn("decrement hit 0: memory leaks", site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_REFCOUNT_H_
