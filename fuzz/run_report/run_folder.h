// The directory of a fuzzing run, read back: status.json, events.jsonl and found/ as
// fuzz/supervisor/README.md describes them.
//
// Runs are killed, disks fill up, files are copied half: whatever is missing or does not parse is
// left out and named in `missing`. What is there is taken as it is; only a folder that holds
// nothing of a run is an error.
#ifndef VMAFUZZ_FUZZ_RUN_REPORT_RUN_FOLDER_H_
#define VMAFUZZ_FUZZ_RUN_REPORT_RUN_FOLDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace vmafuzz::run_report {

// By time: seconds of fuzzing, value.
using Series = std::vector<std::pair<double, double>>;

// One engine on one kernel.
struct Group {
  std::string name;  // "libfuzzer/6.18"
  std::string kernel;
  std::vector<std::string> bugs, options;
  std::vector<std::string> expected;  // verdicts; the target must be caught with one
  bool knows_expected = false;        // else `expected` says nothing
  double seconds = 0;                 // of worker time
  double executions = 0, rate = 0;    // rate: a second
  double edges = 0, features = 0;     // features: reads-from pairs and the like
  double kept = 0, buckets = 0, hits = 0, restarts = 0;
  Series edges_along_time, features_along_time;
};

struct Bucket {
  std::string name;  // of its files below found/, without ending
  std::string kernel;
  std::vector<std::string> bugs, options;
  std::string verdict, bucket, what;
  double hits = 0;              // 0: not known
  double first_seconds = -1;    // of fuzzing; < 0: not known
  double first_unix = 0;        // 0: not known
  double first_executions = 0;  // of its group
  std::string group, engine, executor;
  std::string shows_on;  // executor that shows it again; empty: not known
  std::string state;     // supervisor::State's name; empty: not known
  std::string repro;     // path that can be opened; empty: there is none
  std::string input;     // as the engine had it, of found/NAME.json; empty: there is none
  std::string report;    // what the run itself said of it: text
};

struct RunFolder {
  std::string path;
  // Of status.json; empty or 0 if that is missing.
  std::string state, host, commit;
  bool killed = false;  // nobody holds the lock of a run that `state` says has not ended
  std::vector<std::string> command;
  double started_unix = 0, updated_unix = 0;
  double seconds = 0, limit = 0;  // limit 0: none
  double sessions = 0;
  double executions = 0, rate = 0, corpus = 0, corpus_bytes = 0;
  std::vector<std::string> warnings;
  std::vector<Group> groups;    // in the order of the run's plan
  std::vector<Bucket> buckets;  // in the order in which they were found

  Series executions_along_time, corpus_along_time, edges_along_time, features_along_time;
  std::vector<std::string> missing;  // sentences
};

// NotFound if there is no such folder or it holds nothing of a run.
absl::StatusOr<RunFolder> read_run_folder(const std::string& path);

}  // namespace vmafuzz::run_report

#endif  // VMAFUZZ_FUZZ_RUN_REPORT_RUN_FOLDER_H_
