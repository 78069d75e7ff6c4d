// One thread of the pool: what threads.cc schedules and thread_grace.cc gives deferred work to.
#ifndef VMAFUZZ_NATIVE_THREAD_WORKER_H_
#define VMAFUZZ_NATIVE_THREAD_WORKER_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "native/threads.h"

namespace vmafuzz::native {

struct Threads::Worker {
  std::thread thread;
  sim::Cpu cpu;
  void (*body)(void*) = nullptr;  // null: deferred work
  void* arg = nullptr;
  std::atomic<uint32_t> turn{0};  // goes up when there is something to do
  bool quit = false;              // before a turn: there is nothing to do any more
  bool on = false;                // has something to do; with schedule_lock_
  bool blocked = false;           // likewise
  const char* waits_for = "";
  uint32_t steps = 0;
  uint32_t op_steps = 0;
  std::atomic<uint32_t> ops{0};  // begun and ended
  void* jump[5];                 // where fail() and abandon() go
};

// The worker that the running thread is; null: the thread that runs alone.
extern thread_local Threads::Worker* self;

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_THREAD_WORKER_H_
