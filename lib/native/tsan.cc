#include "native/tsan.h"

#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <sanitizer/tsan_interface_atomic.h>

#include <cstdio>
#include <cstring>

#include "sim/happens_before.h"

// Parts of the runtime that its public headers do not declare (compiler-rt/lib/tsan/rtl:
// tsan_interface.h, tsan_interface_java.h, tsan_debugging.cpp).
extern "C" {
void __tsan_read8(void* address);
void __tsan_write_range(void* address, unsigned long bytes);
void __tsan_java_init(unsigned long heap, unsigned long bytes);
void __tsan_java_alloc(unsigned long address, unsigned long bytes);
void __tsan_java_free(unsigned long address, unsigned long bytes);
int __tsan_get_report_data(void* report, const char** description, int* count, int* stacks,
                           int* mops, int* locs, int* mutexes, int* threads, int* unique_tids,
                           void** sleep_trace, unsigned long trace_size);
int __tsan_get_report_mop(void* report, unsigned long index, int* tid, void** address, int* size,
                          int* write, int* atomic, void** trace, unsigned long trace_size);
int __tsan_get_report_thread(void* report, unsigned long index, int* tid, uint64_t* os_id,
                             int* running, const char** name, int* parent_tid, void** trace,
                             unsigned long trace_size);

// Reports are caught, never printed with stacks (no symbolizer is started), never filtered by what
// was reported before. A signal handler of an engine may allocate. libc functions that the harness
// calls on a CPU's stack (memcpy) are not the model's accesses.
__attribute__((visibility("default"))) const char* __tsan_default_options() {
  return "halt_on_error=0:report_signal_unsafe=0:exitcode=0:symbolize=0:suppress_equal_stacks=0:"
         "ignore_interceptors_accesses=1:report_thread_leaks=0:report_destroy_locked=0:"
         "detect_deadlocks=0:atexit_sleep_ms=0";
}
}

namespace vmafuzz::native::tsan {

uint32_t reports_seen = 0;
bool print_reports = false;

namespace {

thread_local Report pending;
thread_local bool has_pending = false;

char* watched = nullptr;

volatile __tsan_atomic64* word(const sim::Location& location) {
  return reinterpret_cast<volatile __tsan_atomic64*>(const_cast<uint64_t*>(&location.value));
}

int cpu_of(void* report, int tid, int threads) {
  for (int i = 0; i < threads; ++i) {
    int id = 0, running = 0, parent = 0;
    uint64_t os_id = 0;
    const char* name = nullptr;
    void* trace[1] = {};
    __tsan_get_report_thread(report, static_cast<unsigned long>(i), &id, &os_id, &running, &name,
                             &parent, trace, 1);
    if (id == tid && name != nullptr && std::strncmp(name, "cpu", 3) == 0) return name[3] - '0';
  }
  return -1;
}

Access access_of(void* report, int index, int threads) {
  Access access;
  int tid = 0, write = 0, atomic = 0;
  void* address = nullptr;
  void* trace[1] = {};
  __tsan_get_report_mop(report, static_cast<unsigned long>(index), &tid, &address, &access.size,
                        &write, &atomic, trace, 1);
  access.address = reinterpret_cast<uintptr_t>(address);
  access.write = write != 0;
  access.atomic = atomic != 0;
  access.cpu = cpu_of(report, tid, threads);
  return access;
}

}  // namespace

void catch_report(void* report) {
  ++reports_seen;
  if (has_pending) return;  // the first one ends the execution
  int count = 0, stacks = 0, mops = 0, locs = 0, mutexes = 0, threads = 0, tids = 0;
  void* sleep[1] = {};
  __tsan_get_report_data(report, &pending.kind, &count, &stacks, &mops, &locs, &mutexes, &threads,
                         &tids, sleep, 1);
  pending.first = pending.second = Access{};
  if (mops > 0) pending.first = access_of(report, 0, threads);
  if (mops > 1) pending.second = access_of(report, 1, threads);
  has_pending = true;
}

bool take_report(Report* report) {
  if (!has_pending) return false;
  has_pending = false;
  *report = pending;
  return true;
}

uint64_t plain_load(const sim::Location& location) {
  __tsan_read8(const_cast<uint64_t*>(&location.value));
  return untold_load(location);
}

uint64_t atomic_load(const sim::Location& location, bool acquire) {
  return static_cast<uint64_t>(__tsan_atomic64_load(
      word(location), acquire ? __tsan_memory_order_acquire : __tsan_memory_order_relaxed));
}

void atomic_store(sim::Location& location, uint64_t value, bool release) {
  if (release) ++sim::happens_before::releases;
  __tsan_atomic64_store(word(location), static_cast<__tsan_atomic64>(value),
                        release ? __tsan_memory_order_release : __tsan_memory_order_relaxed);
}

bool atomic_cas(sim::Location& location, uint64_t* expected, uint64_t value, bool acquire,
                bool release) {
  if (release) ++sim::happens_before::releases;
  const __tsan_memory_order order = acquire && release ? __tsan_memory_order_acq_rel
                                    : acquire          ? __tsan_memory_order_acquire
                                    : release          ? __tsan_memory_order_release
                                                       : __tsan_memory_order_relaxed;
  const auto wanted = static_cast<__tsan_atomic64>(*expected);
  const __tsan_atomic64 found = __tsan_atomic64_compare_exchange_val(
      word(location), wanted, static_cast<__tsan_atomic64>(value), order,
      __tsan_memory_order_relaxed);
  *expected = static_cast<uint64_t>(found);
  return found == wanted;
}

void write_range(void* memory, size_t bytes) { __tsan_write_range(memory, bytes); }

void acquire(const void* token) { sim::happens_before::acquire(token); }
void release(const void* token) { sim::happens_before::release(token); }

// The runtime forgets accesses to memory that it takes for newly allocated by a managed heap.
void watch_memory(char* base, size_t bytes) {
  if (watched != nullptr) return;
  watched = base;
  __tsan_java_init(reinterpret_cast<unsigned long>(base), bytes);
  __tsan_java_alloc(reinterpret_cast<unsigned long>(base), bytes);
}

void forget(size_t bytes) {
  const auto base = reinterpret_cast<unsigned long>(watched);
  // Only the block's own record is freed, which belongs to its first word; what the runtime knows
  // of synchronisation stays.
  __tsan_java_free(base, 8);
  __tsan_java_alloc(base, (bytes + 15) / 16 * 16);
}

void name_thread(int cpu) {
  const char name[] = {'c', 'p', 'u', static_cast<char>('0' + cpu), '\0'};
  pthread_setname_np(pthread_self(), name);
}

}  // namespace vmafuzz::native::tsan

// Called by the runtime for each report; true: it is not printed.
namespace __tsan {
class ReportDesc;
__attribute__((visibility("default"))) bool OnReport(const ReportDesc* report, bool) {
  vmafuzz::native::tsan::catch_report(const_cast<ReportDesc*>(report));
  return !vmafuzz::native::tsan::print_reports;
}
}  // namespace __tsan
