// Triage, with a vmafuzz_tsan that is only pretended; tests/cli/triage_test.sh has the real one.
#include "fuzz/supervisor/triage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fuzz/command.h"
#include "fuzz/supervisor/files.h"
#include "input/bytes.h"
#include "input/text.h"
#include "tests/supervisor/script.h"

namespace vmafuzz::supervisor {
namespace {

// Ends of a vmafuzz_tsan that tell nothing about the program that it was given.
const char* const kTellNothing[] = {"exit 2", "exit 3", "exit 126", "exit 127", "kill -KILL $$"};

class TriageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_folder(run_ / "found").ok());
    setenv("VMAFUZZ_ROOT", root_.path().c_str(), 1);
  }
  void TearDown() override { unsetenv("VMAFUZZ_ROOT"); }

  void pretend_native(const std::string& script) {
    put_script(root_ / "build/tsan/fuzz/vmafuzz_tsan", script);
  }

  // A seed, which prescribes no schedule.
  static Finding finding_on(const std::string& kernel, const std::string& executor,
                            const std::string& bucket) {
    const auto seed = input::parse_text(get_file(
        absl::StrCat(VMAFUZZ_SOURCE_DIR, "/corpus/backing-file-unmapped-under-hit.repro")));
    EXPECT_TRUE(seed.ok()) << seed.status();
    const std::vector<uint8_t> bytes = input::encode(*seed);
    Finding finding;
    finding.target.kernel = kernel;
    finding.executor = executor;
    finding.bucket = bucket;
    finding.verdict = verdict_of_bucket(bucket);
    finding.input.assign(bytes.begin(), bytes.end());
    return finding;
  }

  int triage_suspect(const Finding& suspect) {
    put_file(run_ / kSuspect, to_json(suspect));
    return triage(run_.path(), kSuspect);
  }
  bool suspect_is_there() const { return access((run_ / kSuspect).c_str(), F_OK) == 0; }

  std::vector<Finding> found() const {
    std::vector<Finding> findings;
    for (const std::string& file : sorted_files(run_ / "found")) {
      if (!absl::EndsWith(file, ".json")) continue;
      const absl::StatusOr<Finding> finding = finding_from_json(get_file(run_ / ("found/" + file)));
      EXPECT_TRUE(finding.ok()) << finding.status();
      if (finding.ok()) findings.push_back(*finding);
    }
    return findings;
  }

  static constexpr char kSuspect[] = "suspects/one.json";
  const Folder run_;
  const Folder root_;
};

// As it had no room for the bucket that it met.
TEST_F(TriageTest, RunsASuspectAsItsWorkerDid) {
  const Finding suspect = finding_on("canary", "sim", "harness-crash:exit status 0");
  EXPECT_EQ(triage_suspect(suspect), command::kExitOk);
  EXPECT_FALSE(suspect_is_there());
  ASSERT_EQ(found().size(), 1u) << "it ran as another execution";
  EXPECT_EQ(found()[0].state, State::kNew);
  const std::string name = bucket_file_name(suspect.target, found()[0].bucket);
  EXPECT_EQ(triage(run_.path(), absl::StrCat("found/", name, ".json")), command::kExitOk);
  EXPECT_EQ(found()[0].shows_on, "sim") << "the finding holds another program than what was run";
}

TEST_F(TriageTest, MakesFindingsOfAllThatASuspectShowsUnderThreadSanitizer) {
  for (const char* executor : {"tsan-fibres", "tsan-threads"}) {
    remove_tree(run_ / "found");
    ASSERT_TRUE(make_folder(run_ / "found").ok());
    pretend_native(R"(echo '{"what": "a race", "buckets": {"data-race:a:b": 1, "oops:c": 1}}')");
    EXPECT_EQ(triage_suspect(finding_on("6.18", executor, "harness-crash:exit status 0")),
              command::kExitOk);
    EXPECT_FALSE(suspect_is_there());
    const std::vector<Finding> findings = found();
    ASSERT_EQ(findings.size(), 2u) << executor;
    EXPECT_EQ(findings[0].bucket, "data-race:a:b");
    EXPECT_EQ(findings[0].verdict, "data-race");
    EXPECT_EQ(findings[0].executor, executor);
    EXPECT_EQ(findings[0].state, State::kNew) << "it is minimised as others are";
  }
}

TEST_F(TriageTest, SaysThatASuspectKillsVmafuzzTsan) {
  pretend_native("kill -SEGV $$");
  EXPECT_EQ(triage_suspect(finding_on("6.18", "tsan-fibres", "harness-crash:SIGSEGV")),
            kTriageKilled);
  EXPECT_TRUE(suspect_is_there());
}

TEST_F(TriageTest, JudgesNoSuspectByWhatVmafuzzTsanLacks) {
  const Finding suspect = finding_on("6.18", "tsan-fibres", "harness-crash:SIGSEGV");
  EXPECT_EQ(triage_suspect(suspect), kTriageUnavailable) << "it is not there";
  for (const char* end : kTellNothing) {
    pretend_native(end);
    EXPECT_EQ(triage_suspect(suspect), kTriageUnavailable) << end;
    EXPECT_TRUE(suspect_is_there()) << end;
  }
  EXPECT_TRUE(found().empty());
}

