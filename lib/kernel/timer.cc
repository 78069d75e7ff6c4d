#include "kernel/timer.h"

namespace vmafuzz::kernel {

namespace {

// expire_timers(), for one. The function runs without the lock, and may free the timer.
void expire_timer(void* arg) {
  auto* base = static_cast<timer_base*>(arg);
  spin_lock(base->lock);
  auto* timer = static_cast<timer_list*>(const_cast<void*>(platform::timers.take()));
  if (timer == nullptr) {
    spin_unlock(base->lock);
    return;
  }
  base->running_timer.set(timer);
  WRITE_ONCE(timer->pending, false);
  const timer_list::function_t function = timer->function;
  spin_unlock(base->lock);
  function(timer);
  spin_lock(base->lock);
  base->running_timer.set(nullptr);
  spin_unlock(base->lock);
}

// The base's lock is held.
bool detach_if_pending(timer_list* timer, Site site) {
  const bool pending = timer->pending.get(site);
  if (!pending) return false;
  WRITE_ONCE(timer->pending, false, site);
  platform::timers.disarm(timer);
  return true;
}

}  // namespace

bool mod_timer(timer_list* timer, unsigned long expires, Site site) {
  spin_lock(timer->base->lock, site);
  const bool pending = timer->pending.get(site);
  WRITE_ONCE(timer->pending, true, site);
  platform::timers.arm(timer, expires, &expire_timer, timer->base, site);
  spin_unlock(timer->base->lock, site);
  return pending;
}

bool timer_delete(timer_list* timer, Site site) {
  // Looked at without the lock first, as in the kernel.
  if (!timer_pending(timer, site)) return false;
  spin_lock(timer->base->lock, site);
  const bool pending = detach_if_pending(timer, site);
  spin_unlock(timer->base->lock, site);
  return pending;
}

bool timer_delete_sync(timer_list* timer, Site site) {
  timer_base* const base = timer->base;
  if (platform::machine.cpu() == platform::kTimerCpu && base->running_timer.peek() == timer) {
    platform::machine.fail("deadlock", "a timer's function waits for itself to return", site);
  }
  for (;;) {
    // __try_to_del_timer_sync()
    spin_lock(base->lock, site);
    const bool running = base->running_timer.get(site) == timer;
    const bool pending = !running && detach_if_pending(timer, site);
    spin_unlock(base->lock, site);
    if (!running) return pending;
    cpu_relax(site);
  }
}

}  // namespace vmafuzz::kernel
