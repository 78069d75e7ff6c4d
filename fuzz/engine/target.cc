#include "fuzz/engine/target.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_split.h"
#include "fuzz/command.h"
#include "fuzz/engine/worker.h"
#include "fuzz/supervisor/order.h"
#include "input/engine_bytes.h"

namespace vmafuzz::engine {
namespace {

Worker* worker = nullptr;  // lives as long as the process
bool started = false;
input::MutateOptions mutate_options;

void start_worker(const supervisor::WorkerOrder& order) {
  if (absl::Status status = use_executor(order.executor); !status.ok()) {
    refuse(std::string(status.message()));
  }
  worker = new Worker(order);
  mutate_options = supervisor::swarm_options(order.swarm);
  if (absl::Status status = worker->start(); !status.ok()) refuse(std::string(status.message()));
  std::signal(SIGINT, [](int) { Worker::request_stop(); });
  std::signal(SIGTERM, [](int) { Worker::request_stop(); });
}

void start(int argc, char** argv) {
  started = true;
  const absl::StatusOr<supervisor::WorkerOrder> order = supervisor::order_from_environment();
  if (order.ok()) return start_worker(*order);
  if (!absl::IsNotFound(order.status())) refuse(std::string(order.status().message()));
  start_alone(argc, argv);
}

}  // namespace

void refuse(const std::string& message) {
  std::fprintf(stderr, "vmafuzz: %s\n", message.c_str());
  std::_Exit(command::kExitUsage);
}

const variants::Kernel* kernel_or_refuse(const std::string& name) {
  const variants::Kernel* kernel = variants::find_kernel(name);
  if (kernel == nullptr) refuse(std::string(variants::check_kernel(name).message()));
  return kernel;
}

std::string environment(const char* name, absl::string_view otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : std::string(otherwise);
}

std::vector<std::string> split_list(absl::string_view text) {
  std::vector<std::string> items;
  for (absl::string_view item : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    items.emplace_back(item);
  }
  return items;
}

}  // namespace vmafuzz::engine

using namespace vmafuzz;  // NOLINT(google-build-using-namespace): the engines' names are global

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  engine::start(*argc, *argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (!engine::started) engine::start(0, nullptr);  // the main() that runs files
  if (engine::worker != nullptr) {
    engine::worker->run({data, size});
  } else {
    engine::run_alone({data, size});
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return input::mutate_bytes(data, size, max_size, seed, engine::mutate_options);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  return input::cross_over_bytes({data1, size1}, {data2, size2}, {out, max_out_size}, seed,
                                 engine::mutate_options);
}
