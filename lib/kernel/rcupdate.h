// RCU in its flavours. The guarantee itself is the machine's (sim/rcu.h).
#ifndef VMAFUZZ_KERNEL_RCUPDATE_H_
#define VMAFUZZ_KERNEL_RCUPDATE_H_

#include "kernel/barrier.h"

namespace vmafuzz::kernel {

using rcu_callback_t = void (*)(void* object);

inline void rcu_read_lock(Site site = Site::current()) {
  platform::grace_periods.read_lock(platform::kRcuDomain, site);
}
inline void rcu_read_unlock(Site site = Site::current()) {
  platform::grace_periods.read_unlock(platform::kRcuDomain, site);
}
inline bool rcu_read_lock_held() { return platform::grace_periods.inside(platform::kRcuDomain); }
inline void synchronize_rcu(Site site = Site::current()) {
  platform::grace_periods.synchronize(platform::kRcuDomain, site);
}
inline void call_rcu(rcu_callback_t callback, void* object, Site site = Site::current()) {
  platform::grace_periods.call(platform::kRcuDomain, callback, object, site);
}

inline void rcu_read_lock_trace(Site site = Site::current()) {
  platform::grace_periods.read_lock(platform::kTasksTraceDomain, site);
}
inline void rcu_read_unlock_trace(Site site = Site::current()) {
  platform::grace_periods.read_unlock(platform::kTasksTraceDomain, site);
}
inline bool rcu_read_lock_trace_held() {
  return platform::grace_periods.inside(platform::kTasksTraceDomain);
}
inline void synchronize_rcu_tasks_trace(Site site = Site::current()) {
  platform::grace_periods.synchronize(platform::kTasksTraceDomain, site);
}
inline void call_rcu_tasks_trace(rcu_callback_t callback, void* object,
                                 Site site = Site::current()) {
  platform::grace_periods.call(platform::kTasksTraceDomain, callback, object, site);
}

struct srcu_struct {
  int domain = platform::kFirstSrcuDomain;  // one of the machine's, chosen by whoever makes it
};
inline int srcu_read_lock(srcu_struct& ssp, Site site = Site::current()) {
  return platform::grace_periods.srcu_read_lock(ssp.domain, site);
}
inline void srcu_read_unlock(srcu_struct& ssp, int idx, Site site = Site::current()) {
  platform::grace_periods.srcu_read_unlock(ssp.domain, idx, site);
}
inline void synchronize_srcu(srcu_struct& ssp, Site site = Site::current()) {
  platform::grace_periods.synchronize(ssp.domain, site);
}
inline void call_srcu(srcu_struct& ssp, rcu_callback_t callback, void* object,
                      Site site = Site::current()) {
  platform::grace_periods.call(ssp.domain, callback, object, site);
}

// guard(rcu)(). A plain scope: fibres that are given up are not unwound, and need not be.
class rcu_guard {
 public:
  explicit rcu_guard(Site site = Site::current()) : site_(site) { rcu_read_lock(site_); }
  ~rcu_guard() { rcu_read_unlock(site_); }
  rcu_guard(const rcu_guard&) = delete;
  rcu_guard& operator=(const rcu_guard&) = delete;

 private:
  Site site_;
};

inline void schedule_work(rcu_callback_t function, void* object, Site site = Site::current()) {
  platform::grace_periods.queue_work(function, object, site);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_RCUPDATE_H_
