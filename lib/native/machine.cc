#include "native/machine.h"

#include <algorithm>
#include <atomic>
#include <string_view>

#include "native/clocks.h"
#include "native/coverage.h"
#include "native/notes.h"
#include "native/ordering.h"
#include "native/thread_ordering.h"
#include "native/threads.h"
#include "native/tsan.h"
#include "sim/memory.h"
#include "sim/rcu.h"
#include "sim/trace.h"

namespace vmafuzz::native {

Machine machine;
GracePeriods grace_periods;
Releases releases;
bool pairs_are_covered = false;

namespace {

// by CPU
struct CpuRecord {
  Ordering ordering;               // on fibres
  ThreadOrdering thread_ordering;  // on threads
  Notes notes;
};
CpuRecord records[kMaxCpus];
uint32_t reports_at_begin = 0;
bool on_threads = false;
std::atomic<uint64_t> ticks{0};               // moments that the oracle has asked for
std::atomic<uint64_t> unpublished[kMaxCpus];  // the first of each CPU since its last unlock; or 0

CpuRecord& record() { return records[machine.cpu()]; }

// Everything that runs alone is ordered by how executions begin and end: nothing to watch.
bool alone_now() { return on_threads ? threads.alone() : sim::machine.alone(); }

bool is_pointer(const Location& location) { return (location.flags & sim::kPointer) != 0; }

void note(const Location& location, bool write, Site site) {
  record().notes.add(sim::arena.offset_of(&location), sizeof location.value, write, site);
}

std::string who(int cpu) {
  switch (cpu) {
    case kWorkCpu:
      return "kworker";
    case kRcuCpu:
      return "rcu";
    case kTimerCpu:
      return "timer";
    default:
      return cpu < 0 || cpu == kBootCpu ? "set-up" : "cpu" + std::to_string(cpu);
  }
}

// What ThreadSanitizer's report says of one access.
struct Party {
  Site site;
  bool has_site = false;
  std::string text;
};

Party describe_access(const tsan::Access& access) {
  Party party;
  const auto* address = reinterpret_cast<const char*>(access.address);
  const Note* found = nullptr;
  if (access.cpu >= 0 && sim::arena.contains(address)) {
    found = records[access.cpu].notes.find(sim::arena.offset_of(address), access.write);
  }
  std::string name;
  if (found != nullptr && found->bytes > sizeof(uint64_t)) {
    const sim::Object* object = sim::arena.object_of(address);
    name = "all of " + (object == nullptr ? std::string("?") : sim::object_name(*object));
  } else if (found != nullptr) {
    name = sim::location_name(static_cast<const Location*>(sim::arena.at(found->offset)));
  } else if (const sim::Object* object = sim::arena.object_of(address); object != nullptr) {
    name = "no shared field but byte " + std::to_string(address - object->base) + " of " +
           sim::object_name(*object);
  } else {
    name = "no shared field";
  }
  // Plain stores too are told as atomic ones (KCSAN_ASSUME_PLAIN_WRITES_ATOMIC), so that of such a
  // store it is not known which it was.
  const char* what = access.atomic ? "marked load of " : "plain load of ";
  if (access.write) what = access.atomic ? "store to " : "plain store to ";
  party.text = what + name + " by " + who(access.cpu);
  if (found != nullptr) {
    party.has_site = true;
    party.site = found->site;
    const std::string_view file = found->site.file_name();
    party.text.append(" (").append(file.substr(file.rfind('/') + 1));
    party.text.append(":" + std::to_string(found->site.line()) + ")");
  }
  return party;
}

// ThreadSanitizer has found something since the execution began. Its verdict, if it is this CPU's.
void look_for_report(Site site) {
  tsan::Report report;
  if (!tsan::take_report(&report)) return;
  const Party first = describe_access(report.first);
  const Party second = describe_access(report.second);
  const std::string what = first.text + " and " + second.text + " are not ordered";
  const auto describe = [&] { return what; };
  const Site here = first.has_site ? first.site : site;
  if (second.has_site) machine.fail_pair("data-race", describe, here, second.site);
  machine.fail("data-race", describe, here);
}

inline void check_reports(Site site) {
  if (tsan::reports_seen != reports_at_begin) [[unlikely]]
    look_for_report(site);
}

}  // namespace

// --- executions
// --------------------------------------------------------------------------------------

void Machine::begin(const sim::Options& options, sim::Director* director) {
  on_threads = executor_ == Executor::kThreads;
  pairs_are_covered = options.coverage && !on_threads;
  tsan::watch_memory(sim::arena.base(), sim::Arena::kBytes);
  tsan::forget(sim::arena.used());
  clocks::renew();
  releases.reset();
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    records[cpu].ordering.reset(cpu);
    records[cpu].thread_ordering.reset();
    records[cpu].notes.reset();
  }
  tsan::Report report;
  tsan::take_report(&report);
  reports_at_begin = tsan::reports_seen;
  ticks.store(0);
  for (std::atomic<uint64_t>& moment : unpublished) moment.store(0);
  // The simulated machine is at rest while threads run, but knows what an execution is.
  sim::machine.begin(options, director);
  if (on_threads) return threads.begin(options, director);
}

