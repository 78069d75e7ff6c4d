// Runs many litmus tests in several processes (the machine is one a process) and gathers reports.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "litmus/expected.h"
#include "litmus/run.h"

namespace vmafuzz::litmus {

enum class FileOutcome : uint8_t {
  kExplored,     // every execution was run
  kCutOff,       // max_executions came first: states are a part of what the machine can show
  kUnsupported,  // not parsed, or more than the machine has; `error` says where and why
  kFailed,       // an execution without meaning, or the process that ran it ended
};

struct FileReport {
  std::string path;
  std::string name;   // of the file, by which what is expected is looked up
  std::string title;  // in the header, as herd7 prints it; empty if nothing was parsed
  FileOutcome outcome = FileOutcome::kFailed;
  std::string error;   // kUnsupported, kFailed
  std::string result;  // what the test's header expects of this machine; may be empty

  // Of what was explored.
  std::string quantifier_word;  // "Allowed", "Forbidden", "Required"
  std::string condition;
  Observation observation;
  uint64_t executions = 0, blocked = 0, cut = 0, pruned = 0;

  bool has_reference = false;
  Comparison comparison;               // if has_reference
  std::vector<std::string> witnesses;  // of each unsound state: the directives that show it

  bool explored() const {
    return outcome == FileOutcome::kExplored || outcome == FileOutcome::kCutOff;
  }
  // The header's word is "Never", "Sometimes" or "Always" and the observation is another one.
  bool contradicts_header() const;
};

// The .litmus files that the paths name: files as they are, folders with everything below them,
// sorted. NotFound for a path that does not exist or a folder without any.
absl::StatusOr<std::vector<std::string>> find_tests(const std::vector<std::string>& paths);

// Reads, runs and judges one test in this process. `expected` may be null.
FileReport run_file(const std::string& path, const RunOptions& options, const Expected* expected);

// Calls `run` for each path in one of `jobs` child processes, and `done` here in the order of
// `paths`. A child that dies fails the test that it was running and is replaced. Internal if no
// child can be made.
absl::Status run_batch(const std::vector<std::string>& paths, int jobs,
                       const std::function<FileReport(const std::string&)>& run,
                       const std::function<void(const FileReport&)>& done);

// herd7's block for one test; for others one line with the reason.
std::string format_report(const FileReport& report);
// The same as one line of JSON, and back.
std::string report_to_json(const FileReport& report);
absl::StatusOr<FileReport> report_from_json(absl::string_view line);

}  // namespace vmafuzz::litmus
