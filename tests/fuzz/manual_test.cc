// The man page and the completion say what the table of commands says, whatever is in it.
#include "fuzz/manual.h"

#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"json", FlagKind::kSwitch, "", "", "print one JSON object"},
    {"kernel", FlagKind::kList, "NAME", "6.14", "which kernel; 'quoted' and \\escaped"},
    {"out", FlagKind::kText, "FILE", "", ".starts like a request"},
};
int nothing(const Arguments&) { return 0; }
const Command kProbe = {
    .name = "probe",
    .summary = "records - things",
    .operands = "RUN",
    .description = ".TH not a request\nand 'nor this.\n\nA second paragraph.",
    .examples = "./vmafuzz probe --out=a-b 'c d'",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 1,
    .run = nothing,
};
const Command* const kTable[] = {&kProbe};

// What groff makes of the escapes that the page uses.
std::string plain(absl::string_view roff) {
  return absl::StrReplaceAll(roff, {{"\\-", "-"},
                                    {"\\(aq", "'"},
                                    {"\\(ga", "`"},
                                    {"\\(ha", "^"},
                                    {"\\(ti", "~"},
                                    {"\\e", "\\"},
                                    {"\\&", ""}});
}

TEST(ManPage, HasEveryWordOfEveryCommandOfTheProgram) {
  const std::string page = plain(man_page(all_commands(), "0"));
  for (const Command* command : all_commands()) {
    EXPECT_TRUE(
        absl::StrContains(page, absl::StrCat("\n.B ", command->name, "\n", command->summary, "\n")))
        << command->name;
    EXPECT_TRUE(absl::StrContains(page, absl::StrCat("\n.SS ", command->name))) << command->name;
    for (absl::string_view line : absl::StrSplit(command->description, '\n', absl::SkipEmpty())) {
      EXPECT_TRUE(absl::StrContains(page, line)) << line;
    }
    for (absl::string_view line : absl::StrSplit(command->examples, '\n', absl::SkipEmpty())) {
      EXPECT_TRUE(absl::StrContains(page, absl::StrCat("\n", line, "\n"))) << line;
    }
    for (const Flag& flag : command->flags) {
      const std::string value = *flag.value_name == '\0' ? "" : absl::StrCat(" ", flag.value_name);
      const std::string defaults =
          *flag.default_value == '\0' ? "" : absl::StrCat(" (default ", flag.default_value, ")");
      EXPECT_TRUE(absl::StrContains(
          page, absl::StrCat("\n.B --", flag.name, value, "\n", flag.help, defaults, "\n")))
          << command->name << " --" << flag.name;
    }
  }
}

// A line that begins with a dot or a quote would be taken for a request, and lost.
TEST(ManPage, TextIsNeverARequest) {
  const std::string page = man_page(kTable, "0");
  EXPECT_TRUE(absl::StrContains(page, "\n\\&.TH not a request\n"));
  EXPECT_TRUE(absl::StrContains(page, "\n\\&.starts like a request\n"));
  EXPECT_TRUE(absl::StrContains(page, "which kernel; \\(aqquoted\\(aq and \\eescaped"));
  EXPECT_TRUE(absl::StrContains(page, "\n.PP\nA second paragraph.\n"));
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    EXPECT_FALSE(absl::StartsWith(line, "'")) << line;
  }
}

TEST(ManPage, LauncherCommandsAndExitStatusAreThoseOfHelp) {
  std::ostringstream help, errors;
  dispatch(kTable, {"help"}, help, errors);
  const std::string page = plain(man_page(kTable, "0"));
  for (const LauncherCommand& command : launcher_commands()) {
    EXPECT_TRUE(absl::StrContains(page, command.summary));
    EXPECT_TRUE(absl::StrContains(help.str(), command.summary));
  }
  EXPECT_TRUE(absl::StrContains(help.str(), kExitStatusHelp));
  EXPECT_TRUE(absl::StrContains(page, "0 nothing found, or the verdict that was expected"));
}

TEST(Completion, OffersValuesByTheKindOfTheFlag) {
  const std::string script = bash_completion(kTable, {{"kernel", {"6.14", "it's"}}});
  EXPECT_TRUE(absl::StrContains(script, "'probe --kernel') _vmafuzz_list '6.14 it'\\''s' ;;\n"));
  EXPECT_TRUE(absl::StrContains(script, "'probe --out') _vmafuzz_files ;;\n"));
  EXPECT_TRUE(absl::StrContains(script, "probe) echo '--help --json --kernel --out' ;;\n"));
  EXPECT_TRUE(absl::StrContains(script, "    probe) _vmafuzz_folders ;;\n"));
  EXPECT_FALSE(absl::StrContains(script, "'probe --json')"));  // a switch has no value
}

TEST(Completion, OffersTheWordsOfAnOperandAndThenWhatFollowsThem) {
  Command probe = kProbe;
  const Command* const table[] = {&probe};
  const auto offered = [&](const char* operands) {
    probe.operands = operands;
    const std::string script = bash_completion(table, {});
    const size_t begin = script.find("    probe) _vmafuzz_");
    return script.substr(begin, script.find(" ;;", begin) - begin);
  };
  EXPECT_EQ(offered("min|add PATH..."), "    probe) _vmafuzz_first 'min add' || _vmafuzz_files");
  EXPECT_EQ(offered("exec|rates"), "    probe) _vmafuzz_first 'exec rates' || _vmafuzz_nothing");
  EXPECT_EQ(offered("[FILE|DIR...]"), "    probe) _vmafuzz_files");
  EXPECT_EQ(offered(""), "    probe) _vmafuzz_nothing");
}

TEST(Completion, OffersPresetsForTheLaunchersFlag) {
  EXPECT_TRUE(absl::StrContains(bash_completion(kTable, {{"preset", {"dev", "release"}}}),
                                "\n_vmafuzz_presets='dev release'\n"));
  EXPECT_TRUE(absl::StrContains(bash_completion(kTable, {}), "\n_vmafuzz_presets=''\n"));
}

}  // namespace
}  // namespace vmafuzz::command
