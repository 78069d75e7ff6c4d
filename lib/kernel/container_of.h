// From a member to the structure that it is embedded in.
#ifndef VMAFUZZ_KERNEL_CONTAINER_OF_H_
#define VMAFUZZ_KERNEL_CONTAINER_OF_H_

#include <cstddef>
#include <cstdint>

namespace vmafuzz::kernel {

template <class T>
T* container_at(const void* member, size_t offset) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(member) - offset);
}

}  // namespace vmafuzz::kernel

// Null stays null only if the member comes first, as in the kernel: check before.
#define container_of(ptr, type, member) \
  (::vmafuzz::kernel::container_at<type>(ptr, offsetof(type, member)))

#endif  // VMAFUZZ_KERNEL_CONTAINER_OF_H_
