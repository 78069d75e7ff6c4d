// Why the result is wrong, in a sentence or two made from what the timeline shows.
#ifndef VMAFUZZ_REPORT_SENTENCE_H_
#define VMAFUZZ_REPORT_SENTENCE_H_

#include <string>

#include "report/timeline.h"

namespace vmafuzz::report {

// The two looks at a sequence counter that a speculation stands between: indices into
// Timeline::steps. The last two of the suspect at one counter, mm_lock_seq rather than vm_lock_seq.
struct Looks {
  size_t first = 0;
  size_t last = 0;
  bool found = false;
};
Looks find_looks(const Timeline& timeline);

std::string sentence(const Timeline& timeline);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_SENTENCE_H_
