#include "kernel/spinlock.h"

#include "kernel/atomic.h"

namespace vmafuzz::kernel {

using platform::machine;
using platform::rule;
using platform::Rule;

void spin_lock(spinlock_t& lock, Site site) {
  const Order order = rule(Rule::kLockAcquires) ? Order::kAcquire : Order::kRelaxed;
  const uint64_t mine = 1 + static_cast<uint64_t>(machine.cpu());
  const auto blocked = [&](platform::Awaited& wanted) {
    if (lock.held.peek() == static_cast<int>(mine)) {
      machine.fail("deadlock", "a CPU takes a lock that it already holds", site);
    }
    const auto holder = static_cast<uint8_t>(1u << (lock.held.peek() - 1));
    wanted = {"a lock", &lock.held.location(), holder};
    return true;
  };
  // Only the attempt that succeeds is an event of the memory model (LKR and LKW).
  machine.rmw_when(
      lock.held.location(), order, platform::AccessKind::kWeakRmw, lock.queue_,
      [](uint64_t held) { return held == 0; }, blocked, [mine](uint64_t) { return mine; }, site);
  machine.acquire_own_unlock();
  machine.acquire_handover(lock.held.location());
}

bool spin_trylock(spinlock_t& lock, Site site) {
  int found = 0;
  const Order order = rule(Rule::kLockAcquires) ? Order::kAcquire : Order::kRelaxed;
  if (!try_cmpxchg(lock.held, &found, 1 + machine.cpu(), order, site)) return false;
  machine.acquire_own_unlock();
  machine.acquire_handover(lock.held.location());
  return true;
}

void spin_unlock(spinlock_t& lock, Site site) {
  if (lock.held.peek() != 1 + machine.cpu()) {
    machine.fail("lock-imbalance", "unlock of a lock that this CPU does not hold", site);
  }
  const Order order = rule(Rule::kUnlockReleases) ? Order::kRelease : Order::kRelaxed;
  machine.unlock_store(lock.held.location(), 0, order, site);
  machine.wake(lock.queue_);
}

bool spin_is_locked(const spinlock_t& lock, Site site) { return READ_ONCE(lock.held, site) != 0; }

}  // namespace vmafuzz::kernel
