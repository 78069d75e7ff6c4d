// Why the result is wrong, in a sentence or two made from what the timeline shows.
#ifndef VMAFUZZ_REPORT_SENTENCE_H_
#define VMAFUZZ_REPORT_SENTENCE_H_

#include <string>

#include "report/timeline.h"

namespace vmafuzz::report {

std::string sentence(const Timeline& timeline);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_SENTENCE_H_
