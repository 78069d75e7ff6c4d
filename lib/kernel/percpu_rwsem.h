// struct percpu_rw_semaphore (kernel/locking/percpu-rwsem.c): dup_mmap_sem and the like. What its
// users can observe is a reader/writer lock; how readers avoid a shared counter is not modelled.
// Unlike the kernel's, the order that it gives is no more than release and acquire.
#ifndef VMAFUZZ_KERNEL_PERCPU_RWSEM_H_
#define VMAFUZZ_KERNEL_PERCPU_RWSEM_H_

#include "kernel/rwsem.h"

namespace vmafuzz::kernel {

struct percpu_rw_semaphore {
  explicit percpu_rw_semaphore(const char* lock_name = "percpu_rwsem") : rw(lock_name) {}
  rw_semaphore rw;
  template <class V>
  void visit(V&& v) {
    v("rw", rw);
  }
};

inline void percpu_down_read(percpu_rw_semaphore& sem, Site site = Site::current()) {
  down_read(sem.rw, site);
}
inline void percpu_up_read(percpu_rw_semaphore& sem, Site site = Site::current()) {
  up_read(sem.rw, site);
}
inline void percpu_down_write(percpu_rw_semaphore& sem, Site site = Site::current()) {
  down_write(sem.rw, site);
}
inline void percpu_up_write(percpu_rw_semaphore& sem, Site site = Site::current()) {
  up_write(sem.rw, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_PERCPU_RWSEM_H_
