// Taking over what workers leave: everything, each exactly once, whenever the supervisor is killed.
#include "fuzz/supervisor/fleet.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstring>
#include <map>

#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/order.h"
#include "fuzz/supervisor/status.h"
#include "tests/supervisor/folder.h"
#include "tests/supervisor/recorded_calls.h"

namespace vmafuzz::supervisor {
namespace {

constexpr char kBucket[] = "wrong-uprobe:speculative:munmap";

Plan plan_of(const Folder& folder) {
  Plan plan;
  plan.dir = folder.path();
  plan.engines = {"libfuzzer"};
  return plan;
}

// One session of a supervisor on a folder; the next one knows what is on the disk and no more.
struct Session {
  explicit Session(const Folder& folder, const TargetNames& target = {"v1", {}, {}})
      : plan(plan_of(folder)) {
    plan.targets = {target};
    EXPECT_TRUE(make_folder(folder / "corpus").ok());
    EXPECT_TRUE(corpus.open(folder / "corpus").ok());
    EXPECT_TRUE(ledger.read(folder / "ledger.json").ok());
    EXPECT_TRUE(findings.open().ok());
    EXPECT_TRUE(fleet.open().ok());
    fleet.on_warning = [this](const std::string& text) { warnings.push_back(text); };
  }

  // As the supervisor does when it starts, then turn by turn.
  void take_over(int turns = 1) {
    ASSERT_TRUE(fleet.take_over_leftovers().ok());
    for (int i = 0; i < turns; ++i) fleet.tick(1);
  }
  Totals totals() const { return fleet.totals_of(fleet.groups()[0]); }

  Plan plan;
  boost::asio::io_context loop;
  Ledger ledger;
  Corpus corpus;
  Findings findings{loop, plan.dir, "/bin/false"};
  Fleet fleet{loop, plan, ledger, corpus, findings};
  std::vector<std::string> warnings;
};

// What a worker leaves that its supervisor did not outlive.
void leave_worker(const Folder& folder, uint64_t id, const std::string& entry) {
  const std::string work = folder / ("work/" + std::to_string(id));
  put_file(work + "/corpus/" + sha1_name(entry), entry);
  WorkerOrder order;
  order.worker = id;
  order.target = {"v1", {}, {}};
  order.engine = "libfuzzer";
  order.executor = "sim";
  order.stats = work + "/stats";
  put_file(work + "/order.json", to_json(order));
  auto page = MappedPage<StatsPage>::make(work + "/stats");
  ASSERT_TRUE(page.ok());
  (*page)->executions = 100;
  (*page)->accesses = 2000;
  (*page)->gave_up = 3;
  StatsPage::Bucket& bucket = (*page)->buckets[0];
  bucket.hits = 7;
  bucket.first_execution = 42;
  bucket.input_size = 4;
  std::memcpy(bucket.input, "\1\2\3\4", 4);
  std::strcpy(bucket.name, kBucket);
  (*page)->bucket_count = 1;
}

bool is_there(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

TEST(Fleet, TakesOverEverythingThatAWorkerLeftAndThenItsFolder) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  leave_worker(folder, 9, "two");
  Session session(folder);
  session.take_over();
  EXPECT_TRUE(session.fleet.empty());
  const Totals totals = session.totals();
  EXPECT_EQ(totals.executions, 200u);
  EXPECT_EQ(totals.accesses, 4000u);
  EXPECT_EQ(totals.gave_up, 6u);
  EXPECT_EQ(totals.kept, 2u);
  const std::string name = bucket_file_name({"v1", {}, {}}, kBucket);
  EXPECT_EQ(totals.hits, (std::map<std::string, uint64_t>{{name, 14}}));
  EXPECT_EQ(session.corpus.size(), 2u);
  ASSERT_EQ(session.findings.names(), std::vector<std::string>{name});
  EXPECT_EQ(session.findings.find(name)->input, "\1\2\3\4");
  EXPECT_EQ(session.findings.find(name)->execution, 42u);
  EXPECT_TRUE(is_there(folder / ("found/" + name + ".json")));
  EXPECT_FALSE(is_there(folder / "work/8"));
  EXPECT_GE(session.ledger.next_worker, 10u) << "numbers are never used again";
}

TEST(Fleet, CountsAWorkerOnceThoughItsFolderOutlivesTheSupervisor) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  Session(folder).take_over();
  // Killed after the ledger was written, before the folder was removed.
  leave_worker(folder, 8, "one");
  Session session(folder);
  session.take_over();
  EXPECT_EQ(session.totals().executions, 100u);
  EXPECT_TRUE(session.fleet.empty());
  EXPECT_FALSE(is_there(folder / "work/8"));
}

// A run resumed with other kernels: what the first ones did is still part of it.
TEST(Fleet, CountsWhatEarlierSessionsRanAndThisOneDoesNot) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  Session(folder).take_over();
  Session session(folder, {"6.18", {"no-odd-test"}, {"lock_seq_bits=8"}});
  session.take_over();
  ASSERT_EQ(session.fleet.groups().size(), 2u);
  const Group& old = session.fleet.groups()[1];
  EXPECT_EQ(old.name, "libfuzzer/v1");
  EXPECT_TRUE(old.done) << "it gets no more time";
  EXPECT_EQ(session.fleet.totals_of(old).executions, 100u);
  EXPECT_EQ(session.totals().executions, 0u);
  const Snapshot now =
      take_snapshot(session.fleet, session.findings, session.corpus, session.ledger);
  EXPECT_EQ(now.executions, 100u);
  EXPECT_EQ(now.bucket_hits.at(bucket_file_name({"v1", {}, {}}, kBucket)), 7u);

