// What measurements keep between runs, and that they measure something at all.
#include "fuzz/bench/bench.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fuzz/bench/results.h"
#include "fuzz/bench/scratch.h"

namespace vmafuzz::bench {
namespace {

TEST(Results, AreFoundByTheNextProcess) {
  const Scratch scratch;
  const std::string path = scratch.path() + "/results";
  {
    Results first;
    ASSERT_TRUE(first.open(path).ok());
    EXPECT_EQ(first.find("engine a seed=1"), nullptr);
    ASSERT_TRUE(first.add("engine a seed=1", "found 7 0.5 wrong-uprobe:x").ok());
    ASSERT_TRUE(first.add("engine a seed=2", "missed").ok());
  }
  Results second;
  ASSERT_TRUE(second.open(path).ok());
  ASSERT_NE(second.find("engine a seed=1"), nullptr);
  EXPECT_EQ(*second.find("engine a seed=1"), "found 7 0.5 wrong-uprobe:x");
  EXPECT_EQ(*second.find("engine a seed=2"), "missed");
  EXPECT_EQ(second.find("engine b seed=1"), nullptr);
}

TEST(Results, OfALineThatWasTornAreMeasuredAgain) {
  const Scratch scratch;
  const std::string path = scratch.path() + "/results";
  {
    Results first;
    ASSERT_TRUE(first.open(path).ok());
    ASSERT_TRUE(first.add("one", "123").ok());
    ASSERT_TRUE(first.add("two", "456").ok());
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);  // "two\t45"
  {
    Results second;
    ASSERT_TRUE(second.open(path).ok());
    EXPECT_NE(second.find("one"), nullptr);
    EXPECT_EQ(second.find("two"), nullptr);
    ASSERT_TRUE(second.add("two", "456").ok());
  }
  Results third;
  ASSERT_TRUE(third.open(path).ok());
  ASSERT_NE(third.find("two"), nullptr);
  EXPECT_EQ(*third.find("two"), "456");
}

TEST(Results, WithoutAFileLastAsLongAsTheProcess) {
  Results results;
  ASSERT_TRUE(results.open("").ok());
  ASSERT_TRUE(results.add("one", "123").ok());
  ASSERT_NE(results.find("one"), nullptr);
}

TEST(Results, OfAnotherBuildHaveAnotherKey) {
  const Scratch scratch;
  std::ofstream(scratch.path() + "/a") << "a program";
  std::ofstream(scratch.path() + "/b") << "another one";
  std::ofstream(scratch.path() + "/c") << "a program";
  const absl::StatusOr<std::string> a = file_key(scratch.path() + "/a");
  ASSERT_TRUE(a.ok());
  EXPECT_NE(*a, *file_key(scratch.path() + "/b"));
  EXPECT_EQ(*a, *file_key(scratch.path() + "/c"));
  EXPECT_FALSE(file_key(scratch.path() + "/missing").ok());
}

TEST(KernelsToCatch, AreAllOrThoseThatAreNamed) {
  const auto all = kernels_to_catch({});
  ASSERT_TRUE(all.ok());
  EXPECT_GT(all->size(), 10u);
  const auto one = kernels_to_catch({"v2-int"});
  ASSERT_TRUE(one.ok());
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ((*one)[0]->name, "v2-int");
}

// A misspelt name would measure nothing, and nothing reaches every goal.
TEST(KernelsToCatch, RefusesOneThatIsUnknownOrMustBeSilent) {
  for (const char* name : {"v2-itn", "6.18"}) {
    const auto kernels = kernels_to_catch({"v2-int", name});
    EXPECT_TRUE(absl::IsInvalidArgument(kernels.status())) << name;
    EXPECT_NE(std::string(kernels.status().message()).find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace vmafuzz::bench
