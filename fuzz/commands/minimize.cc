// `vmafuzz minimize`: the smallest program with the same bug.
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fuzz/commands/table.h"
#include "fuzz/measure/native_program.h"
#include "fuzz/measure/reduction.h"
#include "fuzz/program_file.h"
#include "run/diagnose.h"
#include "run/reduce.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "", "on this kernel instead of the file's"},
    {"output", FlagKind::kText, "FILE", "", "write the result here instead of standard output"},
    {"executions", FlagKind::kNumber, "N", "",
     "to make it smaller in, at most (default 220000, with --tsan 60000)"},
    {"tsan", FlagKind::kSwitch, "", "",
     "keep what ThreadSanitizer finds on real memory, with the same schedule"},
};

int fail(const absl::Status& status, int exit_status) {
  std::cerr << "vmafuzz minimize: " << std::string(status.message()) << "\n";
  return exit_status;
}

int minimize_native(const Arguments& args) {
  std::vector<std::string> words = {"minimize"};
  if (args.has("executions"))
    words.insert(words.end(), {"--executions", absl::StrCat(args.number("executions"))});
  for (const char* flag : {"kernel", "output"}) {
    if (args.has(flag)) words.insert(words.end(), {absl::StrCat("--", flag), args.text(flag)});
  }
  words.push_back(args.operands()[0]);
  return fail(measure::become_native_program(words), kExitEnvironment);
}

// With --kernel, what the file expects is of another one.
void tell_of_change(const Arguments& args, const input::Program& program,
                    const std::string& verdict) {
  if (args.has("kernel") || program.expect.empty() || program.expect == verdict) return;
  std::cerr << "vmafuzz minimize: the file expects " << program.expect << ", but ends in "
            << verdict << ", which is what is kept\n";
}

int run(const Arguments& args) {
  if (args.has("executions") && args.number("executions") == 0) {
    return fail(absl::InvalidArgumentError("--executions 0 tries nothing; give 1 or more"),
                kExitUsage);
  }
  if (args.on("tsan")) return minimize_native(args);
  absl::StatusOr<input::Program> program = read_program(args.operands()[0]);
  if (!program.ok()) return fail(program.status(), kExitUsage);
  const absl::StatusOr<run::Target> target = target_of(*program, args.text("kernel"));
  if (!target.ok()) return fail(target.status(), kExitUsage);
  run::Executor executor;
  if (absl::Status status = executor.set_target(*target); !status.ok())
    return fail(status, kExitUsage);
  run::Outcome outcome;
  executor.run(*program, {}, &outcome);
  if (!outcome.found) {
    std::cerr << "vmafuzz minimize: the program finds nothing on "
              << std::string(target->kernel->name)
              << "; there is nothing to keep while making it smaller\n";
    return kExitUsage;
  }
  if (absl::Status status = measure::check_writable(args.text("output")); !status.ok())
    return fail(status, kExitEnvironment);
  const std::string verdict = outcome.verdict;
  tell_of_change(args, *program, verdict);
  input::MinimizeOptions options;
  if (args.has("executions")) options = measure::at_most(args.number("executions"));
  absl::StatusOr<input::MinimizeResult> result =
      run::reduce(executor, *program, outcome.bucket, options);
  if (!result.ok()) return fail(result.status(), kExitBugFound);
  result->program.kernel = std::string(target->kernel->name);
  result->program.expect = verdict;
  std::cerr << measure::in_words(result->stats) << "\n";
  for (const std::string& line : run::diagnose(executor, result->program).lines()) {
    std::cerr << "  - " << line << "\n";
  }
  const absl::Status written = measure::write_program(result->program, args.text("output"));
  return written.ok() ? kExitOk : fail(written, kExitEnvironment);
}

}  // namespace

const Command kMinimize = {
    .name = "minimize",
    .summary = "make a failing program as small as it gets",
    .operands = "FILE",
    .description =
        "Removes operations, directives, CPUs and staleness as long as the same bug (verdict and\n"
        "code sites) comes out, then searches again around what is left. The result is 1-minimal:\n"
        "removing any one operation or directive loses the bug, unless --executions is too few "
        "for\n"
        "that. Then the diagnosis, in executions of its own: which barriers and which rules of\n"
        "merged kernels make it disappear.",
    .examples =
        "./vmafuzz minimize crash.bin --output small.repro\n"
        "./vmafuzz minimize --tsan crash.bin --output small.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
