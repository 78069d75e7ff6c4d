// `vmafuzz fuzz`: prepares a run's directory and becomes the fuzz target, which keeps going by
// itself.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "fuzz/commands/table.h"
#include "fuzz/program_file.h"
#include "input/bytes.h"

namespace vmafuzz::command {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    {"kernel", FlagKind::kText, "NAME", "6.18", "the kernel to model (see vmafuzz kernels)"},
    {"bug", FlagKind::kList, "NAME", "", "bug switches on top of it (see vmafuzz bugs)"},
    {"option", FlagKind::kList, "K=V", "", "options such as counter-bits=8"},
    {"for", FlagKind::kDuration, "TIME", "", "stop after TIME, such as 90s or 8h"},
    {"dir", FlagKind::kText, "RUN", "", "keep corpus and findings in RUN, and go on from there"},
    {"corpus", FlagKind::kText, "DIR", "",
     "seed programs (text or bytes); default: the repository's"},
    {"empty", FlagKind::kSwitch, "", "", "begin without seed programs"},
    {"until", FlagKind::kText, "VERDICT", "", "stop at the first finding with VERDICT, or any"},
    {"seed", FlagKind::kNumber, "N", "0", "the engine's random seed, 0: by the clock"},
    {"quiet", FlagKind::kSwitch, "", "", "no live line and no reports, only the summary"},
};

std::string root() {
  const char* root = std::getenv("VMAFUZZ_ROOT");
  return root != nullptr ? root : ".";
}

// The fuzz target, next to this program's build or where the fuzz preset puts it.
absl::StatusOr<std::string> fuzz_target() {
  const std::string path = root() + "/build/fuzz/fuzz/fuzz_sim";
  if (access(path.c_str(), X_OK) == 0) return path;
  return absl::NotFoundError(absl::StrCat(
      path, " is missing; build it: cmake --preset fuzz && cmake --build --preset fuzz"));
}

std::string new_run_directory() {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  return absl::StrCat("runs/", stamp, "-", getpid());
}

// Seeds are text for people and bytes for engines.
absl::Status write_seeds(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return absl::NotFoundError(absl::StrCat("cannot make ", to, ": ", error.message()));
  if (!fs::is_directory(from)) return absl::NotFoundError(absl::StrCat("no folder ", from));
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".md") continue;
    absl::StatusOr<input::Program> program = read_program(entry.path().string());
    if (!program.ok()) return program.status();
    const std::vector<uint8_t> bytes = input::encode(*program);
    std::ofstream out(fs::path(to) / entry.path().stem(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) return absl::UnavailableError(absl::StrCat("cannot write seeds to ", to));
  }
  return absl::OkStatus();
}

int refuse(const absl::Status& status, int exit_status) {
  std::cerr << "vmafuzz fuzz: " << std::string(status.message()) << "\n";
  return exit_status;
}

absl::Status check_names(const Arguments& args) {
  if (absl::Status s = variants::check_kernel(args.text("kernel")); !s.ok()) return s;
  for (const std::string& name : args.list("bug")) {
    if (absl::Status s = variants::check_bug(name); !s.ok()) return s;
  }
  for (const std::string& option : args.list("option")) {
    if (absl::Status s = variants::check_option(option); !s.ok()) return s;
  }
  return absl::OkStatus();
}

int run(const Arguments& args) {
  if (absl::Status status = check_names(args); !status.ok()) return refuse(status, kExitUsage);
  const absl::StatusOr<std::string> target = fuzz_target();
  if (!target.ok()) return refuse(target.status(), kExitEnvironment);
  const std::string dir = args.has("dir") ? args.text("dir") : new_run_directory();
  std::vector<std::string> words = {*target, "--session"};
  const std::string corpus = dir + "/corpus";
  std::error_code error;
  fs::create_directories(corpus, error);
  if (error) {
    return refuse(absl::NotFoundError(absl::StrCat("cannot make ", corpus, ": ", error.message())),
                  kExitEnvironment);
  }
  words.push_back(corpus);
  if (!args.on("empty")) {
    const std::string from = args.has("corpus") ? args.text("corpus") : root() + "/corpus";
    const std::string seeds = dir + "/seeds";
    if (absl::Status status = write_seeds(from, seeds); !status.ok())
      return refuse(status, kExitUsage);
    words.push_back(seeds);
  }
  words.push_back("--kernel=" + args.text("kernel"));
  words.push_back("--bug=" + absl::StrJoin(args.list("bug"), ","));
  words.push_back("--option=" + absl::StrJoin(args.list("option"), ","));
  words.push_back("--dir=" + dir);
  if (args.has("until")) words.push_back("--until=" + args.text("until"));
  if (args.on("quiet")) words.push_back("--quiet");
  words.push_back(absl::StrCat("-seed=", args.number("seed")));
  words.push_back(absl::StrCat("-artifact_prefix=", dir, "/"));
  for (const char* word :
       {"-verbosity=0", "-print_funcs=0", "-entropic=0", "-use_cmp=0", "-max_len=512",
        "-len_control=0", "-handle_int=0", "-handle_term=0", "-rss_limit_mb=4096", "-timeout=60"}) {
    words.emplace_back(word);
  }
  if (args.has("for")) {
    const int64_t seconds =
        absl::ToInt64Seconds(absl::Ceil(args.duration("for"), absl::Seconds(1)));
    words.push_back(absl::StrCat("-max_total_time=", seconds));
  }
  if (!args.on("quiet")) {
    std::cerr << "fuzzing " << args.text("kernel") << " in " << dir << "; Ctrl-C ends it\n";
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(target->c_str(), argv.data());
  return refuse(
      absl::UnavailableError(absl::StrCat("cannot run ", *target, ": ", std::strerror(errno))),
      kExitEnvironment);
}

}  // namespace

const Command kFuzz = {
    .name = "fuzz",
    .summary = "search for executions in which a lookup goes wrong",
    .operands = "",
    .description =
        "Runs mutated programs on the simulated kernel until it is told to stop. Each new kind of\n"
        "finding is minimised at once, shown with its diagram, and kept in RUN/found. Exit status "
        "1\n"
        "if anything was found.",
    .examples =
        "./vmafuzz fuzz --kernel aug02-draft --until any\n"
        "./vmafuzz fuzz --kernel 6.18 --for 8h --dir RUN",
    .flags = kFlags,
    .min_operands = 0,
    .max_operands = 0,
    .run = run,
};

}  // namespace vmafuzz::command
