// Programs that are run for what they print.
#include "fuzz/measure/output_of.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/supervisor/script.h"

namespace vmafuzz::measure {
namespace {

using supervisor::Folder;
using supervisor::get_file;
using supervisor::put_file;
using supervisor::put_script;

absl::StatusOr<std::string> output_of_shell(const std::string& script,
                                            Stream stream = Stream::kOutput) {
  return output_of({"/bin/sh", "-c", script}, stream);
}

TEST(OutputOf, IsWhatWasAskedFor) {
  EXPECT_EQ(*output_of_shell("echo out; echo err >&2; exit 1", Stream::kOutput), "out\n");
  EXPECT_EQ(*output_of_shell("echo out; echo err >&2; exit 1", Stream::kErrors), "err\n");
  EXPECT_EQ(output_of_shell("head -c 300000 /dev/zero")->size(), 300000u)
      << "more than a pipe holds";
}

TEST(OutputOf, PassesWordsAsTheyAre) {
  EXPECT_EQ(*output_of({"/bin/echo", "it's", "$HOME", "a  b", "`id`"}, Stream::kOutput),
            "it's $HOME a  b `id`\n");
}

TEST(OutputOf, TellsTheProgramsOwnEndFromWhatItMetWith) {
  const Folder folder;
  const std::string plain = folder / "plain";
  put_file(plain, "not a program");
  for (const char* script : {"exit 2", "exit 3", "exit 126", "exit 127", "kill -KILL $$",
                             "kill -TERM $$", "echo half of; kill -KILL $$"}) {
    EXPECT_TRUE(absl::IsUnavailable(output_of_shell(script).status())) << script;
  }
  EXPECT_TRUE(absl::IsUnavailable(output_of({plain}, Stream::kOutput).status()));
  EXPECT_TRUE(absl::IsUnavailable(output_of({folder / "none"}, Stream::kOutput).status()));
  for (const char* script : {"exit 0", "exit 1", "exit 66", "kill -SEGV $$", "kill -ABRT $$",
                             "echo half of; kill -BUS $$"}) {
    EXPECT_TRUE(absl::IsInternal(output_of_shell(script).status())) << script;
  }
  EXPECT_NE(output_of_shell("kill -SEGV $$").status().message().find("SIGSEGV"), std::string::npos);
}

// True if there is no such process, or only its remains.
bool is_gone(const std::string& pid) {
  const std::string stat = get_file("/proc/" + pid + "/stat");
  return stat.empty() || stat.substr(stat.rfind(')')).starts_with(") Z");
}

template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return condition();
}

TEST(OutputOf, LeavesNoProcessBehindWhenItsOwnIsKilled) {
  const Folder folder;
  const std::string started = folder / "pid";
  const std::string script =
      put_script(folder / "it's a program", "echo $$ >" + started + ".tmp; mv " + started +
                                                ".tmp " + started + "; exec sleep 600");
  const pid_t asker = fork();
  if (asker == 0) {
    (void)output_of({script}, Stream::kOutput);
    _exit(0);
  }
  ASSERT_TRUE(comes_true([&] { return !get_file(started).empty(); }));
  std::string pid = get_file(started);
  pid.pop_back();
  EXPECT_FALSE(is_gone(pid));
  kill(asker, SIGKILL);
  waitpid(asker, nullptr, 0);
  EXPECT_TRUE(comes_true([&] { return is_gone(pid); }));
  if (!is_gone(pid)) kill(std::stoi(pid), SIGKILL);
}

}  // namespace
}  // namespace vmafuzz::measure
