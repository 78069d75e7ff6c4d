// The simulated machine: CPUs, weakly ordered memory, races, blocking, time.
//
// An operational form of the Linux-kernel memory model without load buffering: CPUs execute in
// order, stores are appended to their location's coherence order, and a load may read any store
// that its CPU is not yet bound to know overwritten. Three kinds of knowledge decide that
// (clock.h):
//
//   message   what must reach a CPU before a store does: smp_wmb, release, full barriers and lock
//             hand-over put it there (cumul-fence* of linux-kernel.cat)
//   before    what has reached every CPU before a store executes: full barriers and grace periods
//   put
//             it there, then it follows happens-before, also through relaxed stores
//   barriers  the union of what full barriers have published. They are executed in one order, and a
//             later one knows what an earlier one knew: that is the propagation axiom
//
// docs/memory-model.md states what the machine shows, what it cannot, and a litmus test for each.
//
// There is one machine a process: `machine`. Its hot path (load, store) has no allocation, no
// virtual call and no scheduler call but one comparison.
#ifndef VMAFUZZ_SIM_MACHINE_H_
#define VMAFUZZ_SIM_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "sim/clock.h"
#include "sim/director.h"
#include "sim/fiber.h"
#include "sim/location.h"
#include "sim/rules.h"

namespace vmafuzz::sim {

// CPUs 0..3 run operations; the others run what operations leave behind. Litmus tests use 0..6.
inline constexpr int kUserCpus = 4;
inline constexpr int kWorkCpu = 4;  // work items
inline constexpr int kRcuCpu = 5;   // callbacks after grace periods
inline constexpr int kTimerCpu = 6;
inline constexpr int kBootCpu = 7;  // set-up before, checks after the concurrent part; runs alone

enum class Order : uint8_t { kRelaxed, kAcquire, kRelease, kFull, kNoReturn };

// What a value carries: the order that an access gets which depends on it.
struct Dependency {
  Clock message;
  Clock before;
  void join(const Dependency& other) {
    message.join(other.message);
    before.join(other.before);
  }
};

struct WaitQueue {
  uint8_t waiting = 0;  // CPUs, one bit each
};

// What a CPU waits for, for reports.
struct Awaited {
  const char* what;                // "mmap_lock"
  const Location* word = nullptr;  // of the lock, whose name it then goes by
  uint8_t holders = 0;             // CPUs that had it when the wait began, one bit each
};

// What a CPU is bound to know, and a point of the execution of which that can be asked.
using Knowledge = Clock;
struct Moment {
  uint16_t time = 0;
  uint8_t cpu = kNoCpu;  // kNoCpu: set-up, known to everyone
  bool known_to(const Knowledge& knowledge) const {
    return cpu == kNoCpu || knowledge.w[cpu] >= time || knowledge.r[cpu] >= time;
  }
};

// A value that the model keeps for its own checks (who holds a lock): looking at it is no access.
template <class T>
using Unseen = T;

enum class CpuState : uint8_t { kIdle, kRunnable, kBlocked };

struct Cpu {
  // Access counting: the slow path runs when access reaches next_point.
  uint16_t access = 0;
  uint16_t next_point = 0xffff;      // the earliest of these: the slow path runs
  uint16_t director_point = 0xffff;  // the director wants to be asked
  uint16_t op = 0;
  uint16_t op_start = 0;  // access at which the present call or piece of work began
  uint16_t time = 1;
  uint8_t id = 0;
  CpuState state = CpuState::kIdle;
  uint16_t decision_at = 0;
  Decision decision;  // for access number decision_at

  Clock known;          // orders later loads: messages of acquire loads, smp_rmb
  Clock before_load;    // what later loads come after in happens-before
  Clock before_store;   // the same for later stores
  Clock read;           // messages of all loads so far
  Clock read_noreturn;  // the same for void read-modify-writes, which smp_rmb does not order
  Clock read_before;    // `before` of all loads so far
  Clock publish;        // message of the next relaxed store
  Clock written;        // messages of own stores so far
  Clock written_before;

