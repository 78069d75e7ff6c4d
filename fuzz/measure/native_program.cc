#include "fuzz/measure/native_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace vmafuzz::measure {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace

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
  std::string command = quoted(*program);
  for (const std::string& argument : arguments) absl::StrAppend(&command, " ", quoted(argument));
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr)
    return absl::InternalError(absl::StrCat(command, ": ", std::strerror(errno)));
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF && c != '\n'; c = std::fgetc(pipe)) {
    line.push_back(static_cast<char>(c));
  }
  while (std::fgetc(pipe) != EOF) {
  }
  const int status = pclose(pipe);
  if (line.empty()) {
    return absl::InternalError(absl::StrCat(command, " ended with status ", status));
  }
  return line;
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
