#include "fuzz/supervisor/ledger.h"

#include <gtest/gtest.h>

#include "fuzz/supervisor/plan.h"
#include "tests/supervisor/folder.h"
#include "variants/variants.h"

namespace vmafuzz::supervisor {
namespace {

// Every field has a number of its own, so that none can stand for another.
Totals some_totals() {
  Totals totals;
  totals.seconds = 1.5;
  totals.executions = UINT64_MAX / 2;
  totals.accesses = 33;
  totals.gave_up = 44;
  totals.kept = 55;
  totals.hits = {{"6.18-leak", 5}, {"v1-wrong-uprobe", 6}};
  return totals;
}

void expect_same(const Totals& one, const Totals& two) {
  EXPECT_EQ(one.seconds, two.seconds);
  EXPECT_EQ(one.executions, two.executions);
  EXPECT_EQ(one.accesses, two.accesses);
  EXPECT_EQ(one.gave_up, two.gave_up);
  EXPECT_EQ(one.kept, two.kept);
  EXPECT_EQ(one.hits, two.hits);
}

TEST(Ledger, SurvivesItsFile) {
  const Folder folder;
  Ledger ledger;
  EXPECT_TRUE(ledger.read(folder / "ledger.json").ok()) << "no file is a new run";
  ledger.seconds = 1.25;
  ledger.started_unix = 1700000000.5;
  ledger.sessions = 3;
  ledger.next_worker = 17;
  ledger.folded = {15, 16};
  GroupRecord& group = ledger.groups["libfuzzer/6.18"];
  group.totals = some_totals();
  group.launches = 9;
  group.restarts = 2;
  group.last_new = 0.75;
  ASSERT_TRUE(ledger.write(folder / "ledger.json").ok());
  Ledger read;
  ASSERT_TRUE(read.read(folder / "ledger.json").ok());
  EXPECT_EQ(read.seconds, 1.25);
  EXPECT_EQ(read.started_unix, 1700000000.5);
  EXPECT_EQ(read.sessions, 3u);
  EXPECT_EQ(read.next_worker, 17u);
  EXPECT_EQ(read.folded, ledger.folded);
  const GroupRecord& again = read.groups["libfuzzer/6.18"];
  expect_same(again.totals, group.totals);
  EXPECT_EQ(again.launches, 9u);
  EXPECT_EQ(again.restarts, 2u);
  EXPECT_EQ(again.last_new, 0.75);
}

TEST(Totals, AddUpInEveryField) {
  Totals twice = some_totals();
  twice.add(some_totals());
  Totals wanted = some_totals();
  wanted.seconds *= 2;
  wanted.executions *= 2;
  wanted.accesses *= 2;
  wanted.gave_up *= 2;
  wanted.kept *= 2;
  for (auto& [bucket, count] : wanted.hits) count *= 2;
  expect_same(twice, wanted);
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
  plan.seeds = "/some/corpus";
  Plan read;
  ASSERT_TRUE(read_plan(to_json(plan), read).ok());
  EXPECT_EQ(read.engines, plan.engines);
  EXPECT_EQ(read.seeds, plan.seeds);
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
