// What has been counted for good: RUN/ledger.json, replaced durably. Together with the pages of the
// workers that are not folded in yet (stats.h) it says everything that was ever counted, each
// worker exactly once: one is folded in and marked in the same write, and its folder is removed
// afterwards.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_LEDGER_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_LEDGER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"

namespace vmafuzz::supervisor {

// Of workers, one or all of a group.
struct Totals {
  double seconds = 0;
  uint64_t executions = 0;
  uint64_t accesses = 0;
  uint64_t gave_up = 0;
  uint64_t kept = 0;
  std::map<std::string, uint64_t> hits;  // by name of the bucket's files

  void add(const Totals& other);
};

struct GroupRecord {
  Totals totals;
  uint64_t launches = 0;
  uint64_t restarts = 0;
  double last_new = 0;  // seconds of the run
};

struct Ledger {
  double seconds = 0;
  double started_unix = 0;
  uint64_t sessions = 0;
  uint64_t next_worker = 1;
  std::map<std::string, GroupRecord> groups;
  std::set<uint64_t> folded;  // workers whose folders may still be there

  // An absent file is a new run. InvalidArgument if it is there but cannot be understood.
  absl::Status read(const std::string& path);
  absl::Status write(const std::string& path) const;
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_LEDGER_H_
