#include "oracle/layout.h"

#include <algorithm>
#include <cstdio>

#include "mm/fs.h"

namespace vmafuzz::oracle {

static constexpr char kFresh[kFreshIdentities] = {};

Identity fresh_identity(int number) { return &kFresh[std::min(number, kFreshIdentities - 1)]; }

int fresh_number(Identity identity) {
  const auto offset = reinterpret_cast<uintptr_t>(identity) - reinterpret_cast<uintptr_t>(kFresh);
  return offset < kFreshIdentities ? static_cast<int>(offset) : -1;
}

int Layout::at(unsigned page) const {
  const int index = first_after(page);
  return index < count_ && (*this)[index].start <= page ? index : -1;
}

int Layout::first_after(unsigned page) const {
  int index = 0;
  while (index < count_ && (*this)[index].end <= page) ++index;
  return index;
}

bool Layout::is_free(unsigned start, unsigned end) const {
  const int index = first_after(start);
  return index == count_ || (*this)[index].start >= end;
}

void Layout::cut(int index, unsigned page) {
  Area upper = (*this)[index];
  upper.pgoff += page - upper.start;
  upper.start = page;
  (*this)[index].end = page;
  insert(upper);
}

void Layout::erase(int index) {
  std::copy(areas_.begin() + index + 1, areas_.begin() + count_, areas_.begin() + index);
  --count_;
}

int Layout::insert(const Area& area) {
  const int index = first_after(area.start);
  std::copy_backward(areas_.begin() + index, areas_.begin() + count_, areas_.begin() + count_ + 1);
  (*this)[index] = area;
  ++count_;
  return index;
}

void Layout::join_right(int index) {
  const Area right = (*this)[index + 1];
  Area& left = (*this)[index];
  left.end = right.end;
  if (left.anon == nullptr) left.anon = right.anon;
  erase(index + 1);
}

bool Layout::operator==(const Layout& other) const {
  return count_ == other.count_ &&
         std::equal(areas_.begin(), areas_.begin() + count_, other.areas_.begin());
}

std::string Layout::picture() const {
  if (count_ == 0) return "nothing";
  std::string text;
  // Numbered by first appearance: addresses differ from one process to the next.
  std::array<Identity, 2 * (kPages + 1)> names;
  size_t known = 0;
  const auto number = [&](Identity identity) {
    size_t i = 0;
    while (i < known && names[i] != identity) ++i;
    if (i == known) names[known++] = identity;
    return std::to_string(i);
  };
  for (int i = 0; i < count_; ++i) {
    const Area& area = (*this)[i];
    char flags[24];
    std::snprintf(flags, sizeof flags, "%#lx", area.flags);
    text += (i > 0 ? " [" : "[") + std::to_string(area.start) + "-" + std::to_string(area.end) +
            " " + (area.anonymous() ? "anon" : "file#" + number(area.file)) + "+" +
            std::to_string(area.pgoff) + " " + flags;
    if (area.anon != nullptr) text += " anon_vma#" + number(area.anon);
    text += ")";
  }
  return text;
}

void read_layout(kernel::mm_struct* mm, Layout* layout) {
  layout->clear();
  unsigned long first = 0;
  unsigned long last = 0;
  for (unsigned long index = 0; index < kernel::TASK_SIZE; index = last + 1) {
    const auto* vma = static_cast<const kernel::vm_area_struct*>(
        kernel::mt_peek(&mm->mm_mt, index, &first, &last));
    if (vma != nullptr && layout->count() < static_cast<int>(Layout::kPages)) {
      Area area{};
      area.start = static_cast<unsigned>(vma->vm_start.peek() >> kernel::PAGE_SHIFT);
      area.end = static_cast<unsigned>(vma->vm_end.peek() >> kernel::PAGE_SHIFT);
      area.pgoff = vma->vm_pgoff.peek();
      area.flags = vma->vm_flags.peek();
      area.file = vma->vm_file.peek();
      area.anon = vma->anon_vma.peek();
      layout->append(area);
    }
    if (last >= kernel::TASK_SIZE - 1) break;
  }
}

}  // namespace vmafuzz::oracle
