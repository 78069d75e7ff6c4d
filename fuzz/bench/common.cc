#include <filesystem>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fuzz/bench/bench.h"
#include "fuzz/program_file.h"

namespace vmafuzz::bench {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<Scenario>> read_scenarios(const std::string& folder) {
  std::error_code error;
  std::vector<Scenario> scenarios;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".repro") continue;
    absl::StatusOr<input::Program> program = command::read_program(entry.path().string());
    if (!program.ok()) return program.status();
    scenarios.push_back({entry.path().stem().string(), *std::move(program)});
  }
  if (error || scenarios.empty()) {
    return absl::NotFoundError(absl::StrFormat("no programs (*.repro) in %s", folder));
  }
  std::sort(scenarios.begin(), scenarios.end(),
            [](const Scenario& a, const Scenario& b) { return a.name < b.name; });
  return scenarios;
}

absl::StatusOr<std::vector<const variants::Kernel*>> kernels_to_catch(
    const std::vector<std::string>& only) {
  std::vector<const variants::Kernel*> kernels;
  std::vector<std::string> names;
  for (const variants::Kernel& kernel : variants::kernels()) {
    if (kernel.must_be_silent()) continue;
    names.emplace_back(kernel.name);
    if (!only.empty() && std::find(only.begin(), only.end(), names.back()) == only.end()) continue;
    kernels.push_back(&kernel);
  }
  for (const std::string& name : only) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "no kernel %s must be caught; those that must are %s", name, absl::StrJoin(names, ", ")));
  }
  return kernels;
}

std::string right_verdicts(const variants::Kernel& kernel) {
  std::vector<std::string> verdicts;
  for (const variants::Caught& caught : kernel.caught) {
    const std::string verdict(caught.verdict);
    if (std::find(verdicts.begin(), verdicts.end(), verdict) == verdicts.end()) {
      verdicts.push_back(verdict);
    }
  }
  return absl::StrJoin(verdicts, ",");
}

}  // namespace vmafuzz::bench
