// The hot path of the machine: what most loads and stores do, inlined into the model.
#ifndef VMAFUZZ_SIM_MEMORY_H_
#define VMAFUZZ_SIM_MEMORY_H_

#include "sim/arena.h"
#include "sim/machine.h"

namespace vmafuzz::sim {

inline void Machine::step(AccessKind kind, const Location* location, Site site) {
  ++steps_;
  if (++current_->access >= current_->next_point) [[unlikely]]
    slow_point(kind, location, site);
}

inline uint64_t Machine::load(Location& location, Order order, bool plain, bool may_race,
                              Site site) {
  step(AccessKind::kLoad, &location, site);
  Cpu& cpu = *current_;
  location.accessed |= 1u << cpu.id;
  if (((location.flags & (kFreed | kWild)) | uint32_t{watched_} | location.newest) != 0) {
    return load_slow(location, order, plain, may_race, site);
  }
  if (plain && !may_race) note_plain_load(cpu, location);
  mix(location.value + arena.id_of(&location) + cpu.id);
  return location.value;
}

inline void Machine::store(Location& location, uint64_t value, Order order, bool plain,
                           bool may_race, Site site) {
  step(AccessKind::kStore, &location, site);
  mix((value << 1) + arena.id_of(&location) + current_->id);
  if (alone_ && !watched_ && (location.flags & (kFreed | kWild)) == 0) {
    location.value = value;
    location.newest = 0;
    location.readers = 0;
    return;
  }
  store_slow(location, value, order, plain, may_race, site);
}

// A plain load that no store has been checked against: the next store from elsewhere must know it.
inline void Machine::note_plain_load(Cpu& cpu, Location& location) {
  if (alone_) return;
  const uint8_t bit = 1u << cpu.id;
  if ((location.readers & ~bit) != 0) [[unlikely]] {
    note_shared_plain_load(cpu, location);
    return;
  }
  location.readers = bit;
  location.read_cpu = cpu.id;
  location.read_time = cpu.time;
}

template <class F>
uint64_t Machine::rmw(Location& location, Order order, F op, Site site) {
  step(order == Order::kFull ? AccessKind::kRmw : AccessKind::kWeakRmw, &location, site);
  return rmw_now(location, order, op, site);
}

template <class F>
uint64_t Machine::rmw_now(Location& location, Order order, F op, Site site) {
  const uint64_t old = rmw_begin(location, order, site);
  rmw_end(location, op(old), order, site);
  return old;
}

template <class Admits, class Blocked, class F>
bool Machine::rmw_when(Location& word, Order order, AccessKind kind, WaitQueue& queue,
                       Admits admits, Blocked blocked, F op, Site site) {
  for (;;) {
    step(kind, &word, site);
    if (admits(word.value)) break;
    Awaited awaited{};
    if (!blocked(awaited)) return false;
    if (!admits(word.value)) wait(queue, awaited, site);
  }
  rmw_now(word, order, op, site);
  return true;
}

inline void Machine::mark_unlock(Location& word) {
  if (word.newest != 0) stores_[word.newest].flags |= kUnlockStore;
}

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_MEMORY_H_
