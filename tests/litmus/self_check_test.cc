// The litmus tests of this folder notice every rule of the memory machine that is switched off.
#include "litmus/self_check.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "litmus/batch.h"

namespace vmafuzz::litmus {
namespace {

class SelfCheck : public testing::Test {
 protected:
  void SetUp() override {
    if (!sim::weaken(sim::Rule::kNone)) GTEST_SKIP() << "built without VMAFUZZ_WEAKEN_RULES";
  }

  std::map<std::string, RuleCheck> check(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(VMAFUZZ_LITMUS_FOLDER + name);
    const auto files = find_tests(paths);
    EXPECT_TRUE(files.ok()) << files.status();
    std::map<std::string, RuleCheck> checks;
    const absl::Status status = self_check(
        *files, 2, RunOptions{}, [&](const RuleCheck& c) { checks[sim::rule_name(c.rule)] = c; });
    EXPECT_TRUE(status.ok()) << status;
    return checks;
  }
};

TEST_F(SelfCheck, EveryRuleIsNoticed) {
  const auto checks = check({""});
  EXPECT_EQ(checks.size(), static_cast<size_t>(sim::Rule::kCount) - 1);
  for (const auto& [name, one] : checks) EXPECT_TRUE(one.noticed()) << name;
}

TEST_F(SelfCheck, SaysWhichStateCameOrWent) {
  const auto checks = check({"/wmb-mp.litmus", "/srcu-gp-after+other-domain.litmus"});
  const RuleCheck& came = checks.at("wmb-publishes");
  EXPECT_EQ(came.first, "wmb-mp");
  EXPECT_TRUE(came.first_is_unsound);
  EXPECT_EQ(came.unsound, 1);
  EXPECT_EQ(came.incomplete, 0);
  EXPECT_EQ(came.state, "1:r0=1; 1:r1=0;");
  const RuleCheck& went = checks.at("srcu-domains");
  EXPECT_EQ(went.first, "srcu-gp-after+other-domain");
  EXPECT_FALSE(went.first_is_unsound);
  EXPECT_EQ(went.incomplete, 1);
}

TEST_F(SelfCheck, DoesNotNoticeARuleThatNoTestNeeds) {
  const auto checks = check({"/wmb-mp.litmus"});
  EXPECT_TRUE(checks.at("rmb-orders").noticed());
  EXPECT_FALSE(checks.at("rcu-fences").noticed());
  EXPECT_FALSE(checks.at("lock-acquires").noticed());
}

TEST_F(SelfCheck, LeavesTheRulesAsTheyWere) {
  check({"/wmb-mp.litmus"});
  const auto files = find_tests({VMAFUZZ_LITMUS_FOLDER "/wmb-mp.litmus"});
  EXPECT_FALSE(run_file(files->front(), RunOptions{}, nullptr).contradicts_header());
}

}  // namespace
}  // namespace vmafuzz::litmus
