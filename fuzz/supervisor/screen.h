// What a run shows while it runs: a block of lines that is drawn over on a terminal, plain lines
// now and then where there is none.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_SCREEN_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_SCREEN_H_

#include <chrono>
#include <string>
#include <vector>

namespace vmafuzz::supervisor {

// What fits of a line whose fields have two spaces and more between them: whole fields.
std::string whole_fields(const std::string& line, size_t width);

class Screen {
 public:
  explicit Screen(std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now());

  // The present state. Where it is no terminal, after ten seconds and then every minute; in the
  // first minute the first line alone every ten seconds, too.
  void show(const std::vector<std::string>& lines);
  // Something that stays, on standard error.
  void print(const std::string& text);
  // A report, on standard output.
  void print_report(const std::string& text);
  // The last words, on standard output.
  void finish(const std::vector<std::string>& lines);

 private:
  void clear();

  bool terminal_;
  size_t shown_ = 0;  // lines that are drawn over next time
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_line_;
  std::chrono::steady_clock::time_point next_block_;
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_SCREEN_H_
