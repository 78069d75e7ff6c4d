#include "fuzz/doctor/host.h"

#include <glob.h>
#include <sys/personality.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vmafuzz::doctor {
namespace {

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found = {};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

std::optional<uint64_t> parse(absl::string_view text) {
  uint64_t number;
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

}  // namespace

std::string Host::below_root(absl::string_view path) const {
  return absl::StrCat(absl::StripSuffix(root_, "/"), path);
}

std::optional<std::string> Host::text(absl::string_view path) const {
  std::ifstream file(below_root(path));
  if (!file) return std::nullopt;
  const std::string all{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  return std::string(absl::StripAsciiWhitespace(all));
}

std::optional<uint64_t> Host::number(absl::string_view path) const {
  const std::optional<std::string> content = text(path);
  return content ? parse(*content) : std::nullopt;
}

std::optional<uint64_t> Host::soft_limit(absl::string_view name) const {
  const std::string limits = text("/proc/self/limits").value_or("");
  for (absl::string_view row : absl::StrSplit(limits, '\n')) {
    if (!absl::ConsumePrefix(&row, name)) continue;
    const std::vector<std::string> columns = absl::StrSplit(row, ' ', absl::SkipWhitespace());
    if (columns.empty()) return std::nullopt;
    return columns[0] == "unlimited" ? UINT64_MAX : parse(columns[0]);
  }
  return std::nullopt;
}

std::optional<uint64_t> Host::available_memory() const {
  std::optional<uint64_t> available;
  const std::string meminfo = text("/proc/meminfo").value_or("");
  for (absl::string_view row : absl::StrSplit(meminfo, '\n')) {
    if (!absl::ConsumePrefix(&row, "MemAvailable:")) continue;
    absl::ConsumeSuffix(&row, "kB");
    available = parse(absl::StripAsciiWhitespace(row));
    if (available) *available *= 1024;
  }
  const std::optional<uint64_t> in_cgroup = cgroup_memory_left();
  if (available && in_cgroup) return std::min(*available, *in_cgroup);
  return available;
}

// The least that is left in the process's control group (version 2) or one of those around it.
std::optional<uint64_t> Host::cgroup_memory_left() const {
  std::optional<uint64_t> least;
  std::string group = text("/proc/self/cgroup").value_or("");
  if (!absl::StartsWith(group, "0::/")) return std::nullopt;
  group = group.substr(3);
  while (true) {
    const std::string folder = absl::StrCat("/sys/fs/cgroup", group == "/" ? "" : group);
    const std::optional<uint64_t> limit = number(folder + "/memory.max");
    const std::optional<uint64_t> used = number(folder + "/memory.current");
    if (limit && used) {
      const uint64_t left = *limit > *used ? *limit - *used : 0;
      least = std::min(least.value_or(left), left);
    }
    if (group.empty() || group == "/") return least;
    group.resize(group.rfind('/'));
  }
}

std::optional<uint64_t> Host::cpus() const {
  const std::string status = text("/proc/self/status").value_or("");
  for (absl::string_view row : absl::StrSplit(status, '\n')) {
    if (!absl::ConsumePrefix(&row, "Cpus_allowed_list:")) continue;
    uint64_t count = 0;
    for (absl::string_view range : absl::StrSplit(absl::StripAsciiWhitespace(row), ',')) {
      const std::vector<std::string> ends = absl::StrSplit(range, '-');
      const std::optional<uint64_t> first = parse(ends.front()), last = parse(ends.back());
      if (!first || !last || *last < *first) return std::nullopt;
      count += *last - *first + 1;
    }
    return count;
  }
  return std::nullopt;
}

std::optional<std::string> Host::program(absl::string_view name,
                                         const std::vector<std::string>& more_folders) const {
  if (absl::StrContains(name, '/')) {
    const std::string path = absl::StartsWith(name, "/") ? below_root(name) : std::string(name);
    return access(path.c_str(), X_OK) == 0 ? std::optional(path) : std::nullopt;
  }
  std::vector<std::string> folders = absl::StrSplit(search_path_, ':', absl::SkipEmpty());
  folders.insert(folders.end(), more_folders.begin(), more_folders.end());
  for (const std::string& folder : folders) {
    for (const std::string& path : matches(absl::StrCat(below_root(folder), "/", name))) {
      if (access(path.c_str(), X_OK) == 0) return path;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Host::output(const std::string& program,
                                        const std::string& argument) const {
  const auto quoted = [](const std::string& word) {
    return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
  };
  FILE* pipe =
      popen(absl::StrCat(quoted(program), " ", quoted(argument), " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return std::nullopt;
  std::string printed;
  char buffer[4096];
  for (size_t size; (size = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    printed.append(buffer, size);
  }
  if (pclose(pipe) != 0) return std::nullopt;
  return printed;
}

bool Host::exists(absl::string_view pattern) const { return !matches(below_root(pattern)).empty(); }

std::optional<uint64_t> Host::free_disk() const {
  struct statvfs disk;
  if (statvfs(".", &disk) != 0) return std::nullopt;
  return uint64_t{disk.f_bavail} * disk.f_frsize;
}

bool Host::may_disable_aslr() const {
  // Tried in a child: the setting would be inherited by whatever this process starts later.
  const pid_t child = fork();
  if (child == 0) {
    const int before = personality(0xffffffff);
    _exit(before != -1 && personality(before | ADDR_NO_RANDOMIZE) != -1 ? 0 : 1);
  }
  int status;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool Host::is_root() const { return geteuid() == 0; }

}  // namespace vmafuzz::doctor
