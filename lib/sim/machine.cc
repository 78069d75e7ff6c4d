// Scheduling: which CPU runs, when deciders are asked, blocking, the end of an execution.
#include "sim/machine.h"

#include "sim/coverage.h"
#include "sim/memory.h"
#include "sim/rcu.h"
#include "sim/timer.h"
#include "sim/trace.h"

namespace vmafuzz::sim {

Machine machine;

#ifdef VMAFUZZ_EXTRA_COUNTERS
__attribute__((section("__libfuzzer_extra_counters"), used))
#endif
uint8_t coverage_map[kCoverageBytes];

namespace {
constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }
}  // namespace

void Machine::begin(const Options& options, Director* director) {
  if (stores_.empty()) stores_.resize(kStores);
  if (options.track_state && identities_.empty()) identities_.resize(kStores);
  options_ = options;
  director_ = director;
  asks_loads_ = director != nullptr && director->picks_stores();
  watched_ = options.trace || options.track_state;
  alone_ = true;
  steps_ = 0;
  hash_ = 0;
  store_count_ = 1;
  pending_contexts_ = runnable_ = 0;
  barriers_ = Clock{};
  last_dependency_ = address_ = Dependency{};
  has_address_ = false;
  if (verdict_) verdict_ = Verdict{};
  recorded_.clear();
  trace_.clear();
  state_ = StateTracking{};
  touched_.clear();
  for (int i = 0; i < kMaxCpus; ++i) {
    Cpu& cpu = cpus_[i];
    // Everything but the fibre, which keeps its stack.
    cpu.access = cpu.op = cpu.op_start = cpu.decision_at = 0;
    cpu.next_point = cpu.director_point = 0xffff;
    cpu.time = 1;
    cpu.id = static_cast<uint8_t>(i);
    set_state(cpu, CpuState::kIdle);
    cpu.known = cpu.before_load = cpu.before_store = cpu.read = cpu.read_noreturn = Clock{};
    cpu.read_before = cpu.publish = cpu.written = cpu.written_before = Clock{};
    cpu.overtaken = Lanes{};
    cpu.waits_on = nullptr;
    cpu.unlock = 0;
    cpu.failures = 0;
    cpu.stale_run = 0;
    cpu.resume = kNoCpu;
    cpu.history = cpu.recent = 0;
  }
  current_ = &cpus_[kBootCpu];
  ran_ = false;
  grace_periods.reset();
  timers.reset();
}

void Machine::cpu_main(void* arg) {
  auto* cpu = static_cast<Cpu*>(arg);
  for (;;) {
    machine.bodies_[cpu->id](machine.args_[cpu->id]);
    machine.set_state(*cpu, CpuState::kIdle);
    if (machine.alone_) {
      grace_periods.run_all_now();
      machine.stop();
    }
    // Comes back only to a context that got work again while it was leaving.
    machine.leave(AccessKind::kEnd, Site::current());
  }
}

void Machine::start(int cpu, void (*body)(void*), void* arg) {
  bodies_[cpu] = body;
  args_[cpu] = arg;
  set_state(cpus_[cpu], CpuState::kRunnable);
  cpus_[cpu].fiber.reset(&Machine::cpu_main, &cpus_[cpu]);
}

bool Machine::run_alone(void (*body)(void*), void* arg) {
  alone_ = true;
  start(kBootCpu, body, arg);
  cpus_[kBootCpu].next_point = 0xffff;
  enter(cpus_[kBootCpu]);
  set_state(cpus_[kBootCpu], CpuState::kIdle);
  return !verdict_;
}

bool Machine::run() {
  if (runnable_ == 0) return true;
  alone_ = false;
  // The choice of the first CPU belongs to nobody's operation: the lowest begins, and a preemption
  // at its first access makes another one begin.
  enter(cpus_[__builtin_ctz(runnable_)]);
  alone_ = true;
  ran_ = true;
  current_ = &cpus_[kBootCpu];
  return !verdict_;
}

void Machine::stop() { Fiber::switch_to(current_->fiber, main_); }

void Machine::fail_with(const char* verdict, std::string (*describe)(const void*), const void* what,
                        Site site, const Site* other) {
  verdict_.name = verdict;
  verdict_.site = site;
  verdict_.has_other = other != nullptr;
  if (other != nullptr) verdict_.other = *other;
  verdict_.cpu = current_->id;
  verdict_.op = current_->op;
  describe_ = describe;
  described_ = what;
  stop();
  __builtin_unreachable();
}

