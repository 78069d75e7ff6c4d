// The hot path of the machine: what most loads and stores do, inlined into the model.
#ifndef VMAFUZZ_SIM_MEMORY_H_
#define VMAFUZZ_SIM_MEMORY_H_

#include "sim/arena.h"
#include "sim/machine.h"

namespace vmafuzz::sim {

inline void Machine::check_null(const Location* location, Site site) {
  if (near_null(location)) [[unlikely]]
    fail_null(site);
}

inline void Machine::step(AccessKind kind, const Location* location, Site site) {
  ++steps_;
  if (++current_->access >= current_->next_point) [[unlikely]]
    slow_point(kind, location, site);
}

// Here and in store(), what is rare is left by a tail call: the common path then saves no
// registers.
inline uint64_t Machine::load(Location& location, Order order, bool plain, bool may_race,
                              Site site) {
  ++steps_;
  if (++current_->access >= current_->next_point || near_null(&location)) [[unlikely]]
    return load_at_point(location, order, plain, may_race, site);
  return load_now(location, order, plain, may_race, site);
}

inline uint64_t Machine::load_now(Location& location, Order order, bool plain, bool may_race,
                                  Site site) {
  Cpu& cpu = *current_;
  const auto bit = static_cast<uint8_t>(1u << cpu.id);
  location.accessed |= bit;
  if (((location.flags & (kFreed | kWild | cpu.follows)) | uint32_t{watched_} | location.newest) !=
      0) {
    return load_slow(location, order, plain, may_race, site);
  }
  mix(location.value + arena.id_of(&location) + cpu.id);
  if (plain && !may_race && !alone_) {
    if ((location.readers & ~bit) != 0) [[unlikely]]
      return note_shared_plain_load(cpu, location);
    note_own_plain_load(cpu, location);
  }
  return location.value;
}

inline void Machine::store(Location& location, uint64_t value, Order order, bool plain,
                           bool may_race, Site site) {
  ++steps_;
  if (++current_->access >= current_->next_point || near_null(&location)) [[unlikely]]
    return store_at_point(location, value, order, plain, may_race, site);
  store_now(location, value, order, plain, may_race, site);
}

inline void Machine::store_now(Location& location, uint64_t value, Order order, bool plain,
                               bool may_race, Site site) {
  mix((value << 1) + arena.id_of(&location) + current_->id);
  if (!alone_ || watched_ || (location.flags & (kFreed | kWild)) != 0)
    return store_slow(location, value, order, plain, may_race, site);
  location.value = value;
  location.newest = 0;
  location.readers = 0;
}

// A plain load that no store has been checked against: the next store from elsewhere must know it.
inline void Machine::note_plain_load(Cpu& cpu, Location& location) {
  if (alone_) return;
  if ((location.readers & ~(1u << cpu.id)) != 0) [[unlikely]] {
    note_shared_plain_load(cpu, location);
  } else {
    note_own_plain_load(cpu, location);
  }
}

inline void Machine::note_own_plain_load(Cpu& cpu, Location& location) {
  location.readers = static_cast<uint8_t>(1u << cpu.id);
  location.read_cpu = cpu.id;
  location.read_time = cpu.time;
}

template <class F>
uint64_t Machine::rmw(Location& location, Order order, F op, Site site) {
  check_null(&location, site);
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
  check_null(&word, site);
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
