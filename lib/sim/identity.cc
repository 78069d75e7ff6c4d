#include "sim/identity.h"

#include <algorithm>

#include "sim/memory.h"
#include "sim/rcu.h"
#include "sim/timer.h"

namespace vmafuzz::sim {
namespace {

constexpr uint8_t bit(int cpu) { return static_cast<uint8_t>(1u << cpu); }

}  // namespace

void StateIdentity::gather(const std::function<uint8_t(const Location&, bool)>& accessors) {
  views_.clear();
  entries_.clear();
  live_ = 0;
  for (int i = 0; i < kMaxCpus; ++i) {
    if (machine.cpus_[i].state != CpuState::kIdle) live_ |= bit(i);
  }
  for (const Location* location : machine.touched_) {
    add(*location, static_cast<uint8_t>(accessors(*location, false) & live_));
  }
}

void StateIdentity::add(const Location& location, uint8_t accessors) {
  View view;
  view.id = arena.id_of(&location);
  view.location = &location;
  view.accessors = accessors;
  view.begin = static_cast<uint32_t>(entries_.size());
  if (accessors != 0) {
    for (uint32_t i = location.newest; i != 0; i = machine.stores_[i].prev) {
      entries_.push_back(&machine.stores_[i]);
    }
    std::reverse(entries_.begin() + view.begin, entries_.end());
  }
  view.end = static_cast<uint32_t>(entries_.size());
  view.floor = view.begin;
  if (accessors != 0) {
    view.floor = view.end - 1;
    for (int i = 0; i < kMaxCpus; ++i) {
      if ((accessors & bit(i)) != 0) {
        view.floor = std::min(view.floor, floor_of(view, machine.cpus_[i]));
      }
    }
  }
  views_.push_back(view);
}

uint32_t StateIdentity::floor_of(const View& view, const Cpu& cpu) const {
  const Clock floor = joined(cpu.known, cpu.before_load);
  for (uint32_t i = view.end; i-- > view.begin;) {
    if (machine.known(*entries_[i], floor, cpu.id)) return i;
  }
  return view.begin;
}

// The newest store that the CPU made or read.
uint32_t StateIdentity::own_of(const View& view, int cpu) const {
  for (uint32_t i = view.end; i-- > view.begin;) {
    if (entries_[i]->cpu == cpu || entries_[i]->seen[cpu] != 0) return i;
  }
  return view.begin;
}

uint64_t StateIdentity::of(const Clock& clock) const {
  uint64_t hash = clock.x & live_;
  for (const View& view : views_) {
    if (view.accessors == 0) continue;
    uint32_t known = view.floor;
    uint64_t stores = 0;
    for (uint32_t i = view.end; i-- > view.floor + 1;) {
      const Store& store = *entries_[i];
      if (known == view.floor && machine.known(store, clock, kBootCpu)) known = i;
      stores = stores * 2 + (store.cpu != kNoCpu && clock.w[store.cpu] >= store.time);
    }
    // Locations are met in the order of their first store, which does not matter: a sum.
    hash += mixed(view.id, stores * 64 + (known - view.floor));
  }
  // Whether a store of which the CPU hears was the one that overtook it.
  for (int i = 0; i < kMaxCpus; ++i) {
    if ((live_ & bit(i)) == 0) continue;
    const Lanes overtaken = machine.cpus_[i].overtaken;
    if (!lanes_any(overtaken != 0)) continue;
    const Lanes heard = (overtaken != 0) & (overtaken <= clock.w);
    uint64_t lanes = 0;
    for (int c = 0; c < kMaxCpus; ++c) lanes = lanes * 2 + (heard[c] != 0);
    hash = mixed(hash, lanes + 1);
  }
  return hash;
}

uint64_t StateIdentity::of(const View& view) const {
  uint64_t hash = mixed(view.id, view.location->value);
  if (view.accessors == 0) return hash;
  hash = mixed(hash, view.location->accessed & live_);
  for (uint32_t i = view.floor; i < view.end; ++i) {
    const Store& store = *entries_[i];
    hash = mixed(hash, store.value);
    if (store.cpu == kNoCpu) continue;
    const bool live = (live_ & bit(store.cpu)) != 0;
    hash = mixed(hash, (live ? store.cpu : kNoCpu) * 256 + store.flags);
    hash = mixed(hash, of(store.message()));
    hash = mixed(hash, of(store.before()));
  }
  for (int i = 0; i < kMaxCpus; ++i) {
    if ((view.accessors & bit(i)) == 0) continue;
    const uint32_t own = own_of(view, i);
    hash = mixed(hash, own < view.floor ? 0 : own - view.floor + 1);
    // The CPU's next store comes after what this one came after.
    const Store& store = *entries_[own];
    hash = mixed(hash, store.cpu == kNoCpu ? store.seen[i] != 0 : of(store.before()));
  }
  return hash;
}

uint64_t StateIdentity::of(const Cpu& cpu) const {
  uint64_t hash = static_cast<uint64_t>(cpu.state);
  if ((live_ & bit(cpu.id)) == 0) return hash;
  for (const Clock* clock :
       {&cpu.known, &cpu.before_load, &cpu.before_store, &cpu.read, &cpu.read_noreturn,
        &cpu.read_before, &cpu.publish, &cpu.written, &cpu.written_before}) {
    hash = mixed(hash, of(*clock));
  }
  for (int i = 0; i < kMaxCpus; ++i) hash = mixed(hash, cpu.overtaken[i]);
  if (cpu.unlock != 0) {
    hash = mixed(hash, of(machine.stores_[cpu.unlock].message()));
    hash = mixed(hash, of(machine.stores_[cpu.unlock].before()));
    hash = mixed(hash, of(cpu.unlock_stored));
  }
  return hash;
}

uint64_t StateIdentity::machine_state() const {
  uint64_t hash = of(machine.barriers_);
  uint64_t locations = 0;
  for (const View& view : views_) locations += mixed(0, of(view));
  hash = mixed(hash, locations);
  for (const Cpu& cpu : machine.cpus_) hash = mixed(hash, of(cpu));
  return mixed(mixed(hash, grace_periods.identity(*this)), timers.identity());
}

}  // namespace vmafuzz::sim
