#include "fuzz/measure/reduction.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fuzz/words.h"
#include "input/text.h"

namespace vmafuzz::measure {

input::MinimizeOptions at_most(uint64_t executions) {
  input::MinimizeOptions options;
  const auto most = static_cast<int>(std::min<uint64_t>(executions, INT_MAX));
  options.max_executions = options.max_search_executions = options.max_total_executions = most;
  return options;
}

std::string in_words(const input::MinimizeStats& stats) {
  return absl::StrCat(plural(stats.before.ops, "operation"), " and ",
                      plural(stats.before.directives, "directive"), " became ", stats.after.ops,
                      " and ", stats.after.directives, " in ",
                      stats.executions + stats.search_executions, " executions",
                      stats.one_minimal ? "; removing any one loses the bug" : "",
                      stats.out_of_budget ? "; more --executions may make it smaller" : "");
}

absl::Status check_writable(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  const bool there = access(path.c_str(), F_OK) == 0;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  close(file);
  if (!there) unlink(path.c_str());
  return absl::OkStatus();
}

absl::Status write_program(const input::Program& program, const std::string& path) {
  const std::string text = input::print_text(program);
  if (path.empty()) {
    std::cout << text;
    return absl::OkStatus();
  }
  std::ofstream out(path);
  out << text;
  if (!out.flush()) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace vmafuzz::measure
