// Where breakpoints may be: which file offsets have, or ever had, a uprobe with a consumer.
//
// More than there are at one moment: whether a mapping that comes into being finds a uprobe whose
// registration is under way is nobody's promise.
#ifndef VMAFUZZ_ORACLE_PROBES_H_
#define VMAFUZZ_ORACLE_PROBES_H_

#include <array>
#include <cstdint>

#include "oracle/layout.h"
#include "uprobes/uprobes.h"

namespace vmafuzz::oracle {

class Probes {
 public:
  void clear() { pages_.fill(0); }
  void add(const kernel::inode* inode, kernel::loff_t offset);
  // A page of the area, which maps a file.
  bool any(const Area& area) const;

 private:
  std::array<uint64_t, kernel::kInodes> pages_{};  // by inode number, a bit for each page
};

}  // namespace vmafuzz::oracle

#endif  // VMAFUZZ_ORACLE_PROBES_H_
