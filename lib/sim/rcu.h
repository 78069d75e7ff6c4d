// Grace periods, work items: what an operation leaves behind, and when it runs.
//
// A grace period is its two-sided guarantee and nothing more. A reader that is inside when it
// begins is waited for, and the updater then knows everything the reader did. A reader that begins
// later sees everything that came before the grace period's beginning; while one is in progress, it
// may instead be waited for as well (a choice of the machine). That is the `rcu` axiom of
// linux-kernel.cat.
//
// A callback is ready as soon as its last reader has left, the earliest legal moment and the most
// hostile one, and then runs at once on kRcuCpu unless a directive holds it back; work items run
// likewise on kWorkCpu. Both are interrupted by directives like any other CPU.
#ifndef VMAFUZZ_SIM_RCU_H_
#define VMAFUZZ_SIM_RCU_H_

#include <array>
#include <cstdint>

#include "sim/machine.h"

namespace vmafuzz::sim {

class StateIdentity;
using Deferred = void (*)(void* arg);

// Domains: RCU flavours and SRCU structures, numbered by whoever uses the machine.
inline constexpr int kNoDomain = -1;  // work items wait for no readers
inline constexpr int kRcuDomain = 0;
inline constexpr int kTasksTraceDomain = 1;
inline constexpr int kFirstSrcuDomain = 2;
inline constexpr int kRcuDomains = 8;
inline constexpr int kMaxReaders = 64;
inline constexpr int kReadersPerCpu = kMaxReaders / kMaxCpus;

class GracePeriods {
 public:
  void reset();

  // Nestable per CPU (normal RCU, tasks-trace): only the outermost pair counts.
  void read_lock(int domain, Site site);
  void read_unlock(int domain, Site site);
  bool inside(int domain) const;
  // SRCU: every section stands for itself and may end on another CPU. Returns its number.
  int srcu_read_lock(int domain, Site site);
  void srcu_read_unlock(int domain, int reader, Site site);

  void synchronize(int domain, Site site);
  void call(int domain, Deferred function, void* arg, Site site);
  void queue_work(Deferred function, void* arg, Site site);

  // A CPU waits in synchronize() for readers that are inside.
  bool awaited() const;

  // Held items may run now: nothing else can. False if there are none.
  bool release_held();
  bool release_due(uint32_t step);
  uint32_t next_release() const { return next_release_; }
  // Alone: everything that is ready runs here and now, until nothing is. False if there was
  // nothing.
  bool run_all_now();
  static void context_main(void* cpu);
  const Location& readers_word(int domain) const { return domains_[domain].readers_word; }
  // Of readers and grace periods, for exploration.
  uint64_t identity(const StateIdentity& state) const;

 private:
  enum class State : uint8_t { kFree, kWaiting, kHeld, kReady, kRunning };
  struct Item {
    State state = State::kFree;
    int8_t domain = -1;        // -1: a work item
    uint8_t cpu = 0;           // who waits or has left it behind
    bool synchronous = false;  // a CPU waits in synchronize()
    uint64_t readers = 0;      // that it still waits for
    Deferred function = nullptr;
    void* arg = nullptr;
    Clock begun;            // what came before it
    uint64_t identity = 0;  // of `begun`, for exploration
    Clock events;           // what its code comes after
    WaitQueue done;
    uint32_t release = 0;  // kHeld: step at which it runs
    uint8_t hold = 0;
    uint32_t sequence = 0;
    uint64_t hash = 0;
    Site site;  // that left it behind
  };
  struct Domain {
    Location readers_word;  // stands for the domain where the scheduler is told what a step touches
    uint8_t nesting[kMaxCpus] = {};
    uint8_t reader[kMaxCpus] = {};
    uint64_t readers = 0;  // active ones
    Clock begun;           // what came before the grace periods that are over
    Clock ended;           // what readers that have left did and saw
    uint64_t begun_hash = 0, ended_hash = 0;
  };
  static constexpr int kItems = 256;

  int enter(int domain, Site site);
  void exit(int domain, int reader, Site site);
  Item* new_item(int domain, Site site);
  void finish_period(const Item& item);
  void finish_readers(Item& item, Site site);
  void make_ready(Item& item);
  Item* next_ready(bool work);
  void run_item(Item& item);
  void count_release();

  std::array<Item, kItems> items_;
  std::array<Domain, kRcuDomains> domains_;
  uint64_t used_readers_ = 0;
  int item_count_ = 0;
  uint32_t sequence_ = 0;
  uint32_t next_release_ = UINT32_MAX;
  int ready_ = 0;
};

extern GracePeriods grace_periods;

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_RCU_H_
