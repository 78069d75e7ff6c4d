// CPUs as real threads, which run freely.
//
// A pool of threads, parked between executions, runs one execution at a time. A preemption
// directive is a delay: its CPU waits until the other one has finished an operation, blocks or
// ends, or for kPatience; a `fail` directive fails that step; the others do nothing. Grace periods
// count readers and deferred work runs on threads of its own, as on lib/sim's CPUs.
//
// ThreadSanitizer must not see order that is not the model's. What this file synchronises with is
// not instrumented, uses no function of libc that ThreadSanitizer knows (futexes, no mutexes), and
// every order that the model is entitled to is told by tokens.
#ifndef VMAFUZZ_NATIVE_THREADS_H_
#define VMAFUZZ_NATIVE_THREADS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "sim/rcu.h"

namespace vmafuzz::native {

// Waits by spinning first, on a futex then.
class Spinlock {
 public:
  void lock();
  void unlock();
  bool held_by_me() const;

 private:
  std::atomic<uint32_t> word_{0};  // 0 free, 1 held, 2 held and waited for
  std::atomic<const void*> owner_{nullptr};
};

class Threads {
 public:
  static constexpr int kPatienceMicroseconds = 50;

  // False: every execution makes its threads and ends them, to measure what a pool saves.
  void keep_threads(bool keep) { keep_threads_ = keep; }

  void begin(const sim::Options& options, sim::Director* director);
  bool run_alone(void (*body)(void*), void* arg);
  void start(int cpu, void (*body)(void*), void* arg);
  bool run();
  const sim::Verdict& verdict() const { return verdict_; }
  uint32_t steps() const;

  sim::Cpu& current() const;
  bool alone() const { return !running_.load(std::memory_order_relaxed); }
  void begin_op(uint16_t op, sim::Site site);
  void again();
  void step(sim::AccessKind kind, const sim::Location* location, sim::Site site);
  bool injected_failure(sim::Site site);
  void relax(sim::Site site);
  uint32_t wakes() const { return wakes_.load(std::memory_order_acquire); }
  void wait(const char* what, uint32_t wakes, sim::Site site);
  void wake();
  [[noreturn]] void fail(const char* verdict, std::string (*describe)(const void*),
                         const void* what, sim::Site site, const sim::Site* other);

  // --- grace periods (sim/rcu.h says what they guarantee)
  void read_lock(int domain, sim::Site site);
  void read_unlock(int domain, sim::Site site);
  bool inside(int domain) const;
  int srcu_read_lock(int domain, sim::Site site);
  void srcu_read_unlock(int domain, int reader, sim::Site site);
  void synchronize(int domain, sim::Site site);
  void call(int domain, void (*function)(void*), void* arg, sim::Site site);
  bool run_all_now();

  // Held while the arena, a cache or the oracle is used; given back by fail().
  Spinlock& world_lock() { return world_lock_; }

  struct Worker;

 private:
  struct Item {
    int domain = 0;  // sim::kNoDomain: a work item
    bool used = false;
    bool ready = false;
    uint64_t readers = 0;               // that it still waits for
    void (*function)(void*) = nullptr;  // null: somebody waits in synchronize()
    void* arg = nullptr;
    uint64_t sequence = 0;
  };
  struct Domain {
    uint64_t readers = 0;
    uint8_t nesting[sim::kMaxCpus] = {};
    uint8_t reader[sim::kMaxCpus] = {};
    alignas(8) char begun[8],
        ended[8];  // tokens: what sim::GracePeriods keeps in clocks of the names
  };
  static constexpr int kItems = 256;

  static void main_of(Worker* worker);
  void finished();
  void end_threads();
  void serve_deferred(int cpu);
  [[noreturn]] void abandon();
  void set_verdict(const char* verdict, const std::string& what, sim::Site site,
                   const sim::Site* other);
  void stop_all();
  void stop_blocked();
  std::string blocked_text() const;
  void delay(int cpu);
  void ask_director(sim::Cpu& cpu, sim::AccessKind kind, const sim::Location* location,
                    sim::Site site);
  int enter(int domain, sim::Site site);
  void exit(int domain, int reader);
  Item* new_item(int domain);
  [[noreturn]] void give_up_items(sim::Site site);
  void make_ready(Item& item);
  Item* next_ready(bool work);
  void run_item(Item& item);
  bool nobody_runs() const;
  bool any_blocked() const;
  Worker& worker(int cpu);

  bool keep_threads_ = true;
  Worker* workers_[sim::kMaxCpus] = {};
  sim::Cpu boot_;
  sim::Options options_;
  sim::Director* director_ = nullptr;
  sim::Verdict verdict_;
  std::atomic<bool> running_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> remaining_{0};  // threads that have something to do
  std::atomic<uint32_t> wakes_{0};
  Spinlock schedule_lock_;  // what threads do and wait for, items, domains
  Spinlock director_lock_;
  Spinlock world_lock_;
  Spinlock verdict_lock_;
  Item items_[kItems];
  Domain domains_[sim::kRcuDomains];
  uint64_t used_readers_ = 0;
  uint64_t sequence_ = 0;
  alignas(8) char start_[8], end_[8];  // tokens
};

extern Threads threads;

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_THREADS_H_
