// fuzz_empty: nothing. How fast an engine is by itself, for `vmafuzz bench exec`.
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t) { return 0; }