void Machine::enter(Cpu& cpu) {
  current_ = &cpu;
  Fiber::switch_to(main_, cpu.fiber);
  if (describe_ == nullptr) return;
  verdict_.what = describe_(described_);
  describe_ = nullptr;
}

Point Machine::make_point(AccessKind kind, const Location* location, Site site) const {
  Point point;
  point.cpu = current_->id;
  point.kind = kind;
  point.op = current_->op;
  point.access = current_->access;
  point.runnable = runnable_;
  point.location = location;
  point.site = site;
  return point;
}

void Machine::record(DirectiveKind kind, uint8_t arg) {
  if (!options_.record) return;
  recorded_.push_back({current_->op, current_->access, kind, arg});
}

void Machine::begin_op(uint16_t op, Site site) {
  Cpu& cpu = *current_;
  cpu.op = op;
  cpu.access = 0;
  cpu.decision_at = 0;  // what the last operation did not use is not for this one
  begin_call(site);
  cpu.director_point =
      alone_ || director_ == nullptr ? 0xffff : director_->next_point(cpu.id, op, 0);
  limit_point(cpu);
  if (options_.trace) trace_note(Event::kBegin, "", op, site);
  step(AccessKind::kBegin, nullptr, site);
}

void Machine::begin_call(Site site) {
  Cpu& cpu = *current_;
  cpu.op_start = cpu.access;
  cpu.stale_run = 0;
  cpu.follows = 0;  // no address is computed from what an earlier call read
  if (steps_ > options_.limits.steps || cpu.access > options_.limits.op_accesses)
    fail(kStepLimit, "the execution is longer than the limit", site);
}

void Machine::again(Site site) {
  begin_call(site);
  limit_point(*current_);
}

void Machine::end_op() {
  if (options_.trace) trace_note(Event::kEnd, "", current_->op, Site::current());
  if (alone_) grace_periods.run_all_now();
}

void Machine::begin_deferred() {
  Cpu& cpu = *current_;
  cpu.op = static_cast<uint16_t>(kFirstContextOp + cpu.id - kWorkCpu);
  cpu.op_start = cpu.access;
  cpu.stale_run = 0;
  cpu.director_point =
      director_ == nullptr ? 0xffff : director_->next_point(cpu.id, cpu.op, cpu.access);
  limit_point(cpu);
}

// The slow path runs when the director wants it, when held work is due, when deferred work is
// ready, and at the latest when the operation has used up its accesses.
void Machine::limit_point(Cpu& cpu) {
  uint32_t point = cpu.op_start + options_.limits.op_steps;
  if (cpu.director_point < point) point = cpu.director_point;
  if (pending_contexts_ != 0) point = cpu.access + 1u;
  const uint32_t release = grace_periods.next_release();
  if (release != UINT32_MAX) {
    const uint32_t due = cpu.access + (release > steps_ ? release - steps_ : 1);
    if (due < point) point = due;
  }
  cpu.next_point = static_cast<uint16_t>(point < 0xffff ? point : 0xffff);
}

// Many strategies are asked at each access: this is part of the hot path.
void Machine::slow_point(AccessKind kind, const Location* location, Site site) {
  Cpu& cpu = *current_;
  if (cpu.access >= cpu.op_start + options_.limits.op_steps) fail_livelock(site);
  if (!alone_) {
    if (steps_ >= grace_periods.next_release()) [[unlikely]]
      grace_periods.release_due(steps_);
    if (pending_contexts_ != 0) [[unlikely]]
      run_pending_context(site);
    if (cpu.access >= cpu.director_point) ask_director(cpu, kind, location, site);
  }
  if (cpu.director_point == cpu.access + 1) {
    cpu.next_point = cpu.director_point;  // nothing comes before the next access
  } else {
    limit_point(cpu);
  }
}

void Machine::fail_livelock(Site site) {
  fail(
      "livelock",
      [&] {
        return "one call made " + std::to_string(options_.limits.op_steps) +
               " accesses without finishing";
      },
      site);
}

// Inlined, as what it asks is in strategy.cc: calls were a third of what an access then costs.
[[gnu::always_inline]] inline void Machine::ask_director(Cpu& cpu, AccessKind kind,
                                                         const Location* location, Site site) {
  const Decision decision = director_->decide(make_point(kind, location, site));
  cpu.decision = decision;
  cpu.decision_at = cpu.access;
  if (decision.expire && timers.expire()) {
    record(DirectiveKind::kExpire, 0);
    run_pending_context(site);
  }
  const int next = decision.preempt;
  if (next >= 0 && next != cpu.id && next < kMaxCpus && runnable(next)) {
    record(DirectiveKind::kPreempt, static_cast<uint8_t>(next));
    switch_to(next, site);
  }
  cpu.director_point = decision.again != 0 ? static_cast<uint16_t>(cpu.access + decision.again)
                                           : director_->next_point(cpu.id, cpu.op, cpu.access);
}

