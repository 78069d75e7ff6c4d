#include "fuzz/supervisor/exchange.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input/bytes.h"
#include "tests/supervisor/folder.h"
#include "tests/supervisor/recorded_calls.h"

namespace vmafuzz::supervisor {
namespace {

struct RunFolder {
  Folder folder;
  Corpus corpus;
  RunFolder() {
    std::filesystem::create_directories(folder / "corpus");
    EXPECT_TRUE(corpus.open(folder / "corpus").ok());
  }
  std::string content(const std::string& name) const { return *corpus.read(name); }
};

// As libFuzzer names it.
std::string put_entry(const std::string& folder, const std::string& content) {
  const std::string name = sha1_name(content);
  put_file(folder + "/" + name, content);
  return name;
}

TEST(Corpus, TakesEachContentOnce) {
  RunFolder run;
  EXPECT_TRUE(*run.corpus.add("one"));
  EXPECT_FALSE(*run.corpus.add("one"));
  EXPECT_TRUE(*run.corpus.add("three"));
  EXPECT_EQ(run.corpus.size(), 2u);
  EXPECT_EQ(run.corpus.bytes(), 8u);
  take_recorded_calls();
  EXPECT_TRUE(*run.corpus.add("four"));
  const std::vector<std::string> calls = take_recorded_calls();
  ASSERT_EQ(calls.size(), 1u) << "a sync for each entry takes longer than finding it";
  EXPECT_EQ(calls[0].substr(0, 6), "rename") << "not complete or not at all";
  EXPECT_EQ(run.content(sha1_name("one")), "one");
}

TEST(Corpus, OpensWhatIsThereAndKeepsDamagedEntriesUnderTheirRightName) {
  const Folder folder;
  put_entry(folder / "corpus", "good");
  put_file((folder / "corpus/") + sha1_name("was good"), "is bad");
  put_file(folder / "corpus/by hand", "somebody's");
  put_file(folder / "corpus/.x.1.tmp", "half");
  ASSERT_EQ(mkfifo((folder / "corpus/fifo").c_str(), 0666), 0);
  Corpus corpus;
  ASSERT_TRUE(corpus.open(folder / "corpus").ok());
  std::vector<std::string> names = corpus.names();
  std::sort(names.begin(), names.end());
  std::vector<std::string> right = {sha1_name("good"), sha1_name("is bad"),
                                    sha1_name("somebody's")};
  std::sort(right.begin(), right.end());
  EXPECT_EQ(names, right);
  EXPECT_EQ(sorted_files(folder / "corpus"), right);
  EXPECT_NE(access((folder / "corpus/.x.1.tmp").c_str(), F_OK), 0);
  const std::vector<std::string> warnings = corpus.take_warnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("is damaged"), std::string::npos);
}

TEST(Corpus, ImportsWholeEntriesOnceAndHalfOnesWhenTheirWriterIsGone) {
  RunFolder run;
  QueueCursor cursor;
  const std::string queue = run.folder / "queue";
  put_entry(queue, "one");
  put_file(queue + "/" + sha1_name("longer"), "lon");
  put_file(queue + "/empty", "");
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100));
  EXPECT_EQ(run.corpus.size(), 1u);
  EXPECT_EQ(cursor.kept, 1u);
  put_entry(queue, "longer");
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100));
  EXPECT_EQ(run.corpus.size(), 2u);
  put_file(queue + "/" + sha1_name("longest"), "longe");
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100));
  EXPECT_EQ(run.corpus.size(), 2u);
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100, /*writer_lives=*/false));
  EXPECT_EQ(run.corpus.size(), 3u);
}

// libFuzzer makes a file, then fills it.
TEST(Corpus, ImportsAFileThatWasEmptyWhenItWasFirstSeen) {
  RunFolder run;
  QueueCursor cursor;
  const std::string queue = run.folder / "queue";
  put_file(queue + "/" + sha1_name("late"), "");
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100));
  EXPECT_EQ(run.corpus.size(), 0u);
  put_entry(queue, "late");
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100));
  EXPECT_EQ(run.corpus.size(), 1u);
}

// On a full disk an engine leaves an empty file for each entry that it would have kept.
TEST(Corpus, ImportsWhatComesAfterManyEmptyFiles) {
  for (const bool writer_lives : {true, false}) {
    RunFolder run;
    QueueCursor cursor;
    const std::string queue = run.folder / "queue";
    for (int i = 0; i < 10; ++i) put_file(queue + "/" + std::to_string(i), "");
    const std::string last = queue + "/last";
    put_file(last, "content");
    for (int tries = 0; tries < 4; ++tries) {
      const absl::StatusOr<bool> all = run.corpus.import(queue, cursor, 4, writer_lives);
      ASSERT_TRUE(all.ok());
      if (*all) break;
    }
    EXPECT_EQ(run.corpus.size(), 1u) << "writer_lives " << writer_lives;
    EXPECT_TRUE(*run.corpus.import(queue, cursor, 4, writer_lives));
  }
}

