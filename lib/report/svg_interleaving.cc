#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "report/columns.h"
#include "report/svg.h"
#include "report/svg_layout.h"
#include "report/svg_writer.h"

namespace vmafuzz::report {
namespace {

class Drawer {
 public:
  Drawer(const Interleaving& picture, const SvgOptions& options)
      : picture_(picture), options_(options), layout_(layout_of(picture, options)) {}

  std::string draw() {
    draw_tracks();
    draw_bands();
    draw_lanes();
    draw_arrows();
    for (size_t i = 0; i < picture_.items.size(); ++i) draw_item(i);
    draw_head();
    const double end = draw_legend(draw_at_rest(layout_.bottom + 8));
    return out_.finish(options_.width, end,
                       options_.narrow ? "interleaving narrow" : "interleaving", options_);
  }

 private:
  double baseline(const Box& box, size_t line) const {
    return box.middle + layout_.font * 0.35 + layout_.line_height * static_cast<double>(line);
  }

  void draw_item(size_t index) {
    const Item& item = picture_.items[index];
    const Box& box = layout_.boxes[index];
    const double x = layout_.text_x[item.lane];
    if (box.titled) {
      out_.text(x, box.middle - layout_.line_height - 2 + layout_.font * 0.35,
                picture_.lanes[item.lane].title, "head");
    }
    out_.begin_group("", item.kind == RowKind::kEvent ? item.place : "");
    draw_mark(item, box);
    if (item.step > 0) {
      out_.text(layout_.step_right, baseline(box, 0), absl::StrCat(item.step), "dim", "end");
    }
    for (size_t i = 0; i < box.lines.size(); ++i) {
      out_.text(x, baseline(box, i), box.lines[i].text, box.lines[i].css_class);
    }
    out_.end_group();
  }

  void draw_mark(const Item& item, const Box& box) {
    const double x = layout_.lane_x[item.lane], y = box.middle;
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
    const double y = layout_.line_height - 3;
    if (options_.narrow) {
      if (!layout_.track_x.empty())
        out_.text(layout_.track_x[0] + layout_.track_width[0] / 2, y, "seq", "head", "middle");
    } else {
      for (size_t i = 0; i < layout_.track_x.size(); ++i) {
        out_.text(layout_.track_x[i] + layout_.track_width[i] / 2, y,
                  track_title(picture_, picture_.tracks[i]), "head", "middle");
      }
      for (size_t i = 0; i < layout_.lane_x.size(); ++i) {
        out_.text(layout_.text_x[i], y, picture_.lanes[i].title, "head");
      }
    }
    out_.text(layout_.step_right, y, "step", "dim", "end");
    out_.line(0, layout_.head_bottom - 4, options_.width, layout_.head_bottom - 4, "rule");
  }

  // A strip for each counter: a new shade and the new value where it changes.
  void draw_tracks() {
    for (size_t i = 0; i < picture_.tracks.size(); ++i) {
      const Track& track = picture_.tracks[i];
      double top = layout_.head_bottom;
      std::string value = track.first;
      for (size_t k = 0; k <= track.changes.size(); ++k) {
        const bool last = k == track.changes.size();
        const double end = last ? layout_.bottom : layout_.boxes[track.changes[k].first].middle - 8;
        out_.rect(layout_.track_x[i], top, layout_.track_width[i], std::max(end - top, 1.0),
                  k % 2 == 0 ? "even" : "odd", 0, absl::StrCat(track.name, " = ", value));
        out_.text(layout_.track_x[i] + layout_.track_width[i] / 2, top + 8 + layout_.font * 0.35,
                  value, "", "middle");
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
      const double top = layout_.boxes[band.first].top, bottom = layout_.boxes[band.last].bottom;
      if (band.kind == BandKind::kReader) continue;
      double left = layout_.lane_x[band.lane] - 6, width = 12;
      if (!options_.narrow) width = 16 + layout_.text_width[band.lane];
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
      const double top = layout_.boxes[band.first].middle, bottom = layout_.boxes[band.last].middle;
      out_.rect(layout_.lane_x[band.lane] - 7 - entry->second, top, 2, std::max(bottom - top, 2.0),
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
          out_.line(layout_.lane_x[lane], layout_.boxes[last].middle, layout_.lane_x[lane],
                    layout_.boxes[i].middle, last + 1 == i ? "lane" : "away");
        }
        last = i;
      }
    }
  }

