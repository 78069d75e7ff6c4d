#include "kernel/rwsem.h"

#include <cerrno>
#include <string>

#include "kernel/atomic.h"
#include "kernel/rules.h"

namespace vmafuzz::kernel {

using platform::machine;
using platform::rule;
using platform::Rule;

namespace {

constexpr long kWriter = 1;
constexpr long kWaitingWriter = 1 << 8;
constexpr long kWaitingMask = 0xff00;
constexpr long kReader = 1 << 16;

Order lock_order() { return rule(Rule::kLockAcquires) ? Order::kAcquire : Order::kRelaxed; }
Order unlock_order() { return rule(Rule::kUnlockReleases) ? Order::kRelease : Order::kRelaxed; }

bool admits_reader(long count) {
  return (count & kWriter) == 0 && ((count & kWaitingMask) == 0 || count < kReader);
}
bool admits_writer(long count) { return (count & kWriter) == 0 && count < kReader; }

bool writes(const rw_semaphore& sem) { return sem.writer == 1 + machine.cpu(); }
bool reads(const rw_semaphore& sem) { return sem.reads[machine.cpu()] != 0; }

// Giving up is one access: begin_access(), this CPU's own record, add_now().
void begin_access(rw_semaphore& sem, Site site) {
  machine.step(platform::AccessKind::kRmw, &sem.count.location(), site);
}
long add_now(rw_semaphore& sem, long change, Order order, Site site) {
  const auto op = [change](uint64_t old) { return old + static_cast<uint64_t>(change); };
  return static_cast<long>(machine.rmw_now(sem.count.location(), order, op, site)) + change;
}
long unlock_now(rw_semaphore& sem, long change, Site site) {
  const long count = add_now(sem, change, unlock_order(), site);
  machine.mark_unlock(sem.count.location());
  return count;
}

void handed_over(rw_semaphore& sem) {
  if (!rules.rwsem_handover) return;
  machine.acquire_own_unlock();
  machine.acquire_handover(sem.count.location());
}

// Waits until admits(count), then adds `change` as it is by then.
template <class Admits, class Blocked>
void add_when(rw_semaphore& sem, Admits admits, Blocked blocked, const long& change, Site site) {
  machine.rmw_when(
      sem.count.location(), lock_order(), platform::AccessKind::kRmw, sem.queue,
      [&](uint64_t count) { return admits(static_cast<long>(count)); }, blocked,
      [&](uint64_t count) { return count + static_cast<uint64_t>(change); }, site);
  handed_over(sem);
}

platform::Awaited awaited(const rw_semaphore& sem) {
  unsigned holders = sem.writer != 0 ? 1u << (sem.writer - 1) : 0u;
  for (int i = 0; i < platform::kMaxCpus; ++i) holders |= sem.reads[i] != 0 ? 1u << i : 0u;
  return {sem.name, &sem.count.location(), static_cast<uint8_t>(holders)};
}

// A CPU that waits for itself waits forever, whatever the others do.
void fail_self_wait(const rw_semaphore& sem, const char* wants, Site site) {
  const char* holds = writes(sem) ? " that it holds for writing" : " that it holds for reading";
  const auto describe = [&] {
    std::string what = "a CPU waits to " + std::string(wants) + " " + sem.name + holds;
    if (!writes(sem) && wants[0] == 'r') what += ", behind a writer that waits";
    return what;
  };
  machine.fail("deadlock", describe, site);
}

void fail_not_held(const rw_semaphore& sem, const char* wanted, Site site) {
  const auto describe = [&] {
    return std::string(sem.name) + " is not held " + wanted + " by this CPU";
  };
  machine.fail("lock-imbalance", describe, site);
}

}  // namespace

void down_read(rw_semaphore& sem, Site site) {
  const auto blocked = [&](platform::Awaited& wanted) {
    if (writes(sem) || reads(sem)) fail_self_wait(sem, "read", site);
    wanted = awaited(sem);
    return true;
  };
  add_when(sem, admits_reader, blocked, kReader, site);
  ++sem.reads[machine.cpu()];
}

int down_read_killable(rw_semaphore& sem, Site site) {
  if (machine.injected_failure(site)) return -EINTR;
  down_read(sem, site);
  return 0;
}

bool down_read_trylock(rw_semaphore& sem, Site site) {
  long count = 0;
  do {
    if ((count & (kWriter | kWaitingMask)) != 0) return false;
  } while (!try_cmpxchg(sem.count, &count, count + kReader, lock_order(), site));
  handed_over(sem);
  ++sem.reads[machine.cpu()];
  return true;
}

void up_read(rw_semaphore& sem, Site site) {
  if (!reads(sem)) fail_not_held(sem, "for reading", site);
  begin_access(sem, site);
  --sem.reads[machine.cpu()];
  if (unlock_now(sem, -kReader, site) < kReader) machine.wake(sem.queue);
}

void down_write(rw_semaphore& sem, Site site) {
  long change = kWriter;
  const auto blocked = [&](platform::Awaited& wanted) {
    if (writes(sem) || reads(sem)) fail_self_wait(sem, "write", site);
    // From here on it keeps readers out (RWSEM_FLAG_WAITERS).
    if (change == kWriter) {
      add_now(sem, kWaitingWriter, Order::kRelaxed, site);
      change = kWriter - kWaitingWriter;
    }
    wanted = awaited(sem);
    return true;
  };
  add_when(sem, admits_writer, blocked, change, site);
  sem.writer = static_cast<uint8_t>(1 + machine.cpu());
}

int down_write_killable(rw_semaphore& sem, Site site) {
  if (machine.injected_failure(site)) return -EINTR;
  down_write(sem, site);
  return 0;
}

bool down_write_trylock(rw_semaphore& sem, Site site) {
  long count = 0;
  if (!try_cmpxchg(sem.count, &count, kWriter, lock_order(), site)) return false;
  handed_over(sem);
  sem.writer = static_cast<uint8_t>(1 + machine.cpu());
  return true;
}

void up_write(rw_semaphore& sem, Site site) {
  if (!writes(sem)) fail_not_held(sem, "for writing", site);
  begin_access(sem, site);
  sem.writer = 0;
  unlock_now(sem, -kWriter, site);
  machine.wake(sem.queue);
}

void downgrade_write(rw_semaphore& sem, Site site) {
  if (!writes(sem)) fail_not_held(sem, "for writing", site);
  begin_access(sem, site);
  sem.writer = 0;
  ++sem.reads[machine.cpu()];
  unlock_now(sem, kReader - kWriter, site);
  machine.wake(sem.queue);
}

bool rwsem_is_locked(const rw_semaphore& sem) { return (sem.count.peek() & ~kWaitingMask) != 0; }
bool rwsem_is_write_locked(const rw_semaphore& sem) { return (sem.count.peek() & kWriter) != 0; }
bool lockdep_is_held(const rw_semaphore& sem) { return writes(sem) || reads(sem); }

void rwsem_assert_held(const rw_semaphore& sem, Site site) {
  if (!lockdep_is_held(sem)) fail_not_held(sem, "at all", site);
}
void rwsem_assert_held_write(const rw_semaphore& sem, Site site) {
  if (!writes(sem)) fail_not_held(sem, "for writing", site);
}

}  // namespace vmafuzz::kernel
