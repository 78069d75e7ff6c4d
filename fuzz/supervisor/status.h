// What a run tells programs (status.json, events.jsonl; README.md has the keys) and people (lines
// on a terminal).
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_STATUS_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_STATUS_H_

#include <map>
#include <string>
#include <vector>

#include "fuzz/supervisor/findings.h"
#include "fuzz/supervisor/fleet.h"

namespace vmafuzz::supervisor {

// Of one group, at one moment.
struct GroupStatus {
  std::string name;
  Totals totals;
  double rate = 0;
  unsigned workers = 0;
  uint32_t edges = 0;
  uint32_t features = 0;
  uint64_t buckets = 0;
  uint64_t hits = 0;
  double last_new = 0;
  bool broken = false;
};

// The whole run, at one moment.
struct Snapshot {
  std::string state;
  double seconds = 0;
  double left = 0;   // of the session; infinity: no limit
  double limit = 0;  // seconds of the run at which it ends; infinity: none
  double rate = 0;
  uint64_t executions = 0;
  uint64_t hits = 0;
  uint64_t corpus = 0;
  uint64_t corpus_bytes = 0;
  uint64_t free_bytes = 0;
  size_t triaged = 0;  // buckets that triage is done with
  std::vector<GroupStatus> groups;
  std::map<std::string, uint64_t> bucket_hits;
};

Snapshot take_snapshot(const Fleet& fleet, const Findings& findings, const Corpus& corpus,
                       const Ledger& ledger);

std::string status_json(const Snapshot& now, const Plan& plan, const Fleet& fleet,
                        const Findings& findings, const Ledger& ledger,
                        const std::vector<std::string>& warnings);

// One line of events.jsonl, without the line end. `keys` is what the event says, as JSON.
std::string event_line(const std::string& event, double seconds, const std::string& keys);
// Seconds of the run at the last event in the log; 0 if there is none.
double last_seconds(const std::string& events);
std::string progress_keys(const Snapshot& now, const Snapshot& before, size_t buckets);

// ---- for people ----

// One line on the run, then a table of the groups that have workers now. Two spaces and more are
// between fields, none are within, so that a screen can leave out whole ones.
std::vector<std::string> progress_lines(const Snapshot& now, size_t buckets);
std::vector<std::string> summary_lines(const Snapshot& now, const Findings& findings);

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_STATUS_H_
