#include "report/picture.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "report/names.h"

namespace vmafuzz::report {
namespace {

constexpr absl::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz+++++";
constexpr absl::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr size_t kFewestPages = 13;  // as in the kernel's drawings
constexpr size_t kMostRows = 8;
static_assert(kernel::kTaskPages < kDigits.size());

// What makes two neighbouring pages parts of one mapping.
struct Mapping {
  bool file = false;
  const kernel::inode* inode = nullptr;
  int ino = 0;
  int delta = 0;  // page - pgoff, for files
  uint32_t flags = 0;
  int first_page = 0;  // where it is first drawn
  int first_pgoff = 0;
  bool same(const Mapping& other) const {
    return file == other.file && inode == other.inode && ino == other.ino && delta == other.delta &&
           flags == other.flags;
  }
};

Mapping mapping_of(const oracle::PageView& page, int number) {
  Mapping mapping;
  mapping.file = page.inode != nullptr;
  mapping.inode = page.inode;
  mapping.ino = page.ino;
  mapping.delta = mapping.file ? number - page.pgoff : 0;
  mapping.flags = page.flags;
  mapping.first_page = number;
  mapping.first_pgoff = page.pgoff;
  return mapping;
}

class Legend {
 public:
  char letter(const oracle::PageView& page, int number) {
    if (!page.mapped) return '.';
    const Mapping mapping = mapping_of(page, number);
    const auto found = std::find_if(mappings_.begin(), mappings_.end(),
                                    [&](const Mapping& m) { return m.same(mapping); });
    const auto index = static_cast<size_t>(found - mappings_.begin());
    if (found == mappings_.end()) mappings_.push_back(mapping);
    return index < kLetters.size() ? kLetters[index] : '?';
  }

  std::vector<Drawing::Entry> entries() const {
    std::vector<std::string> texts;
    for (const Mapping& mapping : mappings_) texts.push_back(text_of(mapping));
    std::vector<Drawing::Entry> entries;
    for (size_t i = 0; i < mappings_.size() && i < kLetters.size(); ++i) {
      entries.push_back({kLetters[i], texts[i]});
      // Two letters must differ in words too: by VM_ACCOUNT, or what else no "r-xp" tells.
      if (std::count(texts.begin(), texts.end(), texts[i]) < 2) continue;
      absl::StrAppend(&entries.back().text, " (", smaps_flags(mappings_[i].flags), ")");
    }
    return entries;
  }

 private:
  static std::string text_of(const Mapping& mapping) {
    std::string text = "anonymous";
    if (mapping.file) {
      const std::string ino = mapping.ino < 16 ? absl::StrCat("i", mapping.ino) : "shmem";
      text = absl::StrCat(ino, ", page ", mapping.first_page, " is pgoff ", mapping.first_pgoff);
    }
    return absl::StrCat(text, ", ", flags_name(mapping.flags));
  }

  std::vector<Mapping> mappings_;
};

size_t pages_in_use(const std::vector<PictureRow>& rows, int marked_page) {
  size_t count = kFewestPages;
  if (marked_page >= 0) count = std::max(count, static_cast<size_t>(marked_page) + 1);
  for (const PictureRow& row : rows) {
    for (size_t i = 0; i < row.pages.size(); ++i) {
      if (row.pages[i].mapped) count = std::max(count, i + 1);
    }
  }
  return std::min(count, static_cast<size_t>(kernel::kTaskPages));
}

std::string padded(absl::string_view label, size_t width) {
  return absl::StrCat("  ", label, std::string(width - label.size(), ' '), "  ");
}

}  // namespace

char page_digit(size_t page) { return kDigits[std::min(page, kDigits.size() - 1)]; }

Drawing drawing_of(const std::vector<PictureRow>& rows, int marked_page) {
  Drawing drawing;
  if (rows.empty()) return drawing;
  drawing.pages = pages_in_use(rows, marked_page);
  drawing.marked_page = marked_page;
  Legend legend;
  for (const PictureRow& row : rows) {
    Drawing::Row drawn{row.label, {}};
    for (size_t i = 0; i < drawing.pages; ++i) {
      drawn.letters += legend.letter(row.pages[i], static_cast<int>(i));
    }
    drawing.rows.push_back(std::move(drawn));
  }
  drawing.legend = legend.entries();
  return drawing;
}

std::string draw(const std::vector<PictureRow>& rows, int marked_page) {
  if (rows.empty()) return {};
  const Drawing drawing = drawing_of(rows, marked_page);
  size_t width = 0;
  for (const Drawing::Row& row : drawing.rows) width = std::max(width, row.label.size());
  std::string text = padded("", width);
  for (size_t i = 0; i < drawing.pages; ++i) text += page_digit(i);
  text += '\n';
  for (const Drawing::Row& row : drawing.rows) {
    absl::StrAppend(&text, padded(row.label, width), row.letters, "\n");
  }
  if (marked_page >= 0) {
    absl::StrAppend(&text, padded("", width), std::string(static_cast<size_t>(marked_page), ' '),
                    "^\n");
  }
  for (const Drawing::Entry& entry : drawing.legend) {
    absl::StrAppend(&text, "  ", std::string(1, entry.letter), " = ", entry.text, "\n");
  }
  return text;
}

std::string vma_picture(const PageMap& before, const PageMap& after, int marked_page) {
  return draw({{"before", before}, {"after", after}}, marked_page);
}

std::vector<PictureRow> picture_rows(const oracle::AddressSpaceHistory& history, bool torn_down) {
  // Set-up and the end of an execution replace versions on no CPU.
  const auto replaced_by_cpu = [&](size_t i) {
    const oracle::Version& version = history.version(i);
    return !version.current && version.replaced.cpu != sim::kNoCpu;
  };
  size_t first = 0;
  while (first < history.size() && !replaced_by_cpu(first)) ++first;
  std::vector<PictureRow> rows;
  if (first == history.size()) {
    if (!torn_down && history.size() > 0) rows.push_back({"always", history.newest().pages});
    return rows;
  }
  std::string label = "before";
  for (size_t i = first; i < history.size(); ++i) {
    if (rows.empty() || rows.back().pages != history.version(i).pages) {
      rows.push_back({label, history.version(i).pages});
    }
    if (!replaced_by_cpu(i)) break;
    label = cpu_name(history.version(i).replaced.cpu);
  }
  if (rows.size() <= kMostRows) return rows;
  // The first versions and the last ones.
  rows.erase(rows.begin() + kMostRows / 2, rows.end() - kMostRows / 2);
  return rows;
}

}  // namespace vmafuzz::report
