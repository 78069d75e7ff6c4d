// rwlock_t (include/linux/rwlock.h): the order is that of rw_semaphore, which it is made of; it is
// not held across anything that sleeps.
#ifndef VMAFUZZ_KERNEL_RWLOCK_H_
#define VMAFUZZ_KERNEL_RWLOCK_H_

#include "kernel/rwsem.h"

namespace vmafuzz::kernel {

struct rwlock_t {
  explicit rwlock_t(const char* lock_name = "rwlock") : raw(lock_name) {}
  rw_semaphore raw;
  template <class V>
  void visit(V&& v) {
    v("raw", raw);
  }
};

inline void read_lock(rwlock_t& lock, Site site = Site::current()) { down_read(lock.raw, site); }
inline void read_unlock(rwlock_t& lock, Site site = Site::current()) { up_read(lock.raw, site); }
inline void write_lock(rwlock_t& lock, Site site = Site::current()) { down_write(lock.raw, site); }
inline void write_unlock(rwlock_t& lock, Site site = Site::current()) { up_write(lock.raw, site); }

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_RWLOCK_H_
