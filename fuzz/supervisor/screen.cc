#include "fuzz/supervisor/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace vmafuzz::supervisor {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

size_t terminal_width() {
  winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

bool draws_over() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && (terminal == nullptr || std::string(terminal) != "dumb");
}

}  // namespace

std::string whole_fields(const std::string& line, size_t width) {
  if (line.size() <= width) return line;
  const size_t gap = line.rfind("  ", width);
  const size_t end = gap == line.npos ? line.npos : line.find_last_not_of(' ', gap);
  return line.substr(0, end == line.npos ? width : end + 1);
}

Screen::Screen(steady_clock::time_point begin)
    : terminal_(draws_over()),
      begin_(begin),
      next_line_(begin + seconds(10)),
      next_block_(next_line_) {}

void Screen::clear() {
  if (shown_ > 0) std::fprintf(stderr, "\r\033[%zuA\033[J", shown_);
  shown_ = 0;
}

void Screen::show(const std::vector<std::string>& lines) {
  if (terminal_) {
    clear();
    const size_t width = terminal_width() - 1;
    for (const std::string& line : lines)
      std::fprintf(stderr, "%s\n", whole_fields(line, width).c_str());
    shown_ = lines.size();
    std::fflush(stderr);
    return;
  }
  const steady_clock::time_point now = steady_clock::now();
  if (now < next_line_ || lines.empty()) return;
  next_line_ = now + (now - begin_ < seconds(60) ? seconds(10) : seconds(60));
  const bool whole = now >= next_block_;
  if (whole) next_block_ = now + seconds(60);
  for (size_t i = 0; i < (whole ? lines.size() : 1); ++i)
    std::fprintf(stderr, "%s\n", lines[i].c_str());
}

void Screen::print(const std::string& text) {
  clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Screen::print_report(const std::string& text) {
  clear();
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void Screen::finish(const std::vector<std::string>& lines) {
  clear();
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace vmafuzz::supervisor
