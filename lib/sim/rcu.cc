#include "sim/rcu.h"

#include "sim/happens_before.h"
#include "sim/identity.h"
#include "sim/memory.h"
#include "sim/trace.h"

namespace vmafuzz::sim {

GracePeriods grace_periods;

namespace {

// As the kernel calls them; SRCU domains go by one name, work items have the last.
struct Names {
  const char *lock, *unlock, *call, *synchronize, *synchronized, *over, *callback;
  const char* fence;  // that waiting for a grace period is
};
constexpr Names kRcuNames = {"rcu_read_lock()",
                             "rcu_read_unlock()",
                             "call_rcu()",
                             "synchronize_rcu()",
                             "synchronize_rcu() returns",
                             "<an RCU grace period is over>",
                             "<callback of call_rcu()>",
                             "synchronize_rcu"};
constexpr Names kTasksTraceNames = {"rcu_read_lock_trace()",
                                    "rcu_read_unlock_trace()",
                                    "call_rcu_tasks_trace()",
                                    "synchronize_rcu_tasks_trace()",
                                    "synchronize_rcu_tasks_trace() returns",
                                    "<an RCU tasks-trace grace period is over>",
                                    "<callback of call_rcu_tasks_trace()>",
                                    "synchronize_rcu_tasks_trace"};
constexpr Names kSrcuNames = {"srcu_read_lock()",
                              "srcu_read_unlock()",
                              "call_srcu()",
                              "synchronize_srcu()",
                              "synchronize_srcu() returns",
                              "<an SRCU grace period is over>",
                              "<callback of call_srcu()>",
                              "synchronize_srcu"};
constexpr Names kWorkNames = {"", "", "schedule_work()", "", "", "", "<work item>", ""};

const Names& names_of(int domain) {
  if (domain == kNoDomain) return kWorkNames;
  if (domain == kRcuDomain) return kRcuNames;
  return domain == kTasksTraceDomain ? kTasksTraceNames : kSrcuNames;
}

// The CPUs that readers are numbered by.
uint64_t cpus_of(uint64_t readers) {
  uint64_t cpus = 0;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    const uint64_t its = ((uint64_t{1} << kReadersPerCpu) - 1) << (cpu * kReadersPerCpu);
    if ((readers & its) != 0) cpus |= uint64_t{1} << cpu;
  }
  return cpus;
}

void note(Event event, const char* what, uint64_t readers, Site site, const void* arg = nullptr) {
  if (!machine.traces()) return;
  const Object* object = arg == nullptr ? nullptr : arena.object_of(arg);
  machine.trace_note(event, what, cpus_of(readers), site,
                     object == nullptr ? 0 : arena.offset_of(object->base));
}

}  // namespace

void GracePeriods::reset() {
  for (int i = 0; i < item_count_; ++i) items_[i] = Item{};
  domains_ = {};
  used_readers_ = 0;
  item_count_ = 0;
  sequence_ = 0;
  next_release_ = UINT32_MAX;
  ready_ = 0;
}

// --- readers
// -----------------------------------------------------------------------------------------

bool GracePeriods::inside(int domain) const { return domains_[domain].nesting[machine.cpu()] != 0; }

void GracePeriods::read_lock(int domain, Site site) {
  Domain& d = domains_[domain];
  machine.step(AccessKind::kReader, &d.readers_word, site);
  const int cpu = machine.cpu();
  machine.mix_state(0x10c4);
  if (d.nesting[cpu]++ == 0) d.reader[cpu] = static_cast<uint8_t>(enter(domain, site));
}

void GracePeriods::read_unlock(int domain, Site site) {
  Domain& d = domains_[domain];
  machine.step(AccessKind::kReader, &d.readers_word, site);
  const int cpu = machine.cpu();
  if (d.nesting[cpu] == 0) machine.fail("lock-imbalance", "rcu_read_unlock without a reader", site);
  machine.mix_state(0x0e17);
  if (--d.nesting[cpu] == 0) exit(domain, d.reader[cpu], site);
}

int GracePeriods::srcu_read_lock(int domain, Site site) {
  machine.step(AccessKind::kReader, &domains_[domain].readers_word, site);
  return enter(domain, site);
}

void GracePeriods::srcu_read_unlock(int domain, int reader, Site site) {
  machine.step(AccessKind::kReader, &domains_[domain].readers_word, site);
  if (reader < 0 || reader >= kMaxReaders || (domains_[domain].readers >> reader & 1) == 0) {
    machine.fail("lock-imbalance", "srcu_read_unlock of a reader that is not active", site);
  }
  exit(domain, reader, site);
}

