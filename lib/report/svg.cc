#include "report/svg.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "report/svg_writer.h"

namespace vmafuzz::report {
namespace {

// $NAME stands for a colour.
constexpr absl::string_view kColours = R"(
.vf .paper{fill:$paper}
.vf text{fill:$ink}
.vf .dim{fill:$dim}
.vf .op,.vf .head{fill:$ink;font-weight:700}
.vf .alarm{fill:$alarm}
.vf .shout{fill:$alarm;font-weight:700}
.vf .rule,.vf .axis{stroke:$line}
.vf .lane{stroke:$dim}
.vf .away{stroke:$line;stroke-dasharray:2 4}
.vf .dot{fill:$ink;stroke:$ink}
.vf .ring{fill:$paper;stroke:$ink}
.vf .staledot{fill:$paper;stroke:$alarm}
.vf .write{fill:$write}
.vf .read{fill:$read}
.vf .guess{fill:$guess}
.vf .reader{fill:$reader}
.vf .even{fill:$even}
.vf .odd{fill:$odd}
.vf .edge{stroke:$line}
.vf .from{stroke:$from}
.vf .fromhead{fill:$from}
.vf .missed{stroke:$alarm;stroke-dasharray:5 3}
.vf .clash{stroke:$alarm}
.vf .alarmhead{fill:$alarm}
.vf .curve{stroke:$from}
.vf .area{fill:$from}
.vf .mark{fill:$alarm}
.vf .map0{fill:$map0}
.vf .map1{fill:$map1}
.vf .map2{fill:$map2}
.vf .map3{fill:$map3}
.vf .map4{fill:$map4}
.vf .map5{fill:$map5}
)";

constexpr absl::string_view kShapes = R"(
.vf{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:12px}
.vf.narrow{font-size:11px}
.vf text{white-space:pre}
.vf .small{font-size:10px}
.vf .lane,.vf .away{stroke-width:1.5}
.vf .rule,.vf .axis,.vf .edge{stroke-width:1}
.vf .ring,.vf .staledot,.vf .dot{stroke-width:1.5}
.vf .from,.vf .missed,.vf .clash{fill:none;stroke-width:1.5}
.vf .curve{fill:none;stroke-width:1.8;stroke-linejoin:round}
.vf .area{opacity:.12;stroke:none}
.vf .edge{fill:none}
)";

std::string coloured(const std::vector<std::pair<absl::string_view, absl::string_view>>& palette) {
  return absl::StrReplaceAll(kColours, palette);
}

// Contrast of texts on every ground they stand on is at least 4.5 : 1.
std::string light() {
  return coloured({{"$paper", "#ffffff"},
                   {"$ink", "#1b1f24"},
                   {"$dim", "#535b66"},
                   {"$line", "#c4cad2"},
                   {"$alarm", "#b3261e"},
                   {"$write", "#ffefdb"},
                   {"$read", "#e6f0fb"},
                   {"$guess", "#e4f4e4"},
                   {"$reader", "#2e7d32"},
                   {"$even", "#eef0f3"},
                   {"$odd", "#d9dee5"},
                   {"$from", "#1a5fb4"},
                   {"$map0", "#cfe2ff"},
                   {"$map1", "#ffe0b8"},
                   {"$map2", "#d3efd0"},
                   {"$map3", "#efd6f5"},
                   {"$map4", "#fbd3d3"},
                   {"$map5", "#d5eef0"}});
}

std::string dark() {
  return coloured({{"$paper", "#15181c"},
                   {"$ink", "#e4e8ed"},
                   {"$dim", "#a3adb9"},
                   {"$line", "#454d58"},
                   {"$alarm", "#ff8a80"},
                   {"$write", "#3a2a15"},
                   {"$read", "#17293d"},
                   {"$guess", "#16301a"},
                   {"$reader", "#7bc47f"},
                   {"$even", "#22272e"},
                   {"$odd", "#333b45"},
                   {"$from", "#79b8ff"},
                   {"$map0", "#1d3a66"},
                   {"$map1", "#5c3d12"},
                   {"$map2", "#1e4a24"},
                   {"$map3", "#4b2657"},
                   {"$map4", "#5c2323"},
                   {"$map5", "#164a50"}});
}

// Bytes of the character that a text begins with; 0 if it is no UTF-8 or has no place in XML.
size_t utf8_length(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  uint32_t code = byte(0) & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kFewest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  const bool no_character = code < 0xa0 || code > 0x10ffff || (code & 0xfffe) == 0xfffe;
  return code < kFewest[length] || surrogate || no_character ? 0 : length;
}

}  // namespace

std::string svg_style() {
  return absl::StrCat(kShapes, light(), "@media (prefers-color-scheme: dark){", dark(), "}\n");
}

