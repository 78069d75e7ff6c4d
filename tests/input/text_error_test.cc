// Every way in which a repro file can be malformed, with the position and the expectation that the
// message must give.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "input/text.h"

namespace vmafuzz::input {
namespace {

struct BadText {
  const char* name;
  const char* text;  // after the version line, so its first line is line 2
  const char* message;
};

const BadText kBadTexts[] = {
    // Structure
    {"UnknownHeader", "kernle: x\n",
     "f:2:1: expected a header (kernel, bugs, options, expect, search) or a section (setup, cpu0, "
     "cpu1, cpu2, cpu3, kworker, rcu, timer), found 'kernle'"},
    {"UnknownSection", "\n  cpu4:\n",
     "f:3:3: expected a header (kernel, bugs, options, expect, search) or a section (setup, cpu0, "
     "cpu1, cpu2, cpu3, kworker, rcu, timer), found 'cpu4'"},
    {"LoneColon", ":\n",
     "f:2:1: expected a header (kernel, bugs, options, expect, search) or a section (setup, cpu0, "
     "cpu1, cpu2, cpu3, kworker, rcu, timer), found ':'"},
    {"SectionTwice", "cpu0:\ncpu1:\ncpu0:\n",
     "f:4:1: expected each section once, found 'cpu0' again (first in line 2)"},
    {"HeaderTwice", "kernel: a\nkernel: b\n",
     "f:3:1: expected each header once, found 'kernel' again (first in line 2)"},
    {"HeaderAfterSection", "cpu0:\nkernel: a\n",
     "f:3:1: expected header lines before the first section, found 'kernel' after it"},
    {"TextAfterSection", "cpu0: hit\n", "f:2:7: expected end of line, found 'hit'"},
    {"OperationOutsideSection", "hit mm0 page=1\n",
     "f:2:1: expected a section (setup:, cpu0: ...) before the first operation, found 'hit'"},
    {"OperationInContext", "rcu:\nhit mm0 page=1\n",
     "f:3:1: expected a directive, '@N ...', as rcu holds nothing else, found 'hit'"},
    // Header values
    {"KernelMissing", "kernel:\n", "f:2:8: expected the name of a kernel, found end of line"},
    {"KernelNoName", "kernel: -x\n", "f:2:9: expected the name of a kernel, found '-x'"},
    {"KernelTwoNames", "kernel: a b\n", "f:2:11: expected end of line, found 'b'"},
    {"BugsMissing", "bugs:\n", "f:2:6: expected the name of a bug, found end of line"},
    {"BugsTrailingComma", "bugs: a,\n", "f:2:9: expected the name of a bug, found end of line"},
    {"BugsWithoutComma", "bugs: a b\n", "f:2:9: expected ',' or end of line, found 'b'"},
    {"BugTwice", "bugs: a, a\n", "f:2:10: expected each bug once, found 'a'"},
    {"OptionsMissing", "options:\n",
     "f:2:9: expected options key=value, separated by spaces or commas, found end of line"},
    {"OptionWithoutValue", "options: a=1 b\n",
     "f:2:14: expected options key=value, separated by spaces or commas, found 'b'"},
    {"OptionEmptyValue", "options: a=\n",
     "f:2:10: expected options key=value, separated by spaces or commas, found 'a='"},
    {"OptionsWithTwoCommas", "options: a=1,,b=2\n",
     "f:2:14: expected options key=value, separated by spaces or commas, found ','"},
    {"OptionTwice", "options: a=1 a=2\n", "f:2:14: expected each option once, found 'a=2'"},
    {"ExpectMissing", "expect:  # nothing\n",
     "f:2:8: expected the name of a verdict, or none, found end of line"},
    // Search
    {"StrategyUnknown", "search: none\n",
     "f:2:9: expected a strategy (sticky, urw, surw, pos, pct, rr, portfolio), found 'none'"},
    {"SearchUnknownItem", "search: urw fast\n",
     "f:2:13: expected newest, newest-stale=D, oldest-fresh=D, geometric, uniform, eager, depth=N, "
     "order=DDDD or seed=N, found 'fast'"},
    {"SearchPolicyWithoutNumber", "search: urw oldest-fresh\n",
     "f:2:13: expected newest, newest-stale=D, oldest-fresh=D, geometric, uniform, eager, depth=N, "
     "order=DDDD or seed=N, found 'oldest-fresh'"},
    {"SearchPolicyNumberTooLarge", "search: urw oldest-fresh=16\n",
     "f:2:13: expected oldest-fresh=0..15, found 'oldest-fresh=16'"},
    {"SearchTwoPolicies", "search: urw uniform geometric\n",
     "f:2:21: expected read policy at most once, found 'geometric'"},
    {"SearchDepthTooLarge", "search: pct depth=99\n",
     "f:2:13: expected depth=0..15, found 'depth=99'"},
    {"SearchOrder", "search: pct order=0012\n",
     "f:2:13: expected order= and the digits 0123 in some order, found 'order=0012'"},
    {"SearchSeedTooLarge", "search: pct seed=0x100000000\n",
     "f:2:13: expected seed= and a number of 32 bits, found 'seed=0x100000000'"},
    {"SearchSeedTwice", "search: pct seed=1 seed=2\n",
     "f:2:20: expected seed at most once, found 'seed=2'"},
    // Operations
    {"OperationUnknown", "cpu0:\n  mumap mm0\n",
     "f:3:3: expected an operation (mmap, munmap, mprotect, mremap, brk, madvise, grow_stack, "
     "fault, open, close, register, unregister, hit), found 'mumap'"},
    {"ArgumentMissing", "cpu0:\n  munmap mm0 page=1\n",
     "f:3:20: expected len=1..8, found end of line"},
    {"ArgumentsMissing", "cpu0:\n  munmap\n",
     "f:3:9: expected mm0|mm1, page=0..31, len=1..8, found end of line"},
    {"ArgumentUnknown", "cpu0:\n  hit mm0 pages=1\n",
     "f:3:11: expected page=0..31, times=1..4, found 'pages=1'"},
    {"ArgumentTwice", "cpu0:\n  hit mm0 page=1 page=2\n",
     "f:3:18: expected page at most once, found 'page=2'"},
    {"BareArgumentTwice", "cpu0:\n  hit mm0 mm1 page=2\n",
     "f:3:11: expected mm at most once, found 'mm1'"},
    {"NothingLeft", "cpu0:\n  hit mm0 page=1 times=2 x\n",
     "f:3:26: expected end of line, found 'x'"},
    {"NumberTooLarge", "cpu0:\n  hit mm0 page=32\n",
     "f:3:11: expected page=0..31, found 'page=32'"},
    {"NumberTooSmall", "cpu0:\n  munmap mm0 page=1 len=0\n",
     "f:3:21: expected len=1..8, found 'len=0'"},
    {"NumberNegative", "cpu0:\n  hit mm0 page=-1\n",
     "f:3:11: expected page=0..31, found 'page=-1'"},
    {"NumberEmpty", "cpu0:\n  hit mm0 page=\n", "f:3:11: expected page=0..31, found 'page='"},
    {"NumberHuge", "cpu0:\n  hit mm0 page=18446744073709551617\n",
     "f:3:11: expected page=0..31, found 'page=18446744073709551617'"},
    {"WordUnknown", "cpu0:\n  mprotect mm0 page=1 len=1 prot=xr\n",
     "f:3:29: expected prot=none|r|rw|rx|rwx|w, found 'prot=xr'"},
    {"FlagWithValue", "cpu0:\n  fault mm0 page=1 write=1\n",
     "f:3:20: expected write, found 'write=1'"},
    {"BareWordOfKeyedArgument", "setup:\n  register i0 pgoff=1\n",
     "f:3:12: expected inode=i0|i1|i2|i3, pgoff=0..15, consumer=0..1, found 'i0'"},
    {"NoneIsNoFileToOpen", "setup:\n  open file=none inode=i0\n",
     "f:3:8: expected file=f0|f1|f2|f3|f4|f5|f6, found 'file=none'"},
    {"UnprintableIsEscaped", "cpu0:\n  hit \x01\xff\n",
     "f:3:7: expected mm0|mm1, page=0..31, times=1..4, found '\\x01\\xff'"},
    {"LongTokenIsCut", "cpu0:\n  hit aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\n",
     "f:3:7: expected mm0|mm1, page=0..31, times=1..4, found "
     "'aaaaaaaaaabbbbbbbbbbcccccccccc"
     "dd...'"},
    // Directives
    {"DirectiveBeforeOperation", "cpu0:\n  @1 fail\n",
     "f:3:3: expected an operation before its directives, found '@1'"},
    {"DirectiveBeforeSection", "@1 fail\n",
     "f:2:1: expected an operation before its directives, found '@1'"},
    {"DirectiveAfterSectionChange", "cpu0:\nhit mm0 page=1\ncpu1:\n@1 fail\n",
     "f:5:1: expected an operation before its directives, found '@1'"},
    {"AccessMissing", "rcu:\n@ fail\n",
     "f:3:1: expected an access number, '@1' to '@65535', found '@'"},
    {"AccessZero", "rcu:\n@0 fail\n",
     "f:3:1: expected an access number, '@1' to '@65535', found '@0'"},
    {"AccessTooLarge", "rcu:\n@65536 fail\n",
     "f:3:1: expected an access number, '@1' to '@65535', found '@65536'"},
    {"DirectiveMissing", "rcu:\n@1\n",
     "f:3:3: expected a directive (preempt, stale, tear, reload, fail, hold, expire), found end of "
     "line"},
    {"DirectiveUnknown", "rcu:\n@1 switch cpu0\n",
     "f:3:4: expected a directive (preempt, stale, tear, reload, fail, hold, expire), found "
     "'switch'"},
    {"TargetUnknown", "rcu:\n@1 preempt cpu4\n",
     "f:3:12: expected cpu0, cpu1, cpu2, cpu3, kworker, rcu, timer, found 'cpu4'"},
    {"TargetMissing", "rcu:\n@1 preempt\n",
     "f:3:11: expected cpu0, cpu1, cpu2, cpu3, kworker, rcu, timer, found end of line"},
    {"StaleZero", "rcu:\n@1 stale 0\n", "f:3:10: expected how many stores back, 1..15, found '0'"},
    {"StaleTooLarge", "rcu:\n@1 stale 16\n",
     "f:3:10: expected how many stores back, 1..15, found '16'"},
    {"HoldTooLarge", "rcu:\n@1 hold 255\n",
     "f:3:9: expected a number of accesses 1..254, or end, found '255'"},
    {"DirectiveWithTooMuch", "rcu:\n@1 tear 1\n", "f:3:9: expected end of line, found '1'"},
};

class TextError : public testing::TestWithParam<BadText> {};

TEST_P(TextError, NamesLineColumnAndExpectation) {
  ParseOptions options;
  options.file = "f";
  const absl::StatusOr<Program> program =
      parse_text(absl::StrCat("# vmafuzz repro v1\n", GetParam().text), options);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(program.status().message(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(All, TextError, testing::ValuesIn(kBadTexts),
                         [](const auto& info) { return std::string(info.param.name); });

absl::Status parse_status(absl::string_view text, const ParseOptions& options = {}) {
  return parse_text(text, options).status();
}

TEST(Text, RefusesUnknownVersions) {
  EXPECT_EQ(parse_status("# vmafuzz repro v2\n").message(),
            "repro:1:17: expected version v1 (this program reads no other), found 'v2'");
  EXPECT_EQ(parse_status("# vmafuzz repro v10\n").message(),
            "repro:1:17: expected version v1 (this program reads no other), found 'v10'");
}

TEST(Text, RefusesTextWithoutVersionLine) {
  const std::string expected = "repro:1:1: expected the first line '# vmafuzz repro v1', found ";
  EXPECT_EQ(parse_status("").message(), expected + "end of line");
  EXPECT_EQ(parse_status("kernel: x\n").message(), expected + "'kernel: x'");
  EXPECT_EQ(parse_status("\n# vmafuzz repro v1\n").message(), expected + "end of line");
}

TEST(Text, RefusesUnknownKernelWithLineAndColumn) {
  ParseOptions options;
  options.file = "a.repro";
  options.check_kernel = [](absl::string_view name) {
    if (name == "6.14") return absl::OkStatus();
    return absl::InvalidArgumentError("expected a kernel (6.14)");
  };
  EXPECT_TRUE(parse_status("# vmafuzz repro v1\nkernel: 6.14\n", options).ok());
  EXPECT_EQ(parse_status("# vmafuzz repro v1\n\nkernel:   6.13\n", options).message(),
            "a.repro:3:11: expected a kernel (6.14)");
}

TEST(Text, AsksTheCallerAboutBugsOptionsAndVerdicts) {
  std::vector<std::string> seen;
  const auto note = [&seen](absl::string_view name) {
    seen.emplace_back(name);
    return name == "bad" || name == "bad=1" ? absl::NotFoundError("expected better")
                                            : absl::OkStatus();
  };
  ParseOptions options;
  options.check_bug = options.check_option = options.check_expect = note;
  EXPECT_TRUE(
      parse_status("# vmafuzz repro v1\nbugs: a,b\noptions: c=1\nexpect: none\n", options).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c=1", "none"}));
  for (const auto& [line, column] : {std::pair("bugs: a, bad", 10), std::pair("options: bad=1", 10),
                                     std::pair("expect: bad", 9)}) {
    const absl::Status status = parse_status(absl::StrCat("# vmafuzz repro v1\n", line), options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), absl::StrCat("repro:2:", column, ": expected better"));
  }
}

std::string repeated(absl::string_view line, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; i++) absl::StrAppend(&text, line);
  return text;
}

TEST(Text, TakesCommasBetweenOptionsAsBetweenBugs) {
  const auto program = parse_text("# vmafuzz repro v1\noptions: a=1, b=2,c=3 d=4\n");
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->options, (std::vector<std::string>{"a=1", "b=2", "c=3", "d=4"}));
}

TEST(Text, RefusesMoreOperationsThanTheLimit) {
  const std::string head = "# vmafuzz repro v1\ncpu0:\n";
  EXPECT_TRUE(parse_status(head + repeated("hit mm0 page=1\n", kMaxOps)).ok());
  EXPECT_EQ(parse_status(head + repeated("hit mm0 page=1\n", kMaxOps + 1)).message(),
            "repro:67:1: expected at most 64 operations, found 'hit'");
}

TEST(Text, RefusesMoreDirectivesThanTheLimit) {
  const std::string head = "# vmafuzz repro v1\ncpu0:\nhit mm0 page=1\n";
  EXPECT_TRUE(parse_status(head + repeated("@1 fail\n", kMaxDirectives)).ok());
  EXPECT_EQ(parse_status(head + repeated("@1 fail\n", kMaxDirectives + 1)).message(),
            "repro:260:1: expected at most 256 directives, found '@1'");
}

TEST(Text, RefusesMoreNamesThanTheLimit) {
  std::string bugs = "# vmafuzz repro v1\nbugs: b0";
  for (size_t i = 1; i < kMaxListedNames; i++) absl::StrAppend(&bugs, ",b", i);
  EXPECT_TRUE(parse_status(bugs).ok());
  EXPECT_EQ(parse_status(bugs + ",more").message(),
            "repro:2:125: expected at most 32 bugs, found 'more'");
  std::string options = "# vmafuzz repro v1\noptions:";
  for (size_t i = 0; i < kMaxListedNames; i++) absl::StrAppend(&options, " o", i, "=1");
  EXPECT_TRUE(parse_status(options).ok());
  EXPECT_EQ(parse_status(options + " more=1").message(),
            "repro:2:192: expected at most 32 options, found 'more=1'");
}

TEST(Text, RefusesTextThatIsTooLong) {
  std::string text = "# vmafuzz repro v1\n";
  text.resize(kMaxTextBytes, '\n');
  EXPECT_TRUE(parse_status(text).ok());
  EXPECT_EQ(parse_status(text + "\n").message(),
            "repro:1:1: expected at most 1048576 bytes, found 1048577");
}

}  // namespace
}  // namespace vmafuzz::input