bool Machine::run_alone(void (*body)(void*), void* arg) {
  return on_threads ? threads.run_alone(body, arg) : sim::machine.run_alone(body, arg);
}

void Machine::start(int cpu, void (*body)(void*), void* arg) {
  if (on_threads) return threads.start(cpu, body, arg);
  sim::machine.start(cpu, body, arg);
}

bool Machine::run() {
  if (on_threads) {
    return threads.run() && threads.run_alone([](void*) { timers.run_all_now(); }, nullptr);
  }
  clocks::fork();
  const bool good = sim::machine.run();
  clocks::join();
  return good;
}

const sim::Verdict& Machine::verdict() const {
  return on_threads ? threads.verdict() : sim::machine.verdict();
}
uint64_t Machine::trace_hash() const { return on_threads ? 0 : sim::machine.trace_hash(); }
uint32_t Machine::steps() const { return on_threads ? threads.steps() : sim::machine.steps(); }
const std::vector<sim::Directive>& Machine::recorded() const { return sim::machine.recorded(); }

// --- CPUs
// --------------------------------------------------------------------------------------------

int Machine::cpu() const { return on_threads ? threads.current().id : sim::machine.cpu(); }
uint16_t Machine::op() const {
  return on_threads ? threads.current().op : sim::machine.current().op;
}
bool Machine::alone() const { return alone_now(); }

void Machine::begin_op(uint16_t op, Site site) {
  if (on_threads) return threads.begin_op(op, site);
  sim::machine.begin_op(op, site);
}
void Machine::again(Site site) {
  if (on_threads) return threads.again();
  sim::machine.again(site);
}
void Machine::end_op() {
  unpublished[cpu()].store(0);
  check_reports(Site::current());
  if (!on_threads) return sim::machine.end_op();
  if (threads.alone()) threads.run_all_now();
}

void Machine::fail_with(const char* verdict, std::string (*describe)(const void*), const void* what,
                        Site site, const Site* other) {
  if (on_threads) threads.fail(verdict, describe, what, site, other);
  const auto put_in_words = [&] { return describe(what); };
  if (other != nullptr) sim::machine.fail_pair(verdict, put_in_words, site, *other);
  sim::machine.fail(verdict, put_in_words, site);
}

void Machine::step(AccessKind kind, const Location* location, Site site) {
  if (on_threads) return threads.step(kind, location, site);
  sim::machine.step(kind, location, site);
}
bool Machine::injected_failure(Site site) {
  return on_threads ? threads.injected_failure(site) : sim::machine.injected_failure(site);
}
uint32_t Machine::injected_failures() const {
  return on_threads ? threads.current().failures : sim::machine.injected_failures();
}
void Machine::relax(Site site) {
  if (on_threads) return threads.relax(site);
  sim::machine.relax(site);
}
uint32_t Machine::wakes_so_far() const { return on_threads ? threads.wakes() : 0; }
void Machine::wait(WaitQueue& queue, const Awaited& awaited, uint32_t wakes, Site site) {
  if (on_threads) return threads.wait(awaited.what, wakes, site);
  sim::machine.wait(queue, awaited, site);
}
void Machine::wake(WaitQueue& queue) {
  if (on_threads) return threads.wake();
  sim::machine.wake(queue);
}
void Machine::mix_result(uint64_t value) {
  if (!on_threads) sim::machine.mix_result(value);
}
void Machine::mix(uint64_t value) {
  if (!on_threads) sim::machine.mix(value);
}

uint64_t Machine::offset_of(const void* address) const { return sim::arena.offset_of(address); }
void* Machine::at(uint64_t offset) const { return sim::arena.at(offset); }

Knowledge Machine::knowledge() const {
  Knowledge known = ticks.load();
  for (const std::atomic<uint64_t>& moment : unpublished) {
    const uint64_t first = moment.load();
    if (first != 0) known = std::min(known, first - 1);
  }
  return known;
}

Moment Machine::moment() {
  if (alone_now()) return {};
  const Moment now{ticks.fetch_add(1) + 1};
  uint64_t none = 0;
  unpublished[cpu()].compare_exchange_strong(none, now.time);
  return now;
}

