// Pictures: well formed, within their edges, and nothing on top of a text.
#include "report/svg.h"

#include <cstdlib>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "files.h"
#include "report/directives.h"

namespace vmafuzz::report {
namespace {

// What stands in a picture, read back from it.
struct Placed {
  struct Text {
    double left, right, baseline;
    std::string text;
  };
  struct Upright {  // the vertical part of an arrow
    double x, top, bottom;
  };
  double width = 0, height = 0;
  std::vector<Text> texts;
  std::vector<Upright> uprights;
};

double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

std::string unescape(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}});
}

std::string attribute(const std::string& tag, const std::string& name) {
  const size_t at = tag.find(absl::StrCat(" ", name, "=\""));
  if (at == tag.npos) return "";
  const size_t begin = at + name.size() + 3;
  return tag.substr(begin, tag.find('"', begin) - begin);
}

// Walks through the elements and checks that each that is opened is closed.
Placed read(const std::string& svg, double font) {
  constexpr double kCharacter = 0.602;  // DejaVu Sans Mono
  Placed placed;
  std::vector<std::string> open;
  for (size_t at = svg.find('<'); at != svg.npos; at = svg.find('<', at)) {
    const size_t end = svg.find('>', at);
    EXPECT_NE(end, svg.npos) << "a tag without an end";
    if (end == svg.npos) return placed;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag[0] == '/') {
      EXPECT_FALSE(open.empty()) << tag;
      if (open.empty()) return placed;
      EXPECT_EQ(tag.substr(1), open.back());
      open.pop_back();
      continue;
    }
    const std::string name = tag.substr(0, tag.find_first_of(" /"));
    if (tag.back() != '/') open.push_back(name);
    if (name == "svg") {
      placed.width = number(attribute(tag, "width"));
      placed.height = number(attribute(tag, "height"));
    } else if (name == "text") {
      const std::string text = unescape(svg.substr(at, svg.find('<', at) - at));
      const double x = number(attribute(tag, "x"));
      const double length = static_cast<double>(text.size()) * font * kCharacter;
      const std::string anchor = attribute(tag, "text-anchor");
      const double left = anchor == "end" ? x - length : anchor == "middle" ? x - length / 2 : x;
      placed.texts.push_back({left, left + length, number(attribute(tag, "y")), text});
    } else if (name == "path") {
      static const std::regex kArrow(
          R"(M[-0-9.]+ ([-0-9.]+)H[-0-9.]+Q([-0-9.]+) [-0-9.]+ [-0-9.]+ [-0-9.]+V([-0-9.]+)Q.*)");
      std::smatch match;
      const std::string d = attribute(tag, "d");
      if (std::regex_match(d, match, kArrow)) {
        placed.uprights.push_back({number(match[2]), number(match[1]), number(match[3])});
      }
    }
  }
  EXPECT_TRUE(open.empty()) << open.back();
  return placed;
}

void expect_readable(const Placed& placed, double font, const std::string& name) {
  for (size_t i = 0; i < placed.texts.size(); ++i) {
    const Placed::Text& text = placed.texts[i];
    EXPECT_GE(text.left, -0.5) << name << ": " << text.text;
    EXPECT_LE(text.right, placed.width + 0.5) << name << ": " << text.text;
    EXPECT_GT(text.baseline, font * 0.7) << name << ": " << text.text;
    EXPECT_LT(text.baseline, placed.height) << name << ": " << text.text;
    for (size_t k = 0; k < i; ++k) {
      const Placed::Text& other = placed.texts[k];
      const bool apart = std::abs(other.baseline - text.baseline) > font * 0.95 ||
                         other.right < text.left || text.right < other.left;
      EXPECT_TRUE(apart) << name << ": " << other.text << " and " << text.text;
    }
    for (const Placed::Upright& upright : placed.uprights) {
      const bool apart = upright.x < text.left || upright.x > text.right ||
                         upright.bottom < text.baseline - font || upright.top > text.baseline;
      EXPECT_TRUE(apart) << name << ": an arrow crosses " << text.text;
    }
  }
}

// "3 arrows left out for lack of room".
size_t left_out(const Placed& placed) {
  for (const Placed::Text& text : placed.texts) {
    if (absl::EndsWith(text.text, "left out for lack of room")) {
      return static_cast<size_t>(number(text.text));
    }
  }
  return 0;
}

TEST(Svg, PicturesOfAllFilesCanBeRead) {
  size_t arrows = 0;
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    const Interleaving picture = interleaving_of(report.timeline, operation_names(report.program));
    for (const bool narrow : {false, true}) {
      SvgOptions options;
      options.narrow = narrow;
      if (narrow) options.width = kNarrowWidth;
      const Placed placed = read(svg_interleaving(picture, options), narrow ? 11 : 12);
      EXPECT_EQ(placed.uprights.size() + left_out(placed), picture.arrows.size()) << file;
      expect_readable(placed, narrow ? 11 : 12, file.filename().string());
      arrows += placed.uprights.size();
    }
    const Drawing drawing = drawing_of(report.picture, report.marked_page);
    expect_readable(read(svg_address_space(drawing, {}), 12), 12, file.filename().string());
  }
  EXPECT_GT(arrows, 100u);
}

