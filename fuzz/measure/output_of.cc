#include "fuzz/measure/output_of.h"

#include <unistd.h>

#include <boost/process/args.hpp>
#include <boost/process/child.hpp>
#include <boost/process/error.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/io.hpp>
#include <boost/process/pipe.hpp>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fuzz/child.h"
#include "fuzz/command.h"

namespace vmafuzz::measure {
namespace {

namespace bp = boost::process;

template <class... Redirections>
bp::child start(const std::vector<std::string>& words, Redirections... redirections) {
  const pid_t parent = getpid();
  // A bare string without arguments would be split at its spaces.
  return bp::child(
      bp::exe(words[0]), bp::args(std::vector<std::string>(words.begin() + 1, words.end())),
      redirections..., bp::extend::on_exec_setup([parent](auto&) { die_with_parent(parent); }));
}

std::string all_of(const bp::pipe& pipe) {
  std::string output;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(pipe.native_source(), buffer, sizeof buffer);
    if (n > 0) output.append(buffer, static_cast<size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) return output;
  }
}

// The command line or the machine lacks something, or it was ended from elsewhere.
bool environment(const Exit& exit) {
  return exit.prevented() || (!exit.signalled && (exit.code == command::kExitUsage ||
                                                  exit.code == command::kExitEnvironment));
}

}  // namespace

absl::StatusOr<std::string> output_of(const std::vector<std::string>& words, Stream stream) {
  // Boost.Process throws what it cannot do.
  try {
    bp::pipe pipe;
    bp::child child =
        stream == Stream::kOutput
            ? start(words, bp::std_in<bp::null, bp::std_out> pipe)
            : start(words, bp::std_in<bp::null, bp::std_out> bp::null, bp::std_err > pipe);
    std::string output = all_of(pipe);
    child.wait();
    const Exit exit = Exit::of(child.native_exit_code());
    // What a signal ended may have been in the middle of its output.
    if (!exit.signalled && !output.empty()) return output;
    const std::string text = absl::StrCat(absl::StrJoin(words, " "), " ended by ", exit.text());
    return environment(exit) ? absl::UnavailableError(text) : absl::InternalError(text);
  } catch (const std::system_error& error) {
    return absl::UnavailableError(absl::StrCat(words[0], ": ", error.what()));
  }
}

}  // namespace vmafuzz::measure
