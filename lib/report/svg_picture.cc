// An address space: pages from left to right, a row for each version.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "report/svg.h"
#include "report/svg_writer.h"

namespace vmafuzz::report {
namespace {

constexpr double kPage = 22, kRow = 20, kGap = 6;
constexpr double kCharacter = 7.4;
constexpr size_t kColours = 6;

// Colours repeat after six mappings; letters do not.
std::string class_of(char letter) {
  return absl::StrCat("map", static_cast<size_t>(letter - 'A') % kColours);
}

double label_width(const Drawing& drawing) {
  size_t longest = 0;
  for (const Drawing::Row& row : drawing.rows) longest = std::max(longest, row.label.size());
  return static_cast<double>(longest) * kCharacter + 10;
}

void draw_row(const std::string& letters, double left, double y, SvgWriter* out) {
  for (size_t page = 0; page < letters.size();) {
    size_t end = page + 1;
    while (end < letters.size() && letters[end] == letters[page]) ++end;
    const double x = left + kPage * static_cast<double>(page);
    const double width = kPage * static_cast<double>(end - page);
    if (letters[page] != '.') {
      out->rect(x + 0.5, y + 0.5, width - 1, kRow - 1, class_of(letters[page]), 3);
      out->rect(x + 0.5, y + 0.5, width - 1, kRow - 1, "edge", 3);
      out->text(x + width / 2, y + 14, letters.substr(page, 1), "op", "middle");
    } else {
      out->line(x + 3, y + kRow / 2, x + width - 3, y + kRow / 2, "away");
    }
    page = end;
  }
}

}  // namespace

std::string svg_address_space(const Drawing& drawing, const SvgOptions& options) {
  if (drawing.rows.empty()) return {};
  SvgWriter out;
  const double left = label_width(drawing);
  for (size_t page = 0; page < drawing.pages; ++page) {
    out.text(left + kPage * (static_cast<double>(page) + 0.5), 12, std::string(1, page_digit(page)),
             "dim", "middle");
  }
  double y = 18;
  double width = left + kPage * static_cast<double>(drawing.pages) + 4;
  for (const Drawing::Row& row : drawing.rows) {
    out.text(0, y + 14, row.label, "");
    draw_row(row.letters, left, y, &out);
    y += kRow + kGap;
  }
  if (drawing.marked_page >= 0) {
    const double x = left + kPage * (drawing.marked_page + 0.5);
    out.path(absl::StrCat("M", pixels(x), " ", pixels(y - 2), "l6 9h-12Z"), "mark",
             "the page that was looked up");
    y += 12;
  }
  for (const Drawing::Entry& entry : drawing.legend) {
    out.rect(0.5, y + 2.5, 15, 15, class_of(entry.letter), 3);
    out.text(8, y + 14, std::string(1, entry.letter), "op", "middle");
    out.text(24, y + 14, entry.text, "");
    width = std::max(width, 24 + kCharacter * static_cast<double>(entry.text.size()) + 4);
    y += 20;
  }
  return out.finish(width, y + 4, "space", options);
}

}  // namespace vmafuzz::report
