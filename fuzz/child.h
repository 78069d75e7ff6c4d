// Child processes: how they end, and that they do. Shared by those that watch them from a loop
// (supervisor/process.h) and those that wait for what they print (measure/output_of.h).
#ifndef VMAFUZZ_FUZZ_CHILD_H_
#define VMAFUZZ_FUZZ_CHILD_H_

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"

namespace vmafuzz {

// "SIGSEGV"; "signal 99" if it has no name.
std::string signal_name(int number);
// Of a signal that a process's own execution raises, and that ends it: "SIGSEGV", "SIGABRT"...
bool names_crash(absl::string_view signal);

// How a process ended.
struct Exit {
  bool signalled = false;
  int code = 0;  // exit status, or signal

  static Exit of(int wait_status);
  bool clean() const { return !signalled && code == 0; }
  bool crashed() const;  // by a signal that its own execution raised
  // By a signal from elsewhere (whoever is short of memory sends SIGKILL), or because it could not
  // even be executed: that says nothing about what it was to do.
  bool prevented() const;
  std::string text() const;  // "SIGSEGV", "exit status 3"
};

// Between fork and exec: the process ends when its parent does, however that ends. `parent` is what
// getpid() returned before the fork.
void die_with_parent(pid_t parent);

}  // namespace vmafuzz

#endif  // VMAFUZZ_FUZZ_CHILD_H_
