// The command shell: what is accepted, what is refused and with which words, and what help shows.
#include "fuzz/command.h"

#include <gtest/gtest.h>

#include <sstream>

#include "fuzz/nearest.h"
#include "fuzz/supervisor/plan.h"

namespace vmafuzz::command {
namespace {

constexpr Flag kFlags[] = {
    {"json", FlagKind::kSwitch, "", "", "print one JSON object"},
    {"kernel", FlagKind::kText, "NAME", "6.14", "which kernel"},
    {"jobs", FlagKind::kNumber, "N", "2", "how many at a time"},
    {"for", FlagKind::kDuration, "TIME", "", "when to stop"},
    {"engine", FlagKind::kList, "E,...", "libfuzzer", "which engines"},
};

// What the last run of `probe` was given, as text.
std::string seen;

int run_probe(const Arguments& args) {
  std::ostringstream out;
  out << "json=" << args.on("json") << " kernel=" << args.text("kernel")
      << " jobs=" << args.number("jobs") << " for=" << absl::FormatDuration(args.duration("for"))
      << " has_for=" << args.has("for") << " has_jobs=" << args.has("jobs") << " engine=";
  for (const std::string& engine : args.list("engine")) out << engine << "+";
  for (const std::string& operand : args.operands()) out << " [" << operand << "]";
  seen = out.str();
  return kExitBugFound;
}

const Command kProbe = {
    .name = "probe",
    .summary = "records its arguments",
    .operands = "FILE [FILE]",
    .description = "Records its arguments.",
    .examples = "./vmafuzz probe a.repro\n./vmafuzz probe --json a.repro b.repro",
    .flags = kFlags,
    .min_operands = 1,
    .max_operands = 2,
    .run = run_probe,
};
const Command* const kTable[] = {&kProbe};

struct Outcome {
  int status;
  std::string out, err;
};

Outcome dispatch(const std::vector<std::string>& words) {
  seen.clear();
  std::ostringstream out, err;
  const int status = dispatch(kTable, words, out, err);
  return {status, out.str(), err.str()};
}

TEST(Command, GivesDefaultsWhereNoFlagIsGiven) {
  EXPECT_EQ(dispatch({"probe", "x"}).status, kExitBugFound);
  EXPECT_EQ(seen, "json=0 kernel=6.14 jobs=2 for=0 has_for=0 has_jobs=1 engine=libfuzzer+ [x]");
}

TEST(Command, ReadsFlagsOfEveryKindBeforeAndAfterOperands) {
  dispatch({"probe", "--jobs=0x10", "x", "--json", "--for", "1h30m", "y", "--kernel=", "--kernel",
            "v1"});
  EXPECT_EQ(seen, "");  // --kernel= is refused
  dispatch({"probe", "--jobs=0x10", "x", "--json", "--for", "1h30m", "y", "--kernel", "v1"});
  EXPECT_EQ(seen,
            "json=1 kernel=v1 jobs=16 for=1h30m has_for=1 has_jobs=1 engine=libfuzzer+ [x] [y]");
}

TEST(Command, AppendsAListAndLetsTheLastOfOtherFlagsWin) {
  dispatch({"probe", "x", "--engine", "afl,tsan", "--engine=native", "--jobs", "3", "--jobs", "4"});
  EXPECT_EQ(seen,
            "json=0 kernel=6.14 jobs=4 for=0 has_for=0 has_jobs=1 engine=afl+tsan+native+ [x]");
}

TEST(Command, TakesWhatFollowsTwoDashesAndALoneDashAsOperands) {
  dispatch({"probe", "-", "--", "--json"});
  EXPECT_NE(seen.find("json=0"), seen.npos);
  EXPECT_NE(seen.find(" [-] [--json]"), seen.npos);
}

struct Refusal {
  std::vector<std::string> words;
  const char* message;
};

TEST(Command, RefusesWrongCommandLinesWithWhatToWriteInstead) {
  const Refusal kRefusals[] = {
      {{"probe", "x", "--jsno"}, "vmafuzz probe: unknown flag --jsno: did you mean --json?\n"},
      {{"probe", "x", "--qqqqqqq"},
       "vmafuzz probe: unknown flag --qqqqqqq: `vmafuzz help probe` lists its flags\n"},
      {{"probe", "x", "-j"},
       "vmafuzz probe: unknown flag -j: flags are written out, as in --help; after -- an argument "
       "that begins with - is no flag\n"},
      {{"probe", "x", "--json=1"}, "vmafuzz probe: --json takes no value: leave out \"=1\"\n"},
      {{"probe", "x", "--jobs"}, "vmafuzz probe: --jobs needs a value: --jobs=N\n"},
      {{"probe", "x", "--jobs=-1"},
       "vmafuzz probe: --jobs: \"-1\" is not N; it takes a number from 0 to 2^64-1, such as 4 or "
       "0x10\n"},
      {{"probe", "x", "--jobs=0x1ffffffffffffffff"},
       "vmafuzz probe: --jobs: \"0x1ffffffffffffffff\" is not N; it takes a number from 0 to "
       "2^64-1, such as 4 or 0x10\n"},
      {{"probe", "x", "--for", "8"},
       "vmafuzz probe: --for: \"8\" is not TIME; it takes a time with its unit, such as 90s, 30m "
       "or 8h\n"},
      {{"probe", "x", "--for=-8h"},
       "vmafuzz probe: --for: \"-8h\" is not TIME; it takes a time with its unit, such as 90s, "
       "30m or 8h\n"},
      {{"probe"}, "vmafuzz probe: too few arguments: it needs FILE [FILE]\n"},
      {{"probe", "a", "b", "c"}, "vmafuzz probe: unexpected argument \"c\"\n"},
      {{"prob", "x"}, "vmafuzz: unknown command \"prob\": did you mean `./vmafuzz probe`?\n"},
      {{"frobnicate"},
       "vmafuzz: unknown command \"frobnicate\": `./vmafuzz help` lists the commands\n"},
      {{"help", "prbe"}, "vmafuzz: unknown command \"prbe\": did you mean `./vmafuzz probe`?\n"},
  };
  for (const Refusal& refusal : kRefusals) {
    const Outcome outcome = dispatch(refusal.words);
    EXPECT_EQ(outcome.status, kExitUsage) << refusal.message;
    EXPECT_EQ(outcome.err, refusal.message);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(seen, "") << "the command must not run";
  }
}

TEST(Command, HelpOfACommandShowsFlagsDefaultsAndExamples) {
  const char* const kExpected =
      "usage: ./vmafuzz probe [FLAG...] FILE [FILE]\n"
      "\n"
      "Records its arguments.\n"
      "\n"
      "  --json             print one JSON object\n"
      "  --kernel NAME      which kernel (default 6.14)\n"
      "  --jobs N           how many at a time (default 2)\n"
      "  --for TIME         when to stop\n"
      "  --engine E,...     which engines (default libfuzzer)\n"
      "\n"
      "examples:\n"
      "  ./vmafuzz probe a.repro\n"
      "  ./vmafuzz probe --json a.repro b.repro\n";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"help", "probe"}, {"probe", "--help"}, {"probe", "-h", "--bad"}}) {
    const Outcome outcome = dispatch(words);
    EXPECT_EQ(outcome.status, kExitOk);
    EXPECT_EQ(outcome.out, kExpected);
    EXPECT_EQ(seen, "");
  }
}