  Lanes overtaken{};  // per CPU: time of its first store that overwrites what this CPU read stale;
                      // 0 none
  Clock unlock_stored;  // what this CPU had stored by its last unlock, and what came before that
  uint32_t unlock = 0;  // store of this CPU's last unlock
  WaitQueue* waits_on = nullptr;
  Awaited waits_for{""};
  uint32_t failures = 0;   // steps that failed because a directive said so
  uint16_t stale_run = 0;  // stale loads in a row without progress
  uint8_t resume = 0xff;   // deferred contexts: CPU to return to
  uint8_t follows = 0;     // kPointer: it has read a pointer that says something (note_pointer())
  uint64_t history = 0;    // of what it observed (track_state)
  uint64_t recent = 0;     // the same since its program last cleared it
  Fiber fiber;
};

// Why an execution stopped early. `name` is one of the stable verdict names.
struct Verdict {
  const char* name = nullptr;
  std::string what;  // one line: type, field, the other party
  Site site;         // where it was noticed
  Site other;        // the other access, if there is one
  bool has_other = false;
  uint8_t cpu = 0;
  uint16_t op = 0;
  explicit operator bool() const { return name != nullptr; }
};

inline constexpr size_t kStores = 1 << 17;  // of one execution

struct Limits {
  uint32_t steps = 60000;    // accesses of one execution
  uint32_t op_steps = 4096;  // accesses of one call: livelock
  // Of an operation that makes its call several times, where the last may begin: with that call's
  // own they have numbers in directives.
  uint32_t op_accesses = 32768;
  uint16_t stale_loads = 64;  // stale loads of one operation before the newest is forced
};

struct Options {
  Limits limits;
  bool record = false;  // keep the directives that deviations amount to
  bool trace = false;
  bool coverage = false;
  bool assume_dependencies = true;  // every store depends on every earlier load (design: no LB)
  bool report_races = true;
  bool track_state = false;  // maintain state_hash() for exploration
};

struct Object;
struct TraceEvent;
enum class Event : uint8_t;

// Not a bug: the execution was longer than Limits::steps and was given up.
inline constexpr const char* kStepLimit = "step-limit";

// Identity of the machine's state, for exploration: what each CPU has observed determines what it
// will do; with the order of stores and barriers that is all there is.
struct StateTracking {
  uint64_t locations = 0;
  uint64_t barriers = 0;
  uint64_t version = 0;  // accesses executed
};

class Machine {
 public:
  // --- one execution
  // -------------------------------------------------------------------------------
  void begin(const Options& options, Director* director);
  // Runs body(arg) alone on the boot CPU; stores made here are known to everyone. False: a verdict.
  bool run_alone(void (*body)(void*), void* arg);
  // Gives a CPU its work for run().
  void start(int cpu, void (*body)(void*), void* arg);
  // Runs until every CPU has finished. False: a verdict.
  bool run();
  const Verdict& verdict() const { return verdict_; }
  uint64_t trace_hash() const { return hash_; }
  uint32_t steps() const { return steps_; }
  const std::vector<Directive>& recorded() const { return recorded_; }
  // Directives of a replay that met no access, or could not be followed as written.
  const std::vector<TraceEvent>& trace() const { return trace_; }

  // --- called by code that runs on a CPU
  // -----------------------------------------------------------
  int cpu() const { return current_->id; }
  uint16_t op() const { return current_->op; }
  Cpu& current() { return *current_; }
  bool alone() const { return alone_; }
  // The concurrent part is over: who is alone now comes after it.
  bool ran() const { return ran_; }
  void begin_op(uint16_t op, Site site = Site::current());
  // The operation makes its call once more: accesses are counted on, but it may take as many anew.
  void again(Site site = Site::current());
  void end_op();
  // Ends the execution with a verdict. `what` is a string literal, or a function that returns the
  // line; it is called on the caller's own stack once this fibre is given up, since what a given-up
  // fibre had allocated would never be freed.
  template <class Describe>
  [[noreturn]] void fail(const char* verdict, const Describe& what, Site site = Site::current()) {
    fail_with(verdict, &describe<Describe>, static_cast<const void*>(&what), site, nullptr);
  }
  template <class Describe>
  [[noreturn]] void fail_pair(const char* verdict, const Describe& what, Site site, Site other) {
    fail_with(verdict, &describe<Describe>, static_cast<const void*>(&what), site, &other);
  }

  uint64_t load(Location& location, Order order, bool plain, bool may_race, Site site);
  void store(Location& location, uint64_t value, Order order, bool plain, bool may_race, Site site);
  // A store that hands a lock over (UL in lock.cat).
  void unlock_store(Location& location, uint64_t value, Order order, Site site);
  // Reads the newest store, lets op compute from it, stores. Returns the old value. kFull is a full
  // barrier on both sides. Never fails.
  template <class F>
  uint64_t rmw(Location& location, Order order, F op, Site site);
  // The same as part of an access that was numbered already (a lock that found its word free).
  template <class F>
  uint64_t rmw_now(Location& location, Order order, F op, Site site);
  // Waits in `queue` until admits(value) holds for the newest value of `word`, then replaces it by
  // op(value): nothing runs between that look and the change, which are one access. Before each
  // wait blocked(awaited) is asked, which says what is waited for; false gives up, and so does
  // rmw_when().
  template <class Admits, class Blocked, class F>
  bool rmw_when(Location& word, Order order, AccessKind kind, WaitQueue& queue, Admits admits,
                Blocked blocked, F op, Site site);
  // The newest store of the lock word, this CPU's own, hands the lock over.
  void mark_unlock(Location& word);
  // False, with the value read in *expected, orders nothing and may read a stale store.
  bool cmpxchg(Location& location, uint64_t* expected, uint64_t desired, Order order, Site site);

