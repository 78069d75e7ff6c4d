// A world of two address spaces for the tests of lib/mm, and pictures of them in the style of the
// kernel's VMA tests: one character a page, a letter for each VMA object, a dot for nothing.
//
//   0123456789
//   AAABBB..C.
//
// Letters go to objects in the order in which pictures first show them, so that a picture after an
// operation tells which object survived it. Memory that is used again is another object.
#ifndef VMAFUZZ_TESTS_MM_WORLD_H_
#define VMAFUZZ_TESTS_MM_WORLD_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernel/rules.h"
#include "mm/syscalls.h"
#include "mm/vma.h"
#include "sim/explore.h"

namespace vmafuzz::kernel {

// What mm told uprobes, oldest first: "+2-5" uprobe_mmap of pages 2 to 4, "-2-5" uprobe_munmap.
extern std::vector<std::string> uprobe_calls;

inline unsigned long page(unsigned long n) { return n << PAGE_SHIFT; }

class World : public ::testing::Test {
 protected:
  World() { rules = kernel_rules(); }
  ~World() override { rules = kernel_rules(); }

  // Everything anew, by the rules as they are.
  void reset_world();
  // A new execution that begins with body on the boot CPU; true unless it ended in a verdict.
  bool alone(const std::function<void()>& body);
  // Runs body on cpu0, where steps can fail: the n-th one (from 1) does. 0: none. The number of
  // fallible steps that there were.
  int with_failure(int n, const std::function<void()>& body);
  // Goes on by ending both address spaces and closing all files; what is left is named.
  std::string tear_down_leaks();

  // The first `pages` pages of mm0.
  std::string picture(unsigned long pages = 10);
  // One number a page instead: its offset in the file, in hexadecimal.
  std::string offsets(unsigned long pages = 10);
  vm_area_struct* vma_at(unsigned long n) {
    return mm0->mm_mt.ma_root.peek() == nullptr ? nullptr : find(n);
  }

  // Private file mapping of slot 0, readable and executable, at its page's own offset.
  long map(unsigned long at, unsigned long count, unsigned long prot = PROT_READ | PROT_EXEC,
           int slot = 0, unsigned long flags = MAP_PRIVATE | MAP_FIXED) {
    return map_at(at, count, at, prot, slot, flags);
  }
  long map_at(unsigned long at, unsigned long count, pgoff_t pgoff, unsigned long prot, int slot,
              unsigned long flags = MAP_PRIVATE | MAP_FIXED) {
    return sys_mmap_slot(mm0, page(at), page(count), prot, flags, slot, pgoff);
  }
  long map_anon(unsigned long at, unsigned long count,
                unsigned long prot = PROT_READ | PROT_WRITE) {
    return sys_mmap(mm0, page(at), page(count), prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                    nullptr, 0);
  }
  long protect(unsigned long at, unsigned long count, unsigned long prot) {
    return sys_mprotect(mm0, page(at), page(count), prot);
  }
  long unmap(unsigned long at, unsigned long count) {
    return sys_munmap(mm0, page(at), page(count));
  }
  long remap(unsigned long at, unsigned long count, unsigned long new_count,
             unsigned long flags = 0, unsigned long to = 0) {
    return sys_mremap(mm0, page(at), page(count), page(new_count), flags, page(to));
  }

  mm_struct* mm0 = nullptr;
  mm_struct* mm1 = nullptr;

 private:
  vm_area_struct* find(unsigned long n);
  std::map<std::pair<const void*, int>, char> letters_;
};

inline constexpr unsigned long kRx = PROT_READ | PROT_EXEC;
inline constexpr unsigned long kR = PROT_READ;
inline constexpr unsigned long kRw = PROT_READ | PROT_WRITE;

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_TESTS_MM_WORLD_H_
