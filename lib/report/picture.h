// Address spaces drawn as the kernel's VMA tests draw them:
//
//           0123456789abc
//   before  ....AAAA..BBB
//   cpu0    .....AAA..BBB
//                ^
//   A = i0, page 4 is pgoff 0, r-xp
//
// One letter a mapping: pages with the same inode, flags and distance from page to file offset,
// which is what a uprobe's address depends on. A mapping that was moved is another one.
#ifndef VMAFUZZ_REPORT_PICTURE_H_
#define VMAFUZZ_REPORT_PICTURE_H_

#include <array>
#include <string>
#include <vector>

#include "oracle/history.h"

namespace vmafuzz::report {

using PageMap = std::array<oracle::PageView, kernel::kTaskPages>;

struct PictureRow {
  std::string label;
  PageMap pages;
};

// What is drawn, whatever it is drawn with.
struct Drawing {
  struct Row {
    std::string label;
    std::string letters;  // one a page; '.' is not mapped
  };
  struct Entry {
    char letter;
    std::string text;  // "i0, page 4 is pgoff 0, r-xp"
  };
  size_t pages = 0;
  std::vector<Row> rows;
  std::vector<Entry> legend;
  int marked_page = -1;
};
Drawing drawing_of(const std::vector<PictureRow>& rows, int marked_page);
// What stands above page `page`: 0..9, then letters.
char page_digit(size_t page);

// `marked_page` < 0: no mark. Empty if there are no rows.
std::string draw(const std::vector<PictureRow>& rows, int marked_page);

// Two address spaces, one before and one after something.
std::string vma_picture(const PageMap& before, const PageMap& after, int marked_page = -1);

// The versions that matter: what set-up left, and each that the concurrent part made, labelled with
// the CPU that did. The middle of long histories is left out. `torn_down`: the execution went on to
// unmap everything at its end, which is not shown; then there are no rows if nothing was changed
// before.
std::vector<PictureRow> picture_rows(const oracle::AddressSpaceHistory& history, bool torn_down);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_PICTURE_H_
