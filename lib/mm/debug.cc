// validate_mm() and pictures of an address space (mm/debug.c, mm/vma.c), for the oracle and
// reports.
#include <string>

#include "mm/vma.h"

namespace vmafuzz::kernel {

namespace {

std::string pages(unsigned long start, unsigned long end) {
  return "[" + std::to_string(start >> PAGE_SHIFT) + ", " + std::to_string(end >> PAGE_SHIFT) + ")";
}

// Calls visit(vma, first, last) for each entry of the tree.
template <class F>
void for_each_entry(const mm_struct* mm, F visit) {
  unsigned long index = 0;
  while (index < TASK_SIZE) {
    unsigned long first = 0;
    unsigned long last = 0;
    auto* vma = static_cast<vm_area_struct*>(mt_peek(&mm->mm_mt, index, &first, &last));
    if (vma != nullptr) visit(vma, first, last);
    if (last >= TASK_SIZE - 1) break;
    index = last + 1;
  }
}

std::string validate_entry(const mm_struct* mm, const vm_area_struct* vma, unsigned long first,
                           unsigned long last) {
  const unsigned long start = vma->vm_start.peek();
  const unsigned long end = vma->vm_end.peek();
  if (start != first || end != last + 1) {
    return "the tree has " + pages(first, last + 1) + " for a VMA that is " + pages(start, end);
  }
  if (vma->vm_mm.peek() != mm) return "a VMA of another mm is in the tree at " + pages(start, end);
  if (rules.vma_lock == vma_lock_kind::refcount && vma->vm_refcnt.refs.peek() != 1) {
    return "the VMA " + pages(start, end) + " has vm_refcnt " +
           std::to_string(vma->vm_refcnt.refs.peek());
  }
  if (rules.vma_lock == vma_lock_kind::rwsem && vma->detached.peek()) {
    return "the VMA " + pages(start, end) + " is detached and in the tree";
  }
  if ((vma->anon_vma.peek() == nullptr) != (vma->anon_vma_chain.peek() == nullptr)) {
    return "the VMA " + pages(start, end) + " has an anon_vma without a chain, or the reverse";
  }
  return {};
}

}  // namespace

std::vector<VmaDump> dump_vmas(mm_struct* mm) {
  std::vector<VmaDump> result;
  for_each_entry(mm, [&](const vm_area_struct* vma, unsigned long, unsigned long) {
    const file* f = vma->vm_file.peek();
    result.push_back({vma->vm_start.peek(), vma->vm_end.peek(), vma->vm_pgoff.peek(),
                      vma->vm_flags.peek(), f, f == nullptr ? nullptr : f->f_inode.peek(), vma});
  });
  return result;
}

std::string validate_mm(mm_struct* mm) {
  if (const char* error = mt_check(&mm->mm_mt)) return error;
  std::string wrong;
  int count = 0;
  for_each_entry(mm, [&](const vm_area_struct* vma, unsigned long first, unsigned long last) {
    ++count;
    if (wrong.empty()) wrong = validate_entry(mm, vma, first, last);
  });
  if (wrong.empty() && count != mm->map_count.peek()) {
    wrong = "map_count is " + std::to_string(mm->map_count.peek()) + " for " +
            std::to_string(count) + " VMAs";
  }
  return wrong;
}

}  // namespace vmafuzz::kernel
