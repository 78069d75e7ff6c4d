#include "fuzz/program_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "input/bytes.h"
#include "input/text.h"

namespace vmafuzz::command {
namespace {

std::string read_stream(std::istream& stream) {
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

}  // namespace

absl::StatusOr<std::string> read_file(const std::string& path) {
  if (path == "-") return read_stream(std::cin);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  // A directory can be opened, but not read.
  if (!file || file.peek() == std::ifstream::traits_type::eof()) {
    if (errno != 0) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  file.clear();
  return read_stream(file);
}

bool is_text(absl::string_view content) { return absl::StartsWith(content, "# vmafuzz repro"); }

absl::StatusOr<input::Program> read_program(const std::string& path) {
  absl::StatusOr<std::string> content = read_file(path);
  if (!content.ok()) return content.status();
  // What calls itself text is parsed even if its first line is wrong: the parser says so.
  if (!is_text(*content) && !absl::EndsWith(path, ".repro")) {
    return input::decode({reinterpret_cast<const uint8_t*>(content->data()), content->size()});
  }
  input::ParseOptions options;
  options.file = path == "-" ? "standard input" : path;
  options.check_kernel = variants::check_kernel;
  options.check_bug = variants::check_bug;
  options.check_option = variants::check_option;
  options.check_expect = variants::check_expect;
  return input::parse_text(*content, options);
}

absl::StatusOr<std::vector<input::Program>> read_scenarios(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const std::filesystem::directory_entry& entry :
       std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".repro") paths.push_back(entry.path().string());
  }
  if (error || paths.empty()) {
    return absl::NotFoundError(absl::StrCat("no scenarios (*.repro) in ", folder));
  }
  std::sort(paths.begin(), paths.end());
  std::vector<input::Program> scenarios;
  for (const std::string& path : paths) {
    absl::StatusOr<input::Program> program = read_program(path);
    if (!program.ok()) return program.status();
    scenarios.push_back(*std::move(program));
  }
  return scenarios;
}

absl::StatusOr<run::Target> target_of(const input::Program& program, absl::string_view kernel) {
  absl::string_view name = kernel;
  if (name.empty()) name = program.kernel;
  if (name.empty()) name = kDefaultKernel;
  run::Target target;
  target.kernel = variants::find_kernel(name);
  if (target.kernel == nullptr) return variants::check_kernel(name);
  target.bugs = program.bugs;
  target.options = program.options;
  return target;
}

}  // namespace vmafuzz::command
