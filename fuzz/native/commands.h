// The commands of vmafuzz_tsan, the program that runs the model under ThreadSanitizer. People use
// `vmafuzz`, which calls it where it needs it (replay --threads, minimize --tsan, bench
// tsan); triage calls it for what the simulated machine does not show.
#ifndef VMAFUZZ_FUZZ_NATIVE_COMMANDS_H_
#define VMAFUZZ_FUZZ_NATIVE_COMMANDS_H_

#include "fuzz/command.h"

namespace vmafuzz::command {

extern const Command kNativeMinimize;
extern const Command kNativeReplay;
extern const Command kNativeSearch;
extern const Command kNativeRate;

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_NATIVE_COMMANDS_H_
