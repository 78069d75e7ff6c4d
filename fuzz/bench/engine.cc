// Executions and seconds until the fuzz target first reports each kernel that must be caught, from
// the scenarios of the corpus and from nothing. One process at a time.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fuzz/bench/bench.h"
#include "fuzz/bench/scratch.h"
#include "fuzz/command.h"
#include "input/bytes.h"

namespace vmafuzz::bench {
namespace {

namespace fs = std::filesystem;

constexpr double kGoalMedian = 5;
constexpr double kGoalWorst = 60;

// Runs a program to its end, its standard output in a file, its errors nowhere.
absl::Status run_process(std::vector<std::string> words, const std::string& output) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot run ", words[0], ": ", strerror(error)));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // 0 nothing found, 1 a bug found.
  if (WIFEXITED(status) && WEXITSTATUS(status) <= command::kExitBugFound) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(words[0], " ended with status ", status));
}

// "BUCKET   N hits, first after N executions, S s  FILE", as Session::finish() prints it.
bool parse_bucket(absl::string_view line, EngineRun* run) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  if (words.size() < 8 || words[2] != "hits," || words[3] != "first") return false;
  run->bucket = words[0];
  return absl::SimpleAtoi(absl::StrReplaceAll(words[5], {{",", ""}}), &run->executions) &&
         absl::SimpleAtod(words[7], &run->seconds);
}

struct Statistics {
  std::vector<double> seconds;
  std::vector<uint64_t> executions;
  int missed = 0;
};

std::string cells(const Statistics& s) {
  if (s.seconds.empty()) return absl::StrFormat("%33s", "-");
  // Runs without a report count as later than any other.
  std::vector<double> seconds = s.seconds;
  std::vector<double> executions(s.executions.begin(), s.executions.end());
  for (int i = 0; i < s.missed; ++i) {
    seconds.push_back(HUGE_VAL);
    executions.push_back(HUGE_VAL);
  }
  return absl::StrFormat("%8.0f %9.0f %7.2f %6.2f", median(executions),
                         *std::max_element(executions.begin(), executions.end()), median(seconds),
                         *std::max_element(seconds.begin(), seconds.end()));
}

bool good(const Statistics& s) {
  return s.missed == 0 && median(s.seconds) < kGoalMedian &&
         *std::max_element(s.seconds.begin(), s.seconds.end()) <= kGoalWorst;
}

// Returns a key of all that was written.
absl::StatusOr<std::string> write_seeds(const std::vector<Scenario>& scenarios,
                                        const std::string& folder) {
  fs::create_directories(folder);
  std::string all;
  for (const Scenario& scenario : scenarios) {
    const std::vector<uint8_t> bytes = input::encode(scenario.program);
    std::ofstream out(fs::path(folder) / scenario.name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) return absl::UnavailableError(absl::StrCat("cannot write to ", folder));
    absl::StrAppend(
        &all, scenario.name, "=",
        content_key(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())),
        "\n");
  }
  return content_key(all);
}

// "found EXECUTIONS SECONDS BUCKET" or "missed", as results keep a run.
std::string to_text(const EngineRun& run) {
  if (!run.found) return "missed";
  return absl::StrCat("found ", run.executions, " ", run.seconds, " ", run.bucket);
}

std::optional<EngineRun> from_text(const std::string* text) {
  if (text == nullptr) return std::nullopt;
  EngineRun run;
  if (*text == "missed") return run;
  const std::vector<std::string> words = absl::StrSplit(*text, ' ');
  run.found = words.size() == 4 && words[0] == "found" &&
              absl::SimpleAtoi(words[1], &run.executions) &&
              absl::SimpleAtod(words[2], &run.seconds);
  if (!run.found) return std::nullopt;
  run.bucket = words[3];
  return run;
}

// What is being run now and what has come of it, beside the table.
void show(absl::string_view what) { std::cerr << what << std::endl; }

// One side of the table: where runs begin from.
struct Origin {
  const char* name;
  std::string seeds;  // folder, or empty
  std::string key;    // of what is in it
};

class Measurement {
 public:
  Measurement(const EngineOptions& options, std::string target, std::string target_key)
      : options_(options), target_(std::move(target)), target_key_(std::move(target_key)) {}

  absl::Status open() { return results_.open(options_.results); }

  absl::StatusOr<Statistics> run(const variants::Kernel& kernel, const Origin& origin) {
    Statistics statistics;
    for (uint64_t seed = 1; seed <= options_.seeds; ++seed) {
      const absl::StatusOr<EngineRun> run = one(kernel, origin, seed);
      if (!run.ok()) return run.status();
      show(absl::StrFormat("%s from %s, %d of %d: %s", std::string(kernel.name), origin.name, seed,
                           options_.seeds, to_text(*run)));
      if (run->found) {
        statistics.seconds.push_back(run->seconds);
        statistics.executions.push_back(run->executions);
      } else {
        ++statistics.missed;
      }
    }
    return statistics;
  }

  const Scratch& scratch() const { return scratch_; }

 private:
  absl::StatusOr<EngineRun> one(const variants::Kernel& kernel, const Origin& origin,
                                uint64_t seed) {
    const std::string key =
        absl::StrCat("engine ", target_key_, " ", kernel.name, " from=", origin.name, origin.key,
                     " seed=", seed, " for=", options_.seconds);
    if (std::optional<EngineRun> kept = from_text(results_.find(key))) return *kept;
    const absl::StatusOr<EngineRun> run =
        run_engine(target_, kernel, origin.seeds, seed, options_.seconds, scratch_.fresh());
    if (!run.ok()) return run.status();
    if (absl::Status status = results_.add(key, to_text(*run)); !status.ok()) return status;
    return run;
  }

