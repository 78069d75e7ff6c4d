// `vmafuzz completion`: what bash needs to complete command lines.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fuzz/commands/table.h"
#include "fuzz/manual.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/engines.h"
#include "variants/variants.h"

namespace vmafuzz::command {
namespace {

using Json = nlohmann::json;

// Those of the repository, so that none is listed twice; none where there is no repository.
std::vector<std::string> presets() {
  const absl::StatusOr<std::string> text = read_file(in_repository("CMakePresets.json"));
  const Json file = Json::parse(text.ok() ? *text : "", nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  if (!file.is_object()) return names;
  for (const Json& preset : file.value("configurePresets", Json::array())) {
    if (!preset.value("hidden", false)) names.push_back(preset.value("name", ""));
  }
  return names;
}

int run(const Arguments&) {
  std::map<std::string, std::vector<std::string>> values;
  for (const variants::Kernel& kernel : variants::kernels()) {
    values["kernel"].emplace_back(kernel.name);
  }
  for (const variants::Bug& bug : variants::bugs()) values["bug"].emplace_back(bug.name);
  for (const variants::Option& option : variants::options()) {
    values["option"].push_back(absl::StrCat(option.key, "="));
  }
  for (const supervisor::Engine& engine : supervisor::engines()) {
    values["engine"].emplace_back(engine.name);
  }
  values["preset"] = presets();
  std::cout << bash_completion(all_commands(), values);
  return kExitOk;
}

}  // namespace

const Command kCompletion = {
    .name = "completion",
    .summary = "prints a script by which bash completes command lines",
    .operands = "",
    .description =
        "Prints a script for bash that completes commands, flags, operands, and names of kernels,\n"
        "bugs, engines and presets. It is made from the same table as --help. For this shell\n"
        "alone:\n"
        "eval \"$(./vmafuzz completion)\"",
    .examples = "./vmafuzz completion > ~/.local/share/bash-completion/completions/vmafuzz",
    .flags = {},
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
