// Locks that exclude everyone: spinlock_t, rwlock_t's writer side, mutexes. A CPU that cannot have
// the lock blocks; all blocked is a deadlock verdict. The lock word is a location of the machine,
// so that lock operations carry order exactly as LKR, LKW and UL of tools/memory-model/lock.cat do.
#ifndef VMAFUZZ_KERNEL_SPINLOCK_H_
#define VMAFUZZ_KERNEL_SPINLOCK_H_

#include "kernel/barrier.h"

namespace vmafuzz::kernel {

class spinlock_t {
 public:
  spinlock_t() { held.mark_sync(); }
  Shared<int> held;  // 0 free, otherwise 1 + the CPU that holds it
  template <class V>
  void visit(V&& v) {
    v("held", held);
  }

 private:
  friend void spin_lock(spinlock_t&, Site);
  friend bool spin_trylock(spinlock_t&, Site);
  friend void spin_unlock(spinlock_t&, Site);
  platform::WaitQueue queue_;
};

void spin_lock(spinlock_t& lock, Site site = Site::current());
bool spin_trylock(spinlock_t& lock, Site site = Site::current());
void spin_unlock(spinlock_t& lock, Site site = Site::current());
bool spin_is_locked(const spinlock_t& lock, Site site = Site::current());

using mutex = spinlock_t;
inline void mutex_lock(mutex& lock, Site site = Site::current()) { spin_lock(lock, site); }
inline void mutex_unlock(mutex& lock, Site site = Site::current()) { spin_unlock(lock, site); }

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_SPINLOCK_H_
