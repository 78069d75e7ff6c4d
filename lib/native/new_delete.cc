// The harness's own memory is none of ThreadSanitizer's business.
//
// Its allocator treats malloc() and free() as writes of whoever calls them. The harness's
// containers grow on whichever CPU's stack happens to run, and what orders those CPUs is not the
// model's order, so that growing a vector would be reported as a race. glibc's own allocator is
// behind these names, under which the runtime does not intercept it.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

extern "C" {
void* __libc_malloc(size_t bytes);
void __libc_free(void* memory);
void* __libc_memalign(size_t alignment, size_t bytes);
}

namespace {

void* checked(void* memory) {
  if (memory != nullptr) return memory;
  std::fputs("vmafuzz: out of memory\n", stderr);
  std::_Exit(3);
}

}  // namespace

void* operator new(size_t bytes) { return checked(__libc_malloc(bytes == 0 ? 1 : bytes)); }
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return checked(__libc_memalign(static_cast<size_t>(alignment), bytes));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return operator new(bytes, alignment);
}
void operator delete(void* memory) noexcept { __libc_free(memory); }
void operator delete[](void* memory) noexcept { __libc_free(memory); }
void operator delete(void* memory, size_t) noexcept { __libc_free(memory); }
void operator delete[](void* memory, size_t) noexcept { __libc_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { __libc_free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { __libc_free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { __libc_free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { __libc_free(memory); }
