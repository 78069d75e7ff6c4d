// `vmafuzz explain`: what happens in an execution, and why its result is wrong.
#include <iostream>

#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "report/report.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "KERNEL", "", "run on KERNEL instead of the one in the file"},
    {"full", FlagKind::kSwitch, "", "", "draw every access, not only those that matter"},
    {"width", FlagKind::kNumber, "COLUMNS", "79", "width of the text"},
    {"json", FlagKind::kSwitch, "", "", "print one JSON object, with the whole trace"},
};

constexpr uint64_t kNarrowest = 40;
constexpr uint64_t kWidest = 1000;

int refuse(const absl::Status& status) {
  std::cerr << "vmafuzz explain: " << status.message() << "\n";
  return kExitUsage;
}

int run(const Arguments& args) {
  const std::string& file = args.operands()[0];
  const uint64_t width = args.number("width");
  if (width < kNarrowest || width > kWidest) {
    return refuse(absl::InvalidArgumentError("--width takes a number from 40 to 1000"));
  }
  const absl::StatusOr<input::Program> program = read_program(file);
  if (!program.ok()) return refuse(program.status());
  const absl::StatusOr<run::Target> target = target_of(*program, args.text("kernel"));
  if (!target.ok()) return refuse(target.status());
  run::Executor executor;
  if (absl::Status status = executor.set_target(*target); !status.ok()) return refuse(status);

  const report::Report report = report::report_of(executor, *program);
  if (args.on("json")) {
    std::cout << report::to_json(report);
  } else {
    report::ExplainOptions options;
    options.diagram.full = args.on("full");
    options.diagram.width = static_cast<int>(width);
    // A search form explores anew on each kernel: what replays is in the report.
    if (program->replay_form() && file != "-") options.file = file;
    std::cout << report::explain(report, options);
  }
  return kExitOk;
}

}  // namespace

const Command kExplain = {
    .name = "explain",
    .summary = "draws an execution as CPU0 | CPU1 and says why its result is wrong",
    .operands = "FILE",
    .description =
        "Runs the program in FILE (text or bytes; - is standard input) and prints the verdict,\n"
        "why it is wrong, the address space before and after, the accesses that matter in columns\n"
        "by CPU with the sequence counter along time, what deviates in words, and how to replay\n"
        "it. A stale load is marked with the store that it missed. Ends with 0 whatever the\n"
        "verdict: use replay to test.",
    .examples =
        "./vmafuzz explain repro/aug02-draft.repro\n"
        "./vmafuzz explain --full --width 120 crash-1234\n"
        "./vmafuzz explain --json repro/aug02-draft.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