  void smp_mb(Site site);
  void smp_rmb(Site site);
  // Nothing to be told: depend_control(), or Options::assume_dependencies.
  void control_dependency() {}
  void smp_wmb(Site site);
  // Orders what was before the unlock that the last lock took over before what follows (strong).
  void smp_mb_after_unlock_lock(Site site) { smp_mb(site); }

  // Dependencies (only with assume_dependencies off): what the last load returned carries this.
  const Dependency& last_dependency() const { return last_dependency_; }
  // The next access's address depends on it / every later store of this CPU does (control).
  void depend_address(const Dependency& dependency);
  void depend_data(const Dependency& dependency) { depend_address(dependency); }
  void depend_control(const Dependency& dependency);

  // A step that may fail: true if a directive says so.
  bool injected_failure(Site site);
  // Lets others run: in loops that wait for another CPU.
  void relax(Site site);
  void wait(WaitQueue& queue, const Awaited& what, Site site);
  // Steps of the current CPU that injected_failure() has made fail in this execution.
  uint32_t injected_failures() const { return current_->failures; }
  void wake(WaitQueue& queue);

  // Everything the current CPU is bound to see, and everything it has done: for the oracle.
  Knowledge knowledge() const;
  Moment moment() const { return alone_ ? Moment{} : Moment{current_->time, current_->id}; }

  // --- for lib/sim's other parts
  // -------------------------------------------------------------------
  bool may_preempt() const { return !alone_; }
  // object: offset in the arena of what it is about; 0: nothing.
  void trace_note(Event event, const char* note, uint64_t value, Site site, uint64_t object = 0);
  void note_object(Event event, const Object& object, Site site);
  // The result of an operation is part of what happened.
  void mix_result(uint64_t value) { mix(value ^ 0x0e5u); }
  void mix(uint64_t value) { hash_ = (hash_ ^ value) * 0x9E3779B97F4A7C15ull; }
  bool traces() const { return options_.trace; }
  void set_uses_contexts(bool uses) { uses_contexts_ = uses; }
  uint64_t state_version() const { return state_.version; }
  StateTracking& state_tracking() { return state_; }
  Point make_point(AccessKind kind, const Location* location, Site site) const;
  void step(AccessKind kind, const Location* location, Site site);  // one numbered access
  Decision take_decision();
  void join_everything(Cpu& cpu,
                       const Clock& events);  // cpu learns `events` as after a strong fence
  Clock all_events(const Cpu& cpu) const;     // what a strong fence of cpu would publish
  Cpu& cpu_at(int index) { return cpus_[index]; }
  // A lock was taken: po-unlock-lock-po after this CPU's last unlock, and after the last of it.
  void acquire_own_unlock();
  void acquire_handover(Location& lock);
  void deferred_ready(int context);  // context has work to run now
  void full_barrier(Cpu& cpu);
  void begin_deferred();  // the next piece of deferred work on this context
  void limit_current_point() { limit_point(*current_); }
  Director* director() { return director_; }
  const Options& options() const { return options_; }
  Store& store_at(uint32_t index) { return stores_[index]; }
  void record(DirectiveKind kind, uint8_t arg);
  const Location& barrier_word() const { return barrier_word_; }
  uint64_t state_hash() const;
  void mix_state(uint64_t value) {  // current CPU's own history
    if (options_.track_state) mix_history(value);
  }
  void watch_fence(const char* name, Site site);
  int choose(int count, Site site);

 private:
  friend class StateIdentity;

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
  void enter(Cpu& cpu);  // from the caller's stack; back when the execution stops

  static void cpu_main(void* arg);
  void slow_point(AccessKind kind, const Location* location, Site site);
  void limit_point(Cpu& cpu);
  void begin_call(Site site);
  [[noreturn]] void fail_livelock(Site site);
  void ask_director(Cpu& cpu, AccessKind kind, const Location* location, Site site);
  void switch_to(int next, Site site);
  void run_pending_context(Site site);
  uint8_t blocked_mask() const;
  [[noreturn]] void fail_blocked(Site site);
  bool asks_relax() const { return options_.track_state; }
  int fallback_cpu() const;
  bool runnable(int cpu) const { return (runnable_ >> cpu & 1) != 0; }
  void set_state(Cpu& cpu, CpuState state) {
    cpu.state = state;
    const auto bit = static_cast<uint8_t>(1u << cpu.id);
    runnable_ =
        static_cast<uint8_t>(state == CpuState::kRunnable ? runnable_ | bit : runnable_ & ~bit);
  }
  void leave(AccessKind kind, Site site);  // this CPU cannot continue: run another
  void stop();                             // back to the caller of run()
  void mix_history(uint64_t value);

