// What every program of commands does around dispatch().
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "fuzz/command.h"

namespace vmafuzz::command {
namespace {

// A file that is opened while one of the three is closed would get its number, and what is printed
// would go into that file. These cannot be written to, or read from, either.
void fill_closed_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (fcntl(stream, F_GETFD) != -1) continue;
    (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// Whoever reads through `head` has seen enough.
bool reader_has_gone() {
  pollfd output = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

// Nothing looks at each single write, so that a full disk is noticed here.
int finish_output(int status) {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0 && !std::cout.bad()) return status;
  int error = errno;
  if (reader_has_gone()) return status;
  // It was an earlier write that failed: one more byte is refused for the same reason.
  if (error == 0 && write(STDOUT_FILENO, "\n", 1) < 0) error = errno;
  std::cerr << "vmafuzz: standard output: "
            << (error != 0 ? std::strerror(error) : "not all of it could be written") << "\n";
  return status == kExitOk ? kExitEnvironment : status;
}

}  // namespace

int run_program(absl::Span<const Command* const> commands, int argc, char** argv) {
  fill_closed_streams();
  const std::vector<std::string> words(argv + 1, argv + argc);
  return finish_output(dispatch(commands, words, std::cout, std::cerr));
}

}  // namespace vmafuzz::command
