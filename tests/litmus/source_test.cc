#include "litmus/source.h"

#include <gtest/gtest.h>

#include "litmus/lexer.h"

namespace vmafuzz::litmus {
namespace {

std::string error_of(absl::string_view text) {
  const auto pieces = cut("t.litmus", text);
  return pieces.ok() ? "" : std::string(pieces.status().message());
}

TEST(Cut, FindsTheFourPieces) {
  const auto pieces = cut("t.litmus", "C auto/name+x[1]\n{ x=1; }\nP0(int *x) { }\nexists (x=1)\n");
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(pieces->title, "auto/name+x[1]");
  EXPECT_EQ(pieces->init.text, " x=1; ");
  EXPECT_EQ(pieces->program.text, "\nP0(int *x) { }\n");
  EXPECT_EQ(pieces->final.text, "exists (x=1)\n");
  EXPECT_EQ(pieces->final.start.line, 4);
  EXPECT_EQ(pieces->final.start.column, 1);
}

TEST(Cut, IgnoresHeaderRemarksWithBracesInThem) {
  const auto pieces = cut("t.litmus",
                          "\"doc { string\"\nC n\n\"doc {\"\nCycle=Rfe { Fre\n(* a { (* b *) { *)\n"
                          "//\\begin[snippet]{x}\nC again\n{}\nP0() {}\n");
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(pieces->title, "n");
  EXPECT_EQ(pieces->init.text, "");
  EXPECT_EQ(pieces->init.start.line, 8);
}

TEST(Cut, ReadsWhatTheHeaderExpects) {
  const auto pieces =
      cut("t", "C n\n(*\n * Result: Sometimes, or so\n * Machine: Never\n *)\n{}\nP0() {}\n");
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(pieces->result, "Sometimes");
  EXPECT_EQ(pieces->machine, "Never");
  EXPECT_EQ(cut("t", "C n {} P0() {} exists (* Result: Never *) (x=1)")->result, "");
}

TEST(Cut, DoesNotTakeAnLvalueInTheProgramForAComment) {
  const auto pieces =
      cut("t.litmus", "C n\n{}\nP0(int *x) { r0 = READ_ONCE(*x); }\nexists (0:r0=0) (* end *)\n");
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(pieces->program.text, "\nP0(int *x) { r0 = READ_ONCE(*x); }\n");
}

TEST(Cut, DoesNotEndTheProgramInAComment) {
  const auto pieces = cut("t.litmus",
                          "C n\n{}\nP0(int *x) { // exists\n /* filter */ int exists1; }\n"
                          "~exists (x=1)");
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(pieces->final.text, "~exists (x=1)");
}

TEST(Cut, TakesNestedBracesAndCommentsOfTheInitialState) {
  const auto pieces = cut("t.litmus", "C n\n{ a = {1}; (* } *) }\nP0() {}\n");
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(pieces->init.text, " a = {1}; (* } *) ");
}

TEST(Cut, NamesLineAndColumnOfWhatIsWrong) {
  EXPECT_EQ(error_of("X86 n\n{}\n"), "t.litmus:1:1: expected 'C NAME', the header of a C test");
  EXPECT_EQ(error_of("C \n{}\n"), "t.litmus:1:3: expected the test's name after 'C'");
  EXPECT_EQ(error_of("C n\n(* open\n{}\n"), "t.litmus:2:1: comment is not closed");
  EXPECT_EQ(error_of("C n\n  { x=1;\n"), "t.litmus:2:3: '{' is not closed");
  EXPECT_EQ(error_of("C n\n"), "t.litmus:2:1: expected '{', the start of the initial state");
  EXPECT_EQ(error_of("C n {} P0() { /* }"), "t.litmus:1:15: comment is not closed");
  EXPECT_EQ(error_of("\"doc"), "t.litmus:1:1: string is not closed");
}

TEST(Tokenize, KeepsPositionsOfTheWholeFile) {
  const auto tokens = tokenize("f", Piece{"a /\\\n  12 \\/ =>", {7, 5}}, Comments::kMl);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  ASSERT_EQ(tokens->size(), 6u);
  EXPECT_EQ((*tokens)[0].position.column, 5);
  EXPECT_TRUE((*tokens)[1].is("/\\"));
  EXPECT_EQ((*tokens)[2].number, 12);
  EXPECT_EQ((*tokens)[2].position.line, 8);
  EXPECT_EQ((*tokens)[2].position.column, 3);
  EXPECT_TRUE((*tokens)[4].is("=>"));
  EXPECT_EQ((*tokens)[5].kind, TokenKind::kEnd);
}

TEST(Tokenize, EndsWhereHerdEnds) {
  const auto tokens = tokenize("f", Piece{"x << anything ` at all", {}}, Comments::kMl);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(tokens->size(), 2u);
}

TEST(Tokenize, RefusesWhatIsNoToken) {
  const auto message = [](absl::string_view text) {
    return std::string(tokenize("f", Piece{text, {}}, Comments::kC).status().message());
  };
  EXPECT_EQ(message("a !b"), "f:1:3: met '!', with which no token starts");
  EXPECT_EQ(message("\x01"), "f:1:1: met byte 1");
  EXPECT_EQ(message("0x10"), "f:1:1: expected a decimal number below 2^62, met '0x10'");
  EXPECT_EQ(message("4611686018427387904"),
            "f:1:1: expected a decimal number below 2^62, met '4611686018427387904'");
  EXPECT_EQ(message("4611686018427387903"), "");
}

}  // namespace
}  // namespace vmafuzz::litmus
