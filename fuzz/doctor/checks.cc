#include "fuzz/doctor/checks.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vmafuzz::doctor {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

// Below 19, ThreadSanitizer instruments the fuzzer's own coverage counters (seen in 14 to 16; 17
// and 18 were never tried): two threads in one function are then reported as a race.
constexpr uint64_t kOldestClang = 19;
// What the sanitizers' fixed shadow layout is made for; newer kernels and Ubuntu use 32.
constexpr uint64_t kMostRandomBits = 28;
// libFuzzer's own limit for one job is 2 GiB; a build of the tests needs about 1 GiB.
constexpr uint64_t kLittleMemory = 2 * kGiB, kTooLittleMemory = kGiB / 2;
constexpr uint64_t kLittleDisk = 4 * kGiB, kTooLittleDisk = kGiB / 2;
constexpr uint64_t kLittleStack = kMiB;

Finding ok(std::string found) { return {"", Level::kOk, std::move(found), "", ""}; }
Finding warn(std::string found, std::string why, std::string mend) {
  return {"", Level::kWarn, std::move(found), std::move(why), std::move(mend)};
}
Finding fail(std::string found, std::string why, std::string mend) {
  return {"", Level::kFail, std::move(found), std::move(why), std::move(mend)};
}

std::string as_root(const Host& host, absl::string_view command) {
  return absl::StrCat(host.is_root() ? "" : "sudo ", command);
}

std::string size(uint64_t bytes) {
  if (bytes == UINT64_MAX) return "unlimited";
  if (bytes < kMiB) return absl::StrCat(bytes, " bytes");
  if (bytes < kGiB) return absl::StrCat(bytes / kMiB, " MiB");
  return absl::StrFormat("%.1f GiB", static_cast<double>(bytes) / kGiB);
}

// Reads "clang version 19.1.7" out of what `--version` prints; empty if it is not clang.
std::string clang_version(absl::string_view printed) {
  constexpr absl::string_view kMark = "clang version ";
  const size_t at = printed.find(kMark);
  if (at == printed.npos) return "";
  const absl::string_view rest = printed.substr(at + kMark.size());
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789.")));
}

Finding check_compiler(const Host& host, const std::string& compiler) {
  const std::string install = as_root(host, "apt-get install -y clang-19");
  const std::optional<std::string> path = host.program(compiler);
  if (!path) return fail(compiler + " is not installed", "nothing can be built", install);
  const std::string version = clang_version(host.output(*path, "--version").value_or(""));
  if (version.empty()) {
    return fail(compiler + " is not clang", "only clang has libFuzzer", install);
  }
  uint64_t major = 0;
  const bool known = absl::SimpleAtoi(version.substr(0, version.find('.')), &major);
  const std::string found = absl::StrCat(compiler, " is clang ", version);
  if (known && major >= kOldestClang) return ok(found);
  return fail(found,
              "before 19, ThreadSanitizer takes the fuzzer's own coverage counters for shared data "
              "and reports races that are none",
              install);
}

Finding check_runtime(const Host& host, const std::string& compiler) {
  const std::optional<std::string> path = host.program(compiler);
  const std::string folder(absl::StripAsciiWhitespace(
      path ? host.output(*path, "-print-resource-dir").value_or("") : ""));
  if (!folder.empty() && host.exists(folder + "/lib/*/libclang_rt.fuzzer*.a")) {
    return ok("libFuzzer and sanitizer runtimes in " + folder);
  }
  return fail("the compiler's libFuzzer and sanitizer runtimes are missing",
              "fuzz targets and tests cannot be linked",
              as_root(host, "apt-get install -y libclang-rt-19-dev"));
}

Finding check_symbolizer(const Host& host, const std::string&) {
  const auto path = host.program("llvm-symbolizer", {"/usr/lib/llvm-*/bin"});
  if (path) return ok(*path);
  return warn("llvm-symbolizer is not installed",
              "stacks in sanitizer reports have addresses in place of functions and lines",
              as_root(host, "apt-get install -y llvm-19"));
}

Finding check_afl(const Host& host, const std::string&) {
  if (const auto path = host.program("afl-fuzz")) return ok(*path);
  return warn("AFL++ is not installed", "libFuzzer works, the engine afl does not",
              as_root(host, "apt-get install -y afl++"));
}

// Sanitizers put their shadow memory at fixed addresses. If more than 28 bits of the layout are
// random they start themselves again without randomisation, for which they need personality(2).
Finding check_address_layout(const Host& host, const std::string&) {
  const std::optional<uint64_t> aslr = host.number("/proc/sys/kernel/randomize_va_space");
  const std::optional<uint64_t> bits = host.number("/proc/sys/vm/mmap_rnd_bits");
  if (aslr == uint64_t{0}) return ok("addresses are not randomised");
  const std::string found =
      bits ? absl::StrCat("vm.mmap_rnd_bits is ", *bits) : "vm.mmap_rnd_bits cannot be read";
  if (bits && *bits <= kMostRandomBits) return ok(found);
  if (host.may_disable_aslr()) return ok(found + "; sanitizers may switch randomisation off");
  const std::string why =
      "sanitizers need at most 28 random bits, or the right to switch randomisation off by "
      "personality(2), which this container or security module refuses";
  const std::string mend = as_root(host, "sysctl -w vm.mmap_rnd_bits=28");
  return bits ? fail(found, why, mend) : warn(found, why, mend);
}