  // Where an arrow leaves or meets an item, on its lane's side of the gutter.
  double end_of(size_t index, double gutter) const {
    const Item& item = picture_.items[index];
    const double lane = layout_.lane_x[item.lane];
    if (options_.narrow) return lane + kDot + 2;
    if (gutter < lane) return lane - kDot - 2;
    const std::string& text = layout_.boxes[index].lines.front().text;
    return std::min(layout_.text_x[item.lane] + layout_.characters(text.size()) + 6, gutter - 6);
  }

  void draw_arrows() {
    for (size_t i = 0; i < picture_.arrows.size(); ++i) {
      const Upright& upright = layout_.uprights[i];
      if (!upright.drawn) continue;
      const Arrow& arrow = picture_.arrows[i];
      const double x =
          layout_.gutter_x[upright.gutter] + 4 + kGutterTrack * static_cast<double>(upright.place);
      const double y1 = layout_.boxes[arrow.from].middle, y2 = layout_.boxes[arrow.to].middle;
      const double x1 = end_of(arrow.from, x), x2 = end_of(arrow.to, x);
      const double in = x1 < x ? -4 : 4, out = x2 < x ? -4 : 4;  // round the corners
      const double head = x2 < x ? 6 : -6;
      const std::string d = absl::StrCat(
          "M", pixels(x1), " ", pixels(y1), "H", pixels(x + in), "Q", pixels(x), " ", pixels(y1),
          " ", pixels(x), " ", pixels(y1 + 4), "V", pixels(y2 - 4), "Q", pixels(x), " ", pixels(y2),
          " ", pixels(x + out), " ", pixels(y2), "H", pixels(x2 + head));
      out_.path(d, class_of(arrow.kind), words_of(arrow));
      out_.path(absl::StrCat("M", pixels(x2), " ", pixels(y2), "l", pixels(head), " -3.5v7Z"),
                head_of(arrow.kind));
    }
  }

  static const char* head_of(ArrowKind kind) {
    return kind == ArrowKind::kReadsFrom ? "fromhead" : "alarmhead";
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
    const auto width = static_cast<size_t>((options_.width - 8) / layout_.characters(1));
    for (const std::string& line : wrap_text("*** " + picture_.at_rest, width, 4)) {
      y += layout_.line_height;
      out_.text(4, y - 4, line, "shout");
    }
    return y + 4;
  }

  // What the legend explains: what is in the picture, and nothing else.
  struct LegendEntry {
    const char* css_class;
    const char* head;  // arrows
    absl::string_view words;
  };

  std::vector<LegendEntry> legend() const {
    std::vector<LegendEntry> entries;
    const auto arrow = [&](ArrowKind kind, absl::string_view words) {
      for (const Arrow& a : picture_.arrows) {
        if (a.kind == kind) return entries.push_back({class_of(kind), head_of(kind), words});
      }
    };
    const auto band = [&](BandKind kind, absl::string_view words) {
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
    return entries;
  }

  void draw_sample(const LegendEntry& entry, double x, double y) {
    if (entry.head != nullptr) {
      out_.path(absl::StrCat("M", pixels(x), " ", pixels(y + 8), "h24"), entry.css_class);
      out_.path(absl::StrCat("M", pixels(x + 30), " ", pixels(y + 8), "l-6 -3.5v7Z"), entry.head);
    } else if (entry.css_class == absl::string_view("reader")) {
      out_.rect(x + 14, y, 2, 16, entry.css_class, 1);
    } else {
      out_.rect(x, y + 1, 30, 14, entry.css_class, 3);
      out_.rect(x, y + 1, 30, 14, "edge", 3);
    }
  }

  double draw_legend(double y) {
    const std::vector<LegendEntry> entries = legend();
    double x = 4;
    y += 4;
    for (const LegendEntry& entry : entries) {
      const double width = 42 + layout_.characters(entry.words.size()) + 18;
      if (x > 4 && x + width > options_.width) x = 4, y += layout_.line_height + 2;
      draw_sample(entry, x, y);
      out_.text(x + 38, y + 8 + layout_.font * 0.35, entry.words, "dim");
      x += width;
    }
    if (!entries.empty()) y += layout_.line_height + 6;
    if (layout_.left_out > 0) {
      const char* arrows = layout_.left_out == 1 ? " arrow" : " arrows";
      out_.text(4, y + layout_.font * 0.7,
                absl::StrCat(layout_.left_out, arrows, " left out for lack of room"), "dim");
      y += layout_.line_height;
    }
    return y;
  }

  const Interleaving& picture_;
  const SvgOptions& options_;
  const Layout layout_;
  SvgWriter out_;
};

}  // namespace

std::string svg_interleaving(const Interleaving& picture, const SvgOptions& options) {
  return Drawer(picture, options).draw();
}

}  // namespace vmafuzz::report