  Store& new_store(Location& location, uint64_t value, uint8_t flags, Site site);
  void add_precise_order(Cpu& cpu, const Location& location, Store& store);
  void finish_store(Cpu& cpu, Store& store);
  void publish_release(Cpu& cpu, Store& store);
  uint32_t pick_store(Cpu& cpu, Location& location, Site site);
  uint32_t store_back(Cpu& cpu, const Location& location, int back);
  int readable(const Cpu& cpu, const Location& location) const;
  Clock load_floor(const Cpu& cpu, const Location& location) const;
  bool reads_own_store(const Cpu& cpu, const Location& location, Order order) const;
  void note_pointer(Cpu& cpu, const Location& location, uint64_t value, uint32_t store);
  uint32_t chained(uint32_t via, uint32_t store);
  bool known(const Store& store, const Clock& clock, int cpu) const;
  bool known_apart_from_reading(const Store& store, const Clock& clock) const;
  void observe(Cpu& cpu, Store& store, Order order);
  bool order_returns(const Cpu& cpu, const Store& store) const;
  void learn_before(Cpu& cpu, const Clock& before);
  void learn_pending(Cpu& cpu);
  void set_dependency(Cpu& cpu, const Store& store, bool pending);
  void forget_address();
  void check_null(const Location* location, Site site);
  [[noreturn]] void fail_null(Site site);
  [[noreturn]] void fail_access(const Location& location, Site site);
  void check_load_race(Cpu& cpu, Location& location, Site site);
  void check_store_race(Cpu& cpu, Location& location, uint64_t value, bool may_race, Site site);
  uint64_t compiler_load(Cpu& cpu, Location& location, const Store& store, Site site);
  // The access is numbered. _at_point: the slow path's turn comes before it.
  uint64_t load_now(Location& location, Order order, bool plain, bool may_race, Site site);
  void store_now(Location& location, uint64_t value, Order order, bool plain, bool may_race,
                 Site site);
  uint64_t load_at_point(Location& location, Order order, bool plain, bool may_race, Site site);
  void store_at_point(Location& location, uint64_t value, Order order, bool plain, bool may_race,
                      Site site);
  uint64_t load_slow(Location& location, Order order, bool plain, bool may_race, Site site);
  uint64_t load_stored(Location& location, Order order, bool plain, bool may_race, Site site);
  void store_slow(Location& location, uint64_t value, Order order, bool plain, bool may_race,
                  Site site);
  void note_plain_load(Cpu& cpu, Location& location);
  void note_own_plain_load(Cpu& cpu, Location& location);
  uint64_t note_shared_plain_load(Cpu& cpu, Location& location);  // returns the location's value
  uint64_t rmw_begin(Location& location, Order order, Site site);
  void rmw_end(Location& location, uint64_t value, Order order, Site site);
  void watch(AccessKind kind, const Location& location, uint64_t value, uint32_t from, Order order,
             bool plain, bool may_race, Site site);
  void track(AccessKind kind, const Location& location, uint64_t value, uint32_t from);

  Cpu cpus_[kMaxCpus];
  Cpu* current_ = &cpus_[kBootCpu];
  Director* director_ = nullptr;
  Options options_;
  bool alone_ = true;
  bool ran_ = false;
  bool asks_loads_ = false;
  bool watched_ = false;  // trace or state tracking: every access takes the slow path
  uint32_t steps_ = 0;
  uint64_t hash_ = 0;
  std::vector<Store> stores_;
  std::vector<StoreIdentity> identities_;
  uint32_t store_count_ = 1;
  uint32_t rmw_read_ = 0;  // what the read-modify-write under way has read
  Clock barriers_;         // what full barriers have published
  Location barrier_word_;  // stands for them where someone asks what a step touches
  Dependency last_dependency_;
  Dependency address_;  // of the next access
  bool has_address_ = false;
  Verdict verdict_;
  std::vector<Directive> recorded_;
  std::vector<TraceEvent> trace_;
  uint8_t pending_contexts_ = 0;
  uint8_t runnable_ = 0;                            // CPUs whose state is kRunnable, one bit each
  std::string (*describe_)(const void*) = nullptr;  // of a verdict that is not yet put in words
  const void* described_ = nullptr;
  Fiber main_;
  void (*bodies_[kMaxCpus])(void*) = {};
  void* args_[kMaxCpus] = {};
  bool uses_contexts_ = true;  // CPUs 4..6 run deferred work; litmus tests use them as CPUs
  StateTracking state_;
  std::vector<const Location*> touched_;  // track_state: locations with concurrent stores
};

extern Machine machine;

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_MACHINE_H_
