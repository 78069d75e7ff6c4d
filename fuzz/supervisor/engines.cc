#include "fuzz/supervisor/engines.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fuzz/supervisor/order.h"
#include "input/bytes.h"

namespace vmafuzz::supervisor {
namespace {

constexpr char kAflFuzz[] = "/usr/bin/afl-fuzz";
constexpr char kMutator[] = "build/afl/fuzz/libvmafuzz_mutator.so";

absl::Status nothing_else(const std::string&) { return absl::OkStatus(); }

// libFuzzer as a plain loop: findings, hangs and memory are the supervisor's affair. Its -fork,
// -merge and -minimize_crash tell no bugs apart and stop at the first crash.
CommandLine libfuzzer_command(const Launch& launch) {
  CommandLine line;
  line.program = launch.program;
  line.words = {absl::StrCat(launch.folder, "/corpus"),
                absl::StrCat(launch.folder, "/in"),
                absl::StrCat("-seed=", launch.seed),
                absl::StrCat("-artifact_prefix=", launch.folder, "/"),
                absl::StrCat("-max_len=", input::kMaxBytes),
                "-len_control=0",
                "-reload=1",
                "-entropic=0",  // its bookkeeping costs more than an execution here
                "-use_cmp=0",   // nothing compares input bytes
                "-print_funcs=0",
                "-verbosity=0",
                "-handle_int=0",
                "-handle_term=0",
                "-timeout=0",
                "-rss_limit_mb=0"};
  line.environment[kOrderVariable] = launch.order;
  return line;
}

CommandLine afl_command(const Launch& launch) {
  CommandLine line;
  line.program = kAflFuzz;
  const int milliseconds = static_cast<int>(launch.hang_seconds * 1000);
  line.words = {"-i", absl::StrCat(launch.folder, "/in"),
                "-o", absl::StrCat(launch.folder, "/sync"),
                "-S", "worker",
                "-s", absl::StrCat(launch.seed),
                "-m", "none",
                "-t", absl::StrCat(milliseconds),
                "-G", absl::StrCat(input::kMaxBytes),
                "--", launch.program};
  line.environment = {{kOrderVariable, launch.order},
                      {"AFL_CUSTOM_MUTATOR_LIBRARY", absl::StrCat(launch.root, "/", kMutator)},
                      {"AFL_CUSTOM_MUTATOR_ONLY", "1"},
                      {"AFL_DISABLE_TRIM", "1"},
                      {"AFL_FAST_CAL", "1"},
                      {"AFL_SYNC_TIME", "1"},  // minutes, the least it takes
                      {"AFL_NO_UI", "1"},
                      {"AFL_NO_AFFINITY", "1"},
                      {"AFL_SKIP_CPUFREQ", "1"},
                      {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"},
                      {"AFL_FORKSRV_INIT_TMOUT", "30000"},
                      {"AFL_IGNORE_PROBLEMS", "1"}};
  return line;
}

absl::Status check_afl(const std::string& root) {
  if (access(kAflFuzz, X_OK) != 0) {
    return absl::FailedPreconditionError(
        "AFL++ is not installed (apt-get install afl++), or use --engine libfuzzer");
  }
  const std::string mutator = absl::StrCat(root, "/", kMutator);
  if (access(mutator.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      mutator, " is missing; build it: cmake --preset afl && cmake --build --preset afl"));
}

constexpr Engine kEngines[] = {
    {"libfuzzer", "sim", "build/fuzz/fuzz/fuzz_sim", "fuzz", "corpus", "corpus",
     Delivery::kSameFolder, 2, libfuzzer_command, nothing_else},
    {"afl", "sim", "build/afl/fuzz/fuzz_sim", "afl", "sync/worker/queue", "sync/vmafuzz/queue",
     Delivery::kAflSibling, 30, afl_command, check_afl},
};

}  // namespace

std::span<const Engine> engines() { return kEngines; }

const Engine* find_engine(absl::string_view name) {
  for (const Engine& engine : kEngines) {
    if (name == engine.name) return &engine;
  }
  return nullptr;
}

std::string engine_names() {
  return absl::StrJoin(kEngines, ", ",
                       [](std::string* out, const Engine& engine) { out->append(engine.name); });
}

absl::Status usable(const Engine& engine, const std::string& root) {
  const std::string program = absl::StrCat(root, "/", engine.program);
  if (access(program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "engine ", engine.name, ": ", program, " is missing; build it: cmake --preset ",
        engine.preset, " && cmake --build --preset ", engine.preset));
  }
  return engine.check(root);
}

}  // namespace vmafuzz::supervisor
