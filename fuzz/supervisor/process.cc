#include "fuzz/supervisor/process.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/process/args.hpp>
#include <boost/process/async.hpp>
#include <boost/process/child.hpp>
#include <boost/process/env.hpp>
#include <boost/process/environment.hpp>
#include <boost/process/error.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/handles.hpp>
#include <boost/process/io.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace vmafuzz::supervisor {

namespace bp = boost::process;

// Shared with the loop until the exit was seen.
struct Process::State {
  bp::child child;
  std::function<void(const Exit&)> on_exit;
  bool ended = false;

  void end() {
    ended = true;
    on_exit(Exit::of(child.native_exit_code()));
  }
};

Process::Process(std::shared_ptr<State> state) : state_(std::move(state)) {}

Process::~Process() {
  state_->on_exit = [](const Exit&) {};
  if (running()) signal(SIGKILL);
  state_->child.detach();  // or its destructor would end the wait for it
}

bool Process::running() const { return !state_->ended; }

void Process::signal(int number) {
  // Before exec it may not be the leader of its group yet.
  if (running() && kill(-pid_, number) != 0) kill(pid_, number);
}

absl::StatusOr<std::unique_ptr<Process>> Process::start(boost::asio::io_context& loop,
                                                        const CommandLine& line,
                                                        const std::string& log,
                                                        std::function<void(const Exit&)> on_exit) {
  auto state = std::make_shared<State>();
  state->on_exit = std::move(on_exit);
  bp::environment environment = boost::this_process::environment();
  for (const auto& [name, value] : line.environment) {
    // Not environment[name]: it compares a name beyond the end of shorter variables.
    environment.set(name, value);
  }
  const pid_t parent = getpid();
  std::error_code error;
  state->child = bp::child(
      line.program, bp::args(line.words), environment, loop, bp::limit_handles,
      bp::std_in<bp::null, (bp::std_out & bp::std_err)> log, error,
      // Boost calls this from inside its walk over all children, which must not change meanwhile,
      // and for a process that ends at once before `child` is assigned: so not now.
      bp::on_exit([&loop, state](int, const std::error_code&) {
        boost::asio::post(loop, [state] { state->end(); });
      }),
      bp::extend::on_exec_setup([parent, give_way = line.nice](auto&) {
        setpgid(0, 0);
        if (give_way > 0) (void)!nice(give_way);
        die_with_parent(parent);
        const rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
      }));
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start ", line.program, ": ", error.message()));
  }
  std::unique_ptr<Process> process(new Process(std::move(state)));
  process->pid_ = process->state_->child.id();
  return process;
}

uint64_t resident_bytes(pid_t pid) {
  std::FILE* file = std::fopen(absl::StrCat("/proc/", pid, "/statm").c_str(), "re");
  if (file == nullptr) return 0;
  unsigned long size = 0;
  unsigned long resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &size, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace vmafuzz::supervisor
