// The kernel's orders in terms that ThreadSanitizer knows.
//
// ThreadSanitizer knows acquire, release and read-modify-writes of locations, and no fences. Here:
//
//   smp_wmb(), and the fences within smp_mb() and full read-modify-writes, as C11's release fence:
//   a
//       token takes what this CPU has done up to the fence. A later store without order of its own
//       carries the token; who acquires from the location acquires the token too.
//   Taking a lock: what the CPU that gave it back had done by then, and what this CPU had done by its
//       own last unlock, reaches others before what is stored under the lock (po-unlock-lock-po of
//       linux-kernel.cat). Each unlock takes a token; stores without order carry those two as well.
//   smp_rmb(), likewise as an acquire fence: loads without order remember the location (and token)
//       that they read from, and the fence acquires those.
//   Loads of pointers acquire: what is reached through them is ordered by the address dependency,
//       which neither C11 nor ThreadSanitizer can express for the dependent accesses alone.
//
// Where this says more than the kernel's model (smp_wmb() orders loads before it as well, a
// pointer orders what does not depend on it) a race can be missed. It does not say less, but for
// control dependencies.
//
// On real threads a token cannot change at one instant with its location, so a store after a
// smp_wmb() is a release store there.
#ifndef VMAFUZZ_NATIVE_ORDERING_H_
#define VMAFUZZ_NATIVE_ORDERING_H_

#include <cstdint>
#include <initializer_list>

#include "native/tsan.h"

namespace vmafuzz::native {

// What a store without order of its own carries; kept in fields of a Location that are lib/sim's
// otherwise. Location::accessed is not 0 once somebody has released something there.
struct Carried {
  uint16_t fence = 0;     // tokens; 0: none
  uint16_t handover = 0;  // of the unlock after which the CPU took its last lock
  uint16_t unlock = 0;    // of the CPU's own last unlock before that
  bool any() const { return (fence | handover | unlock) != 0; }
  bool operator==(const Carried&) const = default;

  static Carried of(const sim::Location& location) {
    return {static_cast<uint16_t>(location.newest), static_cast<uint16_t>(location.newest >> 16),
            static_cast<uint16_t>(location.read_set)};
  }
  void put_in(sim::Location& location) const {
    location.newest = fence | uint32_t{handover} << 16;
    location.read_set = unlock;
  }
};

class Tokens {
 public:
  void reset() { count_ = 1; }
  // What the running CPU has done so far.
  uint16_t take() {
    if (count_ == kTokens) count_ = 1;  // more than there are: shared ones order more
    tsan::release(&words_[8 * count_]);
    return count_++;
  }
  void acquire(const Carried& carried) {
    for (const uint16_t token : {carried.fence, carried.handover, carried.unlock}) {
      if (token != 0) tsan::acquire(&words_[8 * token]);
    }
  }

 private:
  static constexpr uint16_t kTokens = 1 << 14;
  uint16_t count_ = 1;
  alignas(8) char words_[kTokens * 8];
};

// Of one CPU.
class Ordering {
 public:
  void reset() {
    carried_ = {};
    unlock_ = 0;
    pending_count_ = 0;
  }
  const Carried& carried() const { return carried_; }
  void release_fence(uint16_t token) { carried_.fence = token; }
  // This CPU gives a lock back; `token` is what it has done.
  void unlocks(uint16_t token) { unlock_ = token; }
  // It has taken one that was given back with `token`.
  void locks(uint16_t token) {
    carried_.handover = token;
    carried_.unlock = unlock_;
  }
  // A load without order has read `location`.
  void read(const sim::Location* location, const Carried& carried, Tokens& tokens) {
    for (uint32_t i = 0; i < pending_count_; ++i) {
      if (pending_[i].location == location && pending_[i].carried == carried) return;
    }
    if (pending_count_ == kPending) acquire_fence(tokens);  // orders more than it should
    pending_[pending_count_++] = {location, carried};
  }
  void acquire_fence(Tokens& tokens) {
    for (uint32_t i = 0; i < pending_count_; ++i) {
      tsan::acquire(&pending_[i].location->value);
      tokens.acquire(pending_[i].carried);
    }
    pending_count_ = 0;
  }

 private:
  struct Pending {
    const sim::Location* location;
    Carried carried;
  };
  static constexpr uint32_t kPending = 32;
  Carried carried_;
  uint16_t unlock_ = 0;
  uint32_t pending_count_ = 0;
  Pending pending_[kPending];
};

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_ORDERING_H_
