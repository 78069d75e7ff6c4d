// From a raw finding to a minimal repro file, in a process of its own (vmafuzz_triage): an input
// that brings down or hangs its own worker must not do the same to the supervisor.
//
//   vmafuzz_triage RUN found/NAME.json      a bucket: replayed, minimised, explained
//   vmafuzz_triage RUN suspects/SHA1.json   what a worker was running when it died: replayed, and
//                                           made a bucket if that shows one
//
// The simulated machine is asked first; what it does not show of ThreadSanitizer's findings, fibres
// and then threads are asked for (docs/overnight.md). A bucket's finding gets RUN/found/NAME.repro
// and NAME.txt, and then its new state. A suspect is removed when it was judged harmless or became
// a bucket; a death of the triage itself leaves it, and the supervisor then knows that the input
// kills.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_H_

#include <string>

#include "absl/status/status.h"
#include "fuzz/supervisor/finding.h"

namespace vmafuzz::supervisor {

// The program's main(): returns its exit status.
int triage(const std::string& run, const std::string& file);

// Writes the finding as it is, without executing it: what is left to do where an execution would
// take the process down.
absl::Status write_unexecuted(const std::string& run, const Finding& finding);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_H_
