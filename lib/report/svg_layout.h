// Where everything of a picture of an interleaving stands: the first half of svg_interleaving(),
// which draws nothing.
//
// Lanes from left to right, time from top to bottom, one item a line.
//
// Each item has its line to itself, so that an arrow may cross other lanes at the height of its
// ends without meeting a text; in between it runs in a gutter, which no text enters. Wide: lanes
// are columns with their texts, with a gutter left of each lane. Narrow: lanes stand close together
// at the left, then comes one gutter, then all texts.
#ifndef VMAFUZZ_REPORT_SVG_LAYOUT_H_
#define VMAFUZZ_REPORT_SVG_LAYOUT_H_

#include <string>
#include <vector>

#include "report/interleaving.h"
#include "report/svg.h"

namespace vmafuzz::report {

constexpr double kGutterTrack = 8;  // between arrows in a gutter
constexpr double kDot = 3.5;        // radius of an item's mark

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

// The upright part of an arrow: which gutter it is in, and which place in that, from 0. An arrow
// that found no place is not drawn.
struct Upright {
  size_t gutter = 0;
  size_t place = 0;
  bool drawn = true;
};

// All coordinates are pixels. Of each track, lane, item, arrow: by its number in the picture.
struct Layout {
  double font = 0, line_height = 0;
  std::vector<double> track_x, track_width;
  std::vector<double> lane_x, text_x, text_width;
  std::vector<double> gutter_x;
  std::vector<Upright> uprights;
  std::vector<Box> boxes;
  size_t left_out = 0;                                 // arrows
  double step_right = 0, head_bottom = 0, bottom = 0;  // the number of the step ends at step_right

  // The width of so many characters.
  double characters(size_t count) const;
};

Layout layout_of(const Interleaving& picture, const SvgOptions& options);

// What stands above a track's column.
std::string track_title(const Interleaving& picture, const Track& track);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_SVG_LAYOUT_H_
