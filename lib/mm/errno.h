// Error codes, as system calls return them (negated), and the kernel's way to put one into a
// pointer.
#ifndef VMAFUZZ_MM_ERRNO_H_
#define VMAFUZZ_MM_ERRNO_H_

#include <cerrno>
#include <cstdint>

namespace vmafuzz::kernel {

inline constexpr unsigned long MAX_ERRNO = 4095;

constexpr bool IS_ERR_VALUE(unsigned long x) { return x >= -MAX_ERRNO; }

// A pointer that is an error code. Never stored in shared memory: results only.
template <class T>
T* ERR_PTR(long error) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<T*>(static_cast<intptr_t>(error));
}
template <class T>
long PTR_ERR(const T* pointer) {
  return static_cast<long>(reinterpret_cast<intptr_t>(pointer));
}
template <class T>
bool IS_ERR(const T* pointer) {
  return IS_ERR_VALUE(static_cast<unsigned long>(reinterpret_cast<intptr_t>(pointer)));
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_MM_ERRNO_H_
