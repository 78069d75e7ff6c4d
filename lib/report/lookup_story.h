// Why a lookup returned a uprobe that it should not have returned.
#ifndef VMAFUZZ_REPORT_LOOKUP_STORY_H_
#define VMAFUZZ_REPORT_LOOKUP_STORY_H_

#include "report/cause.h"
#include "report/timeline.h"

namespace vmafuzz::report {

// What the suspect went by: counters, the mapping's fields, who changed them meanwhile.
Cause lookup_cause(const Timeline& timeline);

// A uprobe without consumers that was still in the tree: who let go of it, and how it was found.
Cause dying_cause(const Timeline& timeline);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_LOOKUP_STORY_H_
