// Shared<T>: a field that several CPUs may touch at once. The model's structures are made of these.
//
//   struct thing {
//     Shared<unsigned long> count;
//     Shared<thing*> next;
//     // Names for traces and reports, and how the lifetime checks find the fields.
//     template <class V> void visit(V&& v) { v("count", count); v("next", next); }
//   };
//
// get() and set() are plain accesses, which race by KCSAN's rules. Everything else goes through the
// kernel's names (READ_ONCE, smp_store_release...). T is an integer, an enum, a bool or a pointer
// into the arena, of at most 8 bytes; pointers are kept as arena offsets, so that no value depends
// on where a process put its memory.
#ifndef VMAFUZZ_SIM_SHARED_H_
#define VMAFUZZ_SIM_SHARED_H_

#include <cstring>
#include <type_traits>

#include "sim/memory.h"

namespace vmafuzz::sim {

template <class T>
class Shared {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));

 public:
  using value_type = T;

  Shared() {
    if constexpr (std::is_pointer_v<T>) location_.flags = kPointer;
  }
  explicit Shared(T value) : Shared() { location_.value = encode(value); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T get(Site site = Site::current()) const { return load(Order::kRelaxed, true, false, site); }
  void set(T value, Site site = Site::current()) {
    machine.store(location_, encode(value), Order::kRelaxed, true, false, site);
  }

  T load(Order order, bool plain, bool may_race, Site site) const {
    return decode(machine.load(location_, order, plain, may_race, site));
  }
  void store(T value, Order order, bool plain, bool may_race, Site site) {
    machine.store(location_, encode(value), order, plain, may_race, site);
  }

  Location& location() const { return location_; }
  // The newest value, seen by nobody: for checks that are not part of the execution.
  T peek() const { return decode(location_.value); }
  // Takes no part in race detection: lock words and the like.
  void mark_sync() { location_.flags |= kSync; }

  static uint64_t encode(T value) {
    if constexpr (std::is_pointer_v<T>) {
      return arena.offset_of(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }
  static T decode(uint64_t value) {
    if constexpr (std::is_pointer_v<T>) {
      return static_cast<T>(arena.at(value));
    } else {
      return static_cast<T>(value);
    }
  }

 private:
  mutable Location location_;
};

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_SHARED_H_
