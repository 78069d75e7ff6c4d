// `vmafuzz version`: what a report must name so that others run the same program.
#include "fuzz/version.h"

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "fuzz/commands/table.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"json", FlagKind::kSwitch, "", "", "print one JSON object"},
};

// The launcher knows the commit: it has just seen to it that this build is of these sources.
std::string commit_name() {
  const char* commit = std::getenv("VMAFUZZ_COMMIT");
  return commit == nullptr || *commit == '\0' ? "unknown" : commit;
}

int run(const Arguments& args) {
  const std::string commit = commit_name();
  if (args.on("json")) {
    const nlohmann::ordered_json json = {{"version", VMAFUZZ_VERSION},
                                         {"commit", commit},
                                         {"compiler", __VERSION__},
                                         {"build_type", VMAFUZZ_BUILD_TYPE},
                                         {"sanitizers", VMAFUZZ_SANITIZERS}};
    std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return kExitOk;
  }
  const std::string sanitizers = VMAFUZZ_SANITIZERS;
  std::cout << "vmafuzz " << VMAFUZZ_VERSION << "\n"
            << "commit      " << commit << "\n"
            << "compiler    " << __VERSION__ << "\n"
            << "build type  " << VMAFUZZ_BUILD_TYPE << "\n"
            << "sanitizers  " << (sanitizers.empty() ? "none" : sanitizers) << "\n";
  return kExitOk;
}

}  // namespace

std::string version_number() { return VMAFUZZ_VERSION; }

std::string version_and_commit() {
  return absl::StrCat(VMAFUZZ_VERSION, ", commit ", commit_name());
}

const Command kVersion = {
    .name = "version",
    .summary = "tells which build this is",
    .operands = "",
    .description = "Prints version, commit, compiler and build flags, for a report to others.",
    .examples = "./vmafuzz version\n./vmafuzz version --json",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
