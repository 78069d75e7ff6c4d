// The kernel's orders in terms that ThreadSanitizer knows, on real threads (ordering.h says which).
//
// No token can change at one instant with its location there, so the locations are tokens
// themselves: order is C11's, by the atomic operations that carry it. A store after a smp_wmb() or
// under a lock is a release store.
#ifndef VMAFUZZ_NATIVE_THREAD_ORDERING_H_
#define VMAFUZZ_NATIVE_THREAD_ORDERING_H_

#include <cstdint>

#include "native/tsan.h"

namespace vmafuzz::native {

// One CPU. Location::accessed is not 0 once somebody has released something there.
class ThreadOrdering {
 public:
  void reset() {
    publishes_ = false;
    pending_count_ = 0;
  }

  uint64_t load(const sim::Location& location, bool plain, bool acquires) {
    uint64_t value;
    if (plain) {
      value = tsan::plain_load(location);
      if (acquires && was_released(location)) tsan::acquire(&location.value);
    } else {
      value = tsan::atomic_load(location, acquires);
    }
    if (!acquires) remember(location);
    return value;
  }
  void store(sim::Location& location, uint64_t value, bool publishes) {
    publishes |= publishes_;
    if (publishes) mark_released(location);
    tsan::atomic_store(location, value, publishes);
  }
  // False, with what was found instead in *old.
  bool replace(sim::Location& location, uint64_t* old, uint64_t value, bool acquires,
               bool publishes) {
    publishes |= publishes_;
    if (publishes) mark_released(location);
    if (!tsan::atomic_cas(location, old, value, acquires, publishes)) return false;
    if (!acquires) remember(location);
    return true;
  }

  void acquire_fence() {
    for (uint32_t i = 0; i < pending_count_; ++i) tsan::acquire(&pending_[i]->value);
    pending_count_ = 0;
  }
  void release_fence() { publishes_ = true; }
  void locks() { publishes_ = true; }

 private:
  static bool was_released(const sim::Location& location) {
    return __atomic_load_n(&location.accessed, __ATOMIC_RELAXED) != 0;
  }
  static void mark_released(sim::Location& location) {
    __atomic_store_n(&location.accessed, uint8_t{1}, __ATOMIC_RELAXED);
  }
  // A load without order has read `location`.
  void remember(const sim::Location& location) {
    if (!was_released(location)) return;
    for (uint32_t i = 0; i < pending_count_; ++i) {
      if (pending_[i] == &location) return;
    }
    if (pending_count_ == kPending) acquire_fence();  // orders more than it should
    pending_[pending_count_++] = &location;
  }

  static constexpr uint32_t kPending = 32;
  bool publishes_ = false;
  uint32_t pending_count_ = 0;
  const sim::Location* pending_[kPending];
};

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_THREAD_ORDERING_H_
