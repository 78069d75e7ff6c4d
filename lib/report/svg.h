// Pictures as SVG: what an execution did, address spaces, curves. No scripts, no fonts, no links:
// a picture is one element that stands alone or inside a page.
//
// Colours come from one palette with a light and a dark half; the reader's prefers-color-scheme
// chooses. Classes carry them, so that a page with many pictures says them once.
#ifndef VMAFUZZ_REPORT_SVG_H_
#define VMAFUZZ_REPORT_SVG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "report/interleaving.h"
#include "report/picture.h"

namespace vmafuzz::report {

// "&lt;" for "<" and the like; for HTML and XML, text and quoted attributes. Bytes that XML has no
// place for become "?".
std::string escape_markup(absl::string_view text);

// The rules that pictures need, for a <style> of the page that they are in.
std::string svg_style();

struct SvgOptions {
  int width = 1160;         // pixels; heights follow from what is drawn
  bool narrow = false;      // lanes side by side as in a graph of commits, texts below each other
  bool standalone = false;  // a file of its own: with style, name space and background
  std::string title;        // read by screen readers, shown by browsers
};

constexpr int kNarrowWidth = 366;  // of a telephone's 390 pixels

std::string svg_interleaving(const Interleaving& picture, const SvgOptions& options);

// The address space: a row a version, a box a mapping. As wide as it needs. Empty if no rows.
std::string svg_address_space(const Drawing& drawing, const SvgOptions& options);

// A quantity along time.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // seconds, value; by time
};

// One chart: axes from 0, times as "2h", values as "1.5M". Empty if no curve has two points.
std::string svg_curves(const std::vector<Curve>& curves, const SvgOptions& options);
// A line without axes, for a cell of a table; width and height in pixels.
std::string svg_sparkline(const Curve& curve, int width, int height);

// "1.5M", "12.3k", "999": three digits that matter.
std::string short_number(double value);
// "8h05m", "12m30s", "4.2s".
std::string short_time(double seconds);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_SVG_H_
