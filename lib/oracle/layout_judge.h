// Verdict `layout`: the model's VMA lists against the sequential specification.
//
// Write sections of an address space are one after the other; each is compared as it ends, while
// its writer still holds mmap_lock, with what the specification makes of the list that the section
// before it has left, and each call's result with the specification's. Between sections nothing may
// change but that page faults give areas an anon_vma. An area with a page that is the task's own
// (it was written to, or has a breakpoint) must have one.
#ifndef VMAFUZZ_ORACLE_LAYOUT_JUDGE_H_
#define VMAFUZZ_ORACLE_LAYOUT_JUDGE_H_

#include <algorithm>

#include "kernel/machine.h"
#include "oracle/specification.h"

namespace vmafuzz::oracle {

inline constexpr int kAddressSpaces = 2;

class LayoutJudge {
 public:
  void reset();
  void uprobe_registered(const kernel::inode* inode, kernel::loff_t offset) {
    probes_.add(inode, offset);
  }
  void request_begins(const kernel::Request& request);
  void request_returns(long result);
  void section_begins(kernel::mm_struct* mm);
  void section_ends(kernel::mm_struct* mm);
  void map_count_changes(kernel::mm_struct* mm, int count);
  // Everybody has finished: nothing may have changed since the last section.
  void check_at_rest(kernel::mm_struct* mm);

 private:
  static constexpr int kResults = 8;
  // What one CPU is at.
  struct Work {
    kernel::Request request;
    bool in_section = false;  // the request has had its write section
    uint32_t failures_at_request = 0;
    uint32_t failures_at_section = 0;
    long results[kResults] = {};  // the specification's, without repetitions
    int result_count = 0;
    bool may_return(long result) const {
      return std::find(results, results + result_count, result) != results + result_count;
    }
  };

  Work& work();
  void follow_faults(kernel::mm_struct* mm);
  bool accept(kernel::mm_struct* mm, const Layout& found, const kernel::Request& request,
              Work* work);
  void check_private_pages(kernel::mm_struct* mm, const Layout& layout) const;
  [[noreturn]] void report_layout(kernel::mm_struct* mm, const kernel::Request& request,
                                  const Layout& found) const;
  [[noreturn]] void report_result(long result) const;

  Probes probes_;
  Space spaces_[kAddressSpaces];
  int highest_map_count_[kAddressSpaces] = {};  // that there ever was, also within a section
  Work work_[platform::kMaxCpus];
};

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_LAYOUT_JUDGE_H_
