// A finding: the first input of a bucket, and what became of it. RUN/found/NAME.json, one each: the
// supervisor writes it when it sees the bucket, triage completes it.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_FINDING_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_FINDING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vmafuzz::supervisor {

// What a worker runs on. Together with engine and executor it makes a group.
struct TargetNames {
  std::string kernel;
  std::vector<std::string> bugs;
  std::vector<std::string> options;
};

// "6.18", "6.18+no-odd-test": a target in file names and groups.
std::string target_name(const TargetNames& target);
TargetNames target_of_name(absl::string_view name);  // the way back

enum class State {
  kNew,           // waiting, or being minimised
  kMinimal,       // 1-minimal
  kSmall,         // the minimiser's budget ran out
  kWhole,         // the program as it was met: no minimiser can run it
  kUnreproduced,  // a replay in another process showed something else, or nothing
};
const char* state_name(State state);

struct Finding {
  TargetNames target;
  std::string engine;
  std::string executor;  // that the worker ran it on
  uint64_t worker = 0;
  uint64_t execution = 0;    // of the worker
  double first_seconds = 0;  // of fuzzing
  double first_unix = 0;
  std::string verdict;
  std::string bucket;  // as run::Outcome::bucket; "harness-crash:SIGSEGV" for a worker's own end
  std::string input;   // bytes (input/bytes.h)

  // By triage.
  State state = State::kNew;
  std::string what;      // one line
  std::string shows_on;  // executor that the repro is for; "": none shows it again
  uint64_t ops = 0;      // of the program in the repro
  uint64_t directives = 0;
  uint64_t tries = 0;  // executions that it took
};

// Verdicts about the worker itself.
inline constexpr absl::string_view kHarnessCrash = "harness-crash";
inline constexpr absl::string_view kHarnessHang = "harness-hang";

// "wrong-uprobe" of "wrong-uprobe:speculative:munmap".
std::string verdict_of_bucket(absl::string_view bucket);

// The name of a bucket's files: target and bucket, with nothing in it that a shell or a file system
// minds. Buckets that differ only in such characters, or beyond 200 bytes, end in a hash.
std::string bucket_file_name(const TargetNames& target, absl::string_view bucket);

// The flags that `vmafuzz replay` needs to show what the executor shows: "", "--tsan ",
// "--threads --times 1000 ".
std::string replay_flags(absl::string_view shows_on);

std::string to_json(const Finding& finding);
absl::StatusOr<Finding> finding_from_json(absl::string_view text);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_FINDING_H_
