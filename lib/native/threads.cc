#include "native/threads.h"

#include <sched.h>

#include <chrono>
#include <cstring>

#include "native/thread_worker.h"
#include "native/tsan.h"

namespace vmafuzz::native {

Threads threads;
thread_local Threads::Worker* self = nullptr;

namespace {

void* boot_jump[5];

// One operation's accesses, spinning included: a thread may wait for one that has no core.
constexpr uint32_t kOpSteps = 1 << 20;
constexpr int kSpins = 100;

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

}  // namespace

// --- locks
// -------------------------------------------------------------------------------------------

void Spinlock::lock() {
  uint32_t expected = 0;
  for (int i = 0; i < kSpins; ++i) {
    expected = 0;
    if (word_.compare_exchange_weak(expected, 1)) {
      owner_.store(&self);
      return;
    }
    __builtin_ia32_pause();
  }
  while (word_.exchange(2) != 0) word_.wait(2);
  owner_.store(&self);
}

void Spinlock::unlock() {
  owner_.store(nullptr);
  if (word_.exchange(0) == 2) word_.notify_one();
}

// The address of a thread's own variable stands for the thread.
bool Spinlock::held_by_me() const { return owner_.load() == &self; }

// --- executions
// --------------------------------------------------------------------------------------

Threads::Worker& Threads::worker(int cpu) {
  if (workers_[cpu] == nullptr) {
    auto* worker = new Worker;
    worker->cpu.id = static_cast<uint8_t>(cpu);
    workers_[cpu] = worker;
    worker->thread = std::thread(&Threads::main_of, worker);
    if (keep_threads_) worker->thread.detach();
  }
  return *workers_[cpu];
}

void Threads::begin(const sim::Options& options, sim::Director* director) {
  options_ = options;
  director_ = director;
  if (verdict_) verdict_ = sim::Verdict{};
  boot_.id = sim::kBootCpu;
  boot_.op = 0;
  for (Worker* w : workers_) {
    if (w == nullptr) continue;
    w->steps = w->op_steps = 0;
    w->on = w->blocked = false;
    w->cpu.op = w->cpu.access = w->cpu.decision_at = 0;
    w->cpu.next_point = 0xffff;
  }
  for (Item& item : items_) item = Item{};
  for (Domain& domain : domains_) {
    domain.readers = 0;
    std::memset(domain.nesting, 0, sizeof domain.nesting);
  }
  used_readers_ = 0;
  stopping_.store(false);
  running_.store(false);
}

bool Threads::run_alone(void (*body)(void*), void* arg) {
  if (__builtin_setjmp(boot_jump) == 0) {
    body(arg);
    run_all_now();
  }
  return !verdict_;
}

void Threads::start(int cpu, void (*body)(void*), void* arg) {
  Worker& w = worker(cpu);
  w.body = body;
  w.arg = arg;
  w.on = true;
}

bool Threads::run() {
  uint32_t count = 0;
  for (Worker* w : workers_) count += w != nullptr && w->on;
  if (count == 0) return true;
  remaining_.store(count);
  tsan::release(&start_);
  running_.store(true);
  uint8_t begins = 0;
  for (int i = 0; i < sim::kMaxCpus; ++i) {
    if (workers_[i] != nullptr && workers_[i]->on) begins |= bit(i);
  }
  for (int i = 0; i < sim::kMaxCpus; ++i) {
    if ((begins & bit(i)) == 0) continue;
    workers_[i]->turn.fetch_add(1);
    workers_[i]->turn.notify_one();
  }
  for (uint32_t left = remaining_.load(); left != 0; left = remaining_.load()) {
    remaining_.wait(left);
  }
  running_.store(false);
  stopping_.store(false);
  tsan::acquire(&end_);
  if (!keep_threads_) end_threads();
  return !verdict_;
}

void Threads::end_threads() {
  for (Worker*& w : workers_) {
    if (w == nullptr) continue;
    w->quit = true;
    w->turn.fetch_add(1);
    w->turn.notify_one();
    w->thread.join();
    delete w;
    w = nullptr;
  }
}

void Threads::main_of(Worker* worker) {
  self = worker;
  tsan::name_thread(worker->cpu.id);
  uint32_t seen = 0;
  for (;;) {
    while (self->turn.load() == seen) self->turn.wait(seen);
    ++seen;
    if (self->quit) return;
    tsan::acquire(&threads.start_);
    if (__builtin_setjmp(self->jump) == 0) {
      if (self->cpu.id < sim::kUserCpus) {
        self->body(self->arg);
      } else {
        threads.serve_deferred(self->cpu.id);
      }
    }
    threads.finished();
  }
}

void Threads::finished() {
  tsan::release(&end_);
  schedule_lock_.lock();
  // Work that came while this thread was leaving is still its own.
  const bool more = self->cpu.id >= sim::kUserCpus && !stopping_.load() &&
                    next_ready(self->cpu.id == sim::kWorkCpu) != nullptr;
  self->on = more;
  const bool stuck = !more && !stopping_.load() && any_blocked() && nobody_runs();
  schedule_lock_.unlock();
  if (stuck) stop_blocked();
  if (more) {
    self->turn.fetch_add(1);
    return;
  }
  if (remaining_.fetch_sub(1) == 1) remaining_.notify_one();
}

uint32_t Threads::steps() const {
  uint32_t total = 0;
  for (const Worker* w : workers_) total += w == nullptr ? 0 : w->steps;
  return total;
}

void Threads::abandon() { __builtin_longjmp(self->jump, 1); }

void Threads::set_verdict(const char* verdict, const std::string& what, sim::Site site,
                          const sim::Site* other) {
  verdict_lock_.lock();
  if (!verdict_) {
    verdict_.what = what;
    verdict_.site = site;
    verdict_.has_other = other != nullptr;
    if (other != nullptr) verdict_.other = *other;
    verdict_.cpu = current().id;
    verdict_.op = current().op;
    verdict_.name = verdict;
  }
  verdict_lock_.unlock();
}

void Threads::stop_all() {
  stopping_.store(true);
  wakes_.fetch_add(1);
  wakes_.notify_all();
}

void Threads::fail(const char* verdict, std::string (*describe)(const void*), const void* what,
                   sim::Site site, const sim::Site* other) {
  set_verdict(verdict, describe(what), site, other);
  if (world_lock_.held_by_me()) world_lock_.unlock();
  if (self == nullptr) __builtin_longjmp(boot_jump, 1);
  stop_all();
  abandon();
  __builtin_unreachable();
}

std::string Threads::blocked_text() const {
  std::string what;
  for (int i = 0; i < sim::kMaxCpus; ++i) {
    if (workers_[i] == nullptr || !workers_[i]->blocked) continue;
    if (!what.empty()) what += ", ";
    what += "cpu" + std::to_string(i) + " waits for " + workers_[i]->waits_for;
  }
  return what;
}

// The last thread that ran has finished and left others waiting for nobody.
void Threads::stop_blocked() {
  set_verdict("deadlock", blocked_text(), sim::Site::current(), nullptr);
  stop_all();
}

// --- CPUs
// --------------------------------------------------------------------------------------------

sim::Cpu& Threads::current() const {
  return self == nullptr ? const_cast<sim::Cpu&>(boot_) : self->cpu;
}

void Threads::begin_op(uint16_t op, sim::Site site) {
  sim::Cpu& cpu = current();
  cpu.op = op;
  cpu.access = 0;
  cpu.decision_at = 0;
  cpu.next_point = 0xffff;
  if (self != nullptr) {
    self->op_steps = 0;
    self->ops.fetch_add(1, std::memory_order_relaxed);
    if (director_ != nullptr) {
      director_lock_.lock();
      cpu.next_point = director_->next_point(cpu.id, op, 0);
      director_lock_.unlock();
    }
  }
  step(sim::AccessKind::kBegin, nullptr, site);
}

void Threads::again() {
  if (self != nullptr) self->op_steps = 0;
}

void Threads::step(sim::AccessKind kind, const sim::Location* location, sim::Site site) {
  if (self == nullptr) return;
  ++self->steps;
  if (stopping_.load(std::memory_order_relaxed)) abandon();
  sim::Cpu& cpu = self->cpu;
  if (cpu.access < 0xfffe) ++cpu.access;
  if (cpu.access >= cpu.next_point) ask_director(cpu, kind, location, site);
  if (++self->op_steps >= kOpSteps) {
    set_verdict("livelock", "one call made 2^20 accesses without finishing", site, nullptr);
    stop_all();
    abandon();
  }
}

void Threads::ask_director(sim::Cpu& cpu, sim::AccessKind kind, const sim::Location* location,
                           sim::Site site) {
  sim::Point point;
  point.cpu = cpu.id;
  point.kind = kind;
  point.op = cpu.op;
  point.access = cpu.access;
  for (int i = 0; i < sim::kUserCpus; ++i) {
    if (workers_[i] != nullptr && workers_[i]->on) point.runnable |= bit(i);
  }
  point.location = location;
  point.site = site;
  director_lock_.lock();
  cpu.decision = director_->decide(point);
  cpu.next_point = director_->next_point(cpu.id, cpu.op, cpu.access);
  director_lock_.unlock();
  cpu.decision_at = cpu.access;
  const int other = cpu.decision.preempt;
  if (other >= 0 && other < sim::kMaxCpus && other != cpu.id) delay(other);
}

void Threads::delay(int cpu) {
  const Worker* other = workers_[cpu];
  if (other == nullptr) return;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(kPatienceMicroseconds);
  const uint32_t ops = other->ops.load(std::memory_order_relaxed);
  while (Clock::now() < end && !stopping_.load(std::memory_order_relaxed)) {
    if (!__atomic_load_n(&other->on, __ATOMIC_RELAXED)) return;
    if (__atomic_load_n(&other->blocked, __ATOMIC_RELAXED)) return;
    if (other->ops.load(std::memory_order_relaxed) != ops) return;
    sched_yield();
  }
}

bool Threads::injected_failure(sim::Site site) {
  step(sim::AccessKind::kFallible, nullptr, site);
  if (self == nullptr) return false;
  sim::Cpu& cpu = self->cpu;
  if (cpu.decision_at != cpu.access || !cpu.decision.fail) return false;
  cpu.decision.fail = false;
  ++cpu.failures;
  return true;
}

void Threads::relax(sim::Site site) {
  step(sim::AccessKind::kFence, nullptr, site);
  sched_yield();
}

bool Threads::any_blocked() const {
  for (const Worker* w : workers_) {
    if (w != nullptr && w->on && w->blocked) return true;
  }
  return false;
}

bool Threads::nobody_runs() const {
  for (const Worker* w : workers_) {
    if (w != nullptr && w->on && !w->blocked) return false;
  }
  return true;
}

void Threads::wait(const char* what, uint32_t wakes, sim::Site site) {
  if (self == nullptr) {
    const auto describe = [](const void* name) {
      return std::string("alone, it waits for ") + static_cast<const char*>(name);
    };
    if (!run_all_now()) fail("deadlock", describe, what, site, nullptr);
    return;
  }
  schedule_lock_.lock();
  // The end of the execution is a wake as well, the last one: who saw its number need not have seen
  // that it was the end.
  if (wakes_.load() != wakes || stopping_.load()) {
    schedule_lock_.unlock();
    if (stopping_.load()) abandon();
    return;
  }
  self->blocked = true;
  self->waits_for = what;
  const bool stuck = nobody_runs();
  const std::string text = stuck ? blocked_text() : std::string();
  schedule_lock_.unlock();
  if (stuck) {
    set_verdict("deadlock", text, site, nullptr);
    stop_all();
  }
  while (wakes_.load() == wakes) wakes_.wait(wakes);
  if (stopping_.load()) abandon();
}

// Everybody looks again. Whoever is woken runs from here on, not from when it notices.
void Threads::wake() {
  schedule_lock_.lock();
  for (Worker* w : workers_) {
    if (w != nullptr) w->blocked = false;
  }
  wakes_.fetch_add(1);
  schedule_lock_.unlock();
  wakes_.notify_all();
}

}  // namespace vmafuzz::native
