// Child processes, on Boost.Process: started with their own process group, with an end that the
// kernel brings about when the supervisor dies, and watched by an asio loop.
//
// Boost.Process 1.74 does what is needed (arguments without a shell, redirection, exec errors as
// values, exit statuses through asio's SIGCHLD handling); its wait_for() and its pipes' inheritance
// are known to be unreliable and are not used: workers talk through files, deadlines are timers.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_PROCESS_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "fuzz/child.h"
#include "fuzz/supervisor/engines.h"

namespace boost::asio {
class io_context;
}

namespace vmafuzz::supervisor {

class Process {
 public:
  ~Process();  // kills it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Starts a process whose output (both streams) goes to the file `log`. It dies if this process
  // dies. `on_exit` is called from the loop, once.
  static absl::StatusOr<std::unique_ptr<Process>> start(boost::asio::io_context& loop,
                                                        const CommandLine& line,
                                                        const std::string& log,
                                                        std::function<void(const Exit&)> on_exit);

  pid_t pid() const { return pid_; }
  bool running() const;
  // To the whole process group.
  void signal(int number);

 private:
  struct State;
  explicit Process(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
  pid_t pid_ = 0;
};

// Resident memory in bytes; 0 if there is no such process.
uint64_t resident_bytes(pid_t pid);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_PROCESS_H_
