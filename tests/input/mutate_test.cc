#include "input/mutate.h"

#include <algorithm>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "input/bytes.h"
#include "input/scenario.h"
#include "input/suggest.h"
#include "input/text.h"
#include "random_program.h"

namespace vmafuzz::input {
namespace {

bool same_test(const Program& a, const Program& b) {
  return a.header == b.header && a.ops == b.ops && a.directives == b.directives;
}

TEST(Rng, SequenceIsStable) {
  Rng rng(1);
  EXPECT_EQ(rng.next(), 12966619160104079557u);
  EXPECT_EQ(rng.next(), 9600361134598540522u);
}

TEST(Rng, BelowStaysBelowAndReachesEverything) {
  Rng rng(2);
  std::set<uint32_t> seen;
  for (int i = 0; i < 1000; i++) {
    const uint32_t value = rng.below(7);
    ASSERT_LT(value, 7u);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST(Mutate, SameSeedSameMutation) {
  Rng rng(1);
  for (int i = 0; i < 500; i++) {
    const Program parent = random_text_program(rng);
    const uint64_t seed = rng.next();
    Program first = parent;
    Program second = parent;
    Rng first_rng(seed);
    Rng second_rng(seed);
    mutate(first, first_rng);
    mutate(second, second_rng);
    ASSERT_EQ(first, second);
    ASSERT_EQ(first_rng.next(), second_rng.next());
  }
}

TEST(Mutate, DifferentSeedsGiveDifferentMutants) {
  Rng rng(2);
  const Program parent = random_scenario(rng);
  std::set<std::vector<uint8_t>> mutants;
  for (int i = 0; i < 200; i++) {
    Program mutant = parent;
    Rng seeded(static_cast<uint64_t>(i));
    mutate(mutant, seeded);
    mutants.insert(encode(mutant));
  }
  EXPECT_GT(mutants.size(), 150u);
}

TEST(Mutate, MutantsDifferFromTheirParent) {
  Rng rng(3);
  int same = 0;
  for (int i = 0; i < 2000; i++) {
    Program program = random_scenario(rng);
    const Program parent = program;
    mutate(program, rng);
    same += same_test(program, parent);
  }
  EXPECT_EQ(same, 0);
}

// A long chain of mutants: each canonical, within limits, and lossless in both forms.
TEST(Mutate, MutantsAreCanonicalAndRoundTrip) {
  Rng rng(4);
  MutateOptions options;
  Program program;
  for (int i = 0; i < 20000; i++) {
    mutate(program, rng, options);
    ASSERT_TRUE(is_canonical(program));
    ASSERT_LE(program.ops.size(), options.max_ops);
    ASSERT_LE(program.directives.size(), options.max_directives);
    ASSERT_EQ(decode(encode(program)), program);
    if (i % 16 == 0) {
      const absl::StatusOr<Program> back = parse_text(print_text(program));
      ASSERT_TRUE(back.ok()) << back.status();
      ASSERT_EQ(*back, program);
    }
  }
}

TEST(Mutate, ReachesEveryOperationArgumentDirectiveAndHeader) {
  Rng rng(5);
  std::set<std::pair<OpKind, int>> cpus;
  std::map<std::pair<OpKind, size_t>, std::set<uint8_t>> values;
  std::set<std::pair<DirectiveKind, uint8_t>> directives;
  std::set<uint16_t> contexts;
  std::set<Strategy> strategies;
  std::set<ReadPolicy> policies;
  std::set<uint8_t> permutations;
  Program program;
  for (int i = 0; i < 500000; i++) {
    if (i % 50 == 0) program = Program{};
    mutate(program, rng);
    strategies.insert(program.header.strategy);
    policies.insert(program.header.policy);
    permutations.insert(program.header.permutation);
    for (const Op& op : program.ops) {
      cpus.emplace(op.kind, op.cpu);
      for (size_t slot = 0; slot < schema(op.kind).args.size(); slot++) {
        values[{op.kind, slot}].insert(op.arg[slot]);
      }
    }
    for (const Directive& directive : program.directives) {
      directives.emplace(directive.kind, directive.arg);
      if (directive.of_context()) contexts.insert(directive.op);
    }
  }
  EXPECT_EQ(cpus.size(), static_cast<size_t>(kOpKindCount * (kCpuCount + 1)));
  for (const OpSchema& row : all_ops()) {
    for (size_t slot = 0; slot < row.args.size(); slot++) {
      EXPECT_EQ((values[{row.kind, slot}].size()), row.args[slot].count)
          << row.name << " " << row.args[slot].name;
    }
  }
  for (int i = 0; i < kDirectiveKindCount; i++) {
    const auto kind = static_cast<DirectiveKind>(i);
    if (kind == DirectiveKind::kHold) continue;
    const DirectiveArgRange range = arg_range(kind);
    for (int arg = range.min; arg <= std::min<int>(range.max, 6); arg++) {
      EXPECT_TRUE(directives.contains({kind, static_cast<uint8_t>(arg)}))
          << directive_name(kind) << " " << arg;
    }
  }
  EXPECT_TRUE(directives.contains({DirectiveKind::kHold, kHoldEnd}));
  EXPECT_TRUE(directives.contains({DirectiveKind::kHold, 1}));
  EXPECT_EQ(contexts.size(), static_cast<size_t>(kContextCount));
  EXPECT_EQ(strategies.size(), static_cast<size_t>(kStrategyCount));
  EXPECT_EQ(policies.size(), static_cast<size_t>(kReadPolicyCount));
  EXPECT_EQ(permutations.size(), kPermutationCount);
}

// A scenario without a schedule is what a person writes, and costs hundreds of executions.
TEST(Mutate, MutantsAndChildrenOfScenariosHaveASchedule) {
  const auto has_schedule = [](const Program& program) {
    return !program.replay_form() || !program.directives.empty();
  };
  Rng rng(14);
  Program scenario = random_scenario(rng);
  scenario.header = Header{};
  scenario.directives.clear();
  Program chain = scenario;
  for (int i = 0; i < 5000; i++) {
    Program mutant = scenario;
    mutate(mutant, rng);
    ASSERT_TRUE(has_schedule(mutant));
    mutate(chain, rng);
    ASSERT_TRUE(has_schedule(chain));
    ASSERT_TRUE(has_schedule(cross_over(scenario, i % 2 == 0 ? scenario : chain, rng)));
  }
}

TEST(Mutate, KeepsToTheCpusOfTheOptions) {
  Rng rng(6);
  MutateOptions options;
  options.cpus = 2;
  Program program;
  for (int i = 0; i < 5000; i++) {
    mutate(program, rng, options);
    for (const Op& op : program.ops) ASSERT_LE(op.cpu, 2);
  }
}

TEST(Mutate, LeavesTheHeaderAloneWhenAsked) {
  Rng rng(7);
  MutateOptions options;
  options.mutate_header = false;
  Program program;
  program.header.strategy = Strategy::kPct;
  program.header.seed = 99;
  const Header header = program.header;
  for (int i = 0; i < 2000; i++) {
    mutate(program, rng, options);
    ASSERT_EQ(program.header, header);
  }
}

TEST(Mutate, KeepsTheTextFields) {
  Rng rng(8);
  Program program = random_text_program(rng);
  program.kernel = "6.14";
  const Program parent = program;
  for (int i = 0; i < 100; i++) mutate(program, rng);
  EXPECT_EQ(program.kernel, parent.kernel);
  EXPECT_EQ(program.bugs, parent.bugs);
  EXPECT_EQ(program.options, parent.options);
  EXPECT_EQ(program.story, parent.story);
}

TEST(Mutate, OperationsSwitchedOffAreNotInserted) {
  Rng rng(9);
  MutateOptions options;
  options.swarm = false;
  options.weights = OpWeights{};
  options.weights[static_cast<size_t>(OpKind::kHit)] = 1;
  Program program;
  program.ops = {simplest_op(OpKind::kHit, 1)};
  for (int i = 0; i < 2000 && !program.ops.empty(); i++) {
    mutate(program, rng, options);
    for (const Op& op : program.ops) ASSERT_EQ(op.kind, OpKind::kHit);
    if (program.ops.empty()) program.ops = {simplest_op(OpKind::kHit, 1)};
  }
}

// Most hits should land where a mapping of the setup shows a registered probe, or a fuzzer would
// spend its time on traps that nobody looks up.
TEST(Mutate, ScenariosOftenHitAProbe) {
  Rng rng(10);
  int probed = 0;
  for (int i = 0; i < 1000; i++) {
    const Program program = random_scenario(rng);
    bool hits_probe = false;
    for (const Op& hit : program.ops) {
      if (hit.kind != OpKind::kHit) continue;
      for (const Op& mapping : program.ops) {
        if (mapping.kind != OpKind::kMmap || mapping.cpu != 0) continue;
        const int delta = hit.get(ArgId::kPage) - mapping.get(ArgId::kPage);
        if (delta < 0 || delta >= mapping.get(ArgId::kLen)) continue;
        if (hit.get(ArgId::kMm) != mapping.get(ArgId::kMm)) continue;
        for (const Op& probe : program.ops) {
          hits_probe |= probe.kind == OpKind::kRegister && probe.cpu == 0 &&
                        probe.get(ArgId::kInode) == default_inode(mapping.get(ArgId::kFile)) &&
                        probe.get(ArgId::kPgoff) == mapping.get(ArgId::kPgoff) + delta;
        }
      }
    }
    probed += hits_probe;
  }
  EXPECT_GT(probed, 700);
}

bool changes_mappings(const Op& op) {
  switch (op.kind) {
    case OpKind::kMmap:
    case OpKind::kMunmap:
    case OpKind::kMprotect:
    case OpKind::kMremap:
    case OpKind::kBrk:
    case OpKind::kMadvise:
      return op.cpu != 0;
    default:
      return false;
  }
}

// The beginning of what a hit looks at is moved under it, on another cpu.
bool cuts_below_a_hit(const Program& program) {
  for (const Op& hit : program.ops) {
    if (hit.kind != OpKind::kHit) continue;
    for (const Op& mapping : program.ops) {
      if (mapping.kind != OpKind::kMmap || mapping.cpu != 0) continue;
      if (mapping.get(ArgId::kMm) != hit.get(ArgId::kMm)) continue;
      const int begin = mapping.get(ArgId::kPage);
      const int page = hit.get(ArgId::kPage);
      if (page >= begin + mapping.get(ArgId::kLen)) continue;
      for (const Op& op : program.ops) {
        if (!changes_mappings(op) || op.kind == OpKind::kBrk || op.cpu == hit.cpu) continue;
        const int cut = op.get(ArgId::kPage);
        if (op.get(ArgId::kMm) == hit.get(ArgId::kMm) && cut > begin && cut <= page) return true;
      }
    }
  }
  return false;
}

TEST(Mutate, ScenariosOftenCutAMappingBelowAHit) {
  Rng rng(20);
  int cut = 0;
  for (int i = 0; i < 2000; i++) cut += cuts_below_a_hit(random_scenario(rng));
  EXPECT_GT(cut, 350);
}

// What counts modification by modification comes round at a power of two.
TEST(Mutate, LongRunsOfChangesAreMostlyAPowerOfTwo) {
  Rng rng(21);
  std::map<int, int> scenarios;
  for (int i = 0; i < 8000; i++) {
    const Program program = random_scenario(rng);
    for (uint8_t mm = 0; mm < kMmCount; mm++) {
      int changes = 0;
      for (const Op& op : program.ops) {
        if (!changes_mappings(op) || op.get(ArgId::kMm) != mm) continue;
        changes += op.kind == OpKind::kBrk ? op.get(ArgId::kTimes) : 1;
      }
      scenarios[changes]++;
    }
  }
  for (const int power : {8, 16, 32, 64, 128}) {
    EXPECT_GT(scenarios[power], 40) << power;
    EXPECT_GT(scenarios[power], 2 * scenarios[power - 1]) << power;
    EXPECT_GT(scenarios[power], 2 * scenarios[power + 1]) << power;
  }
  EXPECT_GT(scenarios[128], 200) << "as wide as the narrowest integer";
  for (int count = 5; count <= 16; count++) EXPECT_GT(scenarios[count], 0) << count;
}

// What is too much for the limit is left out of a long run, not of the lookups beside it.
TEST(Mutate, ScenariosKeepTheirHitsWhateverTheLimit) {
  Rng rng(22);
  MutateOptions options;
  options.max_ops = 20;
  for (int i = 0; i < 3000; i++) {
    const Program program = random_scenario(rng, options);
    ASSERT_LE(program.ops.size(), options.max_ops);
    ASSERT_TRUE(std::any_of(program.ops.begin(), program.ops.end(), [](const Op& op) {
      return op.kind == OpKind::kHit;
    })) << print_text(program);
  }
}

// Sections that are there already count as often as they come.
TEST(Mutate, RepeatingFillsUpWhatRepetitionsAreThere) {
  Program parent;
  parent.ops = {simplest_op(OpKind::kMmap, 0), simplest_op(OpKind::kHit, 1),
                simplest_op(OpKind::kMunmap, 2), simplest_op(OpKind::kBrk, 2)};
  parent.ops[3].set(ArgId::kTimes, 5);
  Rng rng(24);
  int filled = 0;
  for (int i = 0; i < 200; i++) {
    Program program = parent;
    if (!repeat(program, 2, MutateOptions{}, rng)) continue;
    int changes = 0;
    for (const Op& op : program.ops) {
      if (op.cpu == 2) changes += op.kind == OpKind::kBrk ? op.get(ArgId::kTimes) : 1;
    }
    ASSERT_TRUE(changes >= 8 && (changes & (changes - 1)) == 0) << print_text(program);
    filled++;
  }
  EXPECT_GT(filled, 100);
}

TEST(Mutate, RepeatingAddsNoKindThatIsSwitchedOff) {
  Program parent;
  parent.ops = {simplest_op(OpKind::kHit, 1), simplest_op(OpKind::kMunmap, 2)};
  MutateOptions options;
  options.weights[static_cast<size_t>(OpKind::kBrk)] = 0;
  Rng rng(25);
  for (int i = 0; i < 200; i++) {
    Program program = parent;
    ASSERT_FALSE(repeat(program, 1, options, rng));
    for (const Op& op : program.ops) ASSERT_NE(op.kind, OpKind::kBrk);
  }
}

// Of a program that is too long, something stays of each that a race needs.
TEST(Mutate, LimitsLeaveSetUpLookupsAndWriters) {
  Program program;
  program.ops.push_back(simplest_op(OpKind::kMmap, 0));
  for (int i = 0; i < 8; i++) program.ops.push_back(simplest_op(OpKind::kRegister, 0));
  program.ops.push_back(simplest_op(OpKind::kHit, 1));
  for (int i = 0; i < 4; i++) program.ops.push_back(simplest_op(OpKind::kMunmap, 2));
  MutateOptions options;
  options.max_ops = 6;
  enforce_limits(program, options);
  ASSERT_EQ(program.ops.size(), 6u);
  const auto on = [&](OpKind kind) {
    return std::count_if(program.ops.begin(), program.ops.end(),
                         [kind](const Op& op) { return op.kind == kind; });
  };
  EXPECT_EQ(on(OpKind::kMmap), 1);
  EXPECT_GE(on(OpKind::kRegister), 1);
  EXPECT_EQ(on(OpKind::kHit), 1);
  EXPECT_GE(on(OpKind::kMunmap), 2);
}

TEST(Mutate, HitsComeOnEveryProbedPageAlike) {
  Program program;
  Op mapping = simplest_op(OpKind::kMmap, 0);
  mapping.set(ArgId::kPage, 4);
  mapping.set(ArgId::kLen, 4);
  mapping.set(ArgId::kFile, 0);
  program.ops = {mapping};
  for (uint8_t pgoff = 0; pgoff < 4; pgoff++) {
    program.ops.push_back(simplest_op(OpKind::kRegister, 0));
    program.ops.back().set(ArgId::kPgoff, pgoff);
  }
  Rng rng(23);
  std::map<int, int> hits;
  for (int i = 0; i < 4000; i++) {
    Op hit = simplest_op(OpKind::kHit, 1);
    ASSERT_TRUE(aim(program, hit, rng));
    hits[hit.get(ArgId::kPage)]++;
  }
  EXPECT_EQ(hits.size(), 4u);
  for (const auto& [page, count] : hits) EXPECT_NEAR(count, 1000, 150) << page;
}

TEST(CrossOver, ChildrenAreCanonicalDeterministicAndMadeOfTheirParents) {
  Rng rng(11);
  for (int i = 0; i < 3000; i++) {
    const Program a = random_text_program(rng);
    const Program b = random_text_program(rng);
    const uint64_t seed = rng.next();
    Rng first_rng(seed);
    Rng second_rng(seed);
    const Program child = cross_over(a, b, first_rng);
    ASSERT_EQ(child, cross_over(a, b, second_rng));
    ASSERT_TRUE(is_canonical(child));
    ASSERT_EQ(child.kernel, a.kernel);
    const bool fresh = (a.replay_form() || b.replay_form()) && child.directives.empty();
    ASSERT_TRUE(fresh || child.header == a.header || child.header == b.header);
    for (const Op& op : child.ops) {
      const auto in = [&op](const Program& p) {
        return std::find(p.ops.begin(), p.ops.end(), op) != p.ops.end();
      };
      ASSERT_TRUE(in(a) || in(b));
    }
  }
}

TEST(CrossOver, OperationsBringTheirDirectives) {
  Program a;
  a.ops = {simplest_op(OpKind::kHit, 1)};
  a.directives = {{0, 3, DirectiveKind::kStale, 1}};
  Program b;
  b.ops = {simplest_op(OpKind::kFault, 2)};
  b.directives = {{0, 5, DirectiveKind::kFail, 0}};
  Rng rng(12);
  bool saw_both = false;
  for (int i = 0; i < 200; i++) {
    const Program child = cross_over(a, b, rng);
    ASSERT_EQ(child.directives.size(), child.ops.size());
    for (const Directive& directive : child.directives) {
      const bool from_a = child.ops[directive.op].kind == OpKind::kHit;
      ASSERT_EQ(directive.kind, from_a ? DirectiveKind::kStale : DirectiveKind::kFail);
    }
    saw_both |= child.ops.size() == 2;
  }
  EXPECT_TRUE(saw_both);
}

TEST(FitToBytes, DropsFromTheEndUntilItFits) {
  Rng rng(13);
  for (int i = 0; i < 1000; i++) {
    const Program parent = random_program(rng);
    const size_t max_bytes = rng.below(kMaxBytes);
    Program program = parent;
    fit_to_bytes(program, max_bytes);
    ASSERT_LE(encode(program).size(), std::max(max_bytes, kHeaderBytes));
    ASSERT_TRUE(is_canonical(program));
    if (encode(parent).size() <= max_bytes) ASSERT_EQ(program, parent);
  }
}

}  // namespace
}  // namespace vmafuzz::input
