// The report of a run as one page for a browser.
#ifndef VMAFUZZ_FUZZ_RUN_REPORT_RUN_PAGE_H_
#define VMAFUZZ_FUZZ_RUN_REPORT_RUN_PAGE_H_

#include <string>
#include <vector>

#include "fuzz/run_report/finding.h"
#include "fuzz/run_report/run_folder.h"

namespace vmafuzz::run_report {

// `version`: of the vmafuzz that made the report.
std::string run_page(const RunFolder& run, const std::vector<Finding>& findings,
                     const std::string& version);

}  // namespace vmafuzz::run_report

#endif  // VMAFUZZ_FUZZ_RUN_REPORT_RUN_PAGE_H_