std::string escape_markup(absl::string_view text) {
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (const size_t length = utf8_length(text.substr(i)); length > 1) {
      absl::StrAppend(&escaped, text.substr(i, length));
      i += length - 1;
      continue;
    }
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      case '\n':
      case '\t':
        escaped += c;
        break;
      default:
        escaped += c >= ' ' && c != 0x7f ? c : '?';
    }
  }
  return escaped;
}

std::string pixels(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  if (text.back() == '0') text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

void SvgWriter::close(absl::string_view element, absl::string_view tooltip) {
  if (tooltip.empty()) {
    absl::StrAppend(&body_, "/>\n");
  } else {
    absl::StrAppend(&body_, "><title>", escape_markup(tooltip), "</title></", element, ">\n");
  }
}

void SvgWriter::rect(double x, double y, double width, double height, absl::string_view css_class,
                     double radius, absl::string_view tooltip) {
  absl::StrAppend(&body_, "<rect class=\"", css_class, "\" x=\"", pixels(x), "\" y=\"", pixels(y),
                  "\" width=\"", pixels(width), "\" height=\"", pixels(height), "\"");
  if (radius > 0) absl::StrAppend(&body_, " rx=\"", pixels(radius), "\"");
  close("rect", tooltip);
}

void SvgWriter::line(double x1, double y1, double x2, double y2, absl::string_view css_class) {
  absl::StrAppend(&body_, "<line class=\"", css_class, "\" x1=\"", pixels(x1), "\" y1=\"",
                  pixels(y1), "\" x2=\"", pixels(x2), "\" y2=\"", pixels(y2), "\"/>\n");
}

void SvgWriter::circle(double x, double y, double radius, absl::string_view css_class) {
  absl::StrAppend(&body_, "<circle class=\"", css_class, "\" cx=\"", pixels(x), "\" cy=\"",
                  pixels(y), "\" r=\"", pixels(radius), "\"/>\n");
}

void SvgWriter::path(absl::string_view d, absl::string_view css_class, absl::string_view tooltip) {
  absl::StrAppend(&body_, "<path class=\"", css_class, "\" d=\"", d, "\"");
  close("path", tooltip);
}

void SvgWriter::text(double x, double y, absl::string_view text, absl::string_view css_class,
                     absl::string_view anchor) {
  absl::StrAppend(&body_, "<text x=\"", pixels(x), "\" y=\"", pixels(y), "\"");
  if (!css_class.empty()) absl::StrAppend(&body_, " class=\"", css_class, "\"");
  if (anchor != "start") absl::StrAppend(&body_, " text-anchor=\"", anchor, "\"");
  absl::StrAppend(&body_, ">", escape_markup(text), "</text>\n");
}

void SvgWriter::begin_group(absl::string_view css_class, absl::string_view tooltip) {
  absl::StrAppend(&body_, "<g");
  if (!css_class.empty()) absl::StrAppend(&body_, " class=\"", css_class, "\"");
  absl::StrAppend(&body_, ">");
  if (!tooltip.empty()) absl::StrAppend(&body_, "<title>", escape_markup(tooltip), "</title>");
  body_ += '\n';
}

void SvgWriter::end_group() { absl::StrAppend(&body_, "</g>\n"); }

std::string SvgWriter::finish(double width, double height, absl::string_view kind,
                              const SvgOptions& options) const {
  std::string svg =
      absl::StrCat("<svg", options.standalone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "",
                   " class=\"vf ", kind, "\" role=\"img\" viewBox=\"0 0 ", pixels(width), " ",
                   pixels(height), "\" width=\"", pixels(width), "\" height=\"", pixels(height),
                   "\" aria-label=\"", escape_markup(options.title), "\">\n");
  if (options.standalone) {
    absl::StrAppend(&svg, "<title>", escape_markup(options.title), "</title>\n<style>", svg_style(),
                    "</style>\n", "<rect class=\"paper\" width=\"", pixels(width), "\" height=\"",
                    pixels(height), "\"/>\n");
  }
  return absl::StrCat(svg, body_, "</svg>\n");
}

std::string short_number(double value) {
  for (const auto& [unit, name] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}) {
    if (value < unit * 0.9995) continue;
    const double shown = value / unit;
    const int digits = shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
    std::string text = absl::StrFormat("%.*f", digits, shown);
    if (digits > 0) {
      while (text.back() == '0') text.pop_back();
      if (text.back() == '.') text.pop_back();
    }
    return text + name;
  }
  return absl::StrFormat("%.0f", value);
}

std::string short_time(double seconds) {
  if (seconds < 10 && seconds != std::floor(seconds)) return absl::StrFormat("%.1fs", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  const long long hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
  if (hours > 0) {
    return minutes == 0 ? absl::StrCat(hours, "h") : absl::StrFormat("%dh%02dm", hours, minutes);
  }
  if (minutes > 0) {
    return rest == 0 ? absl::StrCat(minutes, "m") : absl::StrFormat("%dm%02ds", minutes, rest);
  }
  return absl::StrCat(rest, "s");
}

}  // namespace vmafuzz::report
