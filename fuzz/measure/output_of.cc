#include "fuzz/measure/output_of.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace vmafuzz::measure {
namespace {

std::string quoted(const std::string& word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace

absl::StatusOr<std::string> output_of(const std::vector<std::string>& words, Stream stream) {
  std::string command;
  for (const std::string& word : words) absl::StrAppend(&command, quoted(word), " ");
  if (stream == Stream::kErrors) absl::StrAppend(&command, "2>&1 >/dev/null");
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr)
    return absl::InternalError(absl::StrCat(command, ": ", std::strerror(errno)));
  std::string output;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  const int status = pclose(pipe);
  if (output.empty()) {
    return absl::InternalError(absl::StrCat(command, " ended with status ", status));
  }
  return output;
}

}  // namespace vmafuzz::measure
