// Order that scheduling creates (grace periods, work items), told to a race detector that watches
// the same execution.
//
// The simulated machine's clocks carry this order themselves and need nobody to tell them. Under
// lib/native the detector is ThreadSanitizer: release() adds what the running CPU has done to a
// token, acquire() puts what the token holds before what the CPU does next. A token is any address.
#ifndef VMAFUZZ_SIM_HAPPENS_BEFORE_H_
#define VMAFUZZ_SIM_HAPPENS_BEFORE_H_

#ifdef VMAFUZZ_NATIVE
#include <sanitizer/tsan_interface.h>

#include <cstdint>
#endif

namespace vmafuzz::sim::happens_before {

#ifdef VMAFUZZ_NATIVE
// Releases so far. ThreadSanitizer counts those of each fibre, and has to be renewed in time
// (native/clocks.h): whoever switches from a fibre charges it with what it has made.
inline uint32_t releases = 0;

struct Charge {
  const void* fibre = nullptr;
  uint32_t releases = 0;
};
inline constexpr int kCharges = 16;  // more than a machine has fibres
inline Charge charges[kCharges];
inline uint32_t charged = 0;  // of `releases`, to anybody

inline uint32_t& releases_of(const void* fibre) {
  Charge* charge = charges;
  while (charge->fibre != fibre && charge->fibre != nullptr) ++charge;
  charge->fibre = fibre;
  return charge->releases;
}
inline void charge(const void* fibre) {
  if (charged == releases) return;
  releases_of(fibre) += releases - charged;
  charged = releases;
}

inline void release(const void* token) {
  ++releases;
  __tsan_release(const_cast<void*>(token));
}
inline void acquire(const void* token) { __tsan_acquire(const_cast<void*>(token)); }
#else
inline void release(const void*) {}
inline void acquire(const void*) {}
#endif

}  // namespace vmafuzz::sim::happens_before

#endif  // VMAFUZZ_SIM_HAPPENS_BEFORE_H_
