// Timers (kernel/time/timer.c): timer_setup(), mod_timer(), timer_delete(), timer_delete_sync().
//
// When a timer expires is the machine's (sim/timer.h): there is no clock, and `expires` only tells
// which of several comes first. Whoever owns timers has a base for them, or one each: that one CPU
// serves two of them is nothing to rely on.
//
// No part of the model uses timers yet. In the kernel the user beside uprobes is ri_timer, which
// takes SRCU's protection from uretprobes that take long (hprobe_expire()); uretprobes are not
// modelled.
#ifndef VMAFUZZ_KERNEL_TIMER_H_
#define VMAFUZZ_KERNEL_TIMER_H_

#include "kernel/spinlock.h"

namespace vmafuzz::kernel {

struct timer_list;

struct timer_base {
  spinlock_t lock;
  Shared<timer_list*> running_timer;  // an address: its function may have freed it
  template <class V>
  void visit(V&& v) {
    v("lock", lock);
    v("running_timer", running_timer);
  }
};

struct timer_list {
  using function_t = void (*)(timer_list* self);
  Shared<bool> pending;
  // Constant after timer_setup().
  timer_base* base = nullptr;
  function_t function = nullptr;
  template <class V>
  void visit(V&& v) {
    v("pending", pending);
  }
};

// Before anybody else can see it.
inline void timer_setup(timer_list* timer, timer_base* base, timer_list::function_t function) {
  timer->base = base;
  timer->function = function;
}
inline bool timer_pending(const timer_list* timer, Site site = Site::current()) {
  return READ_ONCE(timer->pending, site);
}
// True if it was pending: then it expires at the new time only.
bool mod_timer(timer_list* timer, unsigned long expires, Site site = Site::current());
// True if it was pending, and then the function is not called. Where it was not, the function may
// be running.
bool timer_delete(timer_list* timer, Site site = Site::current());
// The same, and the function has returned. Not from the function itself, nor under a lock that it
// takes: that is a deadlock.
bool timer_delete_sync(timer_list* timer, Site site = Site::current());

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_TIMER_H_
