#include "fuzz/measure/reduction.h"

#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fuzz/words.h"
#include "input/text.h"

namespace vmafuzz::measure {

std::string in_words(const input::MinimizeStats& stats) {
  return absl::StrCat(plural(stats.before.ops, "operation"), " and ",
                      plural(stats.before.directives, "directive"), " became ", stats.after.ops,
                      " and ", stats.after.directives, " in ",
                      stats.executions + stats.search_executions, " executions",
                      stats.one_minimal ? "; removing any one loses the bug" : "");
}

absl::Status write_program(const input::Program& program, const std::string& path) {
  const std::string text = input::print_text(program);
  if (path.empty()) {
    std::cout << text;
    return absl::OkStatus();
  }
  std::ofstream out(path);
  out << text;
  if (!out.flush()) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

}  // namespace vmafuzz::measure