TEST(Corpus, ThatFindsNoRoomLeavesTheRestForLater) {
  RunFolder run;
  QueueCursor cursor;
  const std::string queue = run.folder / "queue";
  for (const char* content : {"1", "22", "333"}) put_entry(queue, content);
  {
    const FileSizeLimit full(1);
    EXPECT_FALSE(run.corpus.import(queue, cursor, 100).ok());
  }
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 100));
  EXPECT_EQ(run.corpus.size(), 3u);
  EXPECT_EQ(cursor.kept, 3u);
}

TEST(Corpus, ImportsInPortions) {
  RunFolder run;
  QueueCursor cursor;
  const std::string queue = run.folder / "queue";
  for (int i = 0; i < 10; ++i) put_entry(queue, std::to_string(i));
  EXPECT_FALSE(*run.corpus.import(queue, cursor, 4));
  EXPECT_EQ(run.corpus.size(), 4u);
  EXPECT_FALSE(*run.corpus.import(queue, cursor, 4));
  EXPECT_TRUE(*run.corpus.import(queue, cursor, 4));
  EXPECT_EQ(run.corpus.size(), 10u);
}

TEST(Corpus, HandsOthersEntriesOnButNotTheirOwnBack) {
  RunFolder run;
  QueueCursor mine;
  QueueCursor other;
  const std::string queue = run.folder / "queue";
  const std::string own = put_entry(queue, "own");
  ASSERT_TRUE(run.corpus.import(queue, mine, 100).ok());
  ASSERT_TRUE(run.corpus.add("of another").ok());
  std::filesystem::create_directories(run.folder / "inbox");
  run.corpus.hand_over(run.folder / "inbox", Delivery::kSameFolder, mine, 100);
  EXPECT_EQ(sorted_files(run.folder / "inbox"), std::vector<std::string>{sha1_name("of another")});
  // What was handed over is no entry of the worker's.
  EXPECT_TRUE(*run.corpus.import(run.folder / "inbox", mine, 100));
  EXPECT_EQ(mine.kept, 1u);

  std::filesystem::create_directories(run.folder / "afl");
  run.corpus.hand_over(run.folder / "afl", Delivery::kAflSibling, other, 100);
  const std::vector<std::string> names = sorted_files(run.folder / "afl");
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0], "id:000000,sha1:" + own);
  EXPECT_EQ(names[1].substr(0, 10), "id:000001,");
}

TEST(Corpus, FillsAFolderWithAllOrWithARandomPartAndNeverWithNothing) {
  RunFolder run;
  QueueCursor cursor;
  ASSERT_TRUE(run.corpus.fill(run.folder / "none", 10, 1, cursor).ok());
  EXPECT_EQ(sorted_files(run.folder / "none"),
            std::vector<std::string>{sha1_name(std::string(input::kHeaderBytes, '\0'))});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(run.corpus.add(std::to_string(i)).ok());
  QueueCursor all;
  ASSERT_TRUE(run.corpus.fill(run.folder / "all", 100, 1, all).ok());
  EXPECT_EQ(sorted_files(run.folder / "all").size(), 20u);
  QueueCursor one;
  QueueCursor two;
  ASSERT_TRUE(run.corpus.fill(run.folder / "one", 5, 1, one).ok());
  ASSERT_TRUE(run.corpus.fill(run.folder / "two", 5, 2, two).ok());
  EXPECT_EQ(sorted_files(run.folder / "one").size(), 5u);
  EXPECT_NE(sorted_files(run.folder / "one"), sorted_files(run.folder / "two"));
}

// What a worker did not begin with because there is too much is not carried to it afterwards.
TEST(Corpus, HandsOverOnlyWhatCameAfterTheFolderWasFilled) {
  RunFolder run;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(run.corpus.add(std::to_string(i)).ok());
  QueueCursor cursor;
  ASSERT_TRUE(run.corpus.fill(run.folder / "in", 5, 1, cursor).ok());
  std::filesystem::create_directories(run.folder / "inbox");
  run.corpus.hand_over(run.folder / "inbox", Delivery::kSameFolder, cursor, 100);
  EXPECT_TRUE(sorted_files(run.folder / "inbox").empty());
  for (const char* content : {"new", "newer"}) ASSERT_TRUE(run.corpus.add(content).ok());
  run.corpus.hand_over(run.folder / "inbox", Delivery::kSameFolder, cursor, 1);
  EXPECT_EQ(sorted_files(run.folder / "inbox"), std::vector<std::string>{sha1_name("new")});
  run.corpus.hand_over(run.folder / "inbox", Delivery::kSameFolder, cursor, 1);
  EXPECT_EQ(sorted_files(run.folder / "inbox").size(), 2u);
}

