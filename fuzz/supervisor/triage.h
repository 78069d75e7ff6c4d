// From a raw finding to a minimal repro file, in a process of its own (vmafuzz_triage): an input
// that brings down or hangs its own worker must not do the same to the supervisor.
//
//   vmafuzz_triage RUN found/NAME.json      a bucket: replayed, minimised, explained
//   vmafuzz_triage RUN suspects/SHA1.json   what a worker was running when it died: replayed, and
//                                           made a bucket if that shows one
//
// The simulated machine is asked first; what it does not show of ThreadSanitizer's findings, fibres
// and then threads are asked for (docs/overnight.md). A bucket's finding gets RUN/found/NAME.repro
// and NAME.txt, and then its new state. A suspect becomes every bucket that its replay shows; where
// that is none, a crash of its worker becomes one that is not reproduced. Then it is removed. A
// death of the triage itself leaves it, and the supervisor then knows that the input kills.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_H_

#include <string>

#include "absl/status/status.h"
#include "fuzz/supervisor/finding.h"

namespace vmafuzz::supervisor {

// What it ends with beside command::ExitStatus.
inline constexpr int kTriageUnavailable = 69;  // vmafuzz_tsan cannot be asked: nothing is known
inline constexpr int kTriageKilled = 70;       // the suspect killed what ran it

// The program's main(): returns its exit status.
int triage(const std::string& run, const std::string& file);

// A suspect holds what an engine made; makes of that the program that its worker ran, in the
// canonical bytes that other findings hold.
void decode_suspect(Finding* suspect);

// Writes the finding as it is, without executing it: what is left to do where an execution would
// take the process down.
absl::Status write_unexecuted(const std::string& run, const Finding& finding);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_H_
