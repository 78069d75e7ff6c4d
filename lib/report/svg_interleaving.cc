// Lanes from left to right, time from top to bottom, one item a line.
//
// Each item has its line to itself, so that an arrow may cross other lanes at the height of its
// ends without meeting a text; in between it runs in a gutter, which no text enters. Wide: lanes
// are columns with their texts, with a gutter left of each lane. Narrow: lanes stand close together
// at the left, then comes one gutter, then all texts.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "report/columns.h"
#include "report/svg.h"
#include "report/svg_writer.h"

namespace vmafuzz::report {
namespace {

// Of a character, as a part of the font's size: what monospaced fonts have, and a little more.
constexpr double kCharacter = 0.61;
constexpr double kWideFont = 12, kNarrowFont = 11;
constexpr double kGutterTrack = 8;  // between arrows in a gutter
constexpr double kNarrowLane = 14;
constexpr double kDot = 3.5;
constexpr size_t kFewestCharacters = 12;
constexpr size_t kStepDigits = 5;

struct Line {
  std::string text;
  const char* css_class;
};

// An item as it is drawn.
struct Box {
  double top = 0, middle = 0, bottom = 0;  // of the first line: middle
  bool titled = false;                     // narrow: the lane's name stands above
  std::vector<Line> lines;
};

class Drawer {
 public:
  Drawer(const Interleaving& picture, const SvgOptions& options)
      : picture_(picture),
        options_(options),
        font_(options.narrow ? kNarrowFont : kWideFont),
        line_height_(options.narrow ? 15 : 17) {}

  std::string draw() {
    place_arrows();
    place_columns();
    place_items();
    draw_tracks();
    draw_bands();
    draw_lanes();
    draw_arrows();
    for (size_t i = 0; i < picture_.items.size(); ++i) draw_item(i);
    draw_head();
    const double end = draw_legend(draw_at_rest(bottom_ + 8));
    return out_.finish(options_.width, end,
                       options_.narrow ? "interleaving narrow" : "interleaving", options_);
  }

 private:
  double characters(size_t count) const { return static_cast<double>(count) * font_ * kCharacter; }

  // --- arrows: which gutter, and which place in it

  size_t gutter_of(const Arrow& arrow) const {
    if (options_.narrow) return 0;
    const size_t from = picture_.items[arrow.from].lane, to = picture_.items[arrow.to].lane;
    return from < to ? to : to + 1;
  }

  // So many stand side by side; texts need room too.
  size_t most_places() const {
    if (options_.narrow || picture_.lanes.size() > 3) return 6;
    return picture_.lanes.size() == 3 ? 10 : 16;
  }

  // Arrows from one item with one meaning share a stem, and each stem takes the first place in its
  // gutter that is free for as long as it lasts. Those that tell most choose first: stale loads and
  // clashes, then what was read. What finds no place is left out, and the legend says so.
  void place_arrows() {
    struct Stem {
      size_t gutter, first, last, place;
    };
    using Key = std::tuple<bool, size_t, size_t, ArrowKind>;
    const auto key_of = [&](const Arrow& arrow) {
      return Key{arrow.kind == ArrowKind::kReadsFrom, arrow.from, gutter_of(arrow), arrow.kind};
    };
    std::map<Key, Stem> stems;
    for (const Arrow& arrow : picture_.arrows) {
      const Stem fresh{gutter_of(arrow), arrow.from, arrow.to, 0};
      Stem& stem = stems.try_emplace(key_of(arrow), fresh).first->second;
      stem.last = std::max(stem.last, arrow.to);
    }
    gutters_.assign(picture_.lanes.size() + 1, 0);
    std::vector<const Stem*> placed;
    for (auto& [key, stem] : stems) {
      std::set<size_t> taken;
      for (const Stem* other : placed) {
        const bool meet = other->last >= stem.first && stem.last >= other->first;
        if (other->gutter == stem.gutter && meet) taken.insert(other->place);
      }
      while (taken.contains(stem.place)) ++stem.place;
      if (stem.place >= most_places()) continue;
      gutters_[stem.gutter] = std::max(gutters_[stem.gutter], stem.place + 1);
      placed.push_back(&stem);
    }
    for (const Arrow& arrow : picture_.arrows) {
      places_.push_back(stems.at(key_of(arrow)).place);
      if (places_.back() >= most_places()) ++left_out_;
    }
  }

