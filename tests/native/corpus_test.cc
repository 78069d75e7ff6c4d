// The files of repro/ and corpus/ on real memory: what ThreadSanitizer finds it finds every time,
// it is silent on kernels as merged, and planted bugs of order, locks and lifetimes do not escape.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "fuzz/measure/search.h"
#include "fuzz/program_file.h"
#include "native/machine.h"
#include "run/executor.h"
#include "variants/variants.h"

namespace vmafuzz {
namespace {

constexpr const char* kMerged[] = {"6.14", "6.15", "6.18"};

std::string folder(const char* name) { return std::string(VMAFUZZ_SOURCE_DIR) + "/" + name; }

std::vector<std::string> repros() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder("repro"))) {
    if (entry.path().extension() == ".repro") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<input::Program> corpus() {
  absl::StatusOr<std::vector<input::Program>> programs = command::read_scenarios(folder("corpus"));
  EXPECT_TRUE(programs.ok()) << programs.status();
  return programs.ok() ? *programs : std::vector<input::Program>{};
}

class CorpusTest : public ::testing::Test {
 protected:
  void SetUp() override { native::machine.use(native::Executor::kFibres); }
  void use(const run::Target& target) { ASSERT_TRUE(executor_.set_target(target).ok()); }

  run::Executor executor_;
  run::Outcome outcome_;
};

// Programs that run in between make no difference. `vmafuzz replay --tsan --times 10000` does the
// same with more patience.
TEST_F(CorpusTest, EveryReproIsTheSameExecutionEveryTime) {
  const std::vector<input::Program> others = corpus();
  size_t shown = 0, run = 0;
  for (const std::string& path : repros()) {
    const absl::StatusOr<input::Program> program = command::read_program(path);
    ASSERT_TRUE(program.ok()) << program.status();
    const absl::StatusOr<run::Target> target = command::target_of(*program, "");
    ASSERT_TRUE(target.ok()) << target.status();
    use(*target);
    run::Outcome first;
    executor_.run(*program, {}, &first);
    shown += first.found;
    for (int i = 1; i < 200; ++i) {
      if (i % 8 == 0) executor_.run(others[run++ % others.size()], {}, &outcome_);
      executor_.run(*program, {}, &outcome_);
      ASSERT_EQ(outcome_.trace_hash, first.trace_hash) << path << ", run " << i;
      ASSERT_EQ(outcome_.bucket, first.bucket) << path << ", run " << i;
      ASSERT_EQ(outcome_.what, first.what) << path << ", run " << i;
    }
  }
  EXPECT_GE(shown, 40u) << "most files need no stale value";
}

TEST_F(CorpusTest, KernelsAsMergedAreSilent) {
  for (const char* kernel : kMerged) {
    use({variants::find_kernel(kernel), {}, {}});
    const measure::SearchResult result = measure::search(executor_, corpus(), 1, {4000, 1e9},
                                                         [](const run::Outcome&) { return true; });
    EXPECT_FALSE(result.found) << kernel << ", execution " << result.executions << ": "
                               << result.outcome.what;
  }
}

// What CPUs share is in Shared<T>, or the simulated machine would not see it either. This build has
// the model instrumented (VMAFUZZ_INSTRUMENT_MODEL), so that anything else is reported, too.
TEST_F(CorpusTest, CpusShareNothingThatIsNoSharedField) {
  const std::vector<input::Program> programs = corpus();
  for (const variants::Kernel& kernel : variants::kernels()) {
    use({&kernel, {}, {}});
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const measure::SearchResult result = measure::search(
          executor_, programs, seed, {50, 1e9},
          [](const run::Outcome& outcome) { return absl::StrContains(outcome.what, "no shared"); });
      ASSERT_FALSE(result.found) << kernel.name << ": " << result.outcome.what;
    }
  }
}

struct Planted {
  const char* bug;
  const char* kernel;
};

void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.bug; }

class PlantedTest : public CorpusTest, public ::testing::WithParamInterface<Planted> {};

// The search is a function of its seed.
TEST_P(PlantedTest, IsFoundFromTheCorpus) {
  const variants::Bug* bug = variants::find_bug(GetParam().bug);
  ASSERT_NE(bug, nullptr);
  use({variants::find_kernel(GetParam().kernel), {GetParam().bug}, {}});
  const measure::SearchResult result = measure::search(executor_, corpus(), 1, {4000, 1e9},
                                                       [](const run::Outcome&) { return true; });
  ASSERT_TRUE(result.found) << "not in " << result.executions << " executions";
  // ThreadSanitizer sees a race before the oracle sees what comes of it.
  EXPECT_TRUE(result.outcome.verdict == "data-race" ||
              absl::c_linear_search(bug->verdicts, result.outcome.verdict))
      << result.outcome.verdict << ": " << result.outcome.what;
}

INSTANTIATE_TEST_SUITE_P(
    Bugs, PlantedTest,
    ::testing::Values(Planted{"seq-read-plainly", "6.18"}, Planted{"plain-nhit", "6.18"},
                      Planted{"locked-lookup-without-lock", "6.18"},
                      Planted{"erase-without-treelock", "6.18"},
                      Planted{"iget-without-lock", "6.18"}, Planted{"lookup-without-rcu", "6.14"},
                      Planted{"vma-read-lock-relaxed", "6.18"},
                      Planted{"unregister-without-sync", "6.18"},
                      Planted{"uprobe-freed-at-once", "6.18"}, Planted{"end-without-wmb", "6.18"}),
    [](const auto& info) {
      std::string name = info.param.bug;
      absl::c_replace(name, '-', '_');
      return name;
    });

}  // namespace
}  // namespace vmafuzz
