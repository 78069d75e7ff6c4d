// `vmafuzz replay`: runs programs again, exactly.
#include <iostream>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fuzz/commands/table.h"
#include "fuzz/measure/native_program.h"
#include "fuzz/program_file.h"
#include "fuzz/words.h"
#include "nlohmann/json.hpp"
#include "report/directives.h"
#include "report/timeline.h"
#include "run/executor.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "", "replay on this kernel instead of the file's"},
    {"times", FlagKind::kNumber, "N", "1", "run each N times; all runs must be the same"},
    {"tsan", FlagKind::kSwitch, "", "",
     "on real memory under ThreadSanitizer, with the same schedule"},
    {"threads", FlagKind::kSwitch, "", "",
     "on real threads under ThreadSanitizer: how often it shows, of --times runs"},
    {"json", FlagKind::kSwitch, "", "", "print one JSON object a line for each file"},
};

// What the program says in vain, as `explain` says it. REQUIRES: the machine shows a traced run.
void print_idle(const input::Program& program, const run::Outcome& outcome) {
  if (outcome.idle == 0) return;
  std::cout << "  " << plural(outcome.idle, "directive") << " changed nothing:\n";
  const report::Timeline timeline =
      report::make_timeline(sim::machine.trace(), sim::machine.verdict(), sim::machine.recorded());
  for (const std::string& line : report::idle_directives_in_words(program, outcome, timeline)) {
    std::cout << "  - " << line << "\n";
  }
}

void print(const std::string& path, const run::Target& target, const input::Program& program,
           const run::Outcome& outcome, bool json) {
  const std::string hash = absl::StrFormat("%016x", outcome.trace_hash);
  if (json) {
    nlohmann::json line = {{"file", path},
                           {"kernel", std::string(target.kernel->name)},
                           {"verdict", outcome.found ? outcome.verdict : "none"},
                           {"expect", program.expect},
                           {"what", outcome.what},
                           {"bucket", outcome.bucket},
                           {"steps", outcome.steps},
                           {"trace_hash", hash},
                           {"idle_directives", outcome.idle}};
    std::cout << line.dump() << "\n";
    return;
  }
  std::cout << path << ": " << (outcome.found ? outcome.verdict : "nothing found") << " on "
            << std::string(target.kernel->name) << ", " << outcome.steps << " accesses, trace "
            << hash << "\n";
  if (outcome.found) std::cout << "  " << outcome.what << "\n";
  if (!program.expect.empty()) std::cout << "  expected: " << program.expect << "\n";
  print_idle(program, outcome);
}

// The model is compiled twice; the program with the other one has a `replay` of the same flags.
int replay_native(const Arguments& args) {
  std::vector<std::string> words = {"replay", "--times", absl::StrCat(args.number("times"))};
  if (args.on("threads")) words.push_back("--threads");
  if (args.on("json")) words.push_back("--json");
  if (args.has("kernel")) words.insert(words.end(), {"--kernel", args.text("kernel")});
  words.insert(words.end(), args.operands().begin(), args.operands().end());
  const absl::Status status = measure::become_native_program(words);
  std::cerr << "vmafuzz replay: " << std::string(status.message()) << "\n";
  return kExitEnvironment;
}

int run(const Arguments& args) {
  if (args.number("times") == 0) {
    std::cerr << "vmafuzz replay: --times 0 runs nothing; give 1 or more\n";
    return kExitUsage;
  }
  if (args.on("tsan") || args.on("threads")) return replay_native(args);
  run::Executor executor;
  int status = kExitOk;
  for (const std::string& path : args.operands()) {
    absl::StatusOr<input::Program> program = read_program(path);
    absl::StatusOr<run::Target> target =
        program.ok() ? target_of(*program, args.text("kernel")) : program.status();
    absl::Status ready = target.ok() ? executor.set_target(*target) : target.status();
    if (!ready.ok()) {
      std::cerr << "vmafuzz replay: " << std::string(ready.message()) << "\n";
      return kExitUsage;
    }
    run::Outcome outcome;
    run::RunOptions recorded;
    recorded.record = true;
    executor.run(*program, recorded, &outcome);
    for (uint64_t i = 1; i < args.number("times"); ++i) {
      run::Outcome again;
      executor.run(*program, {}, &again);
      if (again.trace_hash == outcome.trace_hash && again.verdict == outcome.verdict) continue;
      std::cerr << "vmafuzz replay: " << path << ": run " << i + 1
                << " differs from the first; that is a bug in vmafuzz\n";
      return kExitBugFound;
    }
    if (args.has("kernel")) program->expect = "none";  // what it says is of its own
    if (outcome.idle != 0) {
      recorded.trace = true;
      executor.run(*program, recorded, &outcome);
    }
    print(path, *target, *program, outcome, args.on("json"));
    std::set<std::string> found;
    if (outcome.found) found.insert(outcome.verdict);
    if (!as_expected(*program, found)) status = kExitBugFound;
  }
  return status;
}

}  // namespace

const Command kReplay = {
    .name = "replay",
    .summary = "run repro files again, exactly",
    .operands = "FILE...",
    .description =
        "Runs each program (text or bytes) and says what came out. The same file gives the same\n"
        "execution, to the last access, in every build and on every machine: compare the trace\n"
        "hash. Exit status 0 if the verdict is the one that the file expects, 1 otherwise. A file\n"
        "without `expect:` expects that nothing is found, and so does every file with --kernel.\n"
        "With --tsan and --threads, too: of several runs at least one must end in the verdict "
        "that\n"
        "is expected, and none in another one.",
    .examples =
        "./vmafuzz replay repro/aug02-draft-wrong-uprobe.repro\n"
        "./vmafuzz replay --kernel 6.14 repro/*.repro\n"
        "./vmafuzz replay --threads --times 1000 repro/nhit-data-race.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = kAnyNumber,
    .run = run,
};

}  // namespace vmafuzz::command
