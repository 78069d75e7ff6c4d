// `vmafuzz determinism`: the same input gives the same execution, again, elsewhere, and in another
// build.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "input/text.h"
#include "run/sample.h"

namespace vmafuzz::command {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    {"inputs", FlagKind::kNumber, "N", "100000", "how many inputs"},
    {"seed", FlagKind::kNumber, "N", "1", "which inputs"},
    {"corpus", FlagKind::kText, "DIR", "",
     "the scenarios that inputs are made from; default: the repository's"},
    {"build", FlagKind::kList, "PROGRAM", "",
     "vmafuzz programs to compare with (default: those of build/*)"},
    {"print", FlagKind::kSwitch, "", "",
     "print number, trace hash and verdict of each input, to be compared elsewhere"},
};

// What must be equal: the hash of everything the machine did, and the judgement.
struct Result {
  uint64_t hash = 0;
  std::string verdict;
  bool operator==(const Result&) const = default;
};

std::string format(uint64_t number, const Result& result) {
  return absl::StrFormat("%d %016x %s\n", number, result.hash,
                         result.verdict.empty() ? "-" : result.verdict);
}

class Runner {
 public:
  Runner(std::vector<input::Program> scenarios, uint64_t seed)
      : sample_(std::move(scenarios), seed) {}

  Result run(uint64_t number) {
    const run::SampleInput input = sample_.input(number);
    return execute(input.target, input.program, {});
  }

  // Once more by what was recorded, without the strategy.
  Result replay(uint64_t number) {
    const run::SampleInput input = sample_.input(number);
    execute(input.target, input.program, {.record = true});
    if (outcome_.directives.size() > input::kMaxDirectives) return last();
    const input::Program replay = run::Executor::as_replay(input.program, outcome_);
    return execute(input.target, replay, {});
  }

  std::string text(uint64_t number) const {
    run::SampleInput input = sample_.input(number);
    input.program.kernel = std::string(input.target.kernel->name);
    input.program.bugs = input.target.bugs;
    return input::print_text(input.program);
  }

 private:
  Result execute(const run::Target& target, const input::Program& program,
                 const run::RunOptions& options) {
    // Kernels and switches come from the tables, so that they cannot be refused.
    if (!executor_.set_target(target).ok()) std::abort();
    executor_.run(program, options, &outcome_);
    return last();
  }
  Result last() const { return {outcome_.trace_hash, outcome_.verdict}; }

  run::Sample sample_;
  run::Executor executor_;
  run::Outcome outcome_;
};

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<size_t>(size)) : std::string();
}

// This program (as another process), and those of the other builds.
std::vector<std::string> programs(const Arguments& args) {
  std::vector<std::string> paths = {own_path()};
  for (const std::string& path : args.list("build")) paths.push_back(path);
  if (args.has("build")) return paths;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(in_repository("build"), error)) {
    const fs::path program = entry.path() / "fuzz" / "vmafuzz";
    if (access(program.c_str(), X_OK) == 0 && !fs::equivalent(program, paths[0], error)) {
      paths.push_back(program.string());
    }
  }
  std::sort(paths.begin() + 1, paths.end());
  return paths;
}

std::string shell_quoted(absl::string_view word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string corpus(const Arguments& args) {
  return args.has("corpus") ? args.text("corpus") : in_repository("corpus");
}

class Check {
 public:
  Check(const Arguments& args, std::vector<input::Program> scenarios)
      : args_(args),
        runner_(std::move(scenarios), args.number("seed")),
        first_(args.number("inputs")) {}

  int run() {
    for (uint64_t i = 0; i < first_.size(); ++i) first_[i] = runner_.run(i);
    // Backwards: whatever an execution left behind meets others this time.
    compare_here("again, in reverse order", [&](uint64_t i) { return runner_.run(i); });
    compare_here("by the directives recorded", [&](uint64_t i) { return runner_.replay(i); });
    for (const std::string& program : programs(args_)) {
      if (const absl::Status status = compare_with(program); !status.ok()) {
        std::cerr << "vmafuzz determinism: " << std::string(status.message()) << "\n";
        return kExitEnvironment;
      }
    }
    return different_ ? kExitBugFound : kExitOk;
  }

 private:
  template <class Again>
  void compare_here(const char* what, const Again& again) {
    uint64_t equal = 0;
    for (uint64_t i = first_.size(); i-- > 0;) {
      const Result result = again(i);
      if (result == first_[i]) {
        ++equal;
      } else {
        show_difference(what, i, format(i, result));
      }
    }
    summarize(what, equal);
  }

  absl::Status compare_with(const std::string& program) {
    const std::string command =
        absl::StrCat(shell_quoted(program), " determinism --print --inputs ", first_.size(),
                     " --seed ", args_.number("seed"), " --corpus ", shell_quoted(corpus(args_)));
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
    if (pipe == nullptr) return absl::InternalError(absl::StrCat("cannot start ", program));
    uint64_t equal = 0, number = 0;
    char line[256];
    for (; number < first_.size() && std::fgets(line, sizeof line, pipe.get()); ++number) {
      if (line == format(number, first_[number])) {
        ++equal;
      } else {
        show_difference(program, number, line);
      }
    }
    const int status = pclose(pipe.release());
    if (number < first_.size()) {
      return absl::UnavailableError(
          absl::StrFormat("%s ended after %d of %d inputs (status %d)", program, number,
                          first_.size(), WIFEXITED(status) ? WEXITSTATUS(status) : status));
    }
    summarize(program, equal);
    return absl::OkStatus();
  }

  void show_difference(absl::string_view where, uint64_t number, absl::string_view other) {
    std::cout << "input " << number << " differs (" << std::string(where) << "):\n  "
              << format(number, first_[number]) << "  " << std::string(other);
    if (std::exchange(different_, true)) return;  // one program is enough to begin with
    std::cout << "\n" << runner_.text(number) << "\n";
  }

  void summarize(absl::string_view what, uint64_t equal) {
    std::cout << absl::StrFormat("%8d of %d equal: %s", equal, first_.size(), what) << std::endl;
  }

  const Arguments& args_;
  Runner runner_;
  std::vector<Result> first_;
  bool different_ = false;
};

int run(const Arguments& args) {
  if (args.number("inputs") == 0) {
    std::cerr << "vmafuzz determinism: --inputs 0 compares nothing; give 1 or more\n";
    return kExitUsage;
  }
  absl::StatusOr<std::vector<input::Program>> scenarios = read_scenarios(corpus(args));
  if (!scenarios.ok()) {
    std::cerr << "vmafuzz determinism: " << std::string(scenarios.status().message()) << "\n";
    return kExitUsage;
  }
  if (!args.on("print")) return Check(args, *std::move(scenarios)).run();
  Runner runner(*std::move(scenarios), args.number("seed"));
  for (uint64_t i = 0; i < args.number("inputs"); ++i) {
    std::fputs(format(i, runner.run(i)).c_str(), stdout);
  }
  return kExitOk;
}

}  // namespace

const Command kDeterminism = {
    .name = "determinism",
    .summary = "checks that the same input gives the same execution, everywhere",
    .operands = "",
    .description =
        "Executes random and mutated inputs on every kernel, then again: in reverse order, by the\n"
        "directives that were recorded, in another process, and by the programs of other builds.\n"
        "Trace hash (every access with its value, every decision) and verdict must be equal. For\n"
        "another machine, compare what --print prints. Ends with 1 if one input differs.",
    .examples =
        "./vmafuzz determinism\n"
        "./vmafuzz determinism --inputs 1000 --build build/dev/fuzz/vmafuzz\n"
        "./vmafuzz determinism --print | sha256sum",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
