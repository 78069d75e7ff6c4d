#include "fuzz/supervisor/engines.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fuzz/measure/native_program.h"
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

// What triage replays their findings with.
absl::Status check_tsan(const std::string&) { return measure::find_native_program().status(); }

absl::Status check_afl_tsan(const std::string& root) {
  absl::Status status = check_afl(root);
  status.Update(check_tsan(root));
  return status;
}

// ThreadSanitizer is the slower search for the same bugs, and a check of the machine's own rules:
// its engines get a quarter of what the simulated ones get.
constexpr int kMost = 4;
constexpr int kCheck = 1;

constexpr Engine kEngines[] = {
    {.name = "libfuzzer",
     .executor = "sim",
     .program = "build/fuzz/fuzz/fuzz_sim",
     .preset = "fuzz",
     .queue = "corpus",
     .inbox = "corpus",
     .delivery = Delivery::kSameFolder,
     .least_seconds = 2,
     .share = kMost,
     .by_default = true,
     .command = libfuzzer_command,
     .check = nothing_else},
    {.name = "afl",
     .executor = "sim",
     .program = "build/afl/fuzz/fuzz_sim",
     .preset = "afl",
     .queue = "sync/worker/queue",
     .inbox = "sync/vmafuzz/queue",
     .delivery = Delivery::kAflSibling,
     .least_seconds = 30,
     .share = kMost,
     .by_default = true,
     .command = afl_command,
     .check = check_afl},
    {.name = "tsan",
     .executor = "tsan-fibres",
     .program = "build/fuzz-tsan/fuzz/fuzz_tsan",
     .preset = "fuzz-tsan",
     .queue = "corpus",
     .inbox = "corpus",
     .delivery = Delivery::kSameFolder,
     .least_seconds = 2,
     .share = kCheck,
     .by_default = true,
     .command = libfuzzer_command,
     .check = check_tsan},
    {.name = "tsan-threads",
     .executor = "tsan-threads",
     .program = "build/fuzz-tsan/fuzz/fuzz_tsan",
     .preset = "fuzz-tsan",
     .queue = "corpus",
     .inbox = "corpus",
     .delivery = Delivery::kSameFolder,
     .least_seconds = 2,
     .share = kCheck,
     .by_default = false,
     .command = libfuzzer_command,
     .check = check_tsan},
    {.name = "afl-tsan",
     .executor = "tsan-fibres",
     .program = "build/afl-tsan/fuzz/fuzz_tsan",
     .preset = "afl-tsan",
     .queue = "sync/worker/queue",
     .inbox = "sync/vmafuzz/queue",
     .delivery = Delivery::kAflSibling,
     .least_seconds = 30,
     .share = kCheck,
     .by_default = false,
     .command = afl_command,
     .check = check_afl_tsan},
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
