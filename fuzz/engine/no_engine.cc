// For programs that link the instrumented model but no engine (the vmafuzz command in a fuzz build,
// which replays and measures it): nobody listens to the coverage counters.
#include <cstdint>

// NOLINTBEGIN(bugprone-reserved-identifier): the names that clang's instrumentation calls.
extern "C" void __sanitizer_cov_8bit_counters_init(char*, char*) {}
extern "C" void __sanitizer_cov_pcs_init(const uintptr_t*, const uintptr_t*) {}
// NOLINTEND(bugprone-reserved-identifier)
