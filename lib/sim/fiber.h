// Stackful fibres, created once and reused: Boost.Context's jump, with sanitizers told about it.
//
// A fibre may be abandoned in the middle of its work and set up again from the start. Nothing is
// unwound then, so code that runs on a fibre owns no memory through its stack.
#ifndef VMAFUZZ_SIM_FIBER_H_
#define VMAFUZZ_SIM_FIBER_H_

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

namespace vmafuzz::sim {

class Fiber {
 public:
  Fiber() = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // (Re)starts the fibre: the next switch to it calls entry(arg), which must never return.
  void reset(void (*entry)(void*), void* arg);

#ifdef VMAFUZZ_NATIVE
  // ThreadSanitizer's side of it, made once and kept: one of its own, or that of the thread.
  void* tsan() const { return tsan_; }
  void make_tsan(int cpu);
  void share_tsan();
#endif

  // Switches from the running context `from` to `to`. Returns when something switches back.
  static void switch_to(Fiber& from, Fiber& to);

 private:
  static void trampoline(boost::context::detail::transfer_t transfer);

  boost::context::detail::fcontext_t context_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* arg_ = nullptr;
  char* stack_ = nullptr;  // lowest address; null for the context that is a thread's own stack
  [[maybe_unused]] const char* bottom_ =
      nullptr;  // of a thread's own stack, as AddressSanitizer tells it
  size_t stack_size_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
#ifdef VMAFUZZ_NATIVE
  void* tsan_ = nullptr;
#endif
};

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_FIBER_H_
