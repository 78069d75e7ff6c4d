#include "fuzz/program_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "input/bytes.h"
#include "input/text.h"

namespace vmafuzz::command {
namespace {

std::string read_stream(std::istream& stream, size_t most) {
  std::string content;
  char chunk[4096];
  while (content.size() < most && (stream.read(chunk, sizeof chunk) || stream.gcount() > 0)) {
    content.append(chunk, static_cast<size_t>(stream.gcount()));
  }
  return content;
}

// Whether no control character is in it, all of it is UTF-8, and some word has three letters.
bool looks_written(absl::string_view content) {
  size_t letters = 0;    // in a row, until there are enough
  size_t following = 0;  // bytes that the UTF-8 sequence still needs
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_iscntrl(byte) && c != '\t' && c != '\n' && c != '\r') return false;
    const bool continues = (byte & 0xc0) == 0x80;
    if (continues != (following > 0)) return false;
    if (continues) {
      --following;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      following = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    }
    if (letters < 3) letters = absl::ascii_isalpha(byte) ? letters + 1 : 0;
  }
  return following == 0 && letters >= 3;
}

}  // namespace

absl::StatusOr<std::string> read_file(const std::string& path, size_t most) {
  if (path == "-") return read_stream(std::cin, most);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  // A directory can be opened, but not read.
  if (!file || file.peek() == std::ifstream::traits_type::eof()) {
    if (errno != 0) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  file.clear();
  return read_stream(file, most);
}

bool is_text(absl::string_view content) {
  if (absl::StrContains(content, "vmafuzz repro")) return true;
  return content.size() > input::kHeaderBytes && looks_written(content);
}

absl::StatusOr<input::Program> read_program(const std::string& path) {
  absl::StatusOr<std::string> content = read_file(path, input::kMaxTextBytes + 1);
  if (!content.ok()) return content.status();
  const std::string name = path == "-" ? "standard input" : path;
  const bool text = is_text(*content) || absl::EndsWith(path, ".repro");
  // A part of what was given is another program.
  const size_t most = text ? input::kMaxTextBytes : input::kMaxDecodedBytes;
  if (content->size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": too large to be a program, which has at most ", most, " bytes"));
  }
  if (!text) {
    return input::decode({reinterpret_cast<const uint8_t*>(content->data()), content->size()});
  }
  input::ParseOptions options;
  options.file = name;
  options.check_kernel = variants::check_kernel;
  options.check_bug = variants::check_bug;
  options.check_option = variants::check_option;
  options.check_expect = variants::check_expect;
  absl::string_view written = *content;
  absl::ConsumePrefix(&written, "\xef\xbb\xbf");  // what some editors begin a file with, unseen
  return input::parse_text(written, options);
}

std::string in_repository(absl::string_view name) {
  const char* root = std::getenv("VMAFUZZ_ROOT");
  if (root == nullptr || *root == '\0') return std::string(name);
  return absl::StrCat(root, "/", name);
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

bool as_expected(const input::Program& program, const std::set<std::string>& found) {
  if (program.expect.empty() || program.expect == "none") return found.empty();
  return found == std::set<std::string>{program.expect};
}

}  // namespace vmafuzz::command