void Machine::switch_to(int next, Site site) {
  Cpu& from = *current_;
  if (options_.trace) trace_note(Event::kSwitch, "", static_cast<uint64_t>(next), site);
  mix(0x51ull << 32 | static_cast<uint64_t>(next));
  if (options_.coverage) cover(site_hash(site) + 0x5317 * static_cast<uint32_t>(next));
  current_ = &cpus_[next];
  if (has_address_) [[unlikely]] {
    // The access for which this CPU stands here keeps what its address depends on.
    const Dependency address = address_;
    forget_address();
    Fiber::switch_to(from.fiber, current_->fiber);
    has_address_ = true;
    address_ = address;
  } else {
    Fiber::switch_to(from.fiber, current_->fiber);
  }
  limit_point(from);
}

// Deferred work runs before anything else does, unless it is held back.
void Machine::run_pending_context(Site site) {
  if (current_->id >= kUserCpus && current_->id != kBootCpu) return;  // contexts do not nest
  const int context = __builtin_ctz(pending_contexts_);
  pending_contexts_ &= ~bit(context);
  if (cpus_[context].state != CpuState::kRunnable) return;
  cpus_[context].resume = current_->id;
  switch_to(context, site);
}

void Machine::deferred_ready(int context) {
  Cpu& cpu = cpus_[context];
  if (cpu.state != CpuState::kIdle) return;
  if (&cpu == current_) {
    set_state(cpu, CpuState::kRunnable);  // it is leaving: cpu_main() goes round again
    return;
  }
  start(context, context == kTimerCpu ? &Timers::context_main : &GracePeriods::context_main, &cpu);
  pending_contexts_ |= bit(context);
  limit_point(*current_);
}

int Machine::fallback_cpu() const {
  for (int context : {kWorkCpu, kRcuCpu, kTimerCpu}) {
    if (uses_contexts_ && runnable(context)) return context;
  }
  const int resume = current_->resume;
  if (resume != kNoCpu && runnable(resume)) return resume;
  return runnable_ == 0 ? -1 : __builtin_ctz(runnable_);
}

// Nothing else can run: what was held back does then, and after that the next timer expires.
static bool release_anything() { return grace_periods.release_held() || timers.expire_at_last(); }

void Machine::leave(AccessKind kind, Site site) {
  Cpu& cpu = *current_;
  ++steps_;
  ++cpu.access;
  int next = fallback_cpu();
  while (next < 0 && release_anything()) next = fallback_cpu();
  pending_contexts_ = 0;  // contexts are ordinary candidates from here on
  if (next < 0) {
    if (kind == AccessKind::kEnd && blocked_mask() == 0) {
      stop();
      __builtin_unreachable();
    }
    fail_blocked(site);
  }
  if (director_ != nullptr) {
    const Point point = make_point(kind, nullptr, site);
    int wanted = next;
    if (cpu.access >= cpu.director_point) {
      const Decision decision = director_->decide(point);
      if (decision.preempt >= 0) wanted = decision.preempt;
    } else {
      wanted = director_->pick_next(point, next);
    }
    if (wanted != next && wanted >= 0 && wanted < kMaxCpus && runnable(wanted)) {
      next = wanted;
      record(DirectiveKind::kPreempt, static_cast<uint8_t>(next));
    }
    cpu.director_point = director_->next_point(cpu.id, cpu.op, cpu.access);
  }
  limit_point(cpu);
  if (next != cpu.id) switch_to(next, site);
}

uint8_t Machine::blocked_mask() const {
  uint8_t mask = 0;
  for (int i = 0; i < kMaxCpus; ++i) {
    if (cpus_[i].state == CpuState::kBlocked) mask |= bit(i);
  }
  return mask;
}

std::string awaited_name(const Awaited& awaited) {
  if (awaited.word == nullptr) return awaited.what;
  // Without the word that is inside of the lock: "mm0.mmap_lock" of "mm0.mmap_lock.rwsem".
  const std::string name = location_name(awaited.word);
  const size_t dot = name.rfind('.');
  return dot == 0 || dot == std::string::npos ? std::string(awaited.what) : name.substr(0, dot);
}

