// `vmafuzz report`: what a fuzzing run did and found, as one page or as mails.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fuzz/commands/table.h"
#include "fuzz/run_report/finding.h"
#include "fuzz/run_report/run_folder.h"
#include "fuzz/run_report/run_page.h"
#include "fuzz/version.h"
#include "report/columns.h"
#include "report/mail.h"

namespace vmafuzz::command {
namespace {

namespace fs = std::filesystem;
using run_report::Finding;

constexpr size_t kMailWidth = 79;

constexpr Flag kFlags[] = {
    {"out", FlagKind::kText, "FILE", "",
     "write here; - is standard output (default RUN/report.html)"},
    {"mail", FlagKind::kSwitch, "", "",
     "a plain text for each finding instead, on standard output"},
    {"bucket", FlagKind::kText, "NAME", "",
     "only the finding of that name (a file below RUN/found)"},
};

int fail(const std::string& message, int exit_status) {
  std::cerr << "vmafuzz report: " << message << "\n";
  return exit_status;
}

// Whole or not at all: a report that is looked at is not to be half of the next one. What is no
// file, such as a pipe, stays what it is and is written to; a link goes on to where it goes.
absl::Status write_whole(const std::string& name, const std::string& content) {
  std::error_code error;
  const fs::file_status there = fs::status(name, error);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    errno = 0;
    std::ofstream out(name, std::ios::binary);
    out << content;
    if (out.flush()) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("cannot write ", name, ": ", std::strerror(errno),
                                               ": choose another place with --out"));
  }
  const std::string path = fs::exists(there) ? fs::canonical(name, error).string() : name;
  const std::string unfinished = path + ".tmp";
  {
    std::ofstream out(unfinished, std::ios::binary);
    out << content;
    if (!out.flush()) {
      out.close();
      fs::remove(unfinished, error);
      return absl::UnavailableError(
          absl::StrCat("cannot write ", unfinished, ": choose another place with --out"));
    }
  }
  fs::rename(unfinished, path, error);
  if (!error) return absl::OkStatus();
  const std::string why = error.message();
  fs::remove(unfinished, error);
  return absl::UnavailableError(absl::StrCat(path, ": ", why));
}

std::string mails(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    if (!text.empty()) absl::StrAppend(&text, "\n", std::string(kMailWidth, '='), "\n\n");
    if (!finding.report || !finding.problem.empty()) {
      for (const std::string& line : report::wrap_text(
               absl::StrCat(finding.bucket.name, ": ", finding.problem), kMailWidth, 2)) {
        absl::StrAppend(&text, line, "\n");
      }
      absl::StrAppend(&text, finding.bucket.report);
      continue;
    }
    report::MailOptions options;
    options.file = absl::StrCat(finding.bucket.name, ".repro");
    options.version = version_and_commit();
    options.found = run_report::sightings(finding.bucket);
    options.source = finding.kernel_source;
    absl::StrAppend(&text, report::mail(*finding.report, options));
  }
  return text;
}

int run(const Arguments& args) {
  absl::StatusOr<run_report::RunFolder> run = run_report::read_run_folder(args.operands()[0]);
  if (!run.ok()) return fail(std::string(run.status().message()), kExitUsage);
  std::vector<Finding> findings;
  for (const run_report::Bucket& bucket : run->buckets) {
    if (args.has("bucket") && bucket.name != args.text("bucket")) continue;
    findings.push_back(run_report::finding_of(bucket));
  }
  if (args.has("bucket") && findings.empty()) {
    return fail(absl::StrCat("no finding is called \"", args.text("bucket"), "\": see ",
                             args.operands()[0], "/found"),
                kExitUsage);
  }
  const bool mail = args.on("mail");
  const std::string content =
      mail ? mails(findings) : run_report::run_page(*run, findings, version_and_commit());
  std::string out = args.text("out");
  if (out.empty()) {
    out = mail ? "-" : (fs::path(args.operands()[0]) / "report.html").lexically_normal().string();
  }
  if (out == "-") {
    std::cout << content;
    return kExitOk;
  }
  if (absl::Status status = write_whole(out, content); !status.ok()) {
    return fail(std::string(status.message()), kExitEnvironment);
  }
  std::cout << out << ": " << findings.size()
            << (findings.size() == 1 ? " finding\n" : " findings\n");
  return kExitOk;
}

}  // namespace

const Command kReport = {
    .name = "report",
    .summary = "makes a page of what a fuzzing run did and found",
    .operands = "RUN",
    .description =
        "Reads the directory of a run (`vmafuzz fuzz --dir RUN`), which may still be going on or\n"
        "have been killed, and writes one HTML file that needs no network: what ran, curves along\n"
        "time, and for each finding its cause, the interleaving as a picture, the address space,\n"
        "the minimal program and the commands that replay it. What is missing in RUN is named.\n"
        "Ends with 0 whatever was found.",
    .examples =
        "./vmafuzz report runs/tonight\n"
        "./vmafuzz report runs/tonight --out morning.html\n"
        "./vmafuzz report runs/tonight --mail --bucket v1-wrong-uprobe",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

}  // namespace vmafuzz::command
