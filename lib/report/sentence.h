// Why the result is wrong, in a sentence or two made from what the timeline shows.
#ifndef VMAFUZZ_REPORT_SENTENCE_H_
#define VMAFUZZ_REPORT_SENTENCE_H_

#include <string>

#include "report/timeline.h"

namespace vmafuzz::report {

// Whose operation the verdict is about, where that is not who noticed: the lookup of a wrong-uprobe
// verdict that was reached only at the end of the writer's section.
struct Suspect {
  uint8_t cpu = 0;
  uint16_t op = 0;
};

std::string sentence(const Timeline& timeline, const Suspect& suspect);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_SENTENCE_H_
