// Timers: lib/sim's list, which threads share under a lock that ThreadSanitizer does not see.
#include "native/machine.h"
#include "native/threads.h"

namespace vmafuzz::native {

Timers timers;

namespace {
Spinlock list_lock;
bool on_threads() { return machine.executor() == Executor::kThreads; }
}  // namespace

void Timers::arm(const void* timer, uint64_t expires, void (*function)(void*), void* arg,
                 Site site) {
  if (!on_threads()) return sim::timers.arm(timer, expires, function, arg, site);
  machine.step(AccessKind::kDefer, nullptr, site);
  list_lock.lock();
  sim::timers.put(timer, expires, function, arg, 0, site);
  list_lock.unlock();
}

void Timers::disarm(const void* timer) {
  list_lock.lock();
  sim::timers.disarm(timer);
  list_lock.unlock();
}

const void* Timers::take() {
  list_lock.lock();
  const void* timer = sim::timers.take();
  list_lock.unlock();
  return timer;
}

bool Timers::run_all_now() { return sim::timers.run_all_now(); }

}  // namespace vmafuzz::native