  // --- columns

  double gutter_width(size_t gutter) const {
    return 20 + kGutterTrack * static_cast<double>(gutters_[gutter]);
  }

  void place_columns() {
    double x = 0;
    if (!options_.narrow) {
      step_right_ = characters(kStepDigits);
      x = step_right_ + 8;
    }
    for (const Track& track : picture_.tracks) {
      size_t longest =
          std::max(track.first.size(), options_.narrow ? 3 : track_title(track).size());
      for (const auto& change : track.changes) longest = std::max(longest, change.second.size());
      track_x_.push_back(x);
      track_width_.push_back(characters(longest) + 8);
      x += track_width_.back() + 6;
    }
    const size_t lanes = picture_.lanes.size();
    if (options_.narrow) {
      gutter_x_.assign(lanes + 1, 0);
      for (size_t i = 0; i < lanes; ++i) {
        lane_x_.push_back(x + 6 + kNarrowLane * static_cast<double>(i));
      }
      gutter_x_[0] = lane_x_.empty() ? x : lane_x_.back() + 8;
      const double texts = gutter_x_[0] + kGutterTrack * static_cast<double>(gutters_[0]) + 6;
      text_x_.assign(lanes, texts);
      step_right_ = options_.width;
      text_width_.assign(lanes, options_.width - texts - characters(kStepDigits + 1));
      return;
    }
    double gutters = 0;
    for (size_t i = 0; i < lanes; ++i) gutters += gutter_width(i);
    const double each =
        lanes == 0 ? 0 : std::max(1.0, (options_.width - x - gutters) / static_cast<double>(lanes));
    for (size_t i = 0; i < lanes; ++i) {
      gutter_x_.push_back(x + 2);
      x += gutter_width(i);
      lane_x_.push_back(x);
      text_x_.push_back(x + 10);
      text_width_.push_back(each - 14);
      x += each;
    }
    gutter_x_.push_back(x);
  }

  std::string track_title(const Track& track) const {
    return picture_.tracks.size() == 1 ? "seq" : track.name.substr(0, track.name.find('.'));
  }

  // --- items

  static const char* class_of(const Item& item) {
    switch (item.kind) {
      case RowKind::kOperation:
        return "op";
      case RowKind::kFunction:
      case RowKind::kLeftOut:
      case RowKind::kRepeated:
        return "dim";
      case RowKind::kVerdict:
        return "shout";
      case RowKind::kEvent:
        break;
    }
    return "";
  }

  void add_lines(const Item& item, Box* box) const {
    const auto room =
        static_cast<size_t>(std::max(0.0, text_width_[item.lane] / (font_ * kCharacter)));
    const size_t width = std::max(room, kFewestCharacters);
    const std::string text = (item.kind == RowKind::kOperation ? "" : " ") + item.text;
    for (std::string& line : wrap_text(text, width, 5)) {
      box->lines.push_back({std::move(line), class_of(item)});
    }
    if (item.remark.empty()) return;
    for (std::string& line : wrap_text("   " + item.remark, width, 5)) {
      box->lines.push_back({std::move(line), "alarm"});
    }
  }

  void place_items() {
    double y = line_height_ + 8;
    head_bottom_ = y;
    size_t last_lane = picture_.lanes.size();
    for (const Item& item : picture_.items) {
      Box box;
      box.top = y;
      box.titled = options_.narrow && item.lane != last_lane;
      if (item.kind == RowKind::kOperation || box.titled) y += 6;
      if (box.titled) y += line_height_ + 2;
      last_lane = item.lane;
      add_lines(item, &box);
      box.middle = y + line_height_ / 2;
      y += line_height_ * static_cast<double>(box.lines.size());
      box.bottom = y;
      boxes_.push_back(std::move(box));
    }
    bottom_ = y + 4;
  }

