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

// X(name, arguments, returns a value)
#define VMAFUZZ_LITMUS_SUFFIXED(X, name, arguments) \
  X(name, arguments, true)                          \
  X(name##_relaxed, arguments, true)                \
  X(name##_acquire, arguments, true)                \
  X(name##_release, arguments, true)

#define VMAFUZZ_LITMUS_PRIMITIVES(X)                    \
  X(READ_ONCE, "L", true)                               \
  X(WRITE_ONCE, "LV", false)                            \
  X(smp_load_acquire, "P", true)                        \
  X(smp_store_release, "PV", false)                     \
  X(rcu_dereference, "L", true)                         \
  X(rcu_assign_pointer, "LV", false)                    \
  X(smp_store_mb, "LV", false)                          \
  X(barrier, "", false)                                 \
  X(smp_mb, "", false)                                  \
  X(smp_rmb, "", false)                                 \
  X(smp_wmb, "", false)                                 \
  X(smp_mb__before_atomic, "", false)                   \
  X(smp_mb__after_atomic, "", false)                    \
  X(smp_mb__after_spinlock, "", false)                  \
  X(smp_mb__after_unlock_lock, "", false)               \
  X(smp_mb__after_srcu_read_unlock, "", false)          \
  X(rcu_read_lock, "", false)                           \
  X(rcu_read_unlock, "", false)                         \
  X(synchronize_rcu, "", false)                         \
  X(synchronize_rcu_expedited, "", false)               \
  X(srcu_read_lock, "S", true)                          \
  X(srcu_read_unlock, "SV", false)                      \
  X(srcu_down_read, "S", true)                          \
  X(srcu_up_read, "SV", false)                          \
  X(synchronize_srcu, "S", false)                       \
  X(synchronize_srcu_expedited, "S", false)             \
  X(spin_lock, "K", false)                              \
  X(spin_unlock, "K", false)                            \
  X(spin_trylock, "K", true)                            \
  X(spin_is_locked, "K", true)                          \
  X(atomic_read, "P", true)                             \
  X(atomic_read_acquire, "P", true)                     \
  X(atomic_set, "PV", false)                            \
  X(atomic_set_release, "PV", false)                    \
  X(atomic_add, "VP", false)                            \
  X(atomic_sub, "VP", false)                            \
  X(atomic_and, "VP", false)                            \
  X(atomic_or, "VP", false)                             \
  X(atomic_xor, "VP", false)                            \
  X(atomic_andnot, "VP", false)                         \
  X(atomic_inc, "P", false)                             \
  X(atomic_dec, "P", false)                             \
  X(atomic_sub_and_test, "VP", true)                    \
  X(atomic_dec_and_test, "P", true)                     \
  X(atomic_inc_and_test, "P", true)                     \
  X(atomic_add_unless, "PVV", true)                     \
  VMAFUZZ_LITMUS_SUFFIXED(X, xchg, "PV")                \
  VMAFUZZ_LITMUS_SUFFIXED(X, cmpxchg, "PVV")            \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_xchg, "PV")         \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_cmpxchg, "PVV")     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_add_return, "VP")   \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_sub_return, "VP")   \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_inc_return, "P")    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_dec_return, "P")    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_add, "VP")    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_sub, "VP")    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_inc, "P")     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_dec, "P")     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_and, "VP")    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_or, "VP")     \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_xor, "VP")    \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_fetch_andnot, "VP") \
  VMAFUZZ_LITMUS_SUFFIXED(X, atomic_add_negative, "VP")

namespace vmafuzz::litmus {

enum class Primitive : uint8_t {
#define VMAFUZZ_LITMUS_ENUMERATOR(name, arguments, returns) name,
  VMAFUZZ_LITMUS_PRIMITIVES(VMAFUZZ_LITMUS_ENUMERATOR)
#undef VMAFUZZ_LITMUS_ENUMERATOR
};

inline constexpr int kMaxArguments = 3;

struct PrimitiveInfo {
  absl::string_view name;
  absl::string_view arguments;  // one letter each, see above
  bool returns;
};

const PrimitiveInfo& info_of(Primitive primitive);

// nullptr where no primitive has that name.
const Primitive* find_primitive(absl::string_view name);

}  // namespace vmafuzz::litmus
