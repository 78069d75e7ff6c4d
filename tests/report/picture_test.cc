// Address spaces as rows of letters.
#include "report/picture.h"

#include <gtest/gtest.h>

namespace vmafuzz::report {
namespace {

// Pages [first, end) map `inode` from pgoff on. Only the address of an inode counts here.
void map(PageMap* pages, int first, int end, const kernel::inode* inode, int ino, int pgoff,
         uint32_t flags = 0x75) {
  for (int i = first; i < end; ++i) {
    oracle::PageView& page = (*pages)[static_cast<size_t>(i)];
    page.mapped = true;
    page.inode = inode;
    page.ino = static_cast<uint8_t>(ino);
    page.pgoff = static_cast<uint16_t>(inode == nullptr ? 0 : pgoff + i - first);
    page.flags = flags;
  }
}

const kernel::inode* some_inode(int n) {
  static kernel::inode inodes[2];
  return &inodes[n];
}

TEST(Picture, ShrunkMappingKeepsItsLetter) {
  PageMap before{}, after{};
  map(&before, 4, 8, some_inode(0), 0, 0);
  map(&after, 5, 8, some_inode(0), 0, 1);
  EXPECT_EQ("\n" + vma_picture(before, after, 6), R"(
          0123456789abc
  before  ....AAAA.....
  after   .....AAA.....
                ^
  A = i0, page 4 is pgoff 0, r-xp
)");
}

TEST(Picture, MovedMappingAndOtherFlagsAreOtherLetters) {
  PageMap before{}, after{};
  map(&before, 1, 3, some_inode(0), 0, 2);
  map(&before, 3, 5, some_inode(0), 0, 4, 0x71);
  map(&after, 8, 10, some_inode(0), 0, 2);
  map(&after, 10, 12, nullptr, 0, 0, 0x73);
  EXPECT_EQ("\n" + vma_picture(before, after), R"(
          0123456789abc
  before  .AABB........
  after   ........CCDD.
  A = i0, page 1 is pgoff 2, r-xp
  B = i0, page 3 is pgoff 4, r--p
  C = i0, page 8 is pgoff 2, r-xp
  D = anonymous, rw-p
)");
}

TEST(Picture, LettersThatOnlyAFlagTellsApartSayWhich) {
  PageMap pages{};
  map(&pages, 1, 3, nullptr, 0, 0, kernel::VM_READ | kernel::VM_ACCOUNT);
  map(&pages, 3, 4, nullptr, 0, 0, kernel::VM_READ);
  map(&pages, 4, 5, nullptr, 0, 0, kernel::VM_WRITE | kernel::VM_ACCOUNT);
  EXPECT_EQ("\n" + draw({{"now", pages}}, -1), R"(
       0123456789abc
  now  .AABC........
  A = anonymous, r--p (rd ac)
  B = anonymous, r--p (rd)
  C = anonymous, -w-p
)");
}

TEST(Picture, IsAsWideAsTheLastPageThatIsMappedOrMarked) {
  PageMap pages{};
  map(&pages, 38, 40, some_inode(1), 1, 0);
  EXPECT_EQ("\n" + draw({{"now", pages}}, 39), R"(
       0123456789abcdefghijklmnopqrstuvwxyz++++
  now  ......................................AA
                                              ^
  A = i1, page 38 is pgoff 0, r-xp
)");
  EXPECT_EQ(draw({}, 3), "");
}

}  // namespace
}  // namespace vmafuzz::report
