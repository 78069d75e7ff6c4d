// `vmafuzz doctor`: what in this machine would spoil a run, and the command that mends it.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "fuzz/commands/table.h"
#include "fuzz/doctor/checks.h"

namespace vmafuzz::command {
namespace {

using doctor::Finding;
using doctor::Level;

constexpr Flag kFlags[] = {
    {"json", FlagKind::kSwitch, "", "", "print one JSON object"},
    {"root", FlagKind::kText, "DIR", "/", "look at the /proc, /sys and programs below DIR"},
};

std::string environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

size_t count(const std::vector<Finding>& findings, Level level) {
  return std::count_if(findings.begin(), findings.end(),
                       [level](const Finding& finding) { return finding.level == level; });
}

void print_text(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::cout << absl::StreamFormat("%-4s  %-14s  %s\n", doctor::name_of(finding.level),
                                    finding.check, finding.found);
    if (finding.level == Level::kOk) continue;
    std::cout << absl::StreamFormat("%22swhy:  %s\n%22smend: %s\n", "", finding.why, "",
                                    finding.mend);
  }
  std::cout << absl::StreamFormat("%d OK, %d WARN, %d FAIL\n", count(findings, Level::kOk),
                                  count(findings, Level::kWarn), count(findings, Level::kFail));
}

void print_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"check", finding.check},
                    {"level", doctor::name_of(finding.level)},
                    {"found", finding.found},
                    {"why", finding.why},
                    {"mend", finding.mend}});
  }
  const nlohmann::ordered_json all = {{"ok", count(findings, Level::kFail) == 0}, {"checks", list}};
  // A path or a file of /proc may hold bytes that are not UTF-8.
  std::cout << all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

int run(const Arguments& args) {
  const doctor::Host host(args.text("root"), environment("PATH", "/usr/bin:/bin"));
  const std::vector<Finding> findings =
      doctor::examine(host, environment("VMAFUZZ_CXX", "clang++-19"));
  args.on("json") ? print_json(findings) : print_text(findings);
  return count(findings, Level::kFail) == 0 ? kExitOk : kExitEnvironment;
}

}  // namespace

const Command kDoctor = {
    .name = "doctor",
    .summary = "tells what in this machine would spoil a run, and what mends it",
    .operands = "",
    .description =
        "Checks compiler, sanitizers, engines, kernel settings, limits, memory and disk. Each "
        "line\n"
        "is OK, WARN (slower, or poorer reports) or FAIL (builds or runs would fail, or their\n"
        "results would be wrong), with the reason and the command that mends it. Ends with 3 if\n"
        "there is a FAIL. Changes nothing. VMAFUZZ_CXX names the compiler (default clang++-19).",
    .examples = "./vmafuzz doctor\n./vmafuzz doctor --json",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