  double baseline(const Box& box, size_t line) const {
    return box.middle + font_ * 0.35 + line_height_ * static_cast<double>(line);
  }

  void draw_item(size_t index) {
    const Item& item = picture_.items[index];
    const Box& box = boxes_[index];
    const double x = text_x_[item.lane];
    if (box.titled) {
      out_.text(x, box.middle - line_height_ - 2 + font_ * 0.35, picture_.lanes[item.lane].title,
                "head");
    }
    out_.begin_group("", item.kind == RowKind::kEvent ? item.place : "");
    draw_mark(item, box);
    if (item.step > 0) {
      out_.text(step_right_, baseline(box, 0), absl::StrCat(item.step), "dim", "end");
    }
    for (size_t i = 0; i < box.lines.size(); ++i) {
      out_.text(x, baseline(box, i), box.lines[i].text, box.lines[i].css_class);
    }
    out_.end_group();
  }

  void draw_mark(const Item& item, const Box& box) {
    const double x = lane_x_[item.lane], y = box.middle;
    if (item.kind == RowKind::kVerdict) {
      out_.path(
          absl::StrCat("M", pixels(x - 5), " ", pixels(y), "L", pixels(x), " ", pixels(y - 5), "L",
                       pixels(x + 5), " ", pixels(y), "L", pixels(x), " ", pixels(y + 5), "Z"),
          "alarmhead");
      return;
    }
    switch (item.mark) {
      case Mark::kLoad:
        return out_.circle(x, y, kDot, "ring");
      case Mark::kStaleLoad:
        return out_.circle(x, y, kDot, "staledot");
      case Mark::kStore:
        return out_.circle(x, y, kDot, "dot");
      case Mark::kLock:
        return out_.rect(x - kDot, y - kDot, 2 * kDot, 2 * kDot, "dot");
      case Mark::kOther:
        return out_.rect(x - kDot, y - 1, 2 * kDot, 2, "dot");
      case Mark::kNone:
        return;
    }
  }

  // --- what lies below the texts

  void draw_head() {
    const double y = line_height_ - 3;
    if (options_.narrow) {
      if (!track_x_.empty())
        out_.text(track_x_[0] + track_width_[0] / 2, y, "seq", "head", "middle");
    } else {
      for (size_t i = 0; i < track_x_.size(); ++i) {
        out_.text(track_x_[i] + track_width_[i] / 2, y, track_title(picture_.tracks[i]), "head",
                  "middle");
      }
      for (size_t i = 0; i < lane_x_.size(); ++i) {
        out_.text(text_x_[i], y, picture_.lanes[i].title, "head");
      }
    }
    out_.text(step_right_, y, "step", "dim", "end");
    out_.line(0, head_bottom_ - 4, options_.width, head_bottom_ - 4, "rule");
  }

  // A strip for each counter: a new shade and the new value where it changes.
  void draw_tracks() {
    for (size_t i = 0; i < picture_.tracks.size(); ++i) {
      const Track& track = picture_.tracks[i];
      double top = head_bottom_;
      std::string value = track.first;
      for (size_t k = 0; k <= track.changes.size(); ++k) {
        const bool last = k == track.changes.size();
        const double end = last ? bottom_ : boxes_[track.changes[k].first].middle - 8;
        out_.rect(track_x_[i], top, track_width_[i], std::max(end - top, 1.0),
                  k % 2 == 0 ? "even" : "odd", 0, absl::StrCat(track.name, " = ", value));
        out_.text(track_x_[i] + track_width_[i] / 2, top + 8 + font_ * 0.35, value, "", "middle");
        if (last) break;
        value = track.changes[k].second;
        top = end;
      }
    }
  }

  static const char* class_of(BandKind kind) {
    switch (kind) {
      case BandKind::kWriteSection:
        return "write";
      case BandKind::kReadSection:
        return "read";
      case BandKind::kReader:
        return "reader";
      case BandKind::kSpeculation:
        break;
    }
    return "guess";
  }

