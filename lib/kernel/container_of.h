// From a member to the structure that it is embedded in.
#ifndef VMAFUZZ_KERNEL_CONTAINER_OF_H_
#define VMAFUZZ_KERNEL_CONTAINER_OF_H_

#include <cstddef>
#include <cstdint>

// Null stays null only if the member comes first, as in the kernel: check before.
#define container_of(ptr, type, member) \
  reinterpret_cast<type*>(reinterpret_cast<uintptr_t>(ptr) - offsetof(type, member))

#endif  // VMAFUZZ_KERNEL_CONTAINER_OF_H_
