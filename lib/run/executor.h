// Runs a program on the model: one execution, from an empty world to a verdict.
//
//   set-up operations, alone -> the CPUs' operations, as the program's strategy and directives say
//   -> checks at rest -> everything is torn down -> what was not freed is counted
//
// One executor a process (the machine is one). Everything that an execution does is a function of
// the program and of the kernel that it runs on.
#ifndef VMAFUZZ_RUN_EXECUTOR_H_
#define VMAFUZZ_RUN_EXECUTOR_H_

#include <memory>
#include <string>
#include <vector>

#include "input/program.h"
#include "oracle/judge.h"
#include "search/strategy.h"
#include "sim/machine.h"
#include "sim/trace.h"
#include "variants/variants.h"

namespace vmafuzz::run {

// A kernel as a run uses it: which one, with which bug switches and options.
struct Target {
  const variants::Kernel* kernel = nullptr;
  std::vector<std::string> bugs;
  std::vector<std::string> options;  // key=value
};

struct RunOptions {
  bool record = false;    // fill Outcome::directives
  bool trace = false;     // keep the machine's trace
  bool coverage = false;  // report reads-from pairs and the like to `coverage` (coverage.h)
  bool report_races = true;
  // A call that makes more accesses than this is livelocked. What it may need grows with the
  // mappings that the others made: registration visits each, with about 130 accesses.
  uint32_t op_steps = 4096;
  uint32_t op_steps_per_op = 256;
  uint32_t op_accesses = 32768;  // sim::Limits::op_accesses
};

struct Outcome {
  bool found = false;    // a verdict, other than that the execution was too long
  bool gave_up = false;  // too long
  std::string verdict;   // "" if nothing was found
  std::string what;      // one line
  std::string bucket;    // verdict and code sites; equal for what people would call one bug
  uint64_t trace_hash = 0;
  uint32_t steps = 0;
  std::vector<input::Directive> directives;  // what replays it; none on threads
  uint32_t idle = 0;                         // the program's that changed nothing, if recorded

  // What was made of a directive of the program: the recorded one, which may be a load that was not
  // allowed to go back as far as it was told; null if it changed nothing.
  const input::Directive* effect_of(const input::Directive& told) const;
};

class Executor {
 public:
  Executor();
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Which kernel the next executions run on. Fails on unknown bugs or options.
  absl::Status set_target(const Target& target);
  const Target& target() const { return target_; }

  // The target's rules and protocol, and others in their place: for diagnosis, which changes one at
  // a time. The next set_target() takes them back.
  const variants::Applied& applied() const { return applied_; }
  void use(const variants::Applied& applied) { applied_ = applied; }

  // The machine shows its final state until the next run. `outcome` is reused memory. `director`
  // decides instead of the program's strategy and directives if given.
  void run(const input::Program& program, const RunOptions& options, Outcome* outcome,
           sim::Director* director = nullptr);

  // The program in replay form: the same operations, with what was recorded instead of the
  // strategy.
  static input::Program as_replay(const input::Program& program, const Outcome& outcome);

  const oracle::Judge& judge() const { return judge_; }

 private:
  struct CpuWork;
  static void set_up_main(void* self);
  static void cpu_main(void* work);
  static void rest_main(void* self);
  void fill(const RunOptions& options, Outcome* outcome);
  std::string bucket_of(const sim::Verdict& verdict) const;

  Target target_;
  variants::Applied applied_;
  uint32_t accepted_ = 0;  // findings, one bit each
  oracle::Judge judge_;
#ifdef VMAFUZZ_NATIVE
  std::unique_ptr<kernel::Observer> serial_judge_;  // what CPUs tell judge_, which may be threads
#endif
  search::StrategyDirector director_;
  const input::Program* program_ = nullptr;
};

}  // namespace vmafuzz::run

#endif  // VMAFUZZ_RUN_EXECUTOR_H_
