// What a run is asked to do.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_PLAN_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fuzz/supervisor/finding.h"

namespace vmafuzz::supervisor {

struct Plan {
  // Kept in RUN/run.json: what `--dir RUN` alone goes on with.
  std::vector<std::string> engines;  // names of rows of engines()
  std::vector<TargetNames> targets;
  std::string seeds;  // folder of seed programs; "": none

  // Of this session.
  std::string dir;                   // RUN
  std::string root;                  // the repository, whose build/ holds the engines' programs
  std::string triage_program;        // see triage.h
  std::vector<std::string> command;  // words of the command line
  std::string commit;                // "" if unknown
  unsigned jobs = 1;
  double seconds = 0;  // how long this session lasts; 0: until it is stopped
  std::string until;   // a target is done at its first bucket with this verdict; "any"; "": never
  uint64_t seed = 0;   // of everything random; 0: by the clock
  uint64_t memory_bytes = uint64_t{2} << 30;  // of one worker's processes
  uint64_t min_free = 0;  // bytes of disk below which workers are stopped; 0: by the disk's size
  double hang_seconds = 30;
  double slice_seconds = 0;  // how long a worker stays with its target; 0: by the run's length
  std::string sync;          // folder shared with other supervisors and AFL++ instances; "": none
  std::string sync_name;     // this supervisor's name there
  bool quiet = false;        // no live lines and no reports, only the summary
};

// Leaves the first of what is named twice, so that nothing is run and counted twice.
void remove_repeats(Plan& plan);

// What run.json holds. Reading checks every name, and removes repeats.
std::string to_json(const Plan& plan);
absl::Status read_plan(absl::string_view text, Plan& plan);

// Every kernel: those that must be caught, whose bugs are known, and those that must stay silent.
std::vector<TargetNames> default_targets();

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_PLAN_H_
