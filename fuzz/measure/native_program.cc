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

absl::StatusOr<std::string> find_native_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const char* root = std::getenv("VMAFUZZ_ROOT");
  const std::string places[] = {
      absl::StrCat(root != nullptr ? root : ".", "/build/tsan/fuzz/vmafuzz_tsan"),
      (self.parent_path().parent_path().parent_path() / "tsan/fuzz/vmafuzz_tsan").string()};
  for (const std::string& place : places) {
    if (access(place.c_str(), X_OK) == 0) return place;
  }
  return absl::NotFoundError(absl::StrCat(
      places[0], " is missing; build it: cmake --preset tsan && cmake --build --preset tsan"));
}

absl::StatusOr<std::string> first_line_of_native(const std::vector<std::string>& arguments) {
  const absl::StatusOr<std::string> program = find_native_program();
  if (!program.ok()) return program.status();
  std::vector<std::string> words = {*program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  absl::StatusOr<std::string> output = output_of(words, Stream::kOutput);
  if (!output.ok()) return output.status();
  output->resize(std::min(output->find('\n'), output->size()));
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
