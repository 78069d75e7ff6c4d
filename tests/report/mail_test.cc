// Findings as mails.
#include "report/mail.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "files.h"

namespace vmafuzz::report {
namespace {

// As long as a bucket's file name gets.
std::string longest_name() { return std::string(200, 'x') + ".repro"; }

TEST(Mail, NoLineOfAnyFileIsLongerThan79) {
  for (const auto& file : program_files()) {
    MailOptions options;
    options.file = longest_name();
    options.version = "0.1.0, commit 0123456789ab-dirty";
    options.found = "12345678 times, first after 3h12m and 123456789 executions, by libfuzzer";
    for (absl::string_view line : absl::StrSplit(mail(report_of_file(file), options), '\n')) {
      EXPECT_LE(line.size(), 79u) << file << ": " << line;
    }
  }
}

// What the reader calls the program makes no line longer, nor is the command in two lines.
TEST(Mail, LongNamesBreakNoCommand) {
  const Report report = report_of_our("repro/v1-wrong-uprobe.repro");
  const std::string fits = std::string(54, 'x') + ".repro";  // in the command's line
  const std::string too_long = std::string(55, 'x') + ".repro";
  for (const std::string& name : {fits, too_long, longest_name()}) {
    MailOptions options;
    options.file = name;
    const std::string text = mail(report, options);
    for (absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(line.size(), 79u) << line;
    const std::string called = name == fits ? name : "finding.repro";
    EXPECT_TRUE(absl::StrContains(text, absl::StrCat("\n  ./vmafuzz replay ", called, "\n")))
        << text;
  }
}

// Threads are not deterministic, whatever the program.
TEST(Mail, OfRealThreadsPromisesNoMoreThanTheyShowed) {
  Report report = report_of_our("repro/nhit-data-race.repro");
  EXPECT_TRUE(absl::StrContains(mail(report, {}), "on any machine, to the last access"));
  Report unknown = report;
  show_elsewhere(&unknown, "data-race", "what", "--threads --times 1000 ");
  std::string text = mail(unknown, {});
  EXPECT_FALSE(absl::StrContains(text, "any machine")) << text;
  EXPECT_TRUE(absl::StrContains(text, "in some runs and not in others")) << text;
  report.program.story.push_back("Real threads show this in 12 of 1000 runs, 1.2%:");
  show_elsewhere(&report, "data-race", "what", "--threads --times 1000 ");
  text = mail(report, {});
  EXPECT_FALSE(absl::StrContains(text, "any machine")) << text;
  EXPECT_TRUE(absl::StrContains(text, "which showed it in 12 of 1000 runs, 1.2%")) << text;
}

TEST(Mail, ProgramBetweenTheScissorsIsTheProgram) {
  for (const auto& file : program_files()) {
    const Report report = report_of_file(file);
    const std::string text = mail(report, {});
    const size_t begin = text.find("---8<---\n"), end = text.find("--->8---\n");
    ASSERT_NE(begin, text.npos) << file;
    ASSERT_NE(end, text.npos) << file;
    const absl::StatusOr<input::Program> program =
        input::parse_text(text.substr(begin + 9, end - begin - 9));
    ASSERT_TRUE(program.ok()) << file << ": " << program.status();
    EXPECT_EQ(program->ops, report.program.ops) << file;
    EXPECT_EQ(program->directives, report.program.directives) << file;
    EXPECT_EQ(program->kernel, report.program.kernel) << file;
  }
}

TEST(Mail, SaysShortlyWhatItIsAndWhy) {
  const auto file = std::filesystem::path(VMAFUZZ_SOURCE_DIR) / "repro/v1-wrong-uprobe.repro";
  const Report report = report_of_file(file);
  MailOptions options;
  options.file = "v1-wrong-uprobe.repro";
  options.version = "0.1.0";
  options.source = "<a@b>";
  const std::string text = mail(report, options);
  EXPECT_TRUE(absl::StartsWith(text,
                               "Subject: vmafuzz: wrong-uprobe on v1\n"
                               "\n"
                               "kernel:   v1\n"
                               "source:   <a@b>\n"
                               "verdict:  wrong-uprobe: speculative lookup of "))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "\nneeds:    1 preemption, 3 stale loads\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\nvmafuzz:  0.1.0\n")) << text;
  EXPECT_FALSE(absl::StrContains(text, "\nfound:")) << text;
  EXPECT_TRUE(absl::StrContains(text, report.sentence.substr(0, 30))) << text;
  EXPECT_TRUE(absl::StrContains(text, "step | seq | CPU0 ")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\n  ./vmafuzz replay v1-wrong-uprobe.repro\n")) << text;
}

// Columns for three CPUs do not fit: one event a line instead.
TEST(Mail, MoreThanTwoCpusAreListed) {
  const auto file =
      std::filesystem::path(VMAFUZZ_SOURCE_DIR) / "repro/suren-rfc-wrong-uprobe.repro";
  const std::string text = mail(report_of_file(file), {});
  EXPECT_TRUE(absl::StrContains(text, "\nstep | seq | cpu  |\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, " | RCU  | ")) << text;
}

}  // namespace
}  // namespace vmafuzz::report
