// `vmafuzz minimize`: the smallest program with the same bug.
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "input/text.h"
#include "run/diagnose.h"
#include "run/reduce.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "", "on this kernel instead of the file's"},
    {"output", FlagKind::kText, "FILE", "", "write the result here instead of standard output"},
    {"executions", FlagKind::kNumber, "N", "20000", "candidates to try at most"},
};

int fail(const absl::Status& status, int exit_status) {
  std::cerr << "vmafuzz minimize: " << std::string(status.message()) << "\n";
  return exit_status;
}

int run(const Arguments& args) {
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
  const std::string verdict = outcome.verdict;
  input::MinimizeOptions options;
  options.max_executions = static_cast<int>(args.number("executions"));
  absl::StatusOr<input::MinimizeResult> result =
      run::reduce(executor, *program, outcome.bucket, options);
  if (!result.ok()) return fail(result.status(), kExitBugFound);
  result->program.kernel = std::string(target->kernel->name);
  result->program.expect = verdict;
  const input::MinimizeStats& stats = result->stats;
  std::cerr << stats.before.ops << " operations and " << stats.before.directives
            << " directives became " << stats.after.ops << " and " << stats.after.directives
            << " in " << stats.executions + stats.search_executions << " executions"
            << (stats.one_minimal ? "; removing any one loses the bug\n" : "\n");
  for (const std::string& line : run::diagnose(executor, result->program).lines()) {
    std::cerr << "  - " << line << "\n";
  }
  const std::string text = input::print_text(result->program);
  if (!args.has("output")) {
    std::cout << text;
    return kExitOk;
  }
  std::ofstream out(args.text("output"));
  out << text;
  if (!out.flush()) {
    return fail(absl::UnavailableError(absl::StrCat("cannot write ", args.text("output"))),
                kExitEnvironment);
  }
  return kExitOk;
}

}  // namespace

const Command kMinimize = {
    .name = "minimize",
    .summary = "make a failing program as small as it gets",
    .operands = "FILE",
    .description =
        "Removes operations, directives, CPUs and staleness as long as the same bug (verdict and\n"
        "code sites) comes out, then searches again around what is left. The result is 1-minimal:\n"
        "removing any one operation or directive loses the bug. Then the diagnosis: which "
        "barriers\n"
        "and which rules of merged kernels make it disappear.",
    .examples = "./vmafuzz minimize crash.bin --output small.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
