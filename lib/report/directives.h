// What deviates, in words.
#ifndef VMAFUZZ_REPORT_DIRECTIVES_H_
#define VMAFUZZ_REPORT_DIRECTIVES_H_

#include <string>
#include <vector>

#include "input/program.h"
#include "report/timeline.h"
#include "run/executor.h"

namespace vmafuzz::report {

// "munmap(mm0, page 4, len 1)".
std::string operation_name(const input::Op& op);
// Of all operations: headings for the diagram.
std::vector<std::string> operation_names(const input::Program& program);

// "12th", "1st".
std::string ordinal(unsigned n);

// One sentence for each directive of the program, as `outcome` says that it was carried out: "cpu0
// is preempted before its 12th access in munmap(mm0, page 4, len 1); cpu1 runs." With a timeline it
// also names the access. What changed nothing is said to have changed nothing.
std::vector<std::string> directives_in_words(const input::Program& program,
                                             const run::Outcome& outcome, const Timeline& timeline);

// Of those alone that changed nothing.
std::vector<std::string> idle_directives_in_words(const input::Program& program,
                                                  const run::Outcome& outcome,
                                                  const Timeline& timeline);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_DIRECTIVES_H_