  void draw_bands() {
    for (const Band& band : picture_.bands) {
      const double top = boxes_[band.first].top, bottom = boxes_[band.last].bottom;
      if (band.kind == BandKind::kReader) continue;
      double left = lane_x_[band.lane] - 6, width = 12;
      if (!options_.narrow) width = 16 + text_width_[band.lane];
      out_.rect(left, top, width, bottom - top, class_of(band.kind), 4, band.what);
    }
    draw_readers();
  }

  // Bars at the side of the lane, one for each flavour of RCU.
  void draw_readers() {
    std::map<std::pair<size_t, std::string>, double> offsets;
    std::map<size_t, double> used;
    for (const Band& band : picture_.bands) {
      if (band.kind != BandKind::kReader) continue;
      const auto [entry, fresh] = offsets.try_emplace({band.lane, band.what}, used[band.lane]);
      if (fresh) used[band.lane] += 3;
      const double top = boxes_[band.first].middle, bottom = boxes_[band.last].middle;
      out_.rect(lane_x_[band.lane] - 7 - entry->second, top, 2, std::max(bottom - top, 2.0),
                "reader", 1, band.what);
    }
  }

  // Dotted where another CPU has the machine.
  void draw_lanes() {
    for (size_t lane = 0; lane < picture_.lanes.size(); ++lane) {
      size_t last = picture_.items.size();
      for (size_t i = 0; i < picture_.items.size(); ++i) {
        if (picture_.items[i].lane != lane) continue;
        if (last < i) {
          out_.line(lane_x_[lane], boxes_[last].middle, lane_x_[lane], boxes_[i].middle,
                    last + 1 == i ? "lane" : "away");
        }
        last = i;
      }
    }
  }

  // Where an arrow leaves or meets an item, on its lane's side of the gutter.
  double end_of(size_t index, double gutter) const {
    const Item& item = picture_.items[index];
    const double lane = lane_x_[item.lane];
    if (options_.narrow) return lane + kDot + 2;
    if (gutter < lane) return lane - kDot - 2;
    const std::string& text = boxes_[index].lines.front().text;
    return std::min(text_x_[item.lane] + characters(text.size()) + 6, gutter - 6);
  }

  void draw_arrows() {
    for (size_t i = 0; i < picture_.arrows.size(); ++i) {
      if (places_[i] >= most_places()) continue;
      const Arrow& arrow = picture_.arrows[i];
      const size_t gutter = gutter_of(arrow);
      const double x = gutter_x_[gutter] + 4 + kGutterTrack * static_cast<double>(places_[i]);
      const double y1 = boxes_[arrow.from].middle, y2 = boxes_[arrow.to].middle;
      const double x1 = end_of(arrow.from, x), x2 = end_of(arrow.to, x);
      const double in = x1 < x ? -4 : 4, out = x2 < x ? -4 : 4;  // round the corners
      const double head = x2 < x ? 6 : -6;
      const std::string d = absl::StrCat(
          "M", pixels(x1), " ", pixels(y1), "H", pixels(x + in), "Q", pixels(x), " ", pixels(y1),
          " ", pixels(x), " ", pixels(y1 + 4), "V", pixels(y2 - 4), "Q", pixels(x), " ", pixels(y2),
          " ", pixels(x + out), " ", pixels(y2), "H", pixels(x2 + head));
      out_.path(d, class_of(arrow.kind), words_of(arrow));
      out_.path(absl::StrCat("M", pixels(x2), " ", pixels(y2), "l", pixels(head), " -3.5v7Z"),
                arrow.kind == ArrowKind::kReadsFrom ? "fromhead" : "alarmhead");
    }
  }

  static const char* class_of(ArrowKind kind) {
    switch (kind) {
      case ArrowKind::kReadsFrom:
        return "from";
      case ArrowKind::kMissed:
        return "missed";
      case ArrowKind::kClash:
        break;
    }
    return "clash";
  }

