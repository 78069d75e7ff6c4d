// fuzz_tsan: bytes -> a program on real memory under ThreadSanitizer -> a verdict
// (engine/target.h). Reports of ThreadSanitizer are caught and do not end the process
// (lib/native/tsan.h).
//
// Without a supervisor a finding is printed with a DEDUP_TOKEN and aborts. Configured by the
// environment:
//   VMAFUZZ_KERNEL=NAME  VMAFUZZ_BUGS=A,B  VMAFUZZ_EXECUTOR=tsan-fibres|tsan-threads
#include <cstdio>
#include <cstdlib>

#include "fuzz/engine/target.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/decode_for_search.h"
#include "native/machine.h"

namespace vmafuzz::engine {
namespace {

run::Executor* executor = nullptr;  // lives as long as the process
run::Outcome outcome;
input::Program program;

}  // namespace

absl::Status use_executor(absl::string_view name) {
  if (name != "tsan-fibres" && name != "tsan-threads") {
    return absl::NotFoundError("fuzz_tsan runs on tsan-fibres or tsan-threads, not on " +
                               std::string(name));
  }
  native::machine.use(name == "tsan-threads" ? native::Executor::kThreads
                                             : native::Executor::kFibres);
  return absl::OkStatus();
}

void start_alone(int, char**) {
  run::Target target;
  target.kernel = kernel_or_refuse(environment("VMAFUZZ_KERNEL", command::kDefaultKernel));
  target.bugs = split_list(environment("VMAFUZZ_BUGS", ""));
  absl::Status status = use_executor(environment("VMAFUZZ_EXECUTOR", "tsan-fibres"));
  executor = new run::Executor;
  status.Update(executor->set_target(target));
  if (!status.ok()) refuse(std::string(status.message()));
}

void run_alone(std::span<const uint8_t> bytes) {
  supervisor::decode_for_search(bytes, program);
  run::RunOptions options;
  options.coverage = true;
  executor->run(program, options, &outcome);
  if (!outcome.found) return;
  std::fprintf(stderr, "%s: %s\nDEDUP_TOKEN: %s\n", outcome.verdict.c_str(), outcome.what.c_str(),
               outcome.bucket.c_str());
  std::abort();
}

}  // namespace vmafuzz::engine
