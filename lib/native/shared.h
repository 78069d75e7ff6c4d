// Shared<T> on real memory: sim/shared.h says what it is and how it is used.
//
// A field is a sim::Location of which `value` is the memory, so that objects have the layout, and
// pointers the arena offsets, of a simulated execution.
#ifndef VMAFUZZ_NATIVE_SHARED_H_
#define VMAFUZZ_NATIVE_SHARED_H_

#include <type_traits>

#include "native/machine.h"

namespace vmafuzz::native {

template <class T>
class Shared {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));

 public:
  using value_type = T;

  // Construction is told to ThreadSanitizer for the whole object, where it is allocated (slab.h).
  __attribute__((no_sanitize("thread"))) Shared() {
    if constexpr (std::is_pointer_v<T>) location_.flags = sim::kPointer;
  }
  __attribute__((no_sanitize("thread"))) explicit Shared(T value) : Shared() {
    location_.value = encode(value);
  }
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
  T peek() const { return decode(machine.newest(location_)); }
  __attribute__((no_sanitize("thread"))) void mark_sync() { location_.flags |= sim::kSync; }

  static uint64_t encode(T value) {
    if constexpr (std::is_pointer_v<T>) {
      return machine.offset_of(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }
  static T decode(uint64_t value) {
    if constexpr (std::is_pointer_v<T>) {
      return static_cast<T>(machine.at(value));
    } else {
      return static_cast<T>(value);
    }
  }

 private:
  mutable Location location_;
};

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_SHARED_H_