  ASSERT_TRUE(session.ledger.write(folder / "ledger.json").ok());
  Session third(folder);
  ASSERT_EQ(third.fleet.groups().size(), 2u);
  const TargetNames& target = third.fleet.groups()[1].target;
  EXPECT_EQ(target.kernel, "6.18");
  EXPECT_EQ(target.bugs, std::vector<std::string>{"no-odd-test"});
  EXPECT_EQ(target.options, std::vector<std::string>{"lock_seq_bits=8"});
}

TEST(Fleet, WritesTheLedgerBeforeItRemovesTheFolder) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  Session session(folder);
  bool written = false;
  session.fleet.on_end = [&](const Worker& worker, const Group&) {
    Ledger on_disk;
    EXPECT_TRUE(on_disk.read(folder / "ledger.json").ok());
    written = on_disk.folded.count(worker.id) == 1 &&
              on_disk.groups["libfuzzer/v1"].totals.executions == 100;
  };
  session.take_over();
  EXPECT_TRUE(written);
}

TEST(Fleet, ForgetsNothingOnAFullDiskAndGoesOnWhenThereIsRoom) {
  const Folder folder;
  leave_worker(folder, 8, "a longer entry");
  Session session(folder);
  {
    const FileSizeLimit full(4);
    session.take_over(3);
    EXPECT_FALSE(session.fleet.empty());
    EXPECT_TRUE(is_there(folder / "work/8/stats"));
    EXPECT_EQ(session.totals().executions, 100u) << "counted while it waits";
    EXPECT_FALSE(session.warnings.empty());
    EXPECT_FALSE(session.fleet.obstacle().ok()) << "a stop gives up for a reason alone";
  }
  session.fleet.tick(2);
  EXPECT_TRUE(session.fleet.obstacle().ok());
  EXPECT_TRUE(session.fleet.empty());
  EXPECT_EQ(session.totals().executions, 100u);
  EXPECT_EQ(session.corpus.size(), 1u);
  EXPECT_EQ(session.findings.names().size(), 1u);
  EXPECT_EQ(Session(folder).totals().executions, 100u);
}

// There is room for the entry, but not for the ledger.
TEST(Fleet, KeepsAFolderAndCountsItOnceUntilTheLedgerIsWritten) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  auto page = MappedPage<StatsPage>::open(folder / "work/8/stats");
  ASSERT_TRUE(page.ok());
  (*page)->bucket_count = 0;
  Session session(folder);
  {
    const FileSizeLimit full(4);
    session.take_over(3);
    EXPECT_EQ(session.corpus.size(), 1u);
    EXPECT_FALSE(session.fleet.empty());
    EXPECT_TRUE(is_there(folder / "work/8/stats"));
    EXPECT_EQ(session.totals().executions, 100u);
    EXPECT_FALSE(session.fleet.obstacle().ok());
  }
  session.fleet.tick(2);
  EXPECT_FALSE(is_there(folder / "work/8"));
  EXPECT_EQ(session.totals().executions, 100u);
  EXPECT_EQ(Session(folder).totals().executions, 100u);
}

