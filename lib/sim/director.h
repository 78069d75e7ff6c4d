// Who decides an execution, as the machine sees it.
//
// The machine alone knows one execution: keep running this CPU, read the newest store, nothing
// fails, deferred work runs at once. Every deviation from it is a Directive, addressed by the
// operation that it disturbs and the number of the access within it. A Director supplies
// deviations: replay reads them from a program, a search strategy draws them, exploration
// enumerates them. Whatever it was that decided, the machine writes down the directives that would
// do the same again.
#ifndef VMAFUZZ_SIM_DIRECTOR_H_
#define VMAFUZZ_SIM_DIRECTOR_H_

#include <cstdint>

#include "sim/location.h"

namespace vmafuzz::sim {

enum class DirectiveKind : uint8_t {
  kPreempt,  // run CPU `arg` before this access
  kStale,    // read `arg` stores back
  kTear,     // half of the newest store and half of the one before it
  kReload,   // a plain load is done twice, as a compiler may: the second value counts
  kFail,     // this allocation, killable lock or other fallible step fails
  kHold,     // keep what this access queues back for `arg` accesses; kHoldToEnd: until the end
  kExpire,   // of the armed timers that are not held, the first expires before this access
};
inline constexpr int kDirectiveKinds = 7;
inline constexpr uint8_t kHoldToEnd = 255;

struct Directive {
  uint16_t op = 0;      // index of the operation in the program, or a context's number below
  uint16_t access = 0;  // 1 is the operation's beginning
  DirectiveKind kind = DirectiveKind::kPreempt;
  uint8_t arg = 0;
  bool operator==(const Directive&) const = default;
};

// Deferred work belongs to no operation: CPU kWorkCpu + i stands for operation kFirstContextOp + i,
// and its accesses count through the whole execution.
inline constexpr uint16_t kFirstContextOp = 0xfffd;

enum class AccessKind : uint8_t {
  kBegin,  // an operation begins
  kLoad,
  kStore,
  kRmw,
  kWeakRmw,   // a read-modify-write that is no full barrier
  kLocal,     // smp_wmb, smp_rmb: nothing that another CPU does could come out differently
  kFence,     // full barriers
  kReader,    // a read-side critical section of `location` begins or ends
  kGrace,     // a grace period for the readers of `location`
  kFallible,  // something that may fail
  kDefer,     // work is queued
  kBlock,     // this CPU cannot continue
  kEnd,       // this CPU has no more operations
};

struct Point {
  uint8_t cpu = 0;
  AccessKind kind = AccessKind::kBegin;
  uint16_t op = 0;
  uint16_t access = 0;
  uint8_t runnable = 0;  // CPUs that could run now (this one included if it can)
  const Location* location =
      nullptr;  // of loads, stores, read-modify-writes; stands for an RCU domain
  Site site;
};

struct Decision {
  int8_t preempt = -1;  // CPU to run instead
  uint8_t stale = 0;    // stores back from the newest; clipped to what may be read
  uint8_t hold = 0;
  bool tear = false;
  bool reload = false;
  bool fail = false;
  bool expire = false;
  uint8_t again = 0;  // accesses until decide() is to be called next; 0: next_point() knows
};

class Director {
 public:
  virtual ~Director() = default;

  // The number of the next access (greater than `after`) of operation `op`, which runs on `cpu`, at
  // which decide() is to be called. 0xffff: not in this operation.
  virtual uint16_t next_point(int cpu, uint16_t op, uint16_t after) = 0;

  // Called before the access. A preemption of a CPU that cannot run is ignored.
  virtual Decision decide(const Point& point) = 0;

  // True if pick_store is to be called for loads that have a choice.
  virtual bool picks_stores() const { return false; }
  // The load at `point` may read `count` >= 2 stores. Returns how far back to read: 0 newest.
  virtual int pick_store(const Point& point, int count) {
    (void)point;
    (void)count;
    return 0;
  }

  // This CPU cannot continue; `fallback` is what runs without a directive.
  virtual int pick_next(const Point& point, int fallback) {
    (void)point;
    return fallback;
  }

  // The CPU found that it has to wait for others (cpu_relax()): another one runs next. A strategy
  // that ranks CPUs ranks this one last.
  virtual void relaxes(int cpu) { (void)cpu; }

  // The step that this CPU is taking made or freed an object (with Options::track_state): it
  // commutes with no access to one.
  virtual void changes_lifetime(int cpu) { (void)cpu; }

  // A choice of the machine itself with several legal outcomes (0 is the default one).
  virtual int choose(const Point& point, int count) {
    (void)point;
    (void)count;
    return 0;
  }
};

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_DIRECTOR_H_
