#include "fuzz/supervisor/order.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "fuzz/supervisor/files.h"

namespace vmafuzz::supervisor {

using nlohmann::json;

std::string to_json(const WorkerOrder& order) {
  const json object = {{"worker", order.worker},    {"kernel", order.target.kernel},
                       {"bugs", order.target.bugs}, {"options", order.target.options},
                       {"engine", order.engine},    {"executor", order.executor},
                       {"stats", order.stats},      {"seen", order.seen},
                       {"swarm", order.swarm}};
  return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<WorkerOrder> order_from_json(absl::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  WorkerOrder order;
  try {
    object.at("worker").get_to(order.worker);
    object.at("kernel").get_to(order.target.kernel);
    object.at("bugs").get_to(order.target.bugs);
    object.at("options").get_to(order.target.options);
    object.at("engine").get_to(order.engine);
    object.at("executor").get_to(order.executor);
    object.at("stats").get_to(order.stats);
    object.at("seen").get_to(order.seen);
    object.at("swarm").get_to(order.swarm);
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not a worker's order: ", error.what()));
  }
  return order;
}

absl::StatusOr<WorkerOrder> order_from_environment() {
  const char* path = std::getenv(kOrderVariable);
  if (path == nullptr || *path == '\0') return absl::NotFoundError("this process is no worker");
  const absl::StatusOr<std::string> text = read_file_whole(path);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  return order_from_json(*text);
}

input::MutateOptions swarm_options(uint64_t swarm) {
  input::MutateOptions options;
  if (swarm == 0) return options;
  input::Rng rng(swarm);
  constexpr size_t kOps[] = {6, 10, 16, 24, 40};
  options.max_ops = kOps[rng.below(std::size(kOps))];
  options.max_directives = 2 * options.max_ops + 16;
  options.cpus = 2 + static_cast<int>(rng.below(input::kCpuCount - 1));
  if (rng.chance(2, 3)) {
    options.weights = input::swarm_weights(rng);
    options.swarm = false;  // the subset is drawn: for the whole life of the worker
  }
  return options;
}

}  // namespace vmafuzz::supervisor
