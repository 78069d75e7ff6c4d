// ThreadSanitizer's runtime as lib/native uses it: accesses told to it, its reports caught.
//
// Nothing of the harness is instrumented; accesses are told by the calls that instrumentation would
// make. The runtime keeps four accesses a word. Which one a fifth access replaces depends on all
// that the process did before, so the memory of an execution is forgotten before the next begins
// (forget()): then what is found does not depend on earlier executions. For the same reason the
// runtime must not come to the end of a clock in the middle of an execution (clocks.h).
#ifndef VMAFUZZ_NATIVE_TSAN_H_
#define VMAFUZZ_NATIVE_TSAN_H_

#include <cstddef>
#include <cstdint>

#include "sim/location.h"

namespace vmafuzz::native::tsan {

// --- accesses

// Not told: data_race(), and whatever runs alone.
inline uint64_t untold_load(const sim::Location& location) {
  return __atomic_load_n(&location.value, __ATOMIC_RELAXED);
}
inline void untold_store(sim::Location& location, uint64_t value) {
  __atomic_store_n(&location.value, value, __ATOMIC_RELAXED);
}
uint64_t plain_load(const sim::Location& location);
uint64_t atomic_load(const sim::Location& location, bool acquire);
void atomic_store(sim::Location& location, uint64_t value, bool release);
bool atomic_cas(sim::Location& location, uint64_t* expected, uint64_t value, bool acquire,
                bool release);
void write_range(void* memory, size_t bytes);

// --- order that has no access: tokens are any addresses
void acquire(const void* token);
void release(const void* token);

// --- executions

// Once: [base, base + bytes) is what executions use. Its first 8 bytes are never accessed.
void watch_memory(char* base, size_t bytes);
// Forgets every access to the first `bytes` of it.
void forget(size_t bytes);

// --- reports

struct Access {
  uintptr_t address = 0;
  int cpu = -1;  // from the name of ThreadSanitizer's thread: "cpu3"; -1: another one
  int size = 0;
  bool write = false;
  bool atomic = false;
};
// What ThreadSanitizer has reported to the running thread, until take_report(). first is the
// access that was just made, second the one it conflicts with.
struct Report {
  const char* kind = "";  // "data-race" and ThreadSanitizer's other words
  Access first, second;
};
extern uint32_t reports_seen;  // in this process: cheap to compare
bool take_report(Report* report);
// Reports are printed as ThreadSanitizer would print them, too.
extern bool print_reports;

// The running thread is CPU `cpu`.
void name_thread(int cpu);

}  // namespace vmafuzz::native::tsan

#endif  // VMAFUZZ_NATIVE_TSAN_H_