  const EngineOptions& options_;
  std::string target_;
  std::string target_key_;
  Results results_;
  Scratch scratch_;
};

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz bench: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) ? command::kExitUsage : command::kExitEnvironment;
}

}  // namespace

absl::StatusOr<std::string> find_target(const std::string& given) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> places = {given};
  if (given.empty()) {
    const char* root = std::getenv("VMAFUZZ_ROOT");
    places = {absl::StrCat(root != nullptr ? root : ".", "/build/fuzz/fuzz/fuzz_sim"),
              (self.parent_path().parent_path().parent_path() / "fuzz/fuzz/fuzz_sim").string()};
  }
  for (const std::string& place : places) {
    if (access(place.c_str(), X_OK) == 0) return fs::absolute(place).string();
  }
  return absl::NotFoundError(absl::StrCat(
      places[0], " is missing; build it: cmake --preset fuzz && cmake --build --preset fuzz"));
}

absl::StatusOr<EngineRun> run_engine(const std::string& target, const variants::Kernel& kernel,
                                     const std::string& seeds, uint64_t seed, double limit,
                                     const std::string& dir) {
  fs::create_directories(dir + "/corpus");
  std::vector<std::string> words = {target, "--session", "--quiet", dir + "/corpus"};
  if (!seeds.empty()) words.push_back(seeds);
  words.push_back(absl::StrCat("--kernel=", std::string(kernel.name)));
  words.push_back(absl::StrCat("--until=", right_verdicts(kernel)));
  words.push_back("--dir=" + dir);
  words.push_back(absl::StrCat("-seed=", seed));
  words.push_back(absl::StrCat("-max_total_time=", std::ceil(limit)));
  words.push_back(absl::StrCat("-artifact_prefix=", dir, "/"));
  for (const char* word : {"-verbosity=0", "-print_funcs=0", "-entropic=0", "-use_cmp=0",
                           "-max_len=512", "-len_control=0", "-handle_int=0", "-handle_term=0"}) {
    words.emplace_back(word);
  }
  const std::string output = dir + "/summary";
  if (absl::Status status = run_process(std::move(words), output); !status.ok()) return status;
  const std::vector<std::string> right = absl::StrSplit(right_verdicts(kernel), ',');
  EngineRun best;
  std::ifstream in(output);
  for (std::string line; std::getline(in, line);) {
    EngineRun run;
    if (!parse_bucket(line, &run)) continue;
    const std::string verdict = run.bucket.substr(0, run.bucket.find(':'));
    if (std::find(right.begin(), right.end(), verdict) == right.end()) continue;
    if (best.found && best.executions <= run.executions) continue;
    best = run;
    best.found = true;
    best.input = absl::StrCat(dir, "/found/",
                              absl::StrReplaceAll(run.bucket, {{":", "-"}, {"/", "-"}}), ".input");
  }
  return best;
}

int engine(const std::vector<Scenario>& scenarios, const EngineOptions& options) {
  const auto kernels = kernels_to_catch(options.kernels);
  if (!kernels.ok()) return refuse(kernels.status());
  const absl::StatusOr<std::string> target = find_target(options.target);
  if (!target.ok()) return refuse(target.status());
  const absl::StatusOr<std::string> target_key = file_key(*target);
  if (!target_key.ok()) return refuse(target_key.status());
  Measurement measurement(options, *target, *target_key);
  if (absl::Status status = measurement.open(); !status.ok()) return refuse(status);
  const std::string seeds = measurement.scratch().path() + "/seeds";
  const absl::StatusOr<std::string> seeds_key = write_seeds(scenarios, seeds);
  if (!seeds_key.ok()) return refuse(seeds_key.status());
  std::cout << absl::StrFormat("%-20s   %33s   %33s\n%-20s   %8s %9s %7s %6s   %8s %9s %7s %6s\n",
                               "", "from the corpus", "from nothing", "kernel", "median", "worst",
                               "s", "worst", "median", "worst", "s", "worst");
  std::cout << "executions and seconds to the first right report, of " << options.seeds
            << " runs each\n";
  int late = 0;
  for (const variants::Kernel* kernel : *kernels) {
    std::cout << absl::StrFormat("%-20s", std::string(kernel->name)) << std::flush;
    bool in_time = true;
    for (const Origin& origin :
         {Origin{"corpus", seeds, "@" + *seeds_key}, Origin{"nothing", "", ""}}) {
      const absl::StatusOr<Statistics> statistics = measurement.run(*kernel, origin);
      if (!statistics.ok()) return refuse(statistics.status());
      std::cout << "   " << cells(*statistics) << std::flush;
      in_time = in_time && good(*statistics);
    }
    if (!in_time) ++late;
    std::cout << (in_time ? "" : "  late") << "\n";
  }
  std::cout << late << " of " << kernels->size() << " kernels with a median of " << kGoalMedian
            << " s or more, or a run over " << kGoalWorst << " s\n";
  return late == 0 ? command::kExitOk : command::kExitBugFound;
}

}  // namespace vmafuzz::bench
