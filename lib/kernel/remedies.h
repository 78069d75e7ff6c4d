// What the answers to a draft asked of it, each at the one place where the draft lacks it:
//
//   if (remedy(Remedy::odd_test) && (seq & 1) != 0) return nullptr;
//
// No kernel has any. Diagnosis puts them in, one or two at a time, to see which would have helped;
// lib/variants/differences.cc says which protocol asks for which, and what each is called.
#ifndef VMAFUZZ_KERNEL_REMEDIES_H_
#define VMAFUZZ_KERNEL_REMEDIES_H_

#include "kernel/rules.h"

namespace vmafuzz::kernel {

// Bits of kernel_rules::remedies: at most 32.
enum class Remedy : uint8_t {
  odd_test,           // the lookup looks whether mm_lock_seq is odd
  sampled_again,      // ... and samples it on every turn of its loop
  address_inside,     // vma_lookup() in place of find_vma(), which may return the next mapping
  write_locked_test,  // ... whether vm_lock_seq is mm_lock_seq: the VMA is being changed
  rmb_at_end,         // smp_rmb() before the last look at vm_lock_seq
};

inline bool remedy(Remedy r) { return (rules.remedies >> static_cast<int>(r) & 1) != 0; }
constexpr uint32_t remedy_bit(Remedy r) { return uint32_t{1} << static_cast<int>(r); }

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_KERNEL_REMEDIES_H_
