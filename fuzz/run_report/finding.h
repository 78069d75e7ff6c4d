// A bucket of a run with what its program shows when it is run again now.
#ifndef VMAFUZZ_FUZZ_RUN_REPORT_FINDING_H_
#define VMAFUZZ_FUZZ_RUN_REPORT_FINDING_H_

#include <optional>
#include <string>
#include <vector>

#include "fuzz/run_report/run_folder.h"
#include "report/report.h"

namespace vmafuzz::run_report {

struct Finding {
  Bucket bucket;              // gaps filled in from the program
  std::string kernel_source;  // "<Message-ID>"; may be empty
  std::optional<report::Report> report;
  // Why `report` is missing, or why it is not what the run found. Empty: it is.
  std::string problem;
};

// Runs the bucket's program on the simulated machine.
Finding finding_of(const Bucket& bucket);

// "12 times, first after 3m20s and 12.3k executions of libfuzzer"; empty: nothing is known.
std::string sightings(const Bucket& bucket);

}  // namespace vmafuzz::run_report

#endif  // VMAFUZZ_FUZZ_RUN_REPORT_FINDING_H_