TEST(SyncFolder, CarriesEntriesBetweenSupervisorsOnceAndWithoutEcho) {
  RunFolder a;
  RunFolder b;
  const Folder shared;
  SyncFolder of_a;
  SyncFolder of_b;
  ASSERT_TRUE(of_a.open(shared.path(), "a").ok());
  ASSERT_TRUE(of_b.open(shared.path(), "b").ok());
  ASSERT_TRUE(a.corpus.add("from a").ok());
  ASSERT_TRUE(b.corpus.add("from b").ok());
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(of_a.exchange(a.corpus, 100).ok());
    ASSERT_TRUE(of_b.exchange(b.corpus, 100).ok());
  }
  EXPECT_EQ(a.corpus.size(), 2u);
  EXPECT_EQ(b.corpus.size(), 2u);
  EXPECT_EQ(sorted_files(shared / "a/queue").size(), 1u);
  EXPECT_EQ(sorted_files(shared / "b/queue").size(), 1u);
  EXPECT_EQ(of_a.received(), 1u);
  EXPECT_EQ(of_a.given(), 1u);
}

TEST(SyncFolder, GivesNothingBackWhileItHasNotReadAllOfTheOthers) {
  RunFolder a;
  RunFolder b;
  const Folder shared;
  SyncFolder of_a;
  SyncFolder of_b;
  ASSERT_TRUE(of_a.open(shared.path(), "a").ok());
  ASSERT_TRUE(of_b.open(shared.path(), "b").ok());
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(a.corpus.add(std::to_string(i)).ok());
    ASSERT_TRUE(b.corpus.add(std::to_string(i)).ok());
  }
  ASSERT_TRUE(of_a.exchange(a.corpus, 100).ok());
  for (int round = 0; round < 5; ++round) ASSERT_TRUE(of_b.exchange(b.corpus, 2).ok());
  EXPECT_TRUE(sorted_files(shared / "b/queue").empty()) << "a has all of it already";
  ASSERT_TRUE(b.corpus.add("new").ok());
  ASSERT_TRUE(of_b.exchange(b.corpus, 2).ok());
  EXPECT_EQ(sorted_files(shared / "b/queue").size(), 1u);
}

// A peer may have more than can be read in a turn, and may grow faster than it is read.
TEST(SyncFolder, GivesWhatIsItsOwnWhileItHasNotReadAllOfTheOthers) {
  RunFolder a;
  RunFolder b;
  const Folder shared;
  SyncFolder of_a;
  SyncFolder of_b;
  ASSERT_TRUE(of_a.open(shared.path(), "a").ok());
  ASSERT_TRUE(of_b.open(shared.path(), "b").ok());
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(a.corpus.add(std::to_string(i)).ok());
  ASSERT_TRUE(b.corpus.add("own").ok());
  EXPECT_TRUE(of_a.exchange(a.corpus, 100).value());
  EXPECT_FALSE(of_b.exchange(b.corpus, 2).value()) << "four are left";
  EXPECT_EQ(sorted_files(shared / "b/queue"),
            std::vector<std::string>{"id:000000,sha1:" + sha1_name("own")});
  EXPECT_FALSE(of_b.exchange(b.corpus, 2).value());
  EXPECT_TRUE(of_b.exchange(b.corpus, 2).value());
  EXPECT_EQ(b.corpus.size(), 7u);
  EXPECT_EQ(sorted_files(shared / "b/queue").size(), 1u);
}

// The same supervisor, started again.
TEST(SyncFolder, DoesNotGiveTwiceWhatAnEarlierSessionGave) {
  RunFolder run;
  const Folder shared;
  ASSERT_TRUE(run.corpus.add("one").ok());
  for (int session = 0; session < 2; ++session) {
    SyncFolder sync;
    ASSERT_TRUE(sync.open(shared.path(), "me").ok());
    ASSERT_TRUE(sync.exchange(run.corpus, 100).ok());
  }
  EXPECT_EQ(sorted_files(shared / "me/queue").size(), 1u);
}

TEST(SyncFolder, ReadsAflInstancesAndGoesOnWithItsOwnNumbers) {
  RunFolder run;
  const Folder shared;
  put_file(shared / "afl-main/queue/id:000000,time:0,orig:x", "from afl");
  put_file(shared / "afl-main/queue/.state/auto_extras/x", "not an entry");
  put_file(shared / "me/queue/id:000041,sha1:" + sha1_name("mine"), "mine");
  ASSERT_TRUE(run.corpus.add("mine").ok());
  ASSERT_TRUE(run.corpus.add("new").ok());
  SyncFolder sync;
  ASSERT_TRUE(sync.open(shared.path(), "me").ok());
  ASSERT_TRUE(sync.exchange(run.corpus, 100).ok());
  EXPECT_EQ(run.corpus.size(), 3u);
  const std::vector<std::string> given = sorted_files(shared / "me/queue");
  ASSERT_EQ(given.size(), 2u);
  EXPECT_EQ(given[1], "id:000042,sha1:" + sha1_name("new"));
}

TEST(SyncFolder, HasOneOwnerOfAName) {
  const Folder shared;
  SyncFolder one;
  ASSERT_TRUE(one.open(shared.path(), "me").ok());
  SyncFolder two;
  const absl::Status refused = two.open(shared.path(), "me");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_NE(std::string(refused.message()).find("--sync-name"), std::string::npos);
}

}  // namespace
}  // namespace vmafuzz::supervisor
