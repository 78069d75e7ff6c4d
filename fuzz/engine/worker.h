// What runs inside a worker of `vmafuzz fuzz`, whatever engine feeds it: each input is run on the
// model, and what came out of it, with the first input of each bucket, is in a page that the
// supervisor reads (supervisor/stats.h) before the engine goes on. The machine is simulated, so
// that a bug in the model is a verdict and not a crash: the process never dies of what it finds.
//
// A worker is told what to do by a file (WorkerOrder) that the environment variable VMAFUZZ_WORKER
// names: engines pass the environment on, but not all of them pass arguments.
//
// Not thread-safe: one worker a process, as there is one machine.
#ifndef VMAFUZZ_FUZZ_ENGINE_WORKER_H_
#define VMAFUZZ_FUZZ_ENGINE_WORKER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "fuzz/supervisor/order.h"
#include "fuzz/supervisor/stats.h"
#include "run/executor.h"

namespace vmafuzz::engine {

class Worker {
 public:
  explicit Worker(supervisor::WorkerOrder order) : order_(std::move(order)) {}

  absl::Status start();
  // Runs one input; a request_stop() before its end ends the process after it.
  void run(std::span<const uint8_t> bytes);
  // From a signal handler: the process ends with 0 after the present execution.
  static void request_stop();

 private:
  void read_buckets();
  void found();
  void note_coverage();

  supervisor::WorkerOrder order_;
  supervisor::MappedPage<supervisor::StatsPage> stats_;
  supervisor::MappedPage<supervisor::SeenPage> seen_;
  run::Executor executor_;
  run::Outcome outcome_;
  input::Program program_;
  std::map<std::string, uint32_t, std::less<>> buckets_;  // index in the page
};

}  // namespace vmafuzz::engine

#endif  // VMAFUZZ_FUZZ_ENGINE_WORKER_H_