TEST(Command, OverviewListsEveryCommandOnceAndIsAnErrorOnlyIfNotAskedFor) {
  const Outcome asked = dispatch({"--help"});
  EXPECT_EQ(asked.status, kExitOk);
  EXPECT_NE(asked.out.find("  probe        records its arguments\n"), asked.out.npos);
  const Outcome unasked = dispatch(std::vector<std::string>{});
  EXPECT_EQ(unasked.status, kExitUsage);
  EXPECT_EQ(unasked.err, asked.out);
}

TEST(Command, EveryCommandOfTheProgramIsDescribedAndHasAnExample) {
  std::vector<std::string> names;
  for (const Command* command : all_commands()) {
    EXPECT_STRNE(command->summary, "") << command->name;
    EXPECT_STRNE(command->description, "") << command->name;
    EXPECT_EQ(std::string(command->examples).find("./vmafuzz " + std::string(command->name)), 0u)
        << command->name;
    EXPECT_LE(command->min_operands, command->max_operands) << command->name;
    for (const Flag& flag : command->flags) {
      EXPECT_EQ(flag.kind == FlagKind::kSwitch, std::string(flag.value_name).empty())
          << command->name << " --" << flag.name;
    }
    for (const std::string& other : names) EXPECT_STRNE(command->name, other.c_str());
    names.push_back(command->name);
  }
}

TEST(CommandDeathTest, EndsTheProgramIfACommandReadsAFlagThatItDoesNotDeclare) {
  const absl::StatusOr<Arguments> args = Arguments::parse(kProbe, std::vector<std::string>{"x"});
  ASSERT_TRUE(args.ok());
  EXPECT_DEATH(args->text("colour"), "command probe reads flag --colour");
  EXPECT_DEATH(args->text("jobs"), "command probe reads flag --jobs");
}

TEST(Nearest, CountsSwappedNeighboursAsOneEditAndRefusesFarWords) {
  EXPECT_EQ(nearest("reply", {"report", "replay"}), "replay");
  EXPECT_EQ(nearest("fzuz", {"bugs", "fuzz"}), "fuzz");
  EXPECT_EQ(nearest("same", {"sane", "safe"}), "sane");
  EXPECT_EQ(nearest("zzzz", {"fuzz", "show"}), "fuzz");
  EXPECT_EQ(nearest("qqqq", {"fuzz", "show"}), "");
  EXPECT_EQ(nearest("", {"fuzz"}), "");
  EXPECT_EQ(nearest("fuzz", {}), "");
}

TEST(Plan, WhatIsNamedTwiceIsReadOnce) {
  supervisor::Plan plan;
  const char* const kText = R"({"engines": ["tsan", "libfuzzer", "tsan"], "seeds": "", "targets": [
      {"kernel": "v1", "bugs": [], "options": []},
      {"kernel": "6.18", "bugs": ["plain-nhit", "plain-nhit"], "options": []},
      {"kernel": "6.18", "bugs": ["plain-nhit"], "options": []},
      {"kernel": "v1", "bugs": [], "options": []},
      {"kernel": "v1", "bugs": [], "options": ["counter-bits=6", "counter-bits=6"]}]})";
  ASSERT_TRUE(supervisor::read_plan(kText, plan).ok());
  EXPECT_EQ(plan.engines, (std::vector<std::string>{"tsan", "libfuzzer"}));
  std::vector<std::string> names;
  for (const auto& target : plan.targets) names.push_back(supervisor::target_name(target));
  EXPECT_EQ(names, (std::vector<std::string>{"v1", "6.18+plain-nhit", "v1+counter-bits=6"}));
}

TEST(Plan, TextThatIsNoJsonIsRefusedInOurOwnWords) {
  supervisor::Plan plan;
  for (const char* text : {"", "{\"engines\": [\"lib", "engines"}) {
    EXPECT_EQ(supervisor::read_plan(text, plan).message(), "it is no JSON");
  }
}

}  // namespace
}  // namespace vmafuzz::command
