// `vmafuzz corpus`: looking after seed programs and what a run collected.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fuzz/commands/table.h"
#include "fuzz/engine/measure.h"
#include "fuzz/program_file.h"
#include "fuzz/supervisor/files.h"
#include "input/bytes.h"
#include "input/text.h"

namespace vmafuzz::command {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    {"to", FlagKind::kText, "DIR", "", "min, add: where what is kept goes"},
    {"kernel", FlagKind::kList, "NAME", "", "measure on these kernels (default: all)"},
    {"text", FlagKind::kSwitch, "", "", "min, add: write text (.repro), not bytes"},
};

struct Entry {
  std::string path;
  std::string name;  // of the file
  bool text = false;
  input::Program program;
  std::vector<uint8_t> bytes;  // canonical
};

int fail(const absl::Status& status, int exit_status) {
  std::cerr << "vmafuzz corpus: " << std::string(status.message()) << "\n";
  return exit_status;
}

absl::Status read_entry(const std::string& path, std::vector<Entry>& entries) {
  absl::StatusOr<input::Program> program = read_program(path);
  if (!program.ok()) return program.status();
  Entry entry;
  entry.path = path;
  entry.name = fs::path(path).filename().string();
  entry.text = absl::EndsWith(path, ".repro");
  entry.program = *std::move(program);
  entry.bytes = input::encode(entry.program);
  entries.push_back(std::move(entry));
  return absl::OkStatus();
}

// Files, and the files in folders, smallest first, those of one size by their bytes: the order, and
// so what is kept, depends on nothing but the programs. Programs that are there twice count once.
absl::StatusOr<std::vector<Entry>> read_entries(absl::Span<const std::string> paths) {
  std::vector<Entry> entries;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      if (absl::Status status = read_entry(path, entries); !status.ok()) return status;
      continue;
    }
    for (const std::string& name : supervisor::sorted_files(path)) {
      if (absl::EndsWith(name, ".md")) continue;
      // One stranger in a folder of thousands, as the supervisor passes over as well.
      if (absl::Status status = read_entry(absl::StrCat(path, "/", name), entries); !status.ok())
        std::cerr << "vmafuzz corpus: passed over: " << std::string(status.message()) << "\n";
    }
  }
  const auto order = [](const Entry& a, const Entry& b) {
    if (a.bytes.size() != b.bytes.size()) return a.bytes.size() < b.bytes.size();
    if (a.bytes != b.bytes) return a.bytes < b.bytes;
    if (a.text != b.text) return a.text;  // text says more: a story, a kernel
    return a.name < b.name;
  };
  std::sort(entries.begin(), entries.end(), order);
  const auto same = [](const Entry& a, const Entry& b) { return a.bytes == b.bytes; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  return entries;
}

absl::StatusOr<std::vector<run::Target>> targets(const Arguments& args) {
  std::vector<run::Target> chosen;
  for (const std::string& name : args.list("kernel")) {
    if (absl::Status status = variants::check_kernel(name); !status.ok()) return status;
    chosen.push_back({variants::find_kernel(name), {}, {}});
  }
  if (!chosen.empty()) return chosen;
  for (const variants::Kernel& kernel : variants::kernels()) chosen.push_back({&kernel, {}, {}});
  return chosen;
}

absl::Status start(const Arguments& args, engine::Measure& measure) {
  const absl::StatusOr<std::vector<run::Target>> chosen = targets(args);
  return chosen.ok() ? measure.start(*chosen) : chosen.status();
}

// A text keeps its name. Two runs give one name to two programs as a rule (it is that of kernel and
// bucket), and then both stay. What has the beginning of its SHA-1 in its name is this program,
// whatever somebody wrote into its story.
absl::Status write_text(const Entry& entry, const std::string& folder, const std::string& sha1) {
  const std::string content = input::print_text(entry.program);
  const std::string stem = entry.text ? fs::path(entry.name).stem().string() : sha1;
  for (const std::string& name : {stem, absl::StrCat(stem, "-", sha1.substr(0, 8))}) {
    const std::string path = absl::StrCat(folder, "/", name, ".repro");
    const absl::StatusOr<std::string> there = supervisor::read_file_whole(path);
    if (absl::IsNotFound(there.status())) return supervisor::write_durably(path, content);
    if (!there.ok()) return there.status();
    if (*there == content) break;
  }
  return absl::OkStatus();
}

