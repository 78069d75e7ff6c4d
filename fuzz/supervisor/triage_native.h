// What triage asks ThreadSanitizer: vmafuzz_tsan, a program of its own (fuzz/native), as the model
// is compiled twice.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_NATIVE_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_NATIVE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "input/program.h"

namespace vmafuzz::supervisor {

// On fibres, which are deterministic.
struct NativeRepro {
  bool found = false;
  uint64_t executions = 0;  // that it was looked for in
  input::Program program;   // minimal
  std::string verdict, bucket, what;
  bool one_minimal = false;
  uint64_t tries = 0;  // of the minimiser
};
// Each `file` holds a program. What fails is Unavailable if that says nothing about the program,
// and Internal if it takes vmafuzz_tsan down.
//
// Looks for `bucket`, or the same bug the other way round, in `most`
// executions of its operations (run/find_again.h), and makes it small.
absl::StatusOr<NativeRepro> reproduce_on_fibres(const std::string& file, const std::string& bucket,
                                                uint64_t most);

// On threads, which run freely: how often, and what it said when it last showed something.
struct NativeShare {
  uint64_t runs = 0;
  uint64_t hits = 0;
  std::string what;
};
absl::StatusOr<NativeShare> share_on_threads(const std::string& file, const std::string& bucket,
                                             uint64_t runs);

// Everything that `runs` runs find, on threads or on fibres.
struct NativeBucket {
  std::string name, what;
};
absl::StatusOr<std::vector<NativeBucket>> replay_natively(const std::string& file, bool threads,
                                                          uint64_t runs);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_TRIAGE_NATIVE_H_