Finding check_overcommit(const Host& host, const std::string&) {
  const std::optional<uint64_t> mode = host.number("/proc/sys/vm/overcommit_memory");
  if (mode == uint64_t{2}) {
    return fail("vm.overcommit_memory is 2", "sanitizers reserve terabytes of addresses, unused",
                as_root(host, "sysctl -w vm.overcommit_memory=0"));
  }
  const std::optional<uint64_t> limit = host.soft_limit("Max address space");
  if (limit && *limit != UINT64_MAX) {
    return fail("ulimit -v is " + size(*limit), "sanitizers reserve terabytes of addresses, unused",
                "ulimit -v unlimited");
  }
  return ok("address space is not limited");
}

Finding check_core_pattern(const Host& host, const std::string&) {
  const std::string pattern = host.text("/proc/sys/kernel/core_pattern").value_or("");
  if (absl::StartsWith(pattern, "|")) {
    return warn("kernel.core_pattern pipes to " + pattern.substr(1, pattern.find(' ') - 1),
                "every crash waits for that program, and AFL++ refuses to start",
                as_root(host, "sysctl -w kernel.core_pattern=core"));
  }
  // One byte is what sanitizers set for themselves to say "none", this program's own too.
  const uint64_t limit = host.soft_limit("Max core file size").value_or(0);
  if (limit > 1) {
    return warn("ulimit -c is " + size(limit), "every crash may write a core file to the disk",
                "ulimit -c 0");
  }
  return ok("crashes write no core files");
}

Finding check_stack(const Host& host, const std::string&) {
  const std::optional<uint64_t> limit = host.soft_limit("Max stack size");
  if (!limit) return ok("stack limit unknown");
  const std::string found = "ulimit -s is " + size(*limit);
  if (*limit == UINT64_MAX) {
    return warn(found, "the kernel then lays out addresses in a way that ThreadSanitizer must undo",
                "ulimit -s 8192");
  }
  if (*limit < kLittleStack)
    return fail(found, "compilers and fuzzers need more", "ulimit -s 8192");
  return ok(found);
}

Finding check_memory(const Host& host, const std::string&) {
  const std::optional<uint64_t> available = host.available_memory();
  if (!available) return ok("available memory unknown");
  const std::string found = size(*available) + " available";
  const std::string why = "a fuzzing job may use 2 GiB; one that the kernel kills finds nothing";
  const std::string mend = "ps -eo rss,pid,comm --sort=-rss | head  # end what is not needed";
  if (*available < kTooLittleMemory) return fail(found, why, mend);
  if (*available < kLittleMemory) return warn(found, why, mend);
  return ok(found);
}

Finding check_disk(const Host& host, const std::string&) {
  const std::optional<uint64_t> free = host.free_disk();
  if (!free) return ok("free disk space unknown");
  const std::string found = size(*free) + " free in this folder";
  const std::string why = "builds, corpora and crash files of a night need room";
  const std::string mend = "du -xsh -- * | sort -h | tail  # remove what is not needed";
  if (*free < kTooLittleDisk) return fail(found, why, mend);
  if (*free < kLittleDisk) return warn(found, why, mend);
  return ok(found);
}

Finding check_cpu(const Host& host, const std::string&) {
  const std::optional<uint64_t> cpus = host.cpus();
  std::string found = cpus ? absl::StrCat(*cpus, *cpus == 1 ? " CPU" : " CPUs") : "CPUs unknown";
  const std::optional<std::string> governor =
      host.text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!governor) return ok(found);
  absl::StrAppend(&found, ", governor ", *governor);
  if (*governor == "performance") return ok(found);
  return warn(found, "a CPU that changes its speed makes measurements differ from run to run",
              absl::StrCat("echo performance | ", as_root(host, "tee"),
                           " /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"));
}

struct Check {
  const char* name;
  Finding (*run)(const Host& host, const std::string& compiler);
};

constexpr Check kChecks[] = {
    {"compiler", check_compiler},
    {"runtime", check_runtime},
    {"symbolizer", check_symbolizer},
    {"afl++", check_afl},
    {"address-layout", check_address_layout},
    {"address-space", check_overcommit},
    {"core-dumps", check_core_pattern},
    {"stack", check_stack},
    {"memory", check_memory},
    {"disk", check_disk},
    {"cpu", check_cpu},
};

}  // namespace

std::vector<Finding> examine(const Host& host, const std::string& compiler) {
  std::vector<Finding> findings;
  for (const Check& check : kChecks) {
    findings.push_back(check.run(host, compiler));
    findings.back().check = check.name;
  }
  return findings;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::kOk:
      return "OK";
    case Level::kWarn:
      return "WARN";
    case Level::kFail:
      return "FAIL";
  }
  return "";
}

}  // namespace vmafuzz::doctor
