#include "oracle/history.h"

#include <climits>
#include <cstring>

namespace vmafuzz::oracle {

using kernel::kTaskPages;
using kernel::PAGE_SHIFT;
using platform::machine;

void view_pages(kernel::mm_struct* mm, std::array<PageView, kTaskPages>* pages) {
  pages->fill({});
  unsigned long first = 0;
  unsigned long last = 0;
  for (unsigned long index = 0; index < kernel::TASK_SIZE; index = last + 1) {
    auto* vma =
        static_cast<kernel::vm_area_struct*>(kernel::mt_peek(&mm->mm_mt, index, &first, &last));
    const unsigned long end = last < kernel::TASK_SIZE ? last + 1 : kernel::TASK_SIZE;
    if (vma != nullptr) {
      const kernel::file* file = vma->vm_file.peek();
      const kernel::inode* inode = file == nullptr ? nullptr : file->f_inode.peek();
      for (unsigned long address = index; address < end; address += kernel::PAGE_SIZE) {
        PageView& page = (*pages)[address >> PAGE_SHIFT];
        page.mapped = true;
        page.flags = static_cast<uint32_t>(vma->vm_flags.peek());
        page.inode = inode;
        page.ino = inode == nullptr ? 0 : static_cast<uint8_t>(inode->i_ino.peek());
        page.pgoff = static_cast<uint16_t>(vma->vm_pgoff.peek() +
                                           ((address - vma->vm_start.peek()) >> PAGE_SHIFT));
      }
    }
    if (last == ULONG_MAX) break;
  }
}

void AddressSpaceHistory::reset() {
  if (versions_.empty()) versions_.resize(64);
  size_ = 1;
  versions_[0].pages.fill({});
  versions_[0].current = true;
  sections_ = 0;
  last_end_ = {};
  open_ = false;
  section_op_ = 0;
  section_cpu_ = platform::kNoCpu;
}

void AddressSpaceHistory::section_begins() {
  open_ = true;
  ++sections_;
  section_op_ = machine.op();
  section_cpu_ = machine.alone() ? platform::kNoCpu : static_cast<uint8_t>(machine.cpu());
}

bool AddressSpaceHistory::section_ends(kernel::mm_struct* mm) {
  open_ = false;
  last_end_ = machine.moment();
  if (size_ == versions_.size()) versions_.resize(2 * size_);
  Version& next = versions_[size_];
  view_pages(mm, &next.pages);
  Version& newest = versions_[size_ - 1];
  if (std::memcmp(&next.pages, &newest.pages, sizeof next.pages) == 0) return false;
  newest.current = false;
  newest.replaced = last_end_;
  next.current = true;
  ++size_;
  return true;
}

}  // namespace vmafuzz::oracle
