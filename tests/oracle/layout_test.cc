// The model's VMA lists against the sequential specification, from random programs: on one CPU and
// on three, with and without failing steps, on each kind of correct kernel.
#include <gtest/gtest.h>

#include "input/rng.h"
#include "input/text.h"
#include "run/executor.h"

namespace vmafuzz::oracle {
namespace {

using input::ArgId;
using input::Op;
using input::OpKind;
using input::Rng;

// Switches CPUs and lets steps fail at random.
class Drawn : public sim::Director {
 public:
  Drawn(uint64_t seed, uint32_t failures_of_64) : rng_(seed), failures_(failures_of_64) {}
  uint16_t next_point(int, uint16_t, uint16_t after) override {
    return static_cast<uint16_t>(after + 1 + (failures_ == 0 ? rng_.below(40) : 0));
  }
  sim::Decision decide(const sim::Point& point) override {
    sim::Decision decision;
    const unsigned others = point.runnable & ~(1u << point.cpu) & 0xfu;
    if (others != 0 && rng_.chance(1, failures_ == 0 ? 2 : 40)) {
      unsigned mask = others;
      for (uint32_t skip = rng_.below(__builtin_popcount(others)); skip > 0; --skip)
        mask &= mask - 1;
      decision.preempt = static_cast<int8_t>(__builtin_ctz(mask));
    }
    decision.fail = point.kind == sim::AccessKind::kFallible && rng_.chance(failures_, 64);
    return decision;
  }

 private:
  Rng rng_;
  uint32_t failures_;
};

// Few pages and few files, so that mappings meet.
Op random_op(Rng& rng, uint8_t cpu) {
  static constexpr OpKind kKinds[] = {OpKind::kMmap,       OpKind::kMmap,      OpKind::kMmap,
                                      OpKind::kMmap,       OpKind::kMunmap,    OpKind::kMunmap,
                                      OpKind::kBrk,        OpKind::kFault,     OpKind::kFault,
                                      OpKind::kMprotect,   OpKind::kMprotect,  OpKind::kMremap,
                                      OpKind::kMremap,     OpKind::kMremap,    OpKind::kMadvise,
                                      OpKind::kMadvise,    OpKind::kRegister,  OpKind::kRegister,
                                      OpKind::kUnregister, OpKind::kGrowStack, OpKind::kClose};
  Op op;
  op.kind = kKinds[rng.below(std::size(kKinds))];
  op.cpu = cpu;
  for (uint8_t& arg : op.arg) arg = static_cast<uint8_t>(rng.below(256));
  input::wrap(op);
  const bool brk = op.kind == OpKind::kBrk;
  op.set(ArgId::kPage, static_cast<uint8_t>(brk ? 22 + rng.below(10) : rng.below(12)));
  op.set(ArgId::kNewPage, static_cast<uint8_t>(rng.below(16)));
  op.set(ArgId::kMm, rng.chance(1, 6) ? 1 : 0);
  if (op.kind == OpKind::kRegister || op.kind == OpKind::kUnregister) {
    op.set(ArgId::kInode, static_cast<uint8_t>(rng.below(2)));
    op.set(ArgId::kPgoff, static_cast<uint8_t>(rng.below(12)));
  }
  if (op.kind == OpKind::kMmap) {
    static constexpr uint8_t kFiles[] = {0, 0, 0, 1, input::kFileNone, input::kFileNone};
    op.set(ArgId::kFile, kFiles[rng.below(std::size(kFiles))]);
    if (rng.chance(2, 3)) op.set(ArgId::kPgoff, op.get(ArgId::kPage));
    if (rng.chance(2, 3)) op.set(ArgId::kPlacement, static_cast<uint8_t>(input::Placement::kFixed));
    if (rng.chance(3, 4)) op.set(ArgId::kSharing, static_cast<uint8_t>(input::Sharing::kPrivate));
    const bool anonymous = op.get(ArgId::kFile) == input::kFileNone;
    op.set(ArgId::kGrowsDown, rng.chance(anonymous ? 8 : 1, 16) ? 1 : 0);
    if (rng.chance(1, 2)) op.set(ArgId::kProt, static_cast<uint8_t>(input::Prot::kRw));
  }
  return op;
}

class LayoutTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(executor_.set_target({variants::find_kernel(GetParam()), {}, {}}).ok());
  }
  // `failures` of 64 steps that may fail do.
  void run(uint64_t seed, uint8_t cpus, uint32_t ops, uint32_t failures) {
    Rng rng(seed);
    input::Program program;
    for (uint32_t i = 0; i < ops; ++i) {
      program.ops.push_back(random_op(rng, static_cast<uint8_t>(1 + rng.below(cpus))));
    }
    input::canonicalize(program);
    Drawn director(seed, failures);
    run::RunOptions options;
    options.record = true;
    run::Outcome outcome;
    executor_.run(program, options, &outcome, &director);
    ASSERT_FALSE(outcome.found) << outcome.verdict << ": " << outcome.what << "\n"
                                << input::print_text(run::Executor::as_replay(program, outcome));
    steps_ += outcome.steps;
  }
  void run_many(uint64_t count, uint8_t cpus, uint32_t ops, uint32_t failures) {
    for (uint64_t seed = 1; seed <= count && !HasFatalFailure(); ++seed) {
      run(seed, cpus, ops, failures);
    }
    EXPECT_GT(steps_, count * 100);
  }

  run::Executor executor_;
  uint64_t steps_ = 0;
};

TEST_P(LayoutTest, OneCpuFits) { run_many(3000, 1, 24, 0); }
TEST_P(LayoutTest, OneCpuWithFailingStepsFits) { run_many(3000, 1, 24, 4); }
TEST_P(LayoutTest, ThreeCpusFit) { run_many(1500, 3, 24, 0); }
TEST_P(LayoutTest, ThreeCpusWithFailingStepsFit) { run_many(1500, 3, 24, 4); }

INSTANTIATE_TEST_SUITE_P(Kernels, LayoutTest, ::testing::Values("6.14", "6.15", "6.18", "locked"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return "Kernel_" + name;
                         });

}  // namespace
}  // namespace vmafuzz::oracle
