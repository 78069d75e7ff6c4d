#include "sim/fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VMAFUZZ_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

// A fibre that is given up never returns the fake stack that this option gives it.
extern "C" const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
#endif
#endif

#ifdef VMAFUZZ_NATIVE
#include <sanitizer/tsan_interface.h>

#include "sim/happens_before.h"
#endif

namespace vmafuzz::sim {
namespace {

#if defined(VMAFUZZ_ASAN) || defined(VMAFUZZ_NATIVE)
constexpr size_t kStackBytes = 512 << 10;  // instrumented frames are several times larger
#else
constexpr size_t kStackBytes = 128 << 10;
#endif
constexpr size_t kGuardBytes = 4096;

char* map_stack() {
  void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "vmafuzz: no memory for a fibre stack of %zu bytes\n", kStackBytes);
    std::exit(3);
  }
  mprotect(memory, kGuardBytes, PROT_NONE);
  return static_cast<char*>(memory) + kGuardBytes;
}

}  // namespace

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_ - kGuardBytes, kStackBytes + kGuardBytes);
}

#ifdef VMAFUZZ_NATIVE
void Fiber::make_tsan(int cpu) {
  if (tsan_ != nullptr) return;
  tsan_ = __tsan_create_fiber(0);
  const char name[] = {'c', 'p', 'u', static_cast<char>('0' + cpu), '\0'};
  __tsan_set_fiber_name(tsan_, name);
}
void Fiber::share_tsan() { tsan_ = __tsan_get_current_fiber(); }
#endif

void Fiber::reset(void (*entry)(void*), void* arg) {
  if (stack_ == nullptr) {
    stack_ = map_stack();
    stack_size_ = kStackBytes;
  }
#ifdef VMAFUZZ_ASAN
  __asan_unpoison_memory_region(stack_, stack_size_);
#endif
  entry_ = entry;
  arg_ = arg;
  fake_stack_ = nullptr;
  context_ = boost::context::detail::make_fcontext(stack_ + stack_size_, stack_size_, &trampoline);
}

struct Jump {
  Fiber* from;
  Fiber* to;
};

void Fiber::switch_to(Fiber& from, Fiber& to) {
  Jump jump{&from, &to};
#ifdef VMAFUZZ_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.stack_ ? to.stack_ : to.bottom_,
                                 to.stack_size_);
#endif
#ifdef VMAFUZZ_NATIVE
  // Without synchronisation: that one CPU ran before another orders nothing.
  if (from.tsan_ == nullptr) from.share_tsan();
  happens_before::charge(from.tsan_);
  if (to.tsan_ != from.tsan_) __tsan_switch_to_fiber(to.tsan_, __tsan_switch_to_fiber_no_sync);
#endif
  const auto transfer = boost::context::detail::jump_fcontext(to.context_, &jump);
  // Back again: whoever jumped here tells where it can be resumed.
  auto* back = static_cast<Jump*>(transfer.data);
  back->from->context_ = transfer.fctx;
#ifdef VMAFUZZ_ASAN
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(from.fake_stack_, &bottom, &size);
#endif
}

void Fiber::trampoline(boost::context::detail::transfer_t transfer) {
  auto* jump = static_cast<Jump*>(transfer.data);
  Fiber* self = jump->to;
  jump->from->context_ = transfer.fctx;
#ifdef VMAFUZZ_ASAN
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
  if (jump->from->stack_ == nullptr) {  // a thread's own stack: its bounds are known from here on
    jump->from->bottom_ = static_cast<const char*>(bottom);
    jump->from->stack_size_ = size;
  }
#endif
  self->entry_(self->arg_);
  std::abort();  // an entry function never returns
}

}  // namespace vmafuzz::sim
