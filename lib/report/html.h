// Pages for a browser: one file, nothing from anywhere else, readable without scripts.
#ifndef VMAFUZZ_REPORT_HTML_H_
#define VMAFUZZ_REPORT_HTML_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "report/report.h"

namespace vmafuzz::report {

// A whole page around `body`. The only script copies commands; without it they can be selected.
std::string html_page(absl::string_view title, absl::string_view body);

// A text that people take elsewhere: a command line, a program. `kind` "drawing": lines that must
// not be broken.
std::string html_copyable(absl::string_view text, absl::string_view kind = {});

// A list of names and values; `facts` are texts, not markup.
using Facts = std::vector<std::pair<std::string, std::string>>;
std::string html_facts(const Facts& facts);

// `text` as one word of a shell's command line: quoted if it has to be.
std::string shell_word(absl::string_view text);

struct FindingOptions {
  std::string id;    // anchor in the page
  std::string file;  // what the commands name; empty: the program is in the page alone
  bool full = false;
  Facts facts;  // what else is known of it
};

// Everything that is known of one execution: verdict, cause, pictures, program, commands.
std::string html_finding(const Report& report, const FindingOptions& options);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_HTML_H_
