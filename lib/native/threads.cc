#include "native/threads.h"

#include <sched.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "native/tsan.h"

namespace vmafuzz::native {

Threads threads;

struct Threads::Worker {
  std::thread thread;
  sim::Cpu cpu;
  void (*body)(void*) = nullptr;  // null: deferred work
  void* arg = nullptr;
  std::atomic<uint32_t> turn{0};  // goes up when there is something to do
  bool quit = false;              // before a turn: there is nothing to do any more
  bool on = false;                // has something to do; with schedule_lock_
  bool blocked = false;           // likewise
  const char* waits_for = "";
  uint32_t steps = 0;
  uint32_t op_steps = 0;
  std::atomic<uint32_t> ops{0};  // begun and ended
  void* jump[5];                 // where fail() and abandon() go
};

namespace {

thread_local Threads::Worker* self = nullptr;  // null: the thread that runs alone
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

void Threads::step(sim::AccessKind kind, const sim::Location* location, sim::Site site) {
  if (self == nullptr) return;
  ++self->steps;
  if (stopping_.load(std::memory_order_relaxed)) abandon();
  sim::Cpu& cpu = self->cpu;
  if (cpu.access < 0xfffe) ++cpu.access;
  if (cpu.access >= cpu.next_point) ask_director(cpu, kind, location, site);
  if (++self->op_steps >= kOpSteps) {
    set_verdict("livelock", "one operation made 2^20 accesses without finishing", site, nullptr);
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
  if (wakes_.load() != wakes) {
    schedule_lock_.unlock();
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

// --- grace periods
// ------------------------------------------------------------------------------------

int Threads::enter(int domain, sim::Site site) {
  schedule_lock_.lock();
  Domain& d = domains_[domain];
  if (~used_readers_ == 0) {
    schedule_lock_.unlock();
    set_verdict(sim::kStepLimit, "more RCU readers than the machine counts", site, nullptr);
    stop_all();
    abandon();
  }
  const int reader = __builtin_ctzll(~used_readers_);
  used_readers_ |= uint64_t{1} << reader;
  d.readers |= uint64_t{1} << reader;
  // Every grace period that has begun is before it.
  if (!alone()) tsan::acquire(&d.begun);
  schedule_lock_.unlock();
  return reader;
}

void Threads::exit(int domain, int reader) {
  const uint64_t mask = uint64_t{1} << reader;
  bool finished = false;
  schedule_lock_.lock();
  Domain& d = domains_[domain];
  d.readers &= ~mask;
  used_readers_ &= ~mask;
  if (!alone()) tsan::release(&d.ended);
  for (Item& item : items_) {
    if (!item.used || item.domain != domain || (item.readers & mask) == 0) continue;
    item.readers &= ~mask;
    tsan::release(&item);
    if (item.readers != 0) continue;
    if (item.function == nullptr) {
      finished = true;
    } else {
      make_ready(item);
    }
  }
  schedule_lock_.unlock();
  if (finished) wake();
}

void Threads::read_lock(int domain, sim::Site site) {
  step(sim::AccessKind::kReader, nullptr, site);
  Domain& d = domains_[domain];
  const int cpu = current().id;
  if (d.nesting[cpu]++ == 0) d.reader[cpu] = static_cast<uint8_t>(enter(domain, site));
}

void Threads::read_unlock(int domain, sim::Site site) {
  step(sim::AccessKind::kReader, nullptr, site);
  Domain& d = domains_[domain];
  const int cpu = current().id;
  const auto describe = [](const void*) { return std::string("rcu_read_unlock without a reader"); };
  if (d.nesting[cpu] == 0) fail("lock-imbalance", describe, nullptr, site, nullptr);
  if (--d.nesting[cpu] == 0) exit(domain, d.reader[cpu]);
}

bool Threads::inside(int domain) const { return domains_[domain].nesting[current().id] != 0; }

int Threads::srcu_read_lock(int domain, sim::Site site) {
  step(sim::AccessKind::kReader, nullptr, site);
  return enter(domain, site);
}

void Threads::srcu_read_unlock(int domain, int reader, sim::Site site) {
  step(sim::AccessKind::kReader, nullptr, site);
  exit(domain, reader);
}

Threads::Item* Threads::new_item(int domain) {
  for (Item& item : items_) {
    if (item.used) continue;
    item = Item{};
    item.used = true;
    item.domain = domain;
    item.sequence = ++sequence_;
    return &item;
  }
  return nullptr;
}

void Threads::give_up_items(sim::Site site) {
  const auto describe = [](const void*) {
    return std::string("more deferred work than the machine counts");
  };
  fail(sim::kStepLimit, describe, nullptr, site, nullptr);
}

void Threads::synchronize(int domain, sim::Site site) {
  step(sim::AccessKind::kGrace, nullptr, site);
  Domain& d = domains_[domain];
  if (alone()) {
    run_all_now();
    return;
  }
  schedule_lock_.lock();
  Item* item = new_item(domain);
  if (item != nullptr) {
    item->readers = d.readers;
    tsan::release(&d.begun);
  }
  schedule_lock_.unlock();
  if (item == nullptr) give_up_items(site);
  for (;;) {
    const uint32_t seen = wakes();
    schedule_lock_.lock();
    const bool over = item->readers == 0;
    schedule_lock_.unlock();
    if (over) break;
    wait("a grace period", seen, site);
  }
  tsan::acquire(item);
  tsan::acquire(&d.ended);
  schedule_lock_.lock();
  item->used = false;
  schedule_lock_.unlock();
}

void Threads::call(int domain, void (*function)(void*), void* arg, sim::Site site) {
  step(sim::AccessKind::kDefer, nullptr, site);
  schedule_lock_.lock();
  Item* item = new_item(domain);
  if (item != nullptr) {
    item->function = function;
    item->arg = arg;
    if (!alone()) tsan::release(item);
    if (domain != sim::kNoDomain) {
      item->readers = domains_[domain].readers;
      if (!alone()) tsan::release(&domains_[domain].begun);
    }
    if (item->readers == 0) make_ready(*item);
  }
  schedule_lock_.unlock();
  if (item == nullptr) give_up_items(site);
}

// With schedule_lock_.
void Threads::make_ready(Item& item) {
  item.ready = true;
  if (alone()) return;
  Worker& server = worker(item.domain == sim::kNoDomain ? sim::kWorkCpu : sim::kRcuCpu);
  if (server.on) return;
  server.on = true;
  remaining_.fetch_add(1);
  server.turn.fetch_add(1);
  server.turn.notify_one();
}

Threads::Item* Threads::next_ready(bool work) {
  Item* first = nullptr;
  for (Item& item : items_) {
    if (!item.used || !item.ready || (item.domain == sim::kNoDomain) != work) continue;
    if (first == nullptr || item.sequence < first->sequence) first = &item;
  }
  return first;
}

void Threads::run_item(Item& item) {
  const Item work = item;
  if (!alone()) {
    tsan::acquire(&item);
    if (work.domain != sim::kNoDomain) tsan::acquire(&domains_[work.domain].ended);
  }
  schedule_lock_.lock();
  item.used = false;
  schedule_lock_.unlock();
  work.function(work.arg);
}

void Threads::serve_deferred(int cpu) {
  self->cpu.op = static_cast<uint16_t>(sim::kFirstContextOp + cpu - sim::kWorkCpu);
  self->op_steps = 0;
  for (;;) {
    schedule_lock_.lock();
    Item* item = next_ready(cpu == sim::kWorkCpu);
    if (item != nullptr) item->ready = false;
    schedule_lock_.unlock();
    if (item == nullptr) return;
    run_item(*item);
  }
}

bool Threads::run_all_now() {
  bool any = false;
  for (;;) {
    Item* item = next_ready(true);
    if (item == nullptr) item = next_ready(false);
    if (item == nullptr) return any;
    item->ready = false;
    run_item(*item);
    any = true;
  }
}

}  // namespace vmafuzz::native