void Machine::fail_blocked(Site site) {
  const auto describe = [&] {
    std::string what;
    for (int i = 0; i < kMaxCpus; ++i) {
      if (cpus_[i].state != CpuState::kBlocked) continue;
      if (!what.empty()) what += ", ";
      what += "cpu" + std::to_string(i) + " waits for " + awaited_name(cpus_[i].waits_for);
      const uint8_t holders = cpus_[i].waits_for.holders;
      if (holders == 0) continue;
      what += ", held by";
      for (int k = 0; k < kMaxCpus; ++k) {
        if ((holders & bit(k)) != 0) what += " cpu" + std::to_string(k);
      }
    }
    return what;
  };
  // Readers that never leave are what a stalled grace period is.
  fail(grace_periods.awaited() ? "rcu-stall" : "deadlock", describe, site);
}

void Machine::relax(Site site) {
  step(AccessKind::kFence, nullptr, site);
  if (alone_ || asks_relax()) return;  // an exploration decides by itself, at the next access
  // Someone else first, each in turn: a loop that waits must not starve the one it waits for.
  const auto next_after = [&]() -> int {
    for (int i = 1; i < kMaxCpus; ++i) {
      const int next = (current_->id + i) % kMaxCpus;
      if (runnable(next)) return next;
    }
    return -1;
  };
  int next = next_after();
  while (next < 0 && release_anything()) next = next_after();
  if (next < 0) return;
  if (director_ != nullptr) director_->relaxes(current_->id);
  switch_to(next, site);
}

void Machine::wait(WaitQueue& queue, const Awaited& what, Site site) {
  Cpu& cpu = *current_;
  cpu.waits_for = what;
  if (alone_) {
    // Nobody else could ever wake it, unless deferred work does.
    if (grace_periods.run_all_now() || timers.run_all_now()) return;
    fail("deadlock", [&] { return "alone, it waits for " + awaited_name(what); }, site);
  }
  queue.waiting |= bit(cpu.id);
  cpu.waits_on = &queue;
  set_state(cpu, CpuState::kBlocked);
  if (options_.trace) {
    trace_note(Event::kBlock, what.what, what.holders, site);
    trace_.back().location = what.word;
  }
  leave(AccessKind::kBlock, site);
  cpu.waits_on = nullptr;
}

void Machine::wake(WaitQueue& queue) {
  if (queue.waiting == 0) return;
  for (int i = 0; i < kMaxCpus; ++i) {
    if ((queue.waiting & bit(i)) != 0 && cpus_[i].waits_on == &queue) {
      set_state(cpus_[i], CpuState::kRunnable);
    }
  }
  queue.waiting = 0;
}

bool Machine::injected_failure(Site site) {
  step(AccessKind::kFallible, nullptr, site);
  Cpu& cpu = *current_;
  if (alone_ || cpu.decision_at != cpu.access || !cpu.decision.fail) return false;
  cpu.decision.fail = false;
  ++cpu.failures;
  record(DirectiveKind::kFail, 0);
  mix(0xfa11);
  if (options_.trace) trace_note(Event::kFail, "injected failure", 0, site);
  return true;
}

int Machine::choose(int count, Site site) {
  if (alone_ || director_ == nullptr) return 0;
  return director_->choose(make_point(AccessKind::kFence, nullptr, site), count);
}

Decision Machine::take_decision() {
  Cpu& cpu = *current_;
  if (cpu.decision_at != cpu.access) return Decision{};
  cpu.decision_at = 0;
  return cpu.decision;
}

void Machine::mix_history(uint64_t value) {
  current_->history = (current_->history ^ value) * 0xD6E8FEB86659FD93ull + 0x9E37;
  current_->history ^= current_->history >> 29;
  ++state_.version;
}

uint64_t Machine::state_hash() const {
  uint64_t hash = state_.locations ^ (state_.barriers * 0xA24BAED4963EE407ull);
  for (int i = 0; i < kMaxCpus; ++i) {
    const Cpu& cpu = cpus_[i];
    hash = (hash ^ (cpu.history + static_cast<uint64_t>(cpu.state) + i)) * 0x9FB21C651E98DF25ull;
    hash ^= hash >> 32;
  }
  return hash;
}

void Machine::trace_note(Event event, const char* note, uint64_t value, Site site,
                         uint64_t object) {
  TraceEvent entry;
  entry.event = event;
  entry.cpu = current_->id;
  entry.op = current_->op;
  entry.access = current_->access;
  entry.step = steps_;
  entry.note = note;
  entry.value = value;
  entry.object = object;
  entry.site = site;
  trace_.push_back(entry);
}

}  // namespace vmafuzz::sim
