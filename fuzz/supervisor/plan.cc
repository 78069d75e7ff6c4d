#include "fuzz/supervisor/plan.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "fuzz/supervisor/engines.h"
#include "variants/variants.h"

namespace vmafuzz::supervisor {
namespace {

using nlohmann::json;

absl::Status check(const Plan& plan) {
  if (plan.engines.empty() || plan.targets.empty())
    return absl::InvalidArgumentError("no engine or no kernel is named");
  for (const std::string& engine : plan.engines) {
    if (find_engine(engine) == nullptr)
      return absl::InvalidArgumentError("there is no engine " + engine);
  }
  for (const TargetNames& target : plan.targets) {
    if (absl::Status s = variants::check_kernel(target.kernel); !s.ok()) return s;
    for (const std::string& bug : target.bugs) {
      if (absl::Status s = variants::check_bug(bug); !s.ok()) return s;
    }
    for (const std::string& option : target.options) {
      if (absl::Status s = variants::check_option(option); !s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

template <typename Value, typename Name>
void keep_first(std::vector<Value>& values, const Name& name) {
  std::set<std::string> seen;
  std::erase_if(values, [&](const Value& value) { return !seen.insert(name(value)).second; });
}

}  // namespace

void remove_repeats(Plan& plan) {
  keep_first(plan.engines, std::identity());
  for (TargetNames& target : plan.targets) {
    keep_first(target.bugs, std::identity());
    keep_first(target.options, std::identity());
  }
  keep_first(plan.targets, target_name);
}

std::string to_json(const Plan& plan) {
  json targets = json::array();
  for (const TargetNames& target : plan.targets) {
    targets.push_back(
        {{"kernel", target.kernel}, {"bugs", target.bugs}, {"options", target.options}});
  }
  const json object = {
      {"version", 1}, {"engines", plan.engines}, {"targets", targets}, {"seeds", plan.seeds}};
  return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::Status read_plan(absl::string_view text, Plan& plan) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return absl::InvalidArgumentError("it is no JSON");
  try {
    object.at("engines").get_to(plan.engines);
    plan.seeds = object.value("seeds", plan.seeds);
    plan.targets.clear();
    for (const json& target : object.at("targets")) {
      TargetNames names;
      target.at("kernel").get_to(names.kernel);
      target.at("bugs").get_to(names.bugs);
      target.at("options").get_to(names.options);
      plan.targets.push_back(std::move(names));
    }
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
  remove_repeats(plan);
  return check(plan);
}

std::vector<TargetNames> default_targets() {
  std::vector<TargetNames> targets;
  for (const variants::Kernel& kernel : variants::kernels()) {
    if (kernel.name != "canary") targets.push_back({std::string(kernel.name), {}, {}});
  }
  return targets;
}

}  // namespace vmafuzz::supervisor
