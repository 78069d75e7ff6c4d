// Read-modify-write operations. Without a suffix and with a value: a full barrier on both sides.
// Void ones are relaxed, and smp_rmb() does not order their load.
#ifndef VMAFUZZ_KERNEL_ATOMIC_H_
#define VMAFUZZ_KERNEL_ATOMIC_H_

#include "kernel/barrier.h"

namespace vmafuzz::kernel {

struct atomic_t {
  Shared<int> counter;
  template <class V>
  void visit(V&& v) {
    v("counter", counter);
  }
};
struct atomic_long_t {
  Shared<long> counter;
  template <class V>
  void visit(V&& v) {
    v("counter", counter);
  }
};

// x = op(x), in one step; returns the old value.
template <class T, class F>
T atomic_fetch_op(Shared<T>& x, Order order, F op, Site site = Site::current()) {
  return Shared<T>::decode(platform::machine.rmw(
      x.location(), order,
      [&](uint64_t old) { return Shared<T>::encode(op(Shared<T>::decode(old))); }, site));
}

template <class T>
T xchg(Shared<T>& x, std::type_identity_t<T> value, Order order = Order::kFull,
       Site site = Site::current()) {
  return atomic_fetch_op(x, order, [value](T) { return value; }, site);
}

// False, with what was found in *old, if *old was not what x holds. Then it orders nothing.
template <class T>
bool try_cmpxchg(Shared<T>& x, T* old, std::type_identity_t<T> value, Order order = Order::kFull,
                 Site site = Site::current()) {
  uint64_t expected = Shared<T>::encode(*old);
  const bool done =
      platform::machine.cmpxchg(x.location(), &expected, Shared<T>::encode(value), order, site);
  *old = Shared<T>::decode(expected);
  return done;
}
template <class T>
T cmpxchg(Shared<T>& x, std::type_identity_t<T> old, std::type_identity_t<T> value,
          Order order = Order::kFull, Site site = Site::current()) {
  T found = old;
  try_cmpxchg(x, &found, value, order, site);
  return found;
}

inline int atomic_read(const atomic_t& v, Site site = Site::current()) {
  return READ_ONCE(v.counter, site);
}
inline void atomic_set(atomic_t& v, int i, Site site = Site::current()) {
  WRITE_ONCE(v.counter, i, site);
}
inline void atomic_add(int i, atomic_t& v, Site site = Site::current()) {
  atomic_fetch_op(v.counter, Order::kNoReturn, [i](int x) { return x + i; }, site);
}
inline void atomic_inc(atomic_t& v, Site site = Site::current()) { atomic_add(1, v, site); }
inline void atomic_dec(atomic_t& v, Site site = Site::current()) { atomic_add(-1, v, site); }
inline int atomic_add_return(int i, atomic_t& v, Order order = Order::kFull,
                             Site site = Site::current()) {
  return atomic_fetch_op(v.counter, order, [i](int x) { return x + i; }, site) + i;
}
inline bool atomic_dec_and_test(atomic_t& v, Site site = Site::current()) {
  return atomic_add_return(-1, v, Order::kFull, site) == 0;
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_ATOMIC_H_
