// What a raw input runs as, whoever runs it: a worker, and whoever asks later what it was running.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_DECODE_FOR_SEARCH_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_DECODE_FOR_SEARCH_H_

#include <cstdint>
#include <span>

#include "input/program.h"

namespace vmafuzz::supervisor {

// The decoded program. One without strategy and directives would only run its CPUs in turn; it gets
// a strategy, whose seed is drawn from the bytes, so that the same bytes always run the same. The
// program's own encoding decodes to itself.
void decode_for_search(std::span<const uint8_t> bytes, input::Program& program);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_DECODE_FOR_SEARCH_H_
