// "Did you mean": the known name that a mistyped one was most likely meant to be.
#ifndef VMAFUZZ_FUZZ_NEAREST_H_
#define VMAFUZZ_FUZZ_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vmafuzz::command {

// The entry of `names` with the fewest edits (insert, delete, replace, swap of neighbours) from
// `word`, the first of several equals; "" if even that is too far to have been meant: more than
// one edit for every three characters, or part of three, of the longer one.
std::string nearest(absl::string_view word, const std::vector<std::string>& names);

}  // namespace vmafuzz::command

#endif  // VMAFUZZ_FUZZ_NEAREST_H_