void Machine::mark_unlock(Location& word) {
  unpublished[cpu()].store(0);
  if (!on_threads && !alone_now()) record().ordering.unlocks(word);
}

void Machine::acquire_own_unlock() {
  if (!on_threads && !alone_now()) record().ordering.locks_again();
}

void Machine::acquire_handover(Location& word) {
  if (alone_now()) return;
  if (on_threads) return record().thread_ordering.locks();
  record().ordering.locks(word);
}

void Releases::too_many() {
  machine.fail(sim::kStepLimit, "more releases than an execution may have");
}

// --- memory
// -------------------------------------------------------------------------------------------

uint64_t Machine::newest(const Location& location) const { return tsan::untold_load(location); }

void Machine::check_usable(const Location& location, Site site) {
  if (sim::near_null(&location)) [[unlikely]]
    fail("null-dereference", "access to a field of a null pointer", site);
  const uint8_t flags = __atomic_load_n(&location.flags, __ATOMIC_RELAXED);
  if ((flags & (sim::kFreed | sim::kWild)) != 0) [[unlikely]]
    fail_access(location, site);
}

void Machine::fail_access(const Location& location, Site site) {
  const sim::Object* object = sim::arena.object_of(&location);
  if (object == nullptr) fail("torn-pointer", "access through a pointer to no object", site);
  const auto describe = [&] {
    return sim::location_name(&location) + " accessed by " + who(cpu()) + " after it was freed" +
           (object->freed_by != kNoCpu ? " by " + who(object->freed_by) : std::string());
  };
  if (object->freed_by != kNoCpu) fail_pair("use-after-free", describe, site, object->freed);
  fail("use-after-free", describe, site);
}

uint64_t Machine::told_load(Location& location, bool plain, bool acquires, Site site) {
  CpuRecord& mine = record();
  const Ordering::Told what = plain ? Ordering::kPlainLoad : Ordering::kLoad;
  const bool news = on_threads || mine.ordering.is_news(location, what);
  if (news) note(location, false, site);
  const uint64_t value = on_threads ? mine.thread_ordering.load(location, plain, acquires)
                                    : mine.ordering.load(location, what, news, acquires);
  if (news) check_reports(site);
  return value;
}

uint64_t Machine::load(Location& location, Order order, bool plain, bool may_race, Site site) {
  step(AccessKind::kLoad, &location, site);
  check_usable(location, site);
  uint64_t value;
  if (may_race || alone_now()) {
    value = tsan::untold_load(location);
  } else {
    value = told_load(location, plain, order == Order::kAcquire || is_pointer(location), site);
    cover_pair(location, cpu(), site);
  }
  mix(value + sim::arena.id_of(&location) + static_cast<uint64_t>(cpu()));
  return value;
}

void Machine::store(Location& location, uint64_t value, Order order, bool plain, bool may_race,
                    Site site) {
  step(AccessKind::kStore, &location, site);
  check_usable(location, site);
  mix((value << 1) + sim::arena.id_of(&location) + static_cast<uint64_t>(cpu()));
  // KCSAN_REPORT_VALUE_CHANGE_ONLY: a plain store of what is there already is not reported.
  const bool same = plain && tsan::untold_load(location) == value;
  if (may_race || same || alone_now()) {
    tsan::untold_store(location, value);
    return;
  }
  const bool publishes = order == Order::kRelease || order == Order::kFull;
  Ordering& ordering = record().ordering;
  const bool news = on_threads || ordering.is_news(location, Ordering::kStore);
  if (news) note(location, true, site);
  if (on_threads) {
    record().thread_ordering.store(location, value, publishes);
  } else {
    ordering.store(location, value, news, publishes);
  }
  note_writer(location, cpu(), site);
  if (news) check_reports(site);
}

uint64_t Machine::rmw_look(Location& location, Order order, Site site) {
  check_usable(location, site);
  if (order == Order::kFull && !alone_now()) begin_full();
  return tsan::untold_load(location);
}

bool Machine::rmw_try(Location& location, uint64_t* old, uint64_t value, Order order, Site site) {
  if (alone_now()) {
    tsan::untold_store(location, value);
    mix(value + sim::arena.id_of(&location) + static_cast<uint64_t>(cpu()) + 1);
    return true;
  }
  const bool acquires = order == Order::kAcquire || order == Order::kFull || is_pointer(location);
  const bool publishes = order == Order::kRelease || order == Order::kFull;
  Ordering& ordering = record().ordering;
  const bool news = on_threads || ordering.is_news(location, Ordering::kStore);
  if (!on_threads) {
    ordering.replace(location, value, news, acquires, publishes);
  } else if (!record().thread_ordering.replace(location, old, value, acquires, publishes)) {
    return false;
  }
  if (news) note(location, true, site);
  cover_pair(location, cpu(), site);
  note_writer(location, cpu(), site);
  if (news) check_reports(site);
  if (order == Order::kFull) end_full();
  mix(value + sim::arena.id_of(&location) + static_cast<uint64_t>(cpu()) + 1);
  return true;
}

