#include "fuzz/supervisor/ledger.h"

#include <gtest/gtest.h>

#include "fuzz/supervisor/plan.h"
#include "tests/supervisor/folder.h"
#include "variants/variants.h"

namespace vmafuzz::supervisor {
namespace {

TEST(Ledger, SurvivesItsFile) {
  const Folder folder;
  Ledger ledger;
  EXPECT_TRUE(ledger.read(folder / "ledger.json").ok()) << "no file is a new run";
  ledger.seconds = 1.25;
  ledger.sessions = 3;
  ledger.next_worker = 17;
  ledger.folded = {15, 16};
  GroupRecord& group = ledger.groups["libfuzzer/6.18"];
  group.totals.executions = UINT64_MAX - 1;
  group.totals.hits["6.18-leak"] = 5;
  group.restarts = 2;
  ASSERT_TRUE(ledger.write(folder / "ledger.json").ok());
  Ledger read;
  ASSERT_TRUE(read.read(folder / "ledger.json").ok());
  EXPECT_EQ(read.seconds, 1.25);
  EXPECT_EQ(read.next_worker, 17u);
  EXPECT_EQ(read.folded, ledger.folded);
  EXPECT_EQ(read.groups["libfuzzer/6.18"].totals.executions, UINT64_MAX - 1);
  EXPECT_EQ(read.groups["libfuzzer/6.18"].totals.hits["6.18-leak"], 5u);
}

TEST(Ledger, RefusesWhatItDoesNotUnderstandAndStaysAsItWas) {
  const Folder folder;
  Ledger ledger;
  ledger.sessions = 4;
  for (const char* text : {"", "{", "[]", "{\"version\": 1}", "{\"seconds\": \"many\"}"}) {
    put_file(folder / "ledger.json", text);
    EXPECT_TRUE(absl::IsInvalidArgument(ledger.read(folder / "ledger.json"))) << text;
    EXPECT_EQ(ledger.sessions, 4u);
  }
}

TEST(Plan, SurvivesItsFileAndChecksNames) {
  Plan plan;
  plan.engines = {"libfuzzer"};
  plan.targets = {{"v1", {}, {}}, {"6.18", {}, {"counter-bits=8"}}};
  Plan read;
  ASSERT_TRUE(read_plan(to_json(plan), read).ok());
  EXPECT_EQ(read.engines, plan.engines);
  ASSERT_EQ(read.targets.size(), 2u);
  EXPECT_EQ(target_name(read.targets[1]), "6.18+counter-bits=8");
  plan.targets[0].kernel = "v99";
  EXPECT_FALSE(read_plan(to_json(plan), read).ok());
  plan.targets[0].kernel = "v1";
  plan.engines = {"steam"};
  EXPECT_FALSE(read_plan(to_json(plan), read).ok());
  EXPECT_FALSE(read_plan("{}", read).ok());
}

TEST(Plan, AsksForEveryKernelByDefault) {
  EXPECT_EQ(default_targets().size(), variants::kernels().size() - 1);  // not the canary
}

}  // namespace
}  // namespace vmafuzz::supervisor
