// Elements of SVG, appended to a text. Coordinates are pixels, rounded to a tenth.
#ifndef VMAFUZZ_REPORT_SVG_WRITER_H_
#define VMAFUZZ_REPORT_SVG_WRITER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "report/svg.h"

namespace vmafuzz::report {

class SvgWriter {
 public:
  void rect(double x, double y, double width, double height, absl::string_view css_class,
            double radius = 0, absl::string_view tooltip = {});
  void line(double x1, double y1, double x2, double y2, absl::string_view css_class);
  void circle(double x, double y, double radius, absl::string_view css_class);
  void path(absl::string_view d, absl::string_view css_class, absl::string_view tooltip = {});
  // `anchor`: "start", "middle" or "end".
  void text(double x, double y, absl::string_view text, absl::string_view css_class,
            absl::string_view anchor = "start");
  void begin_group(absl::string_view css_class, absl::string_view tooltip = {});
  void end_group();

  // The whole picture; `kind` is its class beside "vf".
  std::string finish(double width, double height, absl::string_view kind,
                     const SvgOptions& options) const;

 private:
  void close(absl::string_view element, absl::string_view tooltip);
  std::string body_;
};

// "12.5", "12".
std::string pixels(double value);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_SVG_WRITER_H_
