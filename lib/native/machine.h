// The machine on real memory, for ThreadSanitizer: what lib/kernel is compiled over in builds that
// define VMAFUZZ_NATIVE (lib/kernel/machine.h).
//
// The same interface as sim::Machine with two executors behind it, chosen before an execution:
//
//   fibres    CPUs are lib/sim's fibres, scheduled by sim::machine with the same directors,
//             directives, access numbers, grace periods and trace hash as a simulated execution.
//             There is one OS thread, so that values are sequentially consistent: `stale`, `tear`
//             and `reload` do nothing. ThreadSanitizer keeps a clock for each fibre and finds what
//             is not ordered, deterministically.
//   threads   CPUs are real threads from a pool and run freely on the machine's own memory;
//             directives are delays (threads.h).
//
// Accesses to Shared<T> are told to ThreadSanitizer here, each as what it is: plain loads are
// plain; marked accesses and plain stores, by KCSAN_ASSUME_PLAIN_WRITES_ATOMIC, are relaxed
// atomics; acquire, release and read-modify-writes have their order; data_race() is not told. What
// C11 lacks is mapped as closely as ThreadSanitizer allows (ordering.h). The scheduler, the oracle
// and everything else of the harness is not instrumented and not seen. In tests the model's code is
// instrumented as well, which watches what is not in a Shared<T>.
//
// A report ends the execution with the verdict data-race, at the access that ThreadSanitizer
// complained of (tsan.h).
#ifndef VMAFUZZ_NATIVE_MACHINE_H_
#define VMAFUZZ_NATIVE_MACHINE_H_

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "sim/rcu.h"
#include "sim/timer.h"

namespace vmafuzz::native {

using sim::AccessKind;
using sim::Awaited;
using sim::kBootCpu;
using sim::kFirstSrcuDomain;
using sim::kMaxCpus;
using sim::kNoCpu;
using sim::kRcuCpu;
using sim::kRcuDomain;
using sim::kRcuDomains;
using sim::kTasksTraceDomain;
using sim::kTimerCpu;
using sim::kUserCpus;
using sim::kWorkCpu;
using sim::Location;
using sim::Order;
using sim::Rule;
using sim::rule;
using sim::Site;
using sim::WaitQueue;

// A value that the model keeps for its own checks. Several threads may look at it, and
// ThreadSanitizer is told nothing.
#define VMAFUZZ_UNTOLD __attribute__((disable_sanitizer_instrumentation))
template <class T>
class Unseen {
 public:
  constexpr Unseen() = default;
  VMAFUZZ_UNTOLD Unseen& operator=(T value) {
    __atomic_store_n(&value_, value, __ATOMIC_RELAXED);
    return *this;
  }
  VMAFUZZ_UNTOLD T operator++() { return __atomic_add_fetch(&value_, 1, __ATOMIC_RELAXED); }
  VMAFUZZ_UNTOLD T operator--() { return __atomic_sub_fetch(&value_, 1, __ATOMIC_RELAXED); }
  VMAFUZZ_UNTOLD operator T() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }

 private:
  T value_{};
};
#undef VMAFUZZ_UNTOLD

// A point of an execution in the one order that all CPUs agree on, and what has come before it.
using Knowledge = uint64_t;
struct Moment {
  uint64_t time = 0;  // 0: set-up
  bool known_to(Knowledge knowledge) const { return time <= knowledge; }
};

enum class Executor : uint8_t { kFibres, kThreads };

class Machine {
 public:
  // Between executions.
  void use(Executor executor) { executor_ = executor; }
  Executor executor() const { return executor_; }

  // --- one execution: as in sim::Machine
  void begin(const sim::Options& options, sim::Director* director);
  bool run_alone(void (*body)(void*), void* arg);
  void start(int cpu, void (*body)(void*), void* arg);
  bool run();
  const sim::Verdict& verdict() const;
  uint64_t trace_hash() const;
  uint32_t steps() const;
  const std::vector<sim::Directive>& recorded() const;

  // --- called by code that runs on a CPU
  int cpu() const;
  uint16_t op() const;
  bool alone() const;
  void begin_op(uint16_t op, Site site = Site::current());
  void again(Site site = Site::current());
  void end_op();
  template <class Describe>
  [[noreturn]] void fail(const char* verdict, const Describe& what, Site site = Site::current()) {
    fail_with(verdict, &describe<Describe>, &what, site, nullptr);
  }
  template <class Describe>
  [[noreturn]] void fail_pair(const char* verdict, const Describe& what, Site site, Site other) {
    fail_with(verdict, &describe<Describe>, &what, site, &other);
  }

