// What was true when: the oracle's record of an execution.
//
// Each mmap write section that changed something ends one version of an address space and begins
// the next. A version is valid from the beginning of the section that made it (the change may take
// effect at any instant of the section) to the end of the section that replaced it. The same holds
// for a uprobe between registration and unregistration. Whether an end came before something else
// is decided by happens-before: it did if the other CPU is bound to know of the event
// (sim/clock.h; on real memory, of the one order that lib/native gives all of them).
#ifndef VMAFUZZ_ORACLE_HISTORY_H_
#define VMAFUZZ_ORACLE_HISTORY_H_

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "mm/fs.h"
#include "mm/mm_types.h"

namespace vmafuzz::oracle {

using platform::Moment;

// What one page of an address space maps.
struct PageView {
  const kernel::inode* inode = nullptr;  // null: nothing, or anonymous memory
  uint32_t flags = 0;                    // the low bits of vm_flags; 0 with mapped == false
  uint16_t pgoff = 0;
  uint8_t ino = 0;
  bool mapped = false;
  bool operator==(const PageView&) const = default;
};
static_assert(std::has_unique_object_representations_v<PageView>);  // bytes are compared

struct Version {
  std::array<PageView, kernel::kTaskPages> pages;
  Moment replaced;  // the end of the section that made the next version
  bool current = true;
};

class AddressSpaceHistory {
 public:
  void reset();
  // Looks at the tree's newest state. True if a new version begins.
  bool section_ends(kernel::mm_struct* mm);
  void section_begins();
  bool open() const { return open_; }
  uint32_t sections() const { return sections_; }
  Moment last_end() const { return last_end_; }
  // Whose operation the last section is; kNoCpu: set-up.
  uint16_t section_op() const { return section_op_; }
  uint8_t section_cpu() const { return section_cpu_; }
  size_t size() const { return size_; }
  const Version& version(size_t index) const { return versions_[index]; }
  const Version& newest() const { return versions_[size_ - 1]; }

 private:
  std::vector<Version> versions_;  // the first size_ are in use; kept across executions
  size_t size_ = 0;
  uint32_t sections_ = 0;
  Moment last_end_;
  bool open_ = false;
  uint16_t section_op_ = 0;
  uint8_t section_cpu_ = platform::kNoCpu;
};

// Reads the tree as its writer left it.
void view_pages(kernel::mm_struct* mm, std::array<PageView, kernel::kTaskPages>* pages);

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_HISTORY_H_