// There is nothing to be written but this, and no room for it.
void expect_kept_until_there_is_room(const Folder& folder, const std::string& for_what) {
  Session session(folder);
  {
    const FileSizeLimit full(4);
    session.take_over(3);
    EXPECT_TRUE(is_there(folder / "work/8/stats"));
    EXPECT_NE(session.fleet.obstacle().message().find(for_what), std::string::npos)
        << session.fleet.obstacle();
  }
  session.fleet.tick(2);
  EXPECT_TRUE(session.fleet.obstacle().ok());
  EXPECT_FALSE(is_there(folder / "work/8"));
  EXPECT_FALSE(sorted_files(folder / for_what).empty());
}

TEST(Fleet, KeepsAFolderUntilItsEntriesAreTaken) {
  const Folder folder;
  leave_worker(folder, 8, "a longer entry");
  {
    auto page = MappedPage<StatsPage>::open(folder / "work/8/stats");
    ASSERT_TRUE(page.ok());
    (*page)->bucket_count = 0;
  }
  expect_kept_until_there_is_room(folder, "corpus");
}

TEST(Fleet, KeepsAFolderUntilWhatWasRunningIsWritten) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  {
    auto page = MappedPage<StatsPage>::open(folder / "work/8/stats");
    ASSERT_TRUE(page.ok());
    (*page)->bucket_count = 0;
    (*page)->running = 1;
    (*page)->input_size = 3;
    std::memcpy((*page)->input, "bad", 3);
  }
  expect_kept_until_there_is_room(folder, "suspects");
}

TEST(Fleet, KeepsAFolderUntilItsFindingsAreWritten) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  Session session(folder);
  const std::string in_the_way =
      folder / ("found/" + bucket_file_name({"v1", {}, {}}, kBucket) + ".json");
  ASSERT_TRUE(make_folder(in_the_way).ok());
  session.take_over(3);
  EXPECT_TRUE(is_there(folder / "work/8/stats"));
  EXPECT_NE(session.fleet.obstacle().message().find(in_the_way), std::string::npos)
      << session.fleet.obstacle();
  remove_tree(in_the_way);
  session.fleet.tick(2);
  EXPECT_FALSE(is_there(folder / "work/8"));
  EXPECT_EQ(session.findings.names().size(), 1u);
}

TEST(Fleet, TakesMoreEntriesThanOneTurnHasTimeFor) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  for (int i = 0; i < 600; ++i) {
    const std::string entry = std::to_string(i);
    put_file(folder / ("work/8/corpus/" + sha1_name(entry)), entry);
  }
  Session session(folder);
  session.take_over();
  EXPECT_FALSE(session.fleet.empty());
  EXPECT_TRUE(session.fleet.obstacle().ok()) << "it is at work: a stop waits for it";
  // Each turn takes one at least.
  for (int i = 0; i < 601 && !session.fleet.empty(); ++i) session.fleet.tick(2);
  EXPECT_TRUE(session.fleet.empty());
  EXPECT_EQ(session.corpus.size(), 601u);
}

TEST(Fleet, KeepsTheInputThatWasRunningWhenAWorkerDied) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  {
    auto page = MappedPage<StatsPage>::open(folder / "work/8/stats");
    ASSERT_TRUE(page.ok());
    (*page)->running = 1;
    (*page)->input_size = 3;
    std::memcpy((*page)->input, "bad", 3);
  }
  Session(folder).take_over();
  const std::vector<std::string> suspects = sorted_files(folder / "suspects");
  ASSERT_EQ(suspects.size(), 1u);
  const absl::StatusOr<Finding> suspect =
      finding_from_json(get_file(folder / ("suspects/" + suspects[0])));
  ASSERT_TRUE(suspect.ok()) << suspect.status();
  EXPECT_EQ(suspect->input, "bad");
  EXPECT_EQ(suspect->verdict, kHarnessCrash);
}

