// `vmafuzz fuzz`: the command line of the supervisor (fuzz/supervisor).
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/engines.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/plan.h"
#include "fuzz/supervisor/supervisor.h"

namespace vmafuzz::command {
namespace {

namespace fs = std::filesystem;
using supervisor::Plan;

constexpr uint64_t kMostMib = UINT64_MAX >> 20;  // whose bytes can be counted

constexpr Flag kFlags[] = {
    {"for", FlagKind::kDuration, "TIME", "",
     "stop after TIME, such as 90s or 8h; what is being minimised then gets up to 180s more"},
    {"kernel", FlagKind::kList, "NAME", "",
     "kernels to model (default: all of vmafuzz kernels but canary)"},
    {"bug", FlagKind::kList, "NAME", "",
     "bug switches on top of each (see vmafuzz bugs): all of them, and each alone"},
    {"option", FlagKind::kList, "K=V", "", "options such as counter-bits=6"},
    {"engine", FlagKind::kList, "NAME", "",
     "libfuzzer, afl, tsan (default: what is built), tsan-threads, afl-tsan"},
    {"jobs", FlagKind::kNumber, "N", "0", "workers at a time, 0: one for each CPU"},
    {"dir", FlagKind::kText, "RUN", "", "the run's folder; goes on with the run that is there"},
    {"corpus", FlagKind::kText, "DIR", "",
     "seed programs (text or bytes); default: the repository's"},
    {"empty", FlagKind::kSwitch, "", "", "begin without seed programs"},
    {"until", FlagKind::kText, "VERDICT", "",
     "a kernel is done at its first finding with VERDICT, or any"},
    {"sync", FlagKind::kText, "DIR", "", "exchange corpus entries through DIR, as AFL++ does"},
    {"sync-name", FlagKind::kText, "NAME", "", "this run's name in there (default: the host's)"},
    {"seed", FlagKind::kNumber, "N", "0", "the random seed, 0: by the clock"},
    {"memory", FlagKind::kNumber, "MIB", "2048", "memory of one worker"},
    {"min-free", FlagKind::kNumber, "MIB", "0",
     "pause below this much free disk, 0: 256 or 2% of it"},
    {"hang", FlagKind::kDuration, "TIME", "30s",
     "end a worker that executes nothing for TIME, 120s before its first execution"},
    {"slice", FlagKind::kDuration, "TIME", "",
     "how long a worker stays with its kernel (default: by the time so far)"},
    {"quiet", FlagKind::kSwitch, "", "", "no live lines and no reports, only the summary"},
};

std::string environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

std::string new_run_directory() {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  return absl::StrCat("runs/", stamp, "-", getpid());
}

std::string host_name() {
  char name[256] = {};
  std::string text = gethostname(name, sizeof name - 1) == 0 ? name : "host";
  for (char& c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-') c = '_';
  }
  return text.empty() ? "host" : text;
}

int refuse(const absl::Status& status, int exit_status) {
  std::cerr << "vmafuzz fuzz: " << std::string(status.message()) << "\n";
  return exit_status;
}

// One kernel with all the switches; of several switches each alone as well, since one may hide what
// another one does.
void add_targets(const std::string& kernel, const std::vector<std::string>& bugs,
                 const std::vector<std::string>& options, Plan& plan) {
  plan.targets.push_back({kernel, bugs, options});
  if (bugs.size() < 2) return;
  for (const std::string& bug : bugs) plan.targets.push_back({kernel, {bug}, options});
}

// What the run in plan.dir was begun with, if there is one.
absl::Status read_begun(Plan& plan) {
  const std::string path = plan.dir + "/run.json";
  const absl::StatusOr<std::string> text = supervisor::read_file_whole(path);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  const absl::Status status = supervisor::read_plan(*text, plan);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(path, " is no plan of a run (", status.message(),
                   "); move it away and name --kernel and --engine, corpus and findings stay"));
}

// The kernels and engines that the command line names, those that the run in `dir` was begun with,
// or the defaults, in this order.
absl::Status choose_targets(const Arguments& args, Plan& plan) {
  const bool named = args.has("kernel") || args.has("bug") || args.has("option");
  if (absl::Status s = read_begun(plan); !s.ok()) return s;
  if (plan.targets.empty() || named) {
    plan.targets.clear();
    std::vector<std::string> kernels = args.list("kernel");
    // A bug switch is asked about on the kernel of today, not on a draft that has its own bugs.
    if (kernels.empty() && named) kernels = {std::string(kDefaultKernel)};
    for (const std::string& kernel : kernels) {
      add_targets(kernel, args.list("bug"), args.list("option"), plan);
    }
    if (plan.targets.empty()) plan.targets = supervisor::default_targets();
  }
  for (const supervisor::TargetNames& target : plan.targets) {
    if (absl::Status s = variants::check_kernel(target.kernel); !s.ok()) return s;
    for (const std::string& bug : target.bugs) {
      if (absl::Status s = variants::check_bug(bug); !s.ok()) return s;
    }
    for (const std::string& option : target.options) {
      if (absl::Status s = variants::check_option(option); !s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

// Those that the run was begun with, unless others are named; all are read before anything is made
// or written. A run whose seeds are gone goes on: what it took from them is in its own corpus.
absl::Status choose_seeds(const Arguments& args, bool resumed, Plan& plan) {
  if (args.has("corpus")) plan.seeds = absolute(args.text("corpus"));
  if (args.on("empty")) plan.seeds.clear();
  if (plan.seeds.empty()) return absl::OkStatus();
  std::vector<std::string> names = supervisor::sorted_files(plan.seeds);
  std::erase_if(names, [](const std::string& name) { return absl::EndsWith(name, ".md"); });
  for (const std::string& name : names) {
    const auto program = read_program(absl::StrCat(plan.seeds, "/", name));
    if (!program.ok()) return program.status();
  }
  if (!names.empty()) return absl::OkStatus();
  if (!resumed || args.has("corpus"))
    return absl::NotFoundError("no seed programs in " + plan.seeds);
  std::cerr << "vmafuzz fuzz: no seed programs in " << plan.seeds
            << " any more; going on with the run's own corpus, which holds "
            << supervisor::sorted_files(plan.dir + "/corpus").size() << "\n";
  plan.seeds.clear();
  return absl::OkStatus();
}

absl::Status check_limits(const Arguments& args, const Plan& plan) {
  for (const char* flag : {"memory", "min-free"}) {
    if (args.number(flag) <= kMostMib) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, " ", args.number(flag), ": the largest is ", kMostMib));
  }
  if (plan.memory_bytes == 0) {
    return absl::InvalidArgumentError("--memory 0 would end every worker; leave it out for 2048");
  }
  if (args.has("sync-name") && (plan.sync_name.empty() || plan.sync_name[0] == '.' ||
                                plan.sync_name.find('/') != std::string::npos)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--sync-name ", plan.sync_name,
                     ": it names a folder in --sync, without `/` and not beginning with a dot"));
  }
  return absl::OkStatus();
}

absl::Status choose_engines(const Arguments& args, Plan& plan) {
  if (args.has("engine")) plan.engines = args.list("engine");
  for (const std::string& name : plan.engines) {
    const supervisor::Engine* engine = supervisor::find_engine(name);
    if (engine == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no engine ", name, ", there are: ", supervisor::engine_names()));
    }
    if (absl::Status s = supervisor::usable(*engine, plan.root); !s.ok()) return s;
  }
  if (!plan.engines.empty()) return absl::OkStatus();
  absl::Status reason;
  for (const supervisor::Engine& engine : supervisor::engines()) {
    if (!engine.by_default) continue;
    absl::Status status = supervisor::usable(engine, plan.root);
    if (status.ok()) plan.engines.emplace_back(engine.name);
    reason.Update(status);
  }
  return plan.engines.empty() ? reason : absl::OkStatus();
}

absl::Status check_until(const std::string& until) {
  if (until.empty() || until == "any") return absl::OkStatus();
  for (const variants::Kernel& kernel : variants::kernels()) {
    for (const variants::Caught& caught : kernel.caught) {
      if (caught.verdict == until) return absl::OkStatus();
    }
  }
  for (const variants::Bug& bug : variants::bugs()) {
    for (const absl::string_view verdict : bug.verdicts) {
      if (verdict == until) return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--until ", until, ": no kernel and no bug is known to end in it; `any` will do"));
}

// Triage is beside this program, wherever that was built.
std::string triage_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "vmafuzz_triage").string();
}

// Without it nothing that is found would be replayed or minimised.
absl::Status check_triage(const std::string& program) {
  if (access(program.c_str(), X_OK) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(program, " is missing: build everything of the preset that vmafuzz is from, ",
                   "as in cmake --build --preset release"));
}

int run(const Arguments& args) {
  if (args.has("for") && args.duration("for") <= absl::ZeroDuration()) {
    return refuse(absl::InvalidArgumentError(
                      "--for 0 leaves no time for anything; leave --for out to run until Ctrl-C"),
                  kExitUsage);
  }
  Plan plan;
  plan.root = absolute(environment("VMAFUZZ_ROOT", "."));
  plan.dir = absolute(args.has("dir") ? args.text("dir") : new_run_directory());
  plan.commit = environment("VMAFUZZ_COMMIT", "");
  plan.triage_program = triage_program();
  plan.command = args.words();
  plan.seeds = plan.root + "/corpus";
  const bool resumed = fs::exists(plan.dir + "/run.json");
  if (absl::Status s = choose_targets(args, plan); !s.ok()) return refuse(s, kExitUsage);
  if (absl::Status s = check_until(args.text("until")); !s.ok()) return refuse(s, kExitUsage);
  if (absl::Status s = check_triage(plan.triage_program); !s.ok())
    return refuse(s, kExitEnvironment);
  if (absl::Status s = choose_engines(args, plan); !s.ok())
    return refuse(s, absl::IsInvalidArgument(s) ? kExitUsage : kExitEnvironment);
  supervisor::remove_repeats(plan);
  plan.jobs = static_cast<unsigned>(std::min<uint64_t>(args.number("jobs"), 1024));
  if (plan.jobs == 0) plan.jobs = std::max(1u, std::thread::hardware_concurrency());
  plan.seconds = absl::ToDoubleSeconds(args.duration("for"));
  if (absl::Status s = choose_seeds(args, resumed, plan); !s.ok()) return refuse(s, kExitUsage);
  plan.until = args.text("until");
  plan.seed = args.number("seed");
  plan.memory_bytes = args.number("memory") << 20;
  plan.min_free = args.number("min-free") << 20;
  plan.hang_seconds = absl::ToDoubleSeconds(args.duration("hang"));
  plan.slice_seconds = absl::ToDoubleSeconds(args.duration("slice"));
  if (args.has("sync")) plan.sync = absolute(args.text("sync"));
  plan.sync_name = args.has("sync-name") ? args.text("sync-name") : host_name();
  plan.quiet = args.on("quiet");
  if (absl::Status s = check_limits(args, plan); !s.ok()) return refuse(s, kExitUsage);
  return supervisor::supervise(std::move(plan));
}

}  // namespace

const Command kFuzz = {
    .name = "fuzz",
    .summary = "search for executions in which a lookup goes wrong",
    .operands = "",
    .description =
        "Runs mutated programs on simulated kernels, on every core, until it is told to stop. "
        "Each\n"
        "new kind of finding is minimised at once and kept in RUN/found, with its diagram (shown "
        "if\n"
        "one kernel is fuzzed). Ctrl-C or the end of the time stops it, `--dir RUN` goes on, "
        "after\n"
        "kill -9 or a full disk as well. RUN/status.json is its state, RUN/events.jsonl its "
        "story.\n"
        "Exit status 1 if anything was found.",
    .examples =
        "./vmafuzz fuzz --kernel aug02-draft --until any\n"
        "./vmafuzz fuzz --for 10m\n"
        "./vmafuzz fuzz --engine libfuzzer,tsan --kernel nhit --for 10m\n"
        "./vmafuzz fuzz --kernel 6.18,6.15 --for 8h --dir RUN",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
