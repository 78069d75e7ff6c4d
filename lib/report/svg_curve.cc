// Curves along time.
#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "report/svg.h"
#include "report/svg_writer.h"

namespace vmafuzz::report {
namespace {

constexpr double kHeight = 150, kLeft = 48, kRight = 12, kTop = 24, kBottom = 20;
// More points than pixels only make the page long.
constexpr size_t kMostPoints = 300;

// 1, 2 or 5 times a power of ten, so that about `parts` of them reach `end`.
double round_step(double end, double parts) {
  const double wanted = end / parts;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= wanted) return factor * power;
  }
  return 10 * power;
}

double time_step(double end) {
  for (const double step : {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,
                            21600, 43200, 86400}) {
    if (end / step <= 5) return step;
  }
  return round_step(end / 86400, 5) * 86400;
}

std::vector<std::pair<double, double>> thinned(const Curve& curve) {
  const size_t count = curve.points.size();
  if (count <= kMostPoints) return curve.points;
  std::vector<std::pair<double, double>> points;
  for (size_t i = 0; i < kMostPoints; ++i) {
    points.push_back(curve.points[i * (count - 1) / (kMostPoints - 1)]);
  }
  return points;
}

struct Frame {
  double left, top, width, height;
  double last_time, highest;
  double x(double time) const { return left + width * time / last_time; }
  double y(double value) const { return top + height * (1 - value / highest); }
};

std::string path_of(const Curve& curve, const Frame& frame) {
  std::string d;
  for (const auto& [time, value] : thinned(curve)) {
    absl::StrAppend(&d, d.empty() ? "M" : "L", pixels(frame.x(time)), " ", pixels(frame.y(value)));
  }
  return d;
}

std::string area_of(const Curve& curve, const Frame& frame) {
  const double floor = frame.y(0);
  return absl::StrCat(path_of(curve, frame), "L", pixels(frame.x(curve.points.back().first)), " ",
                      pixels(floor), "L", pixels(frame.x(curve.points.front().first)), " ",
                      pixels(floor), "Z");
}

bool drawable(const Curve& curve) { return curve.points.size() >= 2; }

// Both at least what keeps divisions sane: a curve that is always 0 is a line at the bottom.
Frame frame_of(const std::vector<Curve>& curves) {
  Frame frame{0, 0, 0, 0, 1e-3, 1};
  for (const Curve& curve : curves) {
    for (const auto& [time, value] : curve.points) {
      frame.last_time = std::max(frame.last_time, time);
      frame.highest = std::max(frame.highest, value);
    }
  }
  return frame;
}

void draw_axes(const Frame& frame, SvgWriter* out) {
  const double bottom = frame.top + frame.height;
  const double step = std::max(round_step(frame.highest, 3), 1.0);
  for (double value = 0; value <= frame.highest; value += step) {
    const double y = frame.y(value);
    out->line(frame.left, y, frame.left + frame.width, y, "axis");
    out->text(frame.left - 6, y + 4, short_number(value), "dim small", "end");
  }
  const double time = time_step(frame.last_time);
  for (double at = 0; at <= frame.last_time; at += time) {
    const double x = frame.x(at);
    out->line(x, bottom, x, bottom + 4, "axis");
    // Within the picture: the last label may not hang over its edge.
    const bool at_end = x > frame.left + frame.width - 16;
    out->text(at_end ? frame.left + frame.width + kRight : x, bottom + 15, short_time(at),
              "dim small", at_end ? "end" : "middle");
  }
}

}  // namespace

std::string svg_curves(const std::vector<Curve>& curves, const SvgOptions& options) {
  if (std::none_of(curves.begin(), curves.end(), drawable)) return {};
  Frame frame = frame_of(curves);
  frame.left = kLeft;
  frame.top = kTop;
  frame.width = options.width - kLeft - kRight;
  frame.height = kHeight - kTop - kBottom;
  SvgWriter out;
  draw_axes(frame, &out);
  std::string names;
  for (const Curve& curve : curves) {
    if (!drawable(curve)) continue;
    absl::StrAppend(&names, names.empty() ? "" : ", ", curve.name, ": ",
                    short_number(curve.points.back().second));
    if (curves.size() == 1) out.path(area_of(curve, frame), "area");
    out.path(path_of(curve, frame), "curve",
             absl::StrCat(curve.name, ": ", short_number(curve.points.back().second)));
  }
  out.text(0, 12, names, "head");
  return out.finish(options.width, kHeight, "curves", options);
}

std::string svg_sparkline(const Curve& curve, int width, int height) {
  if (!drawable(curve)) return {};
  Frame frame = frame_of({curve});
  frame.left = 1;
  frame.top = 2;
  frame.width = width - 2;
  frame.height = height - 4;
  SvgWriter out;
  out.path(area_of(curve, frame), "area");
  out.path(path_of(curve, frame), "curve");
  SvgOptions options;
  options.title = absl::StrCat(curve.name, " along time");
  return out.finish(width, height, "spark", options);
}

}  // namespace vmafuzz::report