int GracePeriods::enter(int domain, Site site) {
  Domain& d = domains_[domain];
  // Numbered by CPU, so that a number does not depend on who came first.
  const int first = machine.cpu() * kReadersPerCpu;
  const uint64_t free = ~used_readers_ >> first & ((uint64_t{1} << kReadersPerCpu) - 1);
  if (~used_readers_ == 0) {
    machine.fail(kStepLimit, "more RCU readers than the machine counts", site);
  }
  const int reader = free != 0 ? first + __builtin_ctzll(free) : __builtin_ctzll(~used_readers_);
  const uint64_t mask = uint64_t{1} << reader;
  note(Event::kReader, names_of(domain).lock, 0, site);
  used_readers_ |= mask;
  d.readers |= mask;
  if (machine.alone()) return reader;
  // Every grace period that has begun is before it, over or not. (One that waits for this reader as
  // well could have begun later.)
  Clock begun = d.begun;
  uint64_t hash = d.begun_hash;
  for (int i = 0; i < item_count_; ++i) {
    const Item& item = items_[i];
    if (item.state != State::kWaiting || item.domain != domain) continue;
    begun.join(item.begun);
    hash ^= item.identity;
  }
  if (rule(Rule::kRcuReaderSees)) machine.join_everything(machine.current(), begun);
  happens_before::acquire(&d.begun);
  machine.mix_state(hash + static_cast<uint64_t>(domain));
  return reader;
}

void GracePeriods::exit(int domain, int reader, Site site) {
  note(Event::kReader, names_of(domain).unlock, 0, site);
  Domain& d = domains_[domain];
  const uint64_t mask = uint64_t{1} << reader;
  d.readers &= ~mask;
  used_readers_ &= ~mask;
  machine.mix_state(0x0e17);
  if (!machine.alone() && rule(Rule::kRcuReaderPublishes)) {
    d.ended.join(machine.all_events(machine.current()));
    d.ended_hash ^= machine.current().history * 0x9FB21C651E98DF25ull;
  }
  if (!machine.alone()) happens_before::release(&d.ended);
  for (int i = 0; i < item_count_; ++i) {
    Item& item = items_[i];
    if (item.state != State::kWaiting || (item.readers & mask) == 0) continue;
    item.readers &= ~mask;
    happens_before::release(&item.events);
    if (rule(Rule::kRcuReaderPublishes)) item.events.join(machine.all_events(machine.current()));
    item.hash ^= machine.current().history * 0x9FB21C651E98DF25ull;
    finish_readers(item, site);
  }
  Cpu& cpu = machine.current();
  ++cpu.time;  // later events are not part of what the grace period has waited for
}

// --- grace periods
// -----------------------------------------------------------------------------------

GracePeriods::Item* GracePeriods::new_item(int domain, Site site) {
  int index = 0;
  while (index < item_count_ && items_[index].state != State::kFree) ++index;
  if (index == kItems) machine.fail(kStepLimit, "more deferred work than the machine counts", site);
  if (index == item_count_) ++item_count_;
  Item& item = items_[index];
  item = Item{};
  item.domain = static_cast<int8_t>(domain);
  item.cpu = static_cast<uint8_t>(machine.cpu());
  item.sequence = ++sequence_;
  item.state = State::kWaiting;
  return &item;
}

void GracePeriods::synchronize(int domain, Site site) {
  Domain& d = domains_[domain];
  machine.step(AccessKind::kGrace, &d.readers_word, site);
  if (machine.alone()) {
    if (d.readers != 0)
      machine.fail("rcu-stall", "a grace period awaited inside its own reader", site);
    run_all_now();
    return;
  }
  Item* item = new_item(domain, site);
  item->synchronous = true;
  item->readers = rule(Rule::kRcuWaitsForReaders) ? d.readers : 0;
  if (!rule(Rule::kSrcuDomains)) item->readers = used_readers_;
  item->events = d.ended;
  item->site = site;
  note(Event::kGrace, names_of(domain).synchronize, item->readers, site);
  happens_before::release(&d.begun);
  // A grace period is a strong fence at both ends: what comes before it has reached every CPU
  // before it begins, so that grace periods of which one missed the other's stores do not overlap.
  if (rule(Rule::kRcuFences)) machine.full_barrier(machine.current());
  item->begun = machine.all_events(machine.current());
  machine.mix_state(d.ended_hash);
  machine.mix_state(item->readers);
  item->identity = machine.current().history * 0xC2B2AE3D27D4EB4Full;
  while (item->readers != 0) {
    const auto readers = static_cast<uint8_t>(cpus_of(item->readers));
    machine.wait(item->done, {"a grace period", nullptr, readers}, site);
  }
  finish_period(*item);
  note(Event::kGrace, names_of(domain).synchronized, 0, site);
  machine.join_everything(machine.current(), item->events);
  happens_before::acquire(&item->events);
  happens_before::acquire(&d.ended);
  machine.mix_state(item->hash);
  item->state = State::kFree;
  machine.watch_fence(names_of(domain).fence, site);
  if (rule(Rule::kRcuFences)) machine.full_barrier(machine.current());
}

bool GracePeriods::awaited() const {
  for (int i = 0; i < item_count_; ++i) {
    if (items_[i].state == State::kWaiting && items_[i].synchronous) return true;
  }
  return false;
}

