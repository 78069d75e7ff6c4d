#include "fuzz/measure/native_program.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "fuzz/measure/output_of.h"

namespace vmafuzz::measure {

namespace fs = std::filesystem;

absl::StatusOr<std::string> find_native_program(NativeBuild build) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const char* root = std::getenv("VMAFUZZ_ROOT");
  const std::string first = absl::StrCat(root != nullptr ? root : ".", "/build");
  const fs::path own = self.parent_path().parent_path();  // this program's build folder
  std::string newest;
  fs::file_time_type when{};
  const auto consider = [&](const fs::path& folder) {
    const std::string place = (folder / "fuzz/vmafuzz_tsan").string();
    const fs::file_time_type built = fs::last_write_time(place, error);
    if (error || access(place.c_str(), X_OK) != 0 || (!newest.empty() && built <= when)) return;
    newest = place;
    when = built;
  };
  for (const fs::path& builds : {fs::path(first), own.parent_path()}) {
    consider(builds / "tsan");
    if (build == NativeBuild::kMeasured) continue;
    for (const char* preset : {"fuzz-tsan", "afl-tsan"}) consider(builds / preset);
  }
  if (build == NativeBuild::kMeasured && newest.empty()) return find_native_program();
  // Preset tsan for the tests of this one: what they watch costs time.
  if (build == NativeBuild::kNewest) consider(own / "native");
  if (!newest.empty()) return newest;
  return absl::NotFoundError(absl::StrCat(first,
                                          "/tsan/fuzz/vmafuzz_tsan is missing; build it: cmake "
                                          "--preset tsan && cmake --build --preset tsan"));
}

absl::StatusOr<std::string> output_of_native(const std::vector<std::string>& arguments,
                                             NativeBuild build) {
  const absl::StatusOr<std::string> program = find_native_program(build);
  if (!program.ok()) return absl::UnavailableError(program.status().message());
  std::vector<std::string> words = {*program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return output_of(words, Stream::kOutput);
}

absl::StatusOr<std::string> first_line_of_native(const std::vector<std::string>& arguments,
                                                 NativeBuild build) {
  absl::StatusOr<std::string> output = output_of_native(arguments, build);
  if (output.ok()) output->resize(std::min(output->find('\n'), output->size()));
  return output;
}

absl::Status become_native_program(const std::vector<std::string>& arguments) {
  const absl::StatusOr<std::string> program = find_native_program();
  if (!program.ok()) return program.status();
  std::vector<std::string> words = {*program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return absl::InternalError(absl::StrCat(words[0], ": ", std::strerror(errno)));
}

}  // namespace vmafuzz::measure