  std::string words_of(const Arrow& arrow) const {
    const std::string& from = picture_.items[arrow.from].text;
    const std::string& to = picture_.items[arrow.to].text;
    switch (arrow.kind) {
      case ArrowKind::kReadsFrom:
        return absl::StrCat(to, " reads what ", from, " stored");
      case ArrowKind::kMissed:
        return absl::StrCat(to, " is stale: it misses ", from);
      case ArrowKind::kClash:
        break;
    }
    return absl::StrCat("clashes with ", from);
  }

  // --- below

  double draw_at_rest(double y) {
    if (picture_.at_rest.empty()) return y;
    const auto width = static_cast<size_t>((options_.width - 8) / (font_ * kCharacter));
    for (const std::string& line : wrap_text("*** " + picture_.at_rest, width, 4)) {
      y += line_height_;
      out_.text(4, y - 4, line, "shout");
    }
    return y + 4;
  }

  // Explains what is in the picture, and nothing else.
  double draw_legend(double y) {
    struct Entry {
      const char* css_class;
      const char* head;  // arrows
      const char* words;
    };
    std::vector<Entry> entries;
    const auto arrow = [&](ArrowKind kind, const char* words) {
      for (const Arrow& a : picture_.arrows) {
        if (a.kind != kind) continue;
        const bool reads = kind == ArrowKind::kReadsFrom;
        return entries.push_back({class_of(kind), reads ? "fromhead" : "alarmhead", words});
      }
    };
    const auto band = [&](BandKind kind, const char* words) {
      for (const Band& b : picture_.bands) {
        if (b.kind == kind) return entries.push_back({class_of(kind), nullptr, words});
      }
    };
    arrow(ArrowKind::kReadsFrom, "load reads from store");
    arrow(ArrowKind::kMissed, "stale load misses this store");
    arrow(ArrowKind::kClash, "clashes with");
    band(BandKind::kWriteSection, "mmap_lock held for writing");
    band(BandKind::kReadSection, "mmap_lock held for reading");
    band(BandKind::kReader, "in a read-side section of RCU");
    band(BandKind::kSpeculation, "between two looks at the counter");
    double x = 4;
    y += 4;
    for (const Entry& entry : entries) {
      const double width = 42 + characters(std::string(entry.words).size()) + 18;
      if (x > 4 && x + width > options_.width) x = 4, y += line_height_ + 2;
      if (entry.head != nullptr) {
        out_.path(absl::StrCat("M", pixels(x), " ", pixels(y + 8), "h24"), entry.css_class);
        out_.path(absl::StrCat("M", pixels(x + 30), " ", pixels(y + 8), "l-6 -3.5v7Z"), entry.head);
      } else if (entry.css_class == std::string("reader")) {
        out_.rect(x + 14, y, 2, 16, entry.css_class, 1);
      } else {
        out_.rect(x, y + 1, 30, 14, entry.css_class, 3);
        out_.rect(x, y + 1, 30, 14, "edge", 3);
      }
      out_.text(x + 38, y + 8 + font_ * 0.35, entry.words, "dim");
      x += width;
    }
    if (!entries.empty()) y += line_height_ + 6;
    if (left_out_ > 0) {
      const std::string words = absl::StrCat(left_out_, left_out_ == 1 ? " arrow" : " arrows",
                                             " left out for lack of room");
      out_.text(4, y + font_ * 0.7, words, "dim");
      y += line_height_;
    }
    return y;
  }

  const Interleaving& picture_;
  const SvgOptions& options_;
  const double font_;
  const double line_height_;
  SvgWriter out_;
  std::vector<size_t> gutters_;  // arrows side by side in each gutter
  std::vector<size_t> places_;   // of each arrow in its gutter; too high: it is not drawn
  size_t left_out_ = 0;          // arrows
  std::vector<double> track_x_, track_width_, lane_x_, text_x_, text_width_, gutter_x_;
  std::vector<Box> boxes_;
  double step_right_ = 0, head_bottom_ = 0, bottom_ = 0;
};

}  // namespace

std::string svg_interleaving(const Interleaving& picture, const SvgOptions& options) {
  return Drawer(picture, options).draw();
}

}  // namespace vmafuzz::report