TEST(Svg, StandaloneHasNameSpaceStyleAndGround) {
  Interleaving picture;
  picture.lanes = {{0, "CPU0"}};
  picture.items = {{0, RowKind::kEvent, Mark::kLoad, 1, "a -> 1", "", "f(), f.c:1"}};
  SvgOptions options;
  options.standalone = true;
  options.title = "a < b";
  const std::string svg = svg_interleaving(picture, options);
  EXPECT_TRUE(absl::StrContains(svg, "xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(absl::StrContains(svg, "<title>a &lt; b</title>"));
  EXPECT_TRUE(absl::StrContains(svg, "prefers-color-scheme: dark"));
  EXPECT_TRUE(absl::StrContains(svg, "class=\"paper\""));
  EXPECT_FALSE(absl::StrContains(svg, "$"));  // every colour has a value
  options.standalone = false;
  EXPECT_FALSE(absl::StrContains(svg_interleaving(picture, options), "<style>"));
}

TEST(Svg, MarkupInTextsIsText) {
  Interleaving picture;
  picture.lanes = {{0, "<CPU>"}};
  picture.items = {{0, RowKind::kEvent, Mark::kLoad, 1, "</text><script>x</script>", "", "a\"b"}};
  picture.at_rest = "<b>";
  const std::string svg = svg_interleaving(picture, {});
  EXPECT_FALSE(absl::StrContains(svg, "<script"));
  EXPECT_FALSE(absl::StrContains(svg, "<CPU>"));
  EXPECT_FALSE(absl::StrContains(svg, "<b>"));
  EXPECT_TRUE(absl::StrContains(svg, "&lt;script&gt;"));
}

TEST(Svg, EmptyExecutionIsAPicture) {
  read(svg_interleaving({}, {}), 12);
  EXPECT_EQ(svg_address_space({}, {}), "");
}

TEST(EscapeMarkup, KeepsWhatIsUtf8AndReplacesWhatIsNot) {
  EXPECT_EQ(escape_markup("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(escape_markup("Wei\xc3\x9fschuh \xe2\x82\xac \xf0\x9f\x90\x9b"),
            "Wei\xc3\x9fschuh \xe2\x82\xac \xf0\x9f\x90\x9b");
  EXPECT_EQ(escape_markup(absl::string_view("\0\x01\x7f\xff", 4)), "????");
  EXPECT_EQ(escape_markup("\xc3"), "?");                 // cut off
  EXPECT_EQ(escape_markup("\xc0\xaf"), "??");            // longer than it has to be
  EXPECT_EQ(escape_markup("\xed\xa0\x80"), "???");       // half of a pair
  EXPECT_EQ(escape_markup("\xef\xbf\xbf"), "???");       // no character
  EXPECT_EQ(escape_markup("\xc2\x85 \t\n"), "?? \t\n");  // a control character
}

TEST(SvgCurves, FlatShortAndLongCurvesStayInside) {
  std::vector<std::pair<double, double>> growing;
  for (int i = 0; i < 5000; ++i) growing.emplace_back(i * 7.0, i * 1234567.0);
  const std::vector<Curve> cases = {{"flat", {{0, 0}, {10, 0}}},
                                    {"at once", {{0, 0}, {0, 5}}},
                                    {"little", {{0, 0}, {0.2, 3}}},
                                    {"growing", growing}};
  for (const Curve& curve : cases) {
    for (const int width : {340, 560}) {
      SvgOptions options;
      options.width = width;
      const std::string svg = svg_curves({curve}, options);
      expect_readable(read(svg, 10), 10, curve.name);
      EXPECT_FALSE(absl::StrContains(svg, "nan")) << svg;
      EXPECT_FALSE(absl::StrContains(svg, "inf")) << svg;
      EXPECT_LT(svg.size(), 20000u) << curve.name;
    }
  }
  EXPECT_EQ(svg_curves({{"nothing", {{1, 1}}}}, {}), "");
  EXPECT_EQ(svg_sparkline({"nothing", {}}, 80, 20), "");
}

TEST(ShortNumber, ThreeDigitsThatMatter) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(1000), "1k");
  EXPECT_EQ(short_number(1234), "1.23k");
  EXPECT_EQ(short_number(12345), "12.3k");
  EXPECT_EQ(short_number(999600), "1M");
  EXPECT_EQ(short_number(123456789), "123M");
  EXPECT_EQ(short_number(2.5e12), "2.5T");
}

TEST(ShortTime, HoursMinutesSeconds) {
  EXPECT_EQ(short_time(0), "0s");
  EXPECT_EQ(short_time(4.25), "4.2s");
  EXPECT_EQ(short_time(59), "59s");
  EXPECT_EQ(short_time(60), "1m");
  EXPECT_EQ(short_time(750), "12m30s");
  EXPECT_EQ(short_time(28800), "8h");
  EXPECT_EQ(short_time(29100), "8h05m");
}

}  // namespace
}  // namespace vmafuzz::report
