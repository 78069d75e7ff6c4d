#include "litmus/expected.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace vmafuzz::litmus {
namespace {

std::string line(const std::string& name) {
  return absl::StrCat(R"({"name":")", name, R"(","quantifier":"exists","verdict":"Never",)",
                      R"("lkmm":["0:r0=1;","0:r0=0;","0:r0=3;"],"append":["0:r0=0;"],)",
                      R"("inorder":["0:r0=0;","0:r0=3;"]})", "\n");
}

TEST(Expected, ReadsOneTestALine) {
  const auto expected = parse_expected("e.jsonl", line("a") + "\n" + line("b"));
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(expected->size(), 2u);
  EXPECT_EQ(expected->at("a").lkmm, (std::vector<std::string>{"0:r0=0;", "0:r0=1;", "0:r0=3;"}));
  EXPECT_EQ(expected->at("b").verdict, "Never");
}

TEST(Expected, RefusesWithTheLine) {
  const auto message = [](const std::string& text) {
    return std::string(parse_expected("e.jsonl", text).status().message());
  };
  EXPECT_EQ(message(line("a") + "{"), "e.jsonl:2: not a JSON object");
  EXPECT_EQ(message("[]"), "e.jsonl:1: not a JSON object");
  EXPECT_EQ(message("{}"), "e.jsonl:1: field 'name' is missing or malformed");
  EXPECT_EQ(message(R"({"name":"a","quantifier":"exists","verdict":"Never","lkmm":[1]})"),
            "e.jsonl:1: field 'lkmm' is missing or malformed");
  EXPECT_EQ(message(line("a") + line("a")), "e.jsonl:2: 'a' stands twice");
  EXPECT_EQ(load_expected("/nonexistent").status().message(), "/nonexistent: cannot read");
}

TEST(Compare, FindsUnsoundAndMissingStates) {
  const auto expected = parse_expected("e", line("a"));
  ASSERT_TRUE(expected.ok());
  const ExpectedTest& test = expected->at("a");

  const Comparison good = compare({"0:r0=0;", "0:r0=1;"}, test);
  EXPECT_TRUE(good.sound());
  EXPECT_TRUE(good.complete());
  EXPECT_EQ(good.missing_inorder, std::vector<std::string>{"0:r0=3;"});

  const Comparison bad = compare({"0:r0=2;"}, test);
  EXPECT_EQ(bad.unsound, std::vector<std::string>{"0:r0=2;"});
  EXPECT_EQ(bad.missing, std::vector<std::string>{"0:r0=0;"});

  Summary summary;
  summary.files = 3;
  summary.unsupported = 1;
  summary.add(good);
  summary.add(bad);
  EXPECT_EQ(summary.sound, 1);
  EXPECT_EQ(summary.complete, 1);
  EXPECT_EQ(summary.append, 2);
  EXPECT_EQ(summary.append_shown, 1);
  EXPECT_EQ(summary.inorder, 4);
  EXPECT_EQ(summary.inorder_shown, 1);
  EXPECT_NE(summary.format().find("sound tests                     1 of        2   50.00%"),
            std::string::npos)
      << summary.format();
}

TEST(Compare, TakesTheLocationsFromTheReference) {
  const auto expected = parse_expected("e", line("a"));
  const auto test = parse_litmus("a", "C a {} P0(int *x) { int r0; } exists (x=1)");
  ASSERT_TRUE(expected.ok() && test.ok());
  const auto locations = expected_locations(*test, expected->at("a"));
  ASSERT_TRUE(locations.ok()) << locations.status();
  EXPECT_EQ(*locations, (std::vector<Location>{{0, 0}}));
  const auto other = parse_litmus("a", "C a {} P0(int *x) { } exists (x=1)");
  EXPECT_EQ(expected_locations(*other, expected->at("a")).status().message(),
            "a has no location '0:r0'");
}

}  // namespace
}  // namespace vmafuzz::litmus
