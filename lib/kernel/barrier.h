// Marked accesses and barriers, as tools/memory-model/linux-kernel.def defines them.
#ifndef VMAFUZZ_KERNEL_BARRIER_H_
#define VMAFUZZ_KERNEL_BARRIER_H_

#include "kernel/machine.h"

namespace vmafuzz::kernel {

using platform::Order;

template <class T>
using plain_t = typename Shared<T>::value_type;

template <class T>
T READ_ONCE(const Shared<T>& x, Site site = Site::current()) {
  return x.load(Order::kRelaxed, false, false, site);
}
template <class T>
void WRITE_ONCE(Shared<T>& x, std::type_identity_t<T> value, Site site = Site::current()) {
  x.store(value, Order::kRelaxed, false, false, site);
}
// A plain load that may race, and may be torn or repeated by the compiler.
template <class T>
T data_race(const Shared<T>& x, Site site = Site::current()) {
  return x.load(Order::kRelaxed, true, true, site);
}
// A plain store that may race.
template <class T>
void data_race_store(Shared<T>& x, std::type_identity_t<T> value, Site site = Site::current()) {
  x.store(value, Order::kRelaxed, true, true, site);
}
template <class T>
T smp_load_acquire(const Shared<T>& x, Site site = Site::current()) {
  return x.load(Order::kAcquire, false, false, site);
}
template <class T>
void smp_store_release(Shared<T>& x, std::type_identity_t<T> value, Site site = Site::current()) {
  x.store(value, Order::kRelease, false, false, site);
}
template <class T>
T rcu_dereference(const Shared<T>& p, Site site = Site::current()) {
  return READ_ONCE(p, site);
}
template <class T>
T rcu_dereference_raw(const Shared<T>& p, Site site = Site::current()) {
  return READ_ONCE(p, site);
}
template <class T>
void rcu_assign_pointer(Shared<T>& p, std::type_identity_t<T> value, Site site = Site::current()) {
  smp_store_release(p, value, site);
}

inline void smp_mb(Site site = Site::current()) { platform::machine.smp_mb(site); }
inline void smp_rmb(Site site = Site::current()) { platform::machine.smp_rmb(site); }
inline void smp_wmb(Site site = Site::current()) { platform::machine.smp_wmb(site); }
// What is stored from here on depends on what was just loaded. The simulated machine takes that as
// given (Options::assume_dependencies); ThreadSanitizer knows no such order and has to be told.
inline void control_dependency() { platform::machine.control_dependency(); }
inline void smp_mb__before_atomic(Site site = Site::current()) { smp_mb(site); }
inline void smp_mb__after_atomic(Site site = Site::current()) { smp_mb(site); }
inline void smp_mb__after_spinlock(Site site = Site::current()) { smp_mb(site); }
inline void smp_mb__after_unlock_lock(Site site = Site::current()) { smp_mb(site); }
inline void smp_mb__after_srcu_read_unlock(Site site = Site::current()) { smp_mb(site); }
inline void cpu_relax(Site site = Site::current()) { platform::machine.relax(site); }

template <class T>
void smp_store_mb(Shared<T>& x, std::type_identity_t<T> value, Site site = Site::current()) {
  WRITE_ONCE(x, value, site);
  smp_mb(site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_BARRIER_H_