// AFL++ goes on after that, and its next process writes to the same page.
TEST(Fleet, KeepsTheInputsThatAflSawCrash) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  WorkerOrder order;
  order.worker = 8;
  order.target = {"v1", {}, {}};
  order.engine = "afl";
  order.executor = "sim";
  order.stats = folder / "work/8/stats";
  put_file(folder / "work/8/order.json", to_json(order));
  put_file(folder / "work/8/sync/worker/crashes/README.txt", "not one");
  put_file(folder / "work/8/sync/worker/crashes/id:000000,sig:11", "crash");
  put_file(folder / "work/8/sync/worker/hangs/id:000000", "hang");
  Session(folder).take_over();
  std::map<std::string, std::string> kept;
  for (const std::string& name : sorted_files(folder / "suspects")) {
    const absl::StatusOr<Finding> suspect =
        finding_from_json(get_file(folder / ("suspects/" + name)));
    ASSERT_TRUE(suspect.ok()) << suspect.status();
    kept[suspect->input] = suspect->bucket;
  }
  EXPECT_EQ(kept, (std::map<std::string, std::string>{{"crash", "harness-crash:SIGSEGV"},
                                                      {"hang", "harness-hang:afl-fuzz"}}));
}

TEST(Fleet, KeepsThePageOfAnotherVersion) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  put_file(folder / "work/8/stats", "as another version writes it");
  leave_worker(folder, 9, "two");
  put_file(folder / "work/9/stats", "");  // killed before it wrote anything
  Session session(folder);
  session.take_over();
  EXPECT_EQ(session.corpus.size(), 2u);
  EXPECT_TRUE(is_there(folder / "unknown/8/stats"));
  EXPECT_FALSE(is_there(folder / "unknown/9"));
  EXPECT_EQ(session.warnings.size(), 1u);
}

TEST(Fleet, KeepsTheCorpusOfAWorkerWhoseOrderIsDamaged) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  put_file(folder / "work/8/order.json", "{\"worker\": ");
  Session session(folder);
  session.take_over();
  EXPECT_EQ(session.corpus.size(), 1u);
  EXPECT_FALSE(session.warnings.empty());
  EXPECT_FALSE(is_there(folder / "work/8"));
  EXPECT_TRUE(is_there(folder / "unknown/8/stats"));
}

// Any verdict that may report a switch that is on is what the group is there for.
TEST(Fleet, ExpectsWhatMayReportItsBugs) {
  const Folder folder;
  Session session(folder, {"6.18", {"plain-nhit", "no-odd-test"}, {}});
  const std::vector<std::string> verdicts = {"data-race", "wrong-uprobe", "stale-uprobe"};
  EXPECT_EQ(session.fleet.groups()[0].expected, verdicts);
  Finding finding;
  finding.target = session.fleet.groups()[0].target;
  finding.verdict = "leak";
  session.fleet.note_found(finding);
  EXPECT_FALSE(session.fleet.groups()[0].caught);
  finding.verdict = "stale-uprobe";
  EXPECT_TRUE(session.fleet.urgent(finding));
  session.fleet.note_found(finding);
  EXPECT_TRUE(session.fleet.groups()[0].caught);
  finding.target.bugs.clear();
  EXPECT_FALSE(session.fleet.expected(finding)) << "of the kernel itself";
}

TEST(Findings, AreKnownToTheNextSession) {
  const Folder folder;
  leave_worker(folder, 8, "one");
  Session(folder).take_over();
  put_file(folder / "found/damaged.json", "{");
  std::vector<std::string> warnings;
  boost::asio::io_context loop;
  Findings findings(loop, folder.path(), "/bin/false");
  findings.on_warning = [&](const std::string& text) { warnings.push_back(text); };
  ASSERT_TRUE(findings.open().ok());
  EXPECT_EQ(findings.names().size(), 1u);
  EXPECT_EQ(findings.waiting(), 1u) << "it is not minimised yet";
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("damaged.json"), std::string::npos);
}

TEST(Findings, AreBucketsOnce) {
  const Folder folder;
  Session session(folder);
  Finding finding;
  finding.target = {"v1", {}, {}};
  finding.bucket = kBucket;
  finding.verdict = "wrong-uprobe";
  int fresh = 0;
  session.findings.on_new = [&](const std::string&, const Finding&) { ++fresh; };
  for (const uint64_t execution : {1, 2}) {
    finding.execution = execution;
    ASSERT_TRUE(session.findings.add(finding).ok());
  }
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(session.findings.find(session.findings.names()[0])->execution, 1u);
}

}  // namespace
}  // namespace vmafuzz::supervisor
