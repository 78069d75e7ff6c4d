// Turns of phrase that sentences share.
#ifndef VMAFUZZ_REPORT_PHRASES_H_
#define VMAFUZZ_REPORT_PHRASES_H_

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "report/timeline.h"

namespace vmafuzz::report {

// " at step 12".
inline std::string at_step(const Step& step) { return absl::StrCat(" at step ", step.step); }

// "mt_walk() (maple_node.h:112)".
inline std::string in(const Place& place) {
  return absl::StrCat(place.function, "() (", place.line, ")");
}

// "mm0.mm_lock_seq".
inline std::string whole_name(const Step& step) {
  return absl::StrCat(step.object_name, ".", step.field);
}

inline std::string full_stop(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

// Of an address space or a VMA, not the seqcount of the tree of uprobes.
inline bool is_counter(const Step& step) {
  return step.field == "mm_lock_seq" || step.field == "vm_lock_seq";
}

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_PHRASES_H_
