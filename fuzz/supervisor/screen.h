// What a run shows while it runs: a block of lines that is drawn over on a terminal, plain lines
// now and then where there is none.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_SCREEN_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_SCREEN_H_

#include <chrono>
#include <string>
#include <vector>

namespace vmafuzz::supervisor {

class Screen {
 public:
  Screen();

  // The present state; the first line alone, every ten seconds and later every minute, where it is
  // no terminal.
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
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_SCREEN_H_
