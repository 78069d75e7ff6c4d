#include "report/svg_layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "report/columns.h"

namespace vmafuzz::report {
namespace {

// Of a character, as a part of the font's size: what monospaced fonts have, and a little more.
constexpr double kCharacter = 0.61;
constexpr double kWideFont = 12, kNarrowFont = 11;
constexpr double kNarrowLane = 14;
constexpr size_t kFewestCharacters = 12;
constexpr size_t kStepDigits = 5;

class Placer {
 public:
  Placer(const Interleaving& picture, const SvgOptions& options)
      : picture_(picture), options_(options) {
    out_.font = options.narrow ? kNarrowFont : kWideFont;
    out_.line_height = options.narrow ? 15 : 17;
  }

  Layout place() {
    place_arrows();
    place_tracks();
    if (options_.narrow) {
      place_narrow_lanes();
    } else {
      place_wide_lanes();
    }
    place_items();
    return std::move(out_);
  }

 private:
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
      const Stem& stem = stems.at(key_of(arrow));
      const bool drawn = stem.place < most_places();
      out_.uprights.push_back({stem.gutter, stem.place, drawn});
      if (!drawn) ++out_.left_out;
    }
  }

  // --- columns

  double tracks_of(size_t gutter) const {
    return kGutterTrack * static_cast<double>(gutters_[gutter]);
  }

  void place_tracks() {
    if (!options_.narrow) {
      out_.step_right = out_.characters(kStepDigits);
      x_ = out_.step_right + 8;
    }
    for (const Track& track : picture_.tracks) {
      const size_t title = options_.narrow ? 3 : track_title(picture_, track).size();
      size_t longest = std::max(track.first.size(), title);
      for (const auto& change : track.changes) longest = std::max(longest, change.second.size());
      out_.track_x.push_back(x_);
      out_.track_width.push_back(out_.characters(longest) + 8);
      x_ += out_.track_width.back() + 6;
    }
  }

  void place_narrow_lanes() {
    const size_t lanes = picture_.lanes.size();
    out_.gutter_x.assign(lanes + 1, 0);
    for (size_t i = 0; i < lanes; ++i) {
      out_.lane_x.push_back(x_ + 6 + kNarrowLane * static_cast<double>(i));
    }
    out_.gutter_x[0] = out_.lane_x.empty() ? x_ : out_.lane_x.back() + 8;
    const double texts = out_.gutter_x[0] + tracks_of(0) + 6;
    out_.text_x.assign(lanes, texts);
    out_.step_right = options_.width;
    out_.text_width.assign(lanes, options_.width - texts - out_.characters(kStepDigits + 1));
  }

  void place_wide_lanes() {
    const size_t lanes = picture_.lanes.size();
    double gutters = 0;
    for (size_t i = 0; i < lanes; ++i) gutters += 20 + tracks_of(i);
    const double room = options_.width - x_ - gutters;
    const double each = lanes == 0 ? 0 : std::max(1.0, room / static_cast<double>(lanes));
    for (size_t i = 0; i < lanes; ++i) {
      out_.gutter_x.push_back(x_ + 2);
      x_ += 20 + tracks_of(i);
      out_.lane_x.push_back(x_);
      out_.text_x.push_back(x_ + 10);
      out_.text_width.push_back(each - 14);
      x_ += each;
    }
    out_.gutter_x.push_back(x_);
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
        static_cast<size_t>(std::max(0.0, out_.text_width[item.lane] / (out_.font * kCharacter)));
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
    double y = out_.line_height + 8;
    out_.head_bottom = y;
    size_t last_lane = picture_.lanes.size();
    for (const Item& item : picture_.items) {
      Box box;
      box.top = y;
      box.titled = options_.narrow && item.lane != last_lane;
      if (item.kind == RowKind::kOperation || box.titled) y += 6;
      if (box.titled) y += out_.line_height + 2;
      last_lane = item.lane;
      add_lines(item, &box);
      box.middle = y + out_.line_height / 2;
      y += out_.line_height * static_cast<double>(box.lines.size());
      box.bottom = y;
      out_.boxes.push_back(std::move(box));
    }
    out_.bottom = y + 4;
  }

  const Interleaving& picture_;
  const SvgOptions& options_;
  Layout out_;
  std::vector<size_t> gutters_;  // arrows side by side in each gutter
  double x_ = 0;                 // right of what is placed already
};

}  // namespace

double Layout::characters(size_t count) const {
  return static_cast<double>(count) * font * kCharacter;
}

Layout layout_of(const Interleaving& picture, const SvgOptions& options) {
  return Placer(picture, options).place();
}

std::string track_title(const Interleaving& picture, const Track& track) {
  return picture.tracks.size() == 1 ? "seq" : track.name.substr(0, track.name.find('.'));
}

}  // namespace vmafuzz::report