  uint64_t load(Location& location, Order order, bool plain, bool may_race, Site site);
  void store(Location& location, uint64_t value, Order order, bool plain, bool may_race, Site site);
  void unlock_store(Location& location, uint64_t value, Order order, Site site) {
    store(location, value, order, false, false, site);
    mark_unlock(location);
  }
  template <class F>
  uint64_t rmw(Location& location, Order order, F op, Site site) {
    step(order == Order::kFull ? AccessKind::kRmw : AccessKind::kWeakRmw, &location, site);
    return rmw_now(location, order, op, site);
  }
  template <class F>
  uint64_t rmw_now(Location& location, Order order, F op, Site site) {
    uint64_t old = rmw_look(location, order, site);
    while (!rmw_try(location, &old, op(old), order, site)) {
    }
    return old;
  }
  template <class Admits, class Blocked, class F>
  bool rmw_when(Location& word, Order order, AccessKind kind, WaitQueue& queue, Admits admits,
                Blocked blocked, F op, Site site) {
    for (;;) {
      const uint32_t wakes = wakes_so_far();
      step(kind, &word, site);
      uint64_t old = rmw_look(word, order, site);
      while (admits(old)) {
        if (rmw_try(word, &old, op(old), order, site)) return true;
      }
      Awaited awaited{};
      if (!blocked(awaited)) return false;
      if (!admits(newest(word))) wait(queue, awaited, wakes, site);
    }
  }
  void mark_unlock(Location& word);
  bool cmpxchg(Location& location, uint64_t* expected, uint64_t desired, Order order, Site site);
  // The newest value, which nobody is told of.
  uint64_t newest(const Location& location) const;

  void smp_mb(Site site);
  void smp_rmb(Site site);
  void control_dependency();  // as an acquire fence, which orders later loads as well
  void smp_wmb(Site site);
  void acquire_own_unlock();
  void acquire_handover(Location& word);

  bool injected_failure(Site site);
  uint32_t injected_failures() const;
  void relax(Site site);
  void wake(WaitQueue& queue);
  void step(AccessKind kind, const Location* location, Site site);
  void mix_result(uint64_t value);

  // For the caches: an object was handed out or given back; all of it is written.
  void note_object(sim::Event event, const sim::Object& object, Site site);
  void write_object(void* object, size_t bytes, Site site);

  // Offsets of the arena, as pointers are kept.
  uint64_t offset_of(const void* address) const;
  void* at(uint64_t offset) const;

  // For the oracle: the present instant, and everything so far. What a CPU says of a critical
  // section is known when it has given the lock back: it speaks before that.
  Knowledge knowledge() const;
  Moment moment();

 private:
  template <class Describe>
  static std::string describe(const void* what) {
    if constexpr (std::is_convertible_v<const Describe&, const char*>) {
      return *static_cast<const Describe*>(what);
    } else {
      return (*static_cast<const Describe*>(what))();
    }
  }
  [[noreturn]] void fail_with(const char* verdict, std::string (*describe)(const void*),
                              const void* what, Site site, const Site* other);
  uint32_t wakes_so_far() const;
  void wait(WaitQueue& queue, const Awaited& awaited, uint32_t wakes, Site site);
  void check_usable(const Location& location, Site site);
  [[noreturn]] void fail_access(const Location& location, Site site);
  uint64_t told_load(Location& location, bool plain, bool acquires, Site site);
  uint64_t rmw_look(Location& location, Order order, Site site);
  // False, with what was found instead in *old.
  bool rmw_try(Location& location, uint64_t* old, uint64_t value, Order order, Site site);
  void begin_full();
  void end_full();
  void full_fence();
  void mix(uint64_t value);

  Executor executor_ = Executor::kFibres;
};

extern Machine machine;

class GracePeriods {
 public:
  void read_lock(int domain, Site site);
  void read_unlock(int domain, Site site);
  bool inside(int domain) const;
  int srcu_read_lock(int domain, Site site);
  void srcu_read_unlock(int domain, int reader, Site site);
  void synchronize(int domain, Site site);
  void call(int domain, void (*function)(void*), void* arg, Site site);
  void queue_work(void (*function)(void*), void* arg, Site site);
  bool run_all_now();
};

extern GracePeriods grace_periods;

// sim/timer.h; on threads no timer expires before all CPUs have finished.
class Timers {
 public:
  void arm(const void* timer, uint64_t expires, void (*function)(void*), void* arg, Site site);
  void disarm(const void* timer);
  const void* take();
  bool run_all_now();
};

extern Timers timers;

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_MACHINE_H_
