// What a worker is told to do: RUN/work/N/order.json.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_ORDER_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_ORDER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fuzz/supervisor/finding.h"
#include "input/mutate.h"

namespace vmafuzz::supervisor {

// The environment variable that holds the path of the order; set: this process is a worker.
inline constexpr char kOrderVariable[] = "VMAFUZZ_WORKER";

struct WorkerOrder {
  uint64_t worker = 0;
  TargetNames target;
  std::string engine;
  std::string executor;
  std::string stats;   // path of its StatsPage
  std::string seen;    // path of its group's SeenPage
  uint64_t swarm = 0;  // which mutations it draws (swarm_options); 0: all of them
};

std::string to_json(const WorkerOrder& order);
absl::StatusOr<WorkerOrder> order_from_json(absl::string_view text);
// The order that the environment names; NotFound if it names none.
absl::StatusOr<WorkerOrder> order_from_environment();

// Swarm variation (Groce et al., ISSTA 2012): a worker that has fewer kinds of operations, CPUs or
// operations at all gets deeper into what is left. A function of `swarm` alone.
input::MutateOptions swarm_options(uint64_t swarm);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_ORDER_H_
