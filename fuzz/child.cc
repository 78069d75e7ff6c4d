#include "fuzz/child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace vmafuzz {
namespace {

constexpr int kCrashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

// What stands for a program that is there but cannot be executed, or is not there.
constexpr int kNotExecutable = 126;
constexpr int kNotThere = 127;

}  // namespace

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat("signal ", number);
}

bool names_crash(absl::string_view signal) {
  return std::any_of(std::begin(kCrashes), std::end(kCrashes),
                     [&](int number) { return signal == signal_name(number); });
}

Exit Exit::of(int wait_status) {
  return WIFSIGNALED(wait_status) ? Exit{true, WTERMSIG(wait_status)}
                                  : Exit{false, WEXITSTATUS(wait_status)};
}

bool Exit::crashed() const {
  return signalled &&
         std::find(std::begin(kCrashes), std::end(kCrashes), code) != std::end(kCrashes);
}

bool Exit::prevented() const {
  return signalled ? !crashed() : code == kNotExecutable || code == kNotThere;
}

std::string Exit::text() const {
  return signalled ? signal_name(code) : absl::StrCat("exit status ", code);
}

void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNotThere);  // it died before the line above
}

}  // namespace vmafuzz
