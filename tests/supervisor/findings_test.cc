// What the supervisor makes of the ways in which triage ends.
#include "fuzz/supervisor/findings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fuzz/supervisor/files.h"
#include "fuzz/supervisor/triage.h"
#include "input/bytes.h"
#include "tests/supervisor/script.h"

namespace vmafuzz::supervisor {
namespace {

constexpr char kBucketFile[] = "found/v1-wrong-uprobe-x.json";
constexpr char kSuspectFile[] = "suspects/one.json";

class FindingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    finding_.target = {"v1", {}, {}};
    finding_.bucket = "wrong-uprobe:x";
    finding_.verdict = "wrong-uprobe";
    finding_.input = "bad";
    suspect_ = finding_;
    suspect_.bucket = "harness-crash:SIGKILL";
    suspect_.verdict = std::string(kHarnessCrash);
  }

  // One session, in which `script` is the triage, until it is idle.
  void session(const std::string& script) {
    warnings_.clear();
    done_.clear();
    killed_.clear();
    put_script(folder_ / "triage", "echo >>" + (folder_ / "runs") + "\n" + script);
    put_file(folder_ / "runs", "");
    boost::asio::io_context loop;
    Findings findings(loop, folder_.path(), folder_ / "triage");
    findings.pause = std::chrono::milliseconds(1);
    findings.on_warning = [&](const std::string& text) { warnings_.push_back(text); };
    ASSERT_TRUE(findings.open().ok());
    findings.on_done = [&](const std::string& name, const Finding& finding) {
      done_.push_back(name);
      last_done_ = finding;
    };
    findings.on_killed = [&](const std::string& name, const Finding&) { killed_.push_back(name); };
    const Clock::time_point late = Clock::now() + std::chrono::seconds(60);
    while (!findings.idle() && Clock::now() < late) {
      findings.tick([](const Finding&) { return false; });
      loop.restart();
      loop.run_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(findings.idle());
    names_ = findings.names();
  }
  size_t runs() const { return get_file(folder_ / "runs").size(); }
  bool is_there(const std::string& name) const {
    return access((folder_ / name).c_str(), F_OK) == 0;
  }
  Finding on_disk(const std::string& name) const {
    const absl::StatusOr<Finding> finding =
        finding_from_json(get_file(folder_ / ("found/" + name + ".json")));
    EXPECT_TRUE(finding.ok()) << finding.status();
    return finding.ok() ? *finding : Finding();
  }

  const Folder folder_;
  Finding finding_, suspect_;
  std::vector<std::string> warnings_, done_, killed_, names_;
  Finding last_done_;
};

// A triage that was killed, or that lacked something, says nothing about its input.
TEST_F(FindingsTest, LeaveABucketWhoseTriageTellsNothingToTheNextSession) {
  put_file(folder_ / kBucketFile, to_json(finding_));
  for (const std::string& end :
       {std::string("kill -KILL $$"), absl::StrCat("exit ", kTriageUnavailable)}) {
    session(end);
    EXPECT_EQ(runs(), 3u) << end;
    EXPECT_EQ(get_file(folder_ / kBucketFile), to_json(finding_)) << end;
    EXPECT_FALSE(is_there("found/v1-wrong-uprobe-x.repro"));
    EXPECT_TRUE(done_.empty());
    EXPECT_EQ(warnings_.size(), 1u) << "what waits is told";
  }
  session("sed -i 's/\"new\"/\"minimal\"/' $1/$2");
  EXPECT_EQ(runs(), 1u);
  EXPECT_EQ(done_, std::vector<std::string>{"v1-wrong-uprobe-x"});
}

TEST_F(FindingsTest, RepeatATriageThatWasKilled) {
  put_file(folder_ / kBucketFile, to_json(finding_));
  session("mkdir $1/second 2>/dev/null && kill -KILL $$\nsed -i 's/\"new\"/\"minimal\"/' $1/$2");
  EXPECT_EQ(runs(), 2u);
  EXPECT_EQ(on_disk("v1-wrong-uprobe-x").state, State::kMinimal);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(FindingsTest, CountTheOperationsOfAProgramWhoseTriageDies) {
  input::Program program;
  program.ops = {input::simplest_op(input::OpKind::kHit, 1)};
  const std::vector<uint8_t> bytes = input::encode(program);
  finding_.input.assign(bytes.begin(), bytes.end());
  put_file(folder_ / kBucketFile, to_json(finding_));
  session("kill -SEGV $$");
  EXPECT_EQ(last_done_.state, State::kUnreproduced);
  EXPECT_EQ(last_done_.ops, 1u);
  EXPECT_EQ(to_json(last_done_), get_file(folder_ / kBucketFile));
}

TEST_F(FindingsTest, MakeNoBucketOfASuspectWhoseTriageTellsNothing) {
  put_file(folder_ / kSuspectFile, to_json(suspect_));
  for (const std::string& end :
       {std::string("kill -KILL $$"), absl::StrCat("exit ", kTriageUnavailable)}) {
    session(end);
    EXPECT_EQ(runs(), 3u) << end;
    EXPECT_TRUE(names_.empty()) << end;
    EXPECT_EQ(get_file(folder_ / kSuspectFile), to_json(suspect_)) << end;
  }
  // What such a triage wrote beside the suspect is none.
  put_file(folder_ / (std::string(kSuspectFile) + ".repro"), "a program");
  session("rm $1/$2");
  EXPECT_EQ(runs(), 1u);
  EXPECT_TRUE(sorted_files(folder_ / "suspects").empty());
  EXPECT_TRUE(names_.empty());
}

TEST_F(FindingsTest, TakeACrashOfTriageForTheSuspects) {
  put_file(folder_ / kSuspectFile, to_json(suspect_));
  session("kill -SEGV $$");
  EXPECT_EQ(runs(), 1u);
  ASSERT_EQ(names_, std::vector<std::string>{"v1-harness-crash-SIGSEGV"});
  EXPECT_EQ(done_, names_);
  EXPECT_EQ(on_disk(names_[0]).state, State::kWhole);
  EXPECT_FALSE(is_there(kSuspectFile));
  EXPECT_TRUE(absl::StrContains(get_file(folder_ / "found/v1-harness-crash-SIGSEGV.repro"),
                                "the process that runs this ends by SIGSEGV"));
}

// What the worker ran of it, with the schedule that no plain reading of the bytes gives it.
TEST_F(FindingsTest, HoldTheProgramThatKillsAndNotTheBytesThatTheEngineMade) {
  suspect_.input.assign(input::kHeaderBytes, '\0');
  put_file(folder_ / kSuspectFile, to_json(suspect_));
  session("kill -SEGV $$");
  decode_suspect(&suspect_);
  EXPECT_EQ(on_disk("v1-harness-crash-SIGSEGV").input, suspect_.input);
  EXPECT_TRUE(
      absl::StrContains(get_file(folder_ / "found/v1-harness-crash-SIGSEGV.repro"), "search:"));
}

TEST_F(FindingsTest, PreferACrashThatIsShownAgain) {
  Finding once = suspect_;
  once.bucket = "harness-crash:SIGSEGV";
  once.state = State::kUnreproduced;
  put_file(folder_ / "found/v1-harness-crash-SIGSEGV.json", to_json(once));
  for (const char* input : {"first", "second"}) {
    suspect_.input = input;
    put_file(folder_ / kSuspectFile, to_json(suspect_));
    session("kill -SEGV $$");
    EXPECT_EQ(names_.size(), 1u);
    EXPECT_EQ(killed_, names_) << "each is a hit of the bucket";
    EXPECT_FALSE(is_there(kSuspectFile));
  }
  suspect_.input = "first";
  decode_suspect(&suspect_);
  EXPECT_EQ(on_disk("v1-harness-crash-SIGSEGV").state, State::kWhole);
  EXPECT_EQ(on_disk("v1-harness-crash-SIGSEGV").input, suspect_.input);
}

// As triage leaves one that it could not show again.
TEST_F(FindingsTest, TellOfWhatTriageCompletedItself) {
  suspect_.bucket = "harness-crash:SIGBUS";
  put_file(folder_ / kSuspectFile, to_json(suspect_));
  session(
      "sed 's/\"new\"/\"unreproduced\"/' $1/$2 >$1/found/v1-harness-crash-SIGBUS.json; rm $1/$2");
  EXPECT_EQ(names_, std::vector<std::string>{"v1-harness-crash-SIGBUS"});
  EXPECT_EQ(done_, names_);
}

// Workers go on dying of it while triage looks at it: hits, and no other suspect.
TEST_F(FindingsTest, CountDeathsByAnInputThatIsInTriage) {
  suspect_.input = "a";
  put_script(folder_ / "triage",
             "while [ ! -e " + (folder_ / "go") + " ]; do sleep 0.01; done\n" + "kill -SEGV $$");
  boost::asio::io_context loop;
  Findings findings(loop, folder_.path(), folder_ / "triage");
  findings.on_killed = [&](const std::string& name, const Finding&) { killed_.push_back(name); };
  ASSERT_TRUE(findings.open().ok());
  ASSERT_TRUE(findings.add_suspect(suspect_).ok());
  ASSERT_TRUE(findings.add_suspect(suspect_).ok());
  findings.tick([](const Finding&) { return false; });
  ASSERT_TRUE(findings.add_suspect(suspect_).ok());
  EXPECT_EQ(findings.waiting(), 1u);
  put_file(folder_ / "go", "");
  const Clock::time_point late = Clock::now() + std::chrono::seconds(60);
  while (!findings.idle() && Clock::now() < late) {
    loop.restart();
    loop.run_for(std::chrono::milliseconds(10));
    findings.tick([](const Finding&) { return false; });
  }
  EXPECT_EQ(killed_, std::vector<std::string>(3, "v1-harness-crash-SIGSEGV"));
  EXPECT_TRUE(sorted_files(folder_ / "suspects").empty());
}

// Whatever triage lacked: the input may be one that kills.
TEST_F(FindingsTest, LeaveASuspectThatTriageCouldNotLookAt) {
  put_file(folder_ / kSuspectFile, to_json(suspect_));
  session("exit 1");
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_TRUE(absl::StrContains(warnings_[0], "unknown/one.json")) << warnings_[0];
  EXPECT_EQ(get_file(folder_ / "unknown/one.json"), to_json(suspect_));
}

}  // namespace
}  // namespace vmafuzz::supervisor