absl::Status write_entry(const Entry& entry, const std::string& folder, bool text) {
  const absl::string_view bytes(reinterpret_cast<const char*>(entry.bytes.data()),
                                entry.bytes.size());
  const std::string sha1 = supervisor::sha1_name(bytes);
  if (text) return write_text(entry, folder, sha1);
  return supervisor::write_durably(absl::StrCat(folder, "/", sha1), bytes);
}

// Keeps those of `entries` that cover what `covered` does not have, and writes them.
int merge(const Arguments& args, absl::Span<const Entry> base, absl::Span<const Entry> entries,
          bool say_all) {
  engine::Measure measure;
  if (absl::Status status = start(args, measure); !status.ok())
    return fail(status, absl::IsFailedPrecondition(status) ? kExitEnvironment : kExitUsage);
  const std::string to = args.text("to");
  if (absl::Status status = supervisor::make_folder(to); !status.ok())
    return fail(status, kExitEnvironment);
  absl::flat_hash_set<uint64_t> covered;
  const auto take = [&](const Entry& entry) {
    size_t fresh = 0;
    for (const uint64_t feature : measure.of(entry.program).features)
      fresh += covered.insert(feature).second ? 1 : 0;
    return fresh;
  };
  for (const Entry& entry : base) take(entry);
  const size_t before = covered.size();
  size_t kept = 0;
  for (const Entry& entry : entries) {
    const size_t fresh = take(entry);
    if (say_all) {
      std::cout << absl::StreamFormat("%s  %s: %d new features\n", fresh > 0 ? "added" : "     ",
                                      entry.path, fresh);
    }
    if (fresh == 0) continue;
    ++kept;
    if (absl::Status status = write_entry(entry, to, args.on("text")); !status.ok())
      return fail(status, kExitEnvironment);
  }
  std::cout << absl::StreamFormat("%d of %d programs kept in %s, %d features (%d before)\n", kept,
                                  entries.size(), to, covered.size(), before);
  return kExitOk;
}

int minimum(const Arguments& args, absl::Span<const std::string> paths) {
  if (!args.has("to")) {
    return fail(
        absl::InvalidArgumentError("min needs --to DIR: nothing is ever removed from where it is"),
        kExitUsage);
  }
  const absl::StatusOr<std::vector<Entry>> entries = read_entries(paths);
  if (!entries.ok()) return fail(entries.status(), kExitUsage);
  return merge(args, {}, *entries, /*say_all=*/false);
}

int add(const Arguments& args, absl::Span<const std::string> paths) {
  if (!args.has("to")) {
    return fail(absl::InvalidArgumentError("add needs --to DIR, the corpus to add to"), kExitUsage);
  }
  const absl::StatusOr<std::vector<Entry>> entries = read_entries(paths);
  if (!entries.ok()) return fail(entries.status(), kExitUsage);
  std::vector<Entry> base;
  if (std::error_code ignored; fs::is_directory(args.text("to"), ignored)) {
    absl::StatusOr<std::vector<Entry>> there = read_entries({args.text("to")});
    if (!there.ok()) return fail(there.status(), kExitUsage);
    base = *std::move(there);
  }
  return merge(args, base, *entries, /*say_all=*/true);
}

// "setup: mmap register | cpu0: munmap | cpu1: hit"
std::string outline(const input::Program& program) {
  std::vector<std::string> parts;
  for (uint8_t cpu = 0; cpu <= input::kCpuCount; ++cpu) {
    std::string part = cpu == 0 ? "setup:" : absl::StrCat("cpu", cpu - 1, ":");
    bool any = false;
    for (const input::Op& op : program.ops) {
      if (op.cpu != cpu) continue;
      absl::StrAppend(&part, " ", input::schema(op.kind).name);
      any = true;
    }
    if (any) parts.push_back(part);
  }
  return absl::StrJoin(parts, " | ");
}

