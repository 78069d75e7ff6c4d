// A finding as plain text for a mailing list: what it is in a few lines, why, the diagram, and the
// program that replays it.
#ifndef VMAFUZZ_REPORT_MAIL_H_
#define VMAFUZZ_REPORT_MAIL_H_

#include <string>

#include "report/report.h"

namespace vmafuzz::report {

struct MailOptions {
  std::string file;     // what the reader is to call the program, if that fits; without its folder
  std::string version;  // of vmafuzz: "0.1.0, commit 0123456789ab"
  std::string found;    // "12 times, first after 3m20s, by libfuzzer"; empty: not known
  std::string source;   // where the kernel comes from: "<Message-ID>"; may be empty
};

// Begins with "Subject:". No line has more than 79 characters, but for a line of the program that
// has, which must stay one line.
std::string mail(const Report& report, const MailOptions& options);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_MAIL_H_