TEST_F(TriageTest, JudgesNoFindingByWhatVmafuzzTsanLacks) {
  const Finding finding = finding_on("6.18", "tsan-fibres", "data-race:a:b");
  const std::string file = "found/6.18-data-race-a-b.json";
  put_file(run_ / file, to_json(finding));
  EXPECT_EQ(triage(run_.path(), file), kTriageUnavailable) << "it is not there";
  for (const char* end : kTellNothing) {
    pretend_native(end);
    EXPECT_EQ(triage(run_.path(), file), kTriageUnavailable) << end;
    EXPECT_EQ(get_file(run_ / file), to_json(finding)) << end;
  }
  pretend_native("exit 1");  // its own fault
  EXPECT_EQ(triage(run_.path(), file), command::kExitOk);
  EXPECT_EQ(found()[0].state, State::kUnreproduced);
}

TEST_F(TriageTest, KeepsTheInputOfACrashThatNothingShowsAgain) {
  pretend_native(R"(echo '{"what": "", "buckets": {}}')");
  for (const char* executor : {"sim", "tsan-fibres"}) {
    for (const char* signal : {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"}) {
      const std::string bucket = absl::StrCat("harness-crash:", signal);
      EXPECT_EQ(triage_suspect(finding_on("6.18", executor, bucket)), command::kExitOk);
      EXPECT_FALSE(suspect_is_there());
      const std::vector<Finding> findings = found();
      ASSERT_EQ(findings.size(), 1u) << bucket;
      EXPECT_EQ(findings[0].bucket, bucket);
      EXPECT_EQ(findings[0].state, State::kUnreproduced);
      EXPECT_FALSE(findings[0].input.empty());
      const std::string repro = absl::StrCat("found/6.18-harness-crash-", signal, ".repro");
      EXPECT_TRUE(absl::StrContains(get_file(run_ / repro), "NOT REPRODUCED: a worker"));
      remove_tree(run_ / "found");
      ASSERT_TRUE(make_folder(run_ / "found").ok());
    }
  }
}

TEST_F(TriageTest, ForgetsHarmlessInputsOfEndsThatCameFromElsewhere) {
  for (const char* bucket : {"harness-crash:SIGKILL", "harness-crash:exit status 1",
                             "harness-crash:with the supervisor", "harness-hang:SIGKILL"}) {
    EXPECT_EQ(triage_suspect(finding_on("6.18", "sim", bucket)), command::kExitOk);
    EXPECT_FALSE(suspect_is_there());
    EXPECT_TRUE(found().empty()) << bucket;
  }
}

// It is counted, too, although nothing runs it.
TEST_F(TriageTest, WritesAProgramThatKillsAsItWasMet) {
  Finding killer = finding_on("6.18", "sim", "harness-crash:SIGSEGV");
  killer.state = State::kWhole;
  ASSERT_TRUE(write_unexecuted(run_.path(), killer).ok());
  const std::vector<Finding> findings = found();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].state, State::kWhole);
  const auto repro = input::parse_text(get_file(run_ / "found/6.18-harness-crash-SIGSEGV.repro"));
  ASSERT_TRUE(repro.ok()) << repro.status();
  EXPECT_GT(findings[0].ops, 0u);
  EXPECT_EQ(findings[0].ops, repro->ops.size());
  EXPECT_EQ(findings[0].directives, repro->directives.size());
  decode_suspect(&killer);
  EXPECT_EQ(killer.ops, findings[0].ops) << "for those who do not read it back";
}

// As threads showed it, and nothing that could minimise it.
TEST_F(TriageTest, SaysThatWhatThreadsAloneShowIsWhole) {
  pretend_native(R"(case "$*" in
    *--threads*) echo '{"runs": 1000, "what": "race", "buckets": {"data-race:a:b": 1}}';;
    *) echo '{"found": false, "executions": 20000}';;
  esac)");
  const Finding finding = finding_on("6.18", "tsan-threads", "data-race:a:b");
  put_file(run_ / "found/6.18-data-race-a-b.json", to_json(finding));
  EXPECT_EQ(triage(run_.path(), "found/6.18-data-race-a-b.json"), command::kExitOk);
  EXPECT_EQ(found()[0].state, State::kWhole) << found()[0].what;
}

// A forked target aborts for want of room for a bucket.
TEST_F(TriageTest, TakesNoAbortForACrashThatABucketExplains) {
  EXPECT_EQ(triage_suspect(finding_on("canary", "sim", "harness-crash:SIGABRT")), command::kExitOk);
  ASSERT_EQ(found().size(), 1u);
  EXPECT_NE(found()[0].verdict, kHarnessCrash);
}

}  // namespace
}  // namespace vmafuzz::supervisor
