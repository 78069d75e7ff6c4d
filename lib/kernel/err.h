// Pointers that may be errors (include/linux/err.h). Never stored in shared memory.
#ifndef VMAFUZZ_KERNEL_ERR_H_
#define VMAFUZZ_KERNEL_ERR_H_

#include <cstdint>

namespace vmafuzz::kernel {

inline constexpr long MAX_ERRNO = 4095;

// error is a negative errno.
template <class T>
T* ERR_PTR(long error) {
  return reinterpret_cast<T*>(static_cast<intptr_t>(error));  // NOLINT: what the kernel does
}
template <class T>
long PTR_ERR(const T* p) {
  return static_cast<long>(reinterpret_cast<intptr_t>(p));
}
template <class T>
bool IS_ERR(const T* p) {
  return reinterpret_cast<uintptr_t>(p) >= static_cast<uintptr_t>(-MAX_ERRNO);
}
template <class T>
bool IS_ERR_OR_NULL(const T* p) {
  return p == nullptr || IS_ERR(p);
}

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_ERR_H_
