#include "native/clocks.h"

#include <sanitizer/tsan_interface.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sim/happens_before.h"
#include "sim/machine.h"

namespace vmafuzz::native::clocks {
namespace {

namespace happens_before = sim::happens_before;

constexpr uint32_t kSlot = 1 << 14;
constexpr uint32_t kSlots = 200;
// Most executions make some hundred. One that makes more than these on one CPU may not be the same
// every time.
constexpr uint32_t kOfOneExecution = 6000;

constexpr int kExitEnvironment = 3;  // as fuzz/command.h has it

char start_token = 0;
char end_token = 0;
char spare_token = 0;
uint32_t in_all_slots = 0;

// The contexts of deferred work begin when somebody queues some, and are fibres like the others.
template <class Visit>
void on_each_fibre(Visit visit) {
  void* main = __tsan_get_current_fiber();
  happens_before::charge(main);
  for (int i = 0; i < sim::kMaxCpus; ++i) {
    if (i == sim::kBootCpu) continue;
    void* fibre = sim::machine.cpu_at(i).fiber.tsan();
    __tsan_switch_to_fiber(fibre, __tsan_switch_to_fiber_no_sync);
    visit(i, fibre);
    happens_before::charge(fibre);
  }
  __tsan_switch_to_fiber(main, __tsan_switch_to_fiber_no_sync);
}

void start_over() {
  in_all_slots = 0;
  __tsan_flush_memory();
  for (happens_before::Charge& charge : happens_before::charges) charge.releases = 0;
}

// Uses up what is left of the slot, if it could become short. A few more than it has: the last
// brings the next slot.
void renew_slot(int, void* fibre) {
  uint32_t& made = happens_before::releases_of(fibre);
  if (made <= kSlot - kOfOneExecution) return;
  for (; made < kSlot + 4; ++made) happens_before::release(&spare_token);
  happens_before::charged = happens_before::releases;
  made = 0;
}

// How the runtime's record of a thread or fibre begins (struct ThreadState of
// compiler-rt/lib/tsan/rtl/tsan_rtl.h; seen in LLVM's main branch of 2026, run with that of LLVM
// 19). Nothing promises that it stays so: a runtime whose history does not behave as this says is
// refused before the first execution.
struct ThreadState {
  uint32_t fast_state;
  int ignore_sync;
  int ignore_interceptors;
  void* shadow_stack_pos;
  uintptr_t history_pos;  // where its next event is written; 0: it has no memory for them yet
  uintptr_t last_pc;      // events near it are shorter
};

constexpr uintptr_t kHistoryPart = 256 << 10;  // bytes; the next part is memory of its own
constexpr uintptr_t kEvent = 8;
uintptr_t first_pos[sim::kMaxCpus];

ThreadState& state_of(int cpu) {
  return *static_cast<ThreadState*>(sim::machine.cpu_at(cpu).fiber.tsan());
}
bool in_first_part(int cpu) {
  const uintptr_t pos = state_of(cpu).history_pos;
  return first_pos[cpu] != 0 && (pos == 0 || pos - first_pos[cpu] < kHistoryPart);
}

[[noreturn]] void refuse_runtime() {
  std::fputs(
      "vmafuzz: the ThreadSanitizer of this compiler keeps its history elsewhere than clang 19's,\n"
      "so that what is found would depend on earlier executions; build with clang 19\n"
      "(VMAFUZZ_CXX=clang++-19)\n",
      stderr);
  std::_Exit(kExitEnvironment);
}

// Reports need the events since a fibre's last release, so that it makes one at the beginning: one
// event. The first after the runtime started over may also take a slot and begin another part,
// which leaves the history longer or shorter than others are: then it begins once more.
void begin_history(int cpu) {
  ThreadState& state = state_of(cpu);
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (state.history_pos == 0 || !in_first_part(cpu)) {
      happens_before::release(&spare_token);
      first_pos[cpu] = state.history_pos;
    }
    state.history_pos = first_pos[cpu];
    state.last_pc = 0;
    happens_before::release(&spare_token);
    if (first_pos[cpu] != 0 && state.history_pos == first_pos[cpu] + kEvent) return;
  }
  refuse_runtime();
}

}  // namespace

void renew() {
  for (int i = 0; i < sim::kMaxCpus; ++i) {
    if (i != sim::kBootCpu) sim::machine.cpu_at(i).fiber.make_tsan(i);
  }
  sim::machine.cpu_at(sim::kBootCpu).fiber.share_tsan();
  on_each_fibre(&renew_slot);
  in_all_slots += happens_before::releases;
  happens_before::releases = happens_before::charged = 0;
  if (in_all_slots >= kSlots * kSlot) start_over();
}

void fork() {
  bool all = true;
  for (int i = 0; i < sim::kMaxCpus; ++i) all = all && (i == sim::kBootCpu || in_first_part(i));
  if (!all) start_over();
  on_each_fibre([](int cpu, void*) { begin_history(cpu); });
  happens_before::release(&start_token);
  on_each_fibre([](int, void*) { happens_before::acquire(&start_token); });
}

void join() {
  on_each_fibre([](int, void*) { happens_before::release(&end_token); });
  happens_before::acquire(&end_token);
}

}  // namespace vmafuzz::native::clocks
