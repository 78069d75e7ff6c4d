// fuzz_sim: bytes -> a program on the simulated kernel -> a verdict, for any engine that speaks
// LLVMFuzzerTestOneInput.
//
// Under `vmafuzz fuzz` it is a worker (engine/worker.h), told what to do by the environment. With
// --session it is a session that keeps going (flags below, which libFuzzer passes over). Alone, as
// OSS-Fuzz and AFL++ run it, a finding is printed with a DEDUP_TOKEN and aborts. The kernel is then
// VMAFUZZ_KERNEL from the environment.
//   --kernel=NAME --bug=A,B --option=K=V,... --dir=RUN --until=VERDICT|any --quiet --session
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fuzz/command.h"
#include "fuzz/engine/session.h"
#include "fuzz/engine/worker.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/order.h"
#include "input/engine_bytes.h"

namespace vmafuzz {
namespace {

// Both live as long as the process; one of them is there.
engine::Session* session = nullptr;
engine::Worker* worker = nullptr;
input::MutateOptions mutate_options;

std::vector<std::string> list(absl::string_view text) {
  std::vector<std::string> items;
  for (absl::string_view item : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    items.emplace_back(item);
  }
  return items;
}

[[noreturn]] void refuse(const std::string& message) {
  std::fprintf(stderr, "vmafuzz: %s\n", message.c_str());
  std::_Exit(command::kExitUsage);
}

engine::SessionOptions parse(int argc, char** argv) {
  engine::SessionOptions options;
  options.abort_on_finding = true;
  const char* environment = std::getenv("VMAFUZZ_KERNEL");
  std::string kernel = environment != nullptr ? environment : std::string(command::kDefaultKernel);
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "--kernel=")) kernel = std::string(word);
    if (absl::ConsumePrefix(&word, "--bug=")) options.target.bugs = list(word);
    if (absl::ConsumePrefix(&word, "--option=")) options.target.options = list(word);
    if (absl::ConsumePrefix(&word, "--dir=")) options.dir = std::string(word);
    if (absl::ConsumePrefix(&word, "--until=")) options.until = std::string(word);
    if (word == "--quiet") options.quiet = true;
    if (word == "--session") options.abort_on_finding = false;
  }
  options.target.kernel = variants::find_kernel(kernel);
  if (options.target.kernel == nullptr)
    refuse(std::string(variants::check_kernel(kernel).message()));
  return options;
}

void start_worker(const supervisor::WorkerOrder& order) {
  worker = new engine::Worker(order);
  mutate_options = supervisor::swarm_options(order.swarm);
  if (absl::Status status = worker->start(); !status.ok()) refuse(std::string(status.message()));
  std::signal(SIGINT, [](int) { engine::Worker::request_stop(); });
  std::signal(SIGTERM, [](int) { engine::Worker::request_stop(); });
}

}  // namespace
}  // namespace vmafuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using vmafuzz::session;
  const absl::StatusOr<vmafuzz::supervisor::WorkerOrder> order =
      vmafuzz::supervisor::order_from_environment();
  if (order.ok()) {
    vmafuzz::start_worker(*order);
    return 0;
  }
  if (!absl::IsNotFound(order.status())) vmafuzz::refuse(std::string(order.status().message()));
  const vmafuzz::engine::SessionOptions options = vmafuzz::parse(*argc, *argv);
  session = new vmafuzz::engine::Session(options);  // lives as long as the process
  if (absl::Status status = session->start(); !status.ok()) {
    vmafuzz::refuse(std::string(status.message()));
  }
  if (!options.abort_on_finding) {
    std::signal(SIGINT, [](int) { vmafuzz::engine::Session::request_stop(); });
    std::signal(SIGTERM, [](int) { vmafuzz::engine::Session::request_stop(); });
    // libFuzzer ends with exit(0), whatever was found.
    std::atexit([] { std::_Exit(vmafuzz::session->finish()); });
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (vmafuzz::worker != nullptr) {
    vmafuzz::worker->run({data, size});
  } else {
    vmafuzz::session->run({data, size});
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return vmafuzz::input::mutate_bytes(data, size, max_size, seed, vmafuzz::mutate_options);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  return vmafuzz::input::cross_over_bytes({data1, size1}, {data2, size2}, {out, max_out_size}, seed,
                                          vmafuzz::mutate_options);
}
