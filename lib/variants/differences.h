// What a kernel does otherwise than the merged ones, rule by rule: each difference as a change that
// takes it back.
#ifndef VMAFUZZ_VARIANTS_DIFFERENCES_H_
#define VMAFUZZ_VARIANTS_DIFFERENCES_H_

#include <functional>
#include <string>
#include <vector>

#include "variants/variants.h"

namespace vmafuzz::variants {

struct Change {
  std::string what;  // "with smp_rmb() before the last look at mm_lock_seq, as in 6.14"
  std::function<void(Applied&)> apply;
  bool whole = false;  // the whole lookup: says little about what it lacked
};

// Towards 6.14, or 6.18 where VMAs are locked by vm_refcnt; and what was asked of a draft that was
// given up. The lookup as merged comes with the counter that it relies on, last.
std::vector<Change> changes_towards_merged(const Applied& from);

}  // namespace vmafuzz::variants

#endif  // VMAFUZZ_VARIANTS_DIFFERENCES_H_
