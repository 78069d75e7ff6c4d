// `vmafuzz_tsan minimize`: what ThreadSanitizer found on fibres, made small.
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fuzz/measure/reduction.h"
#include "fuzz/native/commands.h"
#include "fuzz/program_file.h"
#include "native/machine.h"
#include "nlohmann/json.hpp"
#include "run/find_again.h"
#include "run/reduce.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "", "on this kernel instead of the file's"},
    {"output", FlagKind::kText, "FILE", "", "write the result here instead of standard output"},
    {"executions", FlagKind::kNumber, "N", "60000", "to make it smaller in, at most"},
    {"bucket", FlagKind::kText, "NAME", "", "keep this one, not what the program ends in"},
    {"search", FlagKind::kNumber, "N", "1", "executions to look for it in, if it does not"},
    {"json", FlagKind::kSwitch, "", "", "begin with one JSON object of what was done"},
};

int fail(const absl::Status& status, int exit_status) {
  std::cerr << "vmafuzz minimize: " << std::string(status.message()) << "\n";
  return exit_status;
}

// What triage reads (supervisor/triage.cc).
void print_json(const run::FoundAgain& shown, const input::MinimizeResult* minimal) {
  nlohmann::json line = {{"found", minimal != nullptr}, {"executions", shown.executions}};
  if (minimal != nullptr) {
    line["verdict"] = shown.outcome.verdict;
    line["bucket"] = shown.outcome.bucket;
    line["what"] = shown.outcome.what;
    line["tries"] = minimal->stats.executions + minimal->stats.search_executions;
    line["one_minimal"] = minimal->stats.one_minimal;
  }
  std::cout << line.dump() << "\n";
}

int run(const Arguments& args) {
  native::machine.use(native::Executor::kFibres);
  const absl::StatusOr<input::Program> program = read_program(args.operands()[0]);
  if (!program.ok()) return fail(program.status(), kExitUsage);
  const absl::StatusOr<run::Target> target = target_of(*program, args.text("kernel"));
  if (!target.ok()) return fail(target.status(), kExitUsage);
  run::Executor executor;
  if (absl::Status s = executor.set_target(*target); !s.ok()) return fail(s, kExitUsage);

  std::string bucket = args.text("bucket");
  run::FoundAgain shown;
  executor.run(*program, {}, &shown.outcome);
  if (bucket.empty()) bucket = shown.outcome.bucket;
  if (!bucket.empty()) shown = run::find_again(executor, *program, bucket, args.number("search"));
  if (!shown.found) {
    if (args.on("json")) {
      print_json(shown, nullptr);
      return kExitOk;
    }
    return fail(absl::NotFoundError(absl::StrCat(
                    "ThreadSanitizer finds nothing on ", std::string(target->kernel->name),
                    " here; there is nothing to keep while making it smaller")),
                kExitUsage);
  }
  if (absl::Status s = measure::check_writable(args.text("output")); !s.ok())
    return fail(s, kExitEnvironment);
  const input::MinimizeOptions options = measure::at_most(args.number("executions"));
  absl::StatusOr<input::MinimizeResult> minimal =
      run::reduce(executor, shown.program, shown.outcome.bucket, options);
  if (!minimal.ok()) return fail(minimal.status(), kExitBugFound);
  executor.run(minimal->program, {}, &shown.outcome);  // what it says of the minimal one
  minimal->program.kernel = std::string(target->kernel->name);
  minimal->program.expect = shown.outcome.verdict;
  if (args.on("json")) print_json(shown, &*minimal);
  std::cerr << measure::in_words(minimal->stats) << "\n  " << shown.outcome.what << "\n";
  const absl::Status written = measure::write_program(minimal->program, args.text("output"));
  return written.ok() ? kExitOk : fail(written, kExitEnvironment);
}

}  // namespace

const Command kNativeMinimize = {
    .name = "minimize",
    .summary = "make a program that ThreadSanitizer complains of small",
    .operands = "FILE",
    .description =
        "As `vmafuzz minimize`, on real memory: what is kept is what ThreadSanitizer finds on\n"
        "fibres. With --bucket, other schedules of the same operations are tried first.",
    .examples = "./vmafuzz minimize --tsan repro/nhit-data-race.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
