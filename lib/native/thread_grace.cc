// Grace periods and deferred work on real threads: readers are counted, and what waits for them is
// served by two threads of its own (kWorkCpu, kRcuCpu), as on lib/sim's CPUs.
#include "native/thread_worker.h"
#include "native/threads.h"
#include "native/tsan.h"

namespace vmafuzz::native {

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
