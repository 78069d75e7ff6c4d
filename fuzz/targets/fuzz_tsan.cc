// fuzz_tsan: bytes -> a program on real memory under ThreadSanitizer -> a verdict, for any engine
// that speaks LLVMFuzzerTestOneInput.
//
// What is found is printed with a DEDUP_TOKEN and aborts. Configured by the environment:
//   VMAFUZZ_KERNEL=NAME  VMAFUZZ_BUGS=A,B  VMAFUZZ_EXECUTOR=fibres|threads
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "fuzz/command.h"
#include "fuzz/program_file.h"
#include "input/bytes.h"
#include "input/engine_bytes.h"
#include "native/machine.h"
#include "run/executor.h"

namespace vmafuzz {
namespace {

run::Executor* executor = nullptr;
run::Outcome outcome;
input::Program program;

[[noreturn]] void refuse(const std::string& message) {
  std::fprintf(stderr, "vmafuzz: %s\n", message.c_str());
  std::_Exit(command::kExitUsage);
}

std::string environment(const char* name, absl::string_view otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : std::string(otherwise);
}

}  // namespace
}  // namespace vmafuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace vmafuzz;
  run::Target target;
  const std::string kernel = environment("VMAFUZZ_KERNEL", command::kDefaultKernel);
  target.kernel = variants::find_kernel(kernel);
  if (target.kernel == nullptr) refuse(std::string(variants::check_kernel(kernel).message()));
  for (absl::string_view bug :
       absl::StrSplit(environment("VMAFUZZ_BUGS", ""), ',', absl::SkipEmpty())) {
    target.bugs.emplace_back(bug);
  }
  const std::string with = environment("VMAFUZZ_EXECUTOR", "fibres");
  if (with != "fibres" && with != "threads") {
    refuse("VMAFUZZ_EXECUTOR is " + with + "; it may be fibres or threads");
  }
  native::machine.use(with == "threads" ? native::Executor::kThreads : native::Executor::kFibres);
  executor = new run::Executor;  // lives as long as the process
  if (absl::Status status = executor->set_target(target); !status.ok()) {
    refuse(std::string(status.message()));
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmafuzz;
  if (executor == nullptr) LLVMFuzzerInitialize(nullptr, nullptr);  // the main() that runs files
  input::decode({data, size}, program);
  executor->run(program, {}, &outcome);
  if (!outcome.found) return 0;
  std::fprintf(stderr, "%s: %s\nDEDUP_TOKEN: %s\n", outcome.verdict.c_str(), outcome.what.c_str(),
               outcome.bucket.c_str());
  std::abort();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return vmafuzz::input::mutate_bytes(data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  return vmafuzz::input::cross_over_bytes({data1, size1}, {data2, size2}, {out, max_out_size},
                                          seed);
}