void GracePeriods::call(int domain, Deferred function, void* arg, Site site) {
  machine.step(AccessKind::kDefer, nullptr, site);
  Item* item = new_item(domain, site);
  item->function = function;
  item->arg = arg;
  item->site = site;
  item->events = machine.all_events(machine.current());
  if (!machine.alone()) happens_before::release(&item->events);
  if (domain != kNoDomain) {
    Domain& d = domains_[domain];
    if (!machine.alone()) happens_before::release(&d.begun);
    item->readers = d.readers;
    item->begun = item->events;
    item->identity = machine.current().history * 0xC2B2AE3D27D4EB4Full;
    item->events.join(d.ended);
  }
  const Decision decision = machine.take_decision();
  if (decision.hold != 0) {
    item->hold = decision.hold;
    machine.record(DirectiveKind::kHold, decision.hold);
  }
  ++machine.current().time;
  note(Event::kGrace, names_of(domain).call, item->readers, site, arg);
  finish_readers(*item, site);
}

void GracePeriods::queue_work(Deferred function, void* arg, Site site) {
  call(kNoDomain, function, arg, site);
}

// Readers that begin from now on are after it.
void GracePeriods::finish_period(const Item& item) {
  Domain& d = domains_[item.domain];
  d.begun.join(item.begun);
  d.begun_hash ^= item.identity;
}

void GracePeriods::finish_readers(Item& item, Site site) {
  if (item.readers != 0) return;
  if (item.domain != kNoDomain) note(Event::kGrace, names_of(item.domain).over, 0, site, item.arg);
  if (item.synchronous) {
    machine.wake(item.done);
    return;
  }
  if (item.domain != kNoDomain) finish_period(item);
  if (item.hold != 0 && !machine.alone()) {
    note(Event::kGrace, "<held back>", 0, item.site, item.arg);
    item.state = State::kHeld;
    item.release = item.hold == kHoldToEnd ? UINT32_MAX : machine.steps() + item.hold;
    count_release();
    return;
  }
  make_ready(item);
}

void GracePeriods::make_ready(Item& item) {
  item.state = State::kReady;
  ++ready_;
  if (!machine.alone()) machine.deferred_ready(item.domain < 0 ? kWorkCpu : kRcuCpu);
}

void GracePeriods::count_release() {
  next_release_ = UINT32_MAX;
  for (int i = 0; i < item_count_; ++i) {
    if (items_[i].state == State::kHeld && items_[i].release < next_release_) {
      next_release_ = items_[i].release;
    }
  }
  machine.limit_current_point();
}

bool GracePeriods::release_due(uint32_t step) {
  if (step < next_release_) return false;
  for (int i = 0; i < item_count_; ++i) {
    if (items_[i].state == State::kHeld && items_[i].release <= step) make_ready(items_[i]);
  }
  count_release();
  return true;
}

bool GracePeriods::release_held() {
  bool any = false;
  for (int i = 0; i < item_count_; ++i) {
    if (items_[i].state != State::kHeld) continue;
    make_ready(items_[i]);
    any = true;
  }
  next_release_ = UINT32_MAX;
  return any;
}

GracePeriods::Item* GracePeriods::next_ready(bool work) {
  Item* first = nullptr;
  for (int i = 0; i < item_count_; ++i) {
    Item& item = items_[i];
    if (item.state != State::kReady || (item.domain < 0) != work) continue;
    if (first == nullptr || item.sequence < first->sequence) first = &item;
  }
  return first;
}

void GracePeriods::run_item(Item& item) {
  item.state = State::kRunning;
  --ready_;
  if (!machine.alone()) {
    machine.begin_deferred();
    machine.join_everything(machine.current(), item.events);
    happens_before::acquire(&item.events);
    if (item.domain != kNoDomain) happens_before::acquire(&domains_[item.domain].ended);
  }
  note(Event::kGrace, names_of(item.domain).callback, 0, item.site, item.arg);
  item.function(item.arg);
  item.state = State::kFree;
}

uint64_t GracePeriods::identity(const StateIdentity& state) const {
  uint64_t hash = used_readers_;
  for (const Domain& d : domains_) {
    hash = mixed(hash, d.readers);
    hash = mixed(hash, state.of(d.begun));
    hash = mixed(hash, state.of(d.ended));
    for (int i = 0; i < kMaxCpus; ++i) {
      if (d.nesting[i] != 0) hash = mixed(hash, d.nesting[i] * 0x10000 + d.reader[i] * 256 + i);
    }
  }
  uint64_t items = 0;
  for (int i = 0; i < item_count_; ++i) {
    const Item& item = items_[i];
    if (item.state == State::kFree) continue;
    uint64_t one = mixed(static_cast<uint64_t>(item.state), static_cast<uint64_t>(item.domain));
    one = mixed(one, item.readers);
    one = mixed(one, item.cpu);
    one = mixed(one, state.of(item.begun));
    items += mixed(one, state.of(item.events));
  }
  return mixed(hash, items);
}

bool GracePeriods::run_all_now() {
  bool any = false;
  while (ready_ > 0) {
    Item* item = next_ready(true);
    if (item == nullptr) item = next_ready(false);
    run_item(*item);
    any = true;
  }
  return any;
}

void GracePeriods::context_main(void* arg) {
  const bool work = static_cast<Cpu*>(arg)->id == kWorkCpu;
  while (Item* item = grace_periods.next_ready(work)) grace_periods.run_item(*item);
}

}  // namespace vmafuzz::sim