int show(absl::Span<const std::string> paths) {
  const absl::StatusOr<std::vector<Entry>> entries = read_entries(paths);
  if (!entries.ok()) return fail(entries.status(), kExitUsage);
  for (const Entry& entry : *entries) {
    const input::Header& header = entry.program.header;
    std::cout << absl::StreamFormat(
        "%-40s %4d bytes %2d ops %2d directives  %-11s %s\n", entry.name, entry.bytes.size(),
        entry.program.ops.size(), entry.program.directives.size(),
        std::string(input::strategy_name(header.strategy)), outline(entry.program));
  }
  return kExitOk;
}

int stats(const Arguments& args, absl::Span<const std::string> paths) {
  const absl::StatusOr<std::vector<Entry>> entries = read_entries(paths);
  if (!entries.ok()) return fail(entries.status(), kExitUsage);
  engine::Measure measure;
  if (absl::Status status = start(args, measure); !status.ok())
    return fail(status, absl::IsFailedPrecondition(status) ? kExitEnvironment : kExitUsage);
  size_t bytes = 0;
  size_t replay = 0;
  uint64_t steps = 0;
  std::map<std::string, size_t> ops;
  std::map<std::string, size_t> buckets;
  std::set<uint64_t> features;
  for (const Entry& entry : *entries) {
    bytes += entry.bytes.size();
    replay += entry.program.replay_form() ? 1 : 0;
    for (const input::Op& op : entry.program.ops) ++ops[std::string(input::schema(op.kind).name)];
    const engine::Coverage coverage = measure.of(entry.program);
    steps += coverage.steps;
    features.insert(coverage.features.begin(), coverage.features.end());
    for (const std::string& bucket : coverage.buckets) ++buckets[bucket];
  }
  std::cout << absl::StreamFormat(
      "%d programs, %d bytes, %d in replay form; %d features, %d accesses\n", entries->size(),
      bytes, replay, features.size(), steps);
  std::cout << "operations:";
  for (const auto& [name, count] : ops) std::cout << " " << name << " " << count;
  std::cout << "\n";
  for (const auto& [name, count] : buckets)
    std::cout << absl::StreamFormat("%6d show %s\n", count, name);
  return kExitOk;
}

int run(const Arguments& args) {
  const std::string what = args.operands()[0];
  const absl::Span<const std::string> paths = absl::MakeConstSpan(args.operands()).subspan(1);
  // A name that is none is refused by those that measure nothing, too.
  if (const auto chosen = targets(args); !chosen.ok()) return fail(chosen.status(), kExitUsage);
  if (what == "min") return minimum(args, paths);
  if (what == "add") return add(args, paths);
  if (what == "show") return show(paths);
  if (what == "stats") return stats(args, paths);
  return fail(absl::InvalidArgumentError(
                  absl::StrCat("there is no ", what, "; there are min, add, show and stats")),
              kExitUsage);
}

}  // namespace

const Command kCorpus = {
    .name = "corpus",
    .summary = "merge, look at and measure collections of programs",
    .operands = "min|add|show|stats PATH...",
    .description =
        "min: writes to --to the smallest programs of the files and folders that together cover "
        "all\n"
        "that they cover: edges of the model, how often, and reads-from pairs, on each kernel. "
        "The\n"
        "same programs always give the same result. add: adds to --to those that cover something\n"
        "new there. show: one line for each. stats: operations, coverage and what they find.\n"
        "With --text, NAME.repro keeps its name; if another program in --to has it, it becomes\n"
        "NAME-SHA8.repro, by the first 8 digits of its SHA-1.\n"
        "Nothing is ever removed from where it is.",
    .examples =
        "./vmafuzz corpus min runs/*/corpus --to small\n"
        "./vmafuzz corpus add RUN/found/*.repro --to corpus --text\n"
        "./vmafuzz corpus show corpus\n"
        "./vmafuzz corpus stats corpus --kernel 6.18",
    .flags = kFlags,
    .min_operands = 2,
    .max_operands = kAnyNumber,
    .run = run,
};

}  // namespace vmafuzz::command