bool Machine::cmpxchg(Location& location, uint64_t* expected, uint64_t desired, Order order,
                      Site site) {
  step(order == Order::kFull ? AccessKind::kRmw : AccessKind::kWeakRmw, &location, site);
  check_usable(location, site);
  uint64_t found = tsan::untold_load(location);
  while (found == *expected) {
    if (order == Order::kFull && !alone_now()) begin_full();
    if (rmw_try(location, &found, desired, order, site)) return true;
  }
  // A failed one is a load that orders nothing.
  if (!alone_now()) {
    told_load(location, /*plain=*/false, /*acquires=*/false, site);
  }
  mix(found + sim::arena.id_of(&location) + static_cast<uint64_t>(cpu()));
  *expected = found;
  return false;
}

void Machine::note_object(sim::Event event, const sim::Object& object, Site site) {
  if (!on_threads) sim::machine.note_object(event, object, site);
}

void Machine::write_object(void* object, size_t bytes, Site site) {
  if (alone_now()) return;
  record().notes.add(sim::arena.offset_of(object), bytes, true, site);
  tsan::write_range(object, bytes);
  check_reports(site);
}

// --- barriers
// -----------------------------------------------------------------------------------------

// The fences within a full read-modify-write. Its store publishes what a release fence would.
void Machine::begin_full() {
  if (on_threads) return full_fence();
  record().ordering.acquire_fence();
}
void Machine::end_full() {
  if (on_threads) return full_fence();
  record().ordering.release_fence_of_full();
}

void Machine::full_fence() {
  if (on_threads) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    record().thread_ordering.acquire_fence();
    record().thread_ordering.release_fence();
  } else {
    record().ordering.acquire_fence();
    record().ordering.release_fence();
  }
}

void Machine::smp_mb(Site site) {
  step(AccessKind::kFence, nullptr, site);
  if (!alone_now()) full_fence();
}

void Machine::smp_rmb(Site site) {
  step(AccessKind::kLocal, nullptr, site);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (alone_now()) return;
  if (on_threads) return record().thread_ordering.acquire_fence();
  record().ordering.acquire_fence();
}

void Machine::control_dependency() {
  if (alone_now()) return;
  if (on_threads) return record().thread_ordering.acquire_fence();
  record().ordering.acquire_fence();
}

void Machine::smp_wmb(Site site) {
  step(AccessKind::kLocal, nullptr, site);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  if (alone_now()) return;
  if (on_threads) return record().thread_ordering.release_fence();
  record().ordering.release_fence();
}

// --- grace periods
// ------------------------------------------------------------------------------------

void GracePeriods::read_lock(int domain, Site site) {
  if (on_threads) return threads.read_lock(domain, site);
  sim::grace_periods.read_lock(domain, site);
}
void GracePeriods::read_unlock(int domain, Site site) {
  if (on_threads) return threads.read_unlock(domain, site);
  sim::grace_periods.read_unlock(domain, site);
}
bool GracePeriods::inside(int domain) const {
  return on_threads ? threads.inside(domain) : sim::grace_periods.inside(domain);
}
int GracePeriods::srcu_read_lock(int domain, Site site) {
  return on_threads ? threads.srcu_read_lock(domain, site)
                    : sim::grace_periods.srcu_read_lock(domain, site);
}
void GracePeriods::srcu_read_unlock(int domain, int reader, Site site) {
  if (on_threads) return threads.srcu_read_unlock(domain, reader, site);
  sim::grace_periods.srcu_read_unlock(domain, reader, site);
}
void GracePeriods::synchronize(int domain, Site site) {
  if (on_threads) return threads.synchronize(domain, site);
  sim::grace_periods.synchronize(domain, site);
}
void GracePeriods::call(int domain, void (*function)(void*), void* arg, Site site) {
  if (on_threads) return threads.call(domain, function, arg, site);
  sim::grace_periods.call(domain, function, arg, site);
}
void GracePeriods::queue_work(void (*function)(void*), void* arg, Site site) {
  call(sim::kNoDomain, function, arg, site);
}
bool GracePeriods::run_all_now() {
  return on_threads ? threads.run_all_now() : sim::grace_periods.run_all_now();
}

}  // namespace vmafuzz::native
