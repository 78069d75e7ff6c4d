// The kernel's orders in terms that ThreadSanitizer knows.
//
// ThreadSanitizer knows acquire, release and read-modify-writes of locations, and no fences. Here:
//
//   smp_wmb(), and the fences within smp_mb() and full read-modify-writes, as C11's release fence:
//   a
//       token takes what this CPU has done up to the fence. A later store without order of its own
//       carries the token; who acquires from the location acquires the token too.
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

#include "native/tsan.h"

namespace vmafuzz::native {

// Location::newest is the token of the newest store here, 0 for none, and Location::accessed is not
// 0 once somebody has released something there.
class Tokens {
 public:
  void reset() { count_ = 1; }
  // What the running CPU has done so far.
  uint32_t take() {
    if (count_ == kTokens) count_ = 1;  // more fences than tokens: shared ones order more
    tsan::release(&words_[count_]);
    return count_++;
  }
  void acquire(uint32_t token) { tsan::acquire(&words_[token]); }

 private:
  static constexpr uint32_t kTokens = 1 << 14;
  uint32_t count_ = 1;
  char words_[kTokens * 8];
};

// Of one CPU.
class Ordering {
 public:
  void reset() {
    fence_ = 0;
    pending_count_ = 0;
  }
  bool fenced() const { return fence_ != 0; }
  uint32_t fence() const { return fence_; }
  void release_fence(uint32_t token) { fence_ = token; }
  // A load without order has read `location`, whose newest store carries `token`.
  void read(const sim::Location* location, uint32_t token, Tokens& tokens) {
    for (uint32_t i = 0; i < pending_count_; ++i) {
      if (pending_[i].location == location && pending_[i].token == token) return;
    }
    if (pending_count_ == kPending) acquire_fence(tokens);  // orders more than it should
    pending_[pending_count_++] = {location, token};
  }
  void acquire_fence(Tokens& tokens) {
    for (uint32_t i = 0; i < pending_count_; ++i) {
      tsan::acquire(&pending_[i].location->value);
      if (pending_[i].token != 0) tokens.acquire(pending_[i].token);
    }
    pending_count_ = 0;
  }

 private:
  struct Pending {
    const sim::Location* location;
    uint32_t token;
  };
  static constexpr uint32_t kPending = 32;
  uint32_t fence_ = 0;
  uint32_t pending_count_ = 0;
  Pending pending_[kPending];
};

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_ORDERING_H_
