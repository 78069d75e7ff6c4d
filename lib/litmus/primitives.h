// The calls that a litmus test may make: every name of the Linux memory model's
// linux-kernel.def, with its argument convention.
//
// Argument conventions, one letter per argument:
//   L  an lvalue: "*x", whose address is what the operation uses
//   P  a pointer: "x", or a local that holds an address
//   V  a value
//   K  the name of a spinlock    S  the name of a srcu_struct
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

// X(name, arguments, returns a value, name without suffix, suffix)
#define VMAFUZZ_LITMUS_SUFFIXED(X, name, arguments)  \
  X(name, arguments, true, name, kDefault)           \
  X(name##_relaxed, arguments, true, name, kRelaxed) \
  X(name##_acquire, arguments, true, name, kAcquire) \
  X(name##_release, arguments, true, name, kRelease)

#define VMAFUZZ_LITMUS_PRIMITIVES(X)                                                     \
  X(READ_ONCE, "L", true, READ_ONCE, kDefault)                                           \
  X(WRITE_ONCE, "LV", false, WRITE_ONCE, kDefault)                                       \
  X(smp_load_acquire, "P", true, smp_load_acquire, kDefault)                             \
  X(smp_store_release, "PV", false, smp_store_release, kDefault)                         \
  X(rcu_dereference, "L", true, rcu_dereference, kDefault)                               \
  X(rcu_assign_pointer, "LV", false, rcu_assign_pointer, kDefault)                       \
  X(smp_store_mb, "LV", false, smp_store_mb, kDefault)                                   \
  X(barrier, "", false, barrier, kDefault)                                               \
  X(smp_mb, "", false, smp_mb, kDefault)                                                 \
  X(smp_rmb, "", false, smp_rmb, kDefault)                                               \
  X(smp_wmb, "", false, smp_wmb, kDefault)                                               \
  X(smp_mb__before_atomic, "", false, smp_mb__before_atomic, kDefault)                   \
  X(smp_mb__after_atomic, "", false, smp_mb__after_atomic, kDefault)                     \
  X(smp_mb__after_spinlock, "", false, smp_mb__after_spinlock, kDefault)                 \
  X(smp_mb__after_unlock_lock, "", false, smp_mb__after_unlock_lock, kDefault)           \
  X(smp_mb__after_srcu_read_unlock, "", false, smp_mb__after_srcu_read_unlock, kDefault) \
  X(rcu_read_lock, "", false, rcu_read_lock, kDefault)                                   \
  X(rcu_read_unlock, "", false, rcu_read_unlock, kDefault)                               \
  X(synchronize_rcu, "", false, synchronize_rcu, kDefault)                               \
  X(synchronize_rcu_expedited, "", false, synchronize_rcu_expedited, kDefault)           \
  X(srcu_read_lock, "S", true, srcu_read_lock, kDefault)                                 \
  X(srcu_read_unlock, "SV", false, srcu_read_unlock, kDefault)                           \
  X(srcu_down_read, "S", true, srcu_down_read, kDefault)                                 \
  X(srcu_up_read, "SV", false, srcu_up_read, kDefault)                                   \
  X(synchronize_srcu, "S", false, synchronize_srcu, kDefault)                            \
  X(synchronize_srcu_expedited, "S", false, synchronize_srcu_expedited, kDefault)        \
  X(spin_lock, "K", false, spin_lock, kDefault)                                          \
  X(spin_unlock, "K", false, spin_unlock, kDefault)                                      \
  X(spin_trylock, "K", true, spin_trylock, kDefault)                                     \
  X(spin_is_locked, "K", true, spin_is_locked, kDefault)                                 \
  X(atomic_read, "P", true, atomic_read, kDefault)                                       \
  X(atomic_read_acquire, "P", true, atomic_read, kAcquire)                               \
  X(atomic_set, "PV", false, atomic_set, kDefault)                                       \
  X(atomic_set_release, "PV", false, atomic_set, kRelease)                               \
  X(atomic_add, "VP", false, atomic_add, kDefault)                                       \
  X(atomic_sub, "VP", false, atomic_sub, kDefault)                                       \
  X(atomic_and, "VP", false, atomic_and, kDefault)                                       \
  X(atomic_or, "VP", false, atomic_or, kDefault)                                         \
  X(atomic_xor, "VP", false, atomic_xor, kDefault)                                       \
  X(atomic_andnot, "VP", false, atomic_andnot, kDefault)                                 \
  X(atomic_inc, "P", false, atomic_inc, kDefault)                                        \
  X(atomic_dec, "P", false, atomic_dec, kDefault)                                        \
  X(atomic_sub_and_test, "VP", true, atomic_sub_and_test, kDefault)                      \
  X(atomic_dec_and_test, "P", true, atomic_dec_and_test, kDefault)                       \
  X(atomic_inc_and_test, "P", true, atomic_inc_and_test, kDefault)                       \
  X(atomic_add_unless, "PVV", true, atomic_add_unless, kDefault)                         \
  VMAFUZZ_LITMUS_SUFFIXED(X, xchg, "PV")                                                 \
  VMAFUZZ_LITMUS_SUFFIXED(X, cmpxchg, "PVV")                                             \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_xchg, "PV")                                          \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_cmpxchg, "PVV")                                      \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_add_return, "VP")                                    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_sub_return, "VP")                                    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_inc_return, "P")                                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_dec_return, "P")                                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_add, "VP")                                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_sub, "VP")                                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_inc, "P")                                      \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_dec, "P")                                      \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_and, "VP")                                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_or, "VP")                                      \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_xor, "VP")                                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_andnot, "VP")                                  \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_add_negative, "VP")

namespace vmafuzz::litmus {

enum class Primitive : uint8_t {
#define VMAFUZZ_LITMUS_ENUMERATOR(name, arguments, returns, base, suffix) name,
  VMAFUZZ_LITMUS_PRIMITIVES(VMAFUZZ_LITMUS_ENUMERATOR)
#undef VMAFUZZ_LITMUS_ENUMERATOR
};

inline constexpr int kMaxArguments = 3;

enum class Suffix : uint8_t { kDefault, kRelaxed, kAcquire, kRelease };

struct PrimitiveInfo {
  absl::string_view name;
  absl::string_view arguments;  // one letter each, see above
  bool returns;
  Primitive base;  // the name without the suffix
  Suffix suffix;
};

const PrimitiveInfo& info_of(Primitive primitive);

// nullptr where no primitive has that name.
const Primitive* find_primitive(absl::string_view name);

}  // namespace vmafuzz::litmus
