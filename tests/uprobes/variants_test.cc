// The tables of kernels, bugs and options.
#include <set>

#include "world.h"

namespace vmafuzz::variants {
namespace {

TEST(Variants, NamesAreUniqueAndRowsAreComplete) {
  std::set<std::string> names;
  for (const Kernel& kernel : kernels()) {
    EXPECT_TRUE(names.insert(std::string(kernel.name)).second) << std::string(kernel.name);
    EXPECT_FALSE(kernel.source.empty());
    EXPECT_FALSE(kernel.description.empty());
    EXPECT_TRUE(apply(kernel, {}, {}).ok()) << std::string(kernel.name);
    for (const Caught& caught : kernel.caught) EXPECT_FALSE(caught.why.empty());
  }
  names.clear();
  for (const Bug& bug : bugs()) {
    EXPECT_TRUE(names.insert(std::string(bug.name)).second) << std::string(bug.name);
    EXPECT_FALSE(bug.cause.empty());
    EXPECT_FALSE(bug.source.empty());
    EXPECT_FALSE(bug.verdicts.empty()) << std::string(bug.name);
  }
}

TEST(Variants, VerdictsAreAllKnown) {
  for (const Kernel& kernel : kernels()) {
    for (const Caught& caught : kernel.caught)
      EXPECT_TRUE(check_expect(caught.verdict).ok()) << std::string(caught.verdict);
  }
  for (const Bug& bug : bugs()) {
    for (const absl::string_view verdict : bug.verdicts)
      EXPECT_TRUE(check_expect(verdict).ok()) << std::string(verdict);
  }
  EXPECT_TRUE(check_expect("none").ok());
  EXPECT_FALSE(check_expect("").ok());
  EXPECT_FALSE(check_expect("wrong").ok());
}

TEST(Variants, MergedKernelsMustBeSilentAndDraftsCaught) {
  for (const char* name : {"locked", "v2", "v3", "6.14", "6.15", "6.18"}) {
    ASSERT_NE(find_kernel(name), nullptr) << name;
    EXPECT_TRUE(find_kernel(name)->must_be_silent()) << name;
  }
  for (const char* name :
       {"peter-sketch", "aug02-draft", "plan-a-e", "aug05-draft", "aug05-wrong-slab", "suren-rfc",
        "v1", "v2-int", "v2-no-patch3", "nhit"}) {
    ASSERT_NE(find_kernel(name), nullptr) << name;
    EXPECT_FALSE(find_kernel(name)->must_be_silent()) << name;
  }
}

TEST(Variants, EveryBugChangesTheKernelThatItIsPutOn) {
  const Kernel& base = *find_kernel("6.18");
  for (const Bug& bug : bugs()) {
    const auto applied = apply(base, std::vector<std::string>{std::string(bug.name)}, {});
    ASSERT_TRUE(applied.ok());
    EXPECT_FALSE(applied->rules == base.rules) << std::string(bug.name);
  }
}

TEST(Variants, EveryBugBitHasARow) {
  std::set<uint64_t> listed;
  for (const Bug& bug : bugs()) {
    kernel::kernel_rules rules;
    bug.switch_on(rules);
    if (rules.bugs != 0) EXPECT_TRUE(listed.insert(rules.bugs).second) << std::string(bug.name);
  }
  for (int i = 0; i < static_cast<int>(kernel::Bug::count); ++i) {
    EXPECT_TRUE(listed.contains(uint64_t{1} << i)) << "bit " << i;
  }
}

TEST(Variants, OptionsSetWhatTheySayAndNothingElseIsTaken) {
  const Kernel& base = *find_kernel("v2");
  const std::vector<std::string> good = {"counter-bits=8", "backing-free=immediate"};
  const auto applied = apply(base, {}, good);
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(applied->rules.counter_bits, 8);
  EXPECT_EQ(applied->rules.backing_file_free, kernel::free_kind::immediate);
  for (const char* bad : {"counter-bits", "counter-bits=", "counter-bits=1", "counter-bits=65",
                          "counter-bits=x", "vma-free=never", "colour=red", "=", ""}) {
    EXPECT_EQ(check_option(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_NE(check_kernel("6.99").message().find("aug02-draft"), absl::string_view::npos);
  EXPECT_EQ(check_bug("no-such-bug").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(check_bug("no-odd-test").ok());
}

TEST(Variants, NoKernelHasWhatDiagnosisPutsIn) {
  for (const Kernel& kernel : kernels()) EXPECT_EQ(kernel.rules.remedies, 0u) << kernel.name;
}

TEST(Variants, InstallingAKernelReplacesTheOneBefore) {
  const std::vector<std::string> bugs = {"no-odd-test"};
  apply(*find_kernel("aug02-draft"), bugs, {})->install();
  EXPECT_EQ(kernel::find_active_uprobe_speculative, &kernel::lookup_aug02_draft);
  EXPECT_TRUE(kernel::bug(kernel::Bug::no_odd_test));
  apply(*find_kernel("6.18"), {}, {})->install();
  EXPECT_EQ(kernel::find_active_uprobe_speculative, &kernel::lookup_merged);
  EXPECT_EQ(kernel::rules.bugs, 0u);
}

}  // namespace
}  // namespace vmafuzz::variants
