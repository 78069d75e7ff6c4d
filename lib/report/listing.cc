#include "report/listing.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "report/columns.h"

namespace vmafuzz::report {
namespace {

constexpr size_t kContinuation = 4;

class Lister {
 public:
  Lister(const Interleaving& picture, size_t width) : picture_(picture), width_(width) {
    std::vector<std::string> titles = {"step"};
    widths_ = {4};
    for (const Item& item : picture_.items) {
      widths_[0] = std::max(widths_[0], absl::StrCat(item.step).size());
    }
    for (const Track& track : picture_.tracks) {
      const bool only = picture_.tracks.size() == 1;
      titles.push_back(only ? "seq" : track.name.substr(0, track.name.find('.')));
      size_t widest = std::max(titles.back().size(), track.first.size());
      for (const auto& change : track.changes) widest = std::max(widest, change.second.size());
      widths_.push_back(widest);
    }
    titles.push_back("cpu");
    widths_.push_back(3);
    for (const Lane& lane : picture_.lanes) {
      widths_.back() = std::max(widths_.back(), lane.title.size());
    }
    for (const size_t column : widths_) used_ += column + 3;
    add_line(titles, "");
    rule();
  }

  std::string list() {
    std::vector<std::string> first(widths_.size());
    for (size_t i = 0; i < picture_.tracks.size(); ++i) first[i + 1] = picture_.tracks[i].first;
    if (!picture_.tracks.empty()) add_line(first, "");
    for (size_t i = 0; i < picture_.items.size(); ++i) add_item(i);
    if (picture_.at_rest.empty()) return text_;
    for (const std::string& line : wrap_text("*** " + picture_.at_rest, width_, kContinuation)) {
      absl::StrAppend(&text_, line, "\n");
    }
    return text_;
  }

 private:
  void rule() {
    for (const size_t column : widths_) absl::StrAppend(&text_, std::string(column, '-'), "-+-");
    absl::StrAppend(&text_, std::string(room(), '-'), "\n");
  }

  size_t room() const { return width_ - std::min(width_ - 1, used_); }

  void add_line(const std::vector<std::string>& cells, const std::string& words) {
    std::string line;
    for (size_t i = 0; i < widths_.size(); ++i) {
      const std::string padding(widths_[i] - cells[i].size(), ' ');
      const bool name = i + 1 == widths_.size();
      absl::StrAppend(&line, name ? cells[i] : padding, name ? padding : cells[i], " | ");
    }
    line += words;
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&text_, line, "\n");
  }

  static size_t indent_of(const Item& item) {
    switch (item.kind) {
      case RowKind::kOperation:
        return 0;
      case RowKind::kFunction:
      case RowKind::kVerdict:
        return 1;
      default:
        return 2;
    }
  }

  void add_item(size_t index) {
    const Item& item = picture_.items[index];
    std::vector<std::string> cells(widths_.size());
    if (item.step > 0) cells[0] = absl::StrCat(item.step);
    for (size_t i = 0; i < picture_.tracks.size(); ++i) {
      for (const auto& [when, value] : picture_.tracks[i].changes) {
        if (when == index) cells[i + 1] = value;
      }
    }
    if (item.lane != lane_) cells.back() = picture_.lanes[item.lane].title;
    lane_ = item.lane;
    const size_t indent = indent_of(item);
    std::vector<std::string> lines =
        wrap_text(std::string(indent, ' ') + item.text, room(), indent + kContinuation);
    if (!item.remark.empty()) {
      for (std::string& line : wrap_text(std::string(indent + 2, ' ') + item.remark, room(),
                                         indent + 2 + kContinuation)) {
        lines.push_back(std::move(line));
      }
    }
    for (const std::string& line : lines) {
      add_line(cells, line);
      cells.assign(widths_.size(), "");
    }
  }

  const Interleaving& picture_;
  const size_t width_;
  std::vector<size_t> widths_;  // step, counters, CPU
  size_t used_ = 0;             // by these columns
  size_t lane_ = static_cast<size_t>(-1);
  std::string text_;
};

}  // namespace

std::string listing(const Interleaving& picture, int width) {
  return Lister(picture, static_cast<size_t>(std::max(width, 40))).list();
}

}  // namespace vmafuzz::report
