#include "oracle/probes.h"

namespace vmafuzz::oracle {

using kernel::PAGE_SHIFT;

void Probes::add(const kernel::inode* inode, kernel::loff_t offset) {
  const auto page = static_cast<unsigned long>(offset) >> PAGE_SHIFT;
  pages_[inode->i_ino.peek() % kernel::kInodes] |= uint64_t{1} << (page % 64);
}

bool Probes::any(const Area& area) const {
  const kernel::inode* inode = static_cast<const kernel::file*>(area.file)->f_inode.peek();
  if (inode == nullptr) return false;
  const uint64_t known = pages_[inode->i_ino.peek() % kernel::kInodes];
  for (unsigned long page = area.pgoff; page < area.pgoff + area.pages(); ++page) {
    if ((known >> (page % 64) & 1) != 0) return true;
    // In the tree, and about to be told of.
    const auto offset = static_cast<kernel::loff_t>(page << PAGE_SHIFT) +
                        static_cast<kernel::loff_t>(kernel::kProbeOffset);
    if (kernel::peek_uprobe(inode, offset) != nullptr) return true;
  }
  return false;
}

}  // namespace vmafuzz::oracle
