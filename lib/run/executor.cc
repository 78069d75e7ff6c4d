#include "run/executor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "mm/mm.h"
#include "run/world.h"

#ifdef VMAFUZZ_NATIVE
#include "run/serial_observer.h"
#endif

namespace vmafuzz::run {

using platform::machine;

struct Executor::CpuWork {
  const input::Program* program;
  uint8_t cpu;  // as in Op::cpu
};

#ifdef VMAFUZZ_NATIVE
Executor::Executor() : serial_judge_(std::make_unique<SerialObserver>(&judge_)) {
  kernel::observer = serial_judge_.get();
}
#else
Executor::Executor() { kernel::observer = &judge_; }
#endif
Executor::~Executor() { kernel::observer = nullptr; }

absl::Status Executor::set_target(const Target& target) {
  absl::StatusOr<variants::Applied> applied =
      variants::apply(*target.kernel, target.bugs, target.options);
  if (!applied.ok()) return applied.status();
  target_ = target;
  applied_ = *applied;
  accepted_ = 0;
  for (int i = 0; i < oracle::kFindings; ++i) {
    for (const absl::string_view name : applied_.accepted) {
      if (name == oracle::finding_name(static_cast<oracle::Finding>(i))) accepted_ |= 1u << i;
    }
  }
  return absl::OkStatus();
}

void Executor::set_up_main(void* self) {
  const input::Program& program = *static_cast<Executor*>(self)->program_;
  for (size_t i = 0; i < program.ops.size() && program.ops[i].cpu == 0; ++i) {
    machine.begin_op(static_cast<uint16_t>(i));
    perform(program.ops[i]);
    machine.end_op();
  }
}

void Executor::cpu_main(void* work) {
  const CpuWork& mine = *static_cast<CpuWork*>(work);
  for (size_t i = 0; i < mine.program->ops.size(); ++i) {
    if (mine.program->ops[i].cpu != mine.cpu) continue;
    machine.begin_op(static_cast<uint16_t>(i));
    perform(mine.program->ops[i]);
    machine.end_op();
  }
}

void Executor::rest_main(void* self) {
  kernel::mm_struct* mms[input::kMmCount];
  for (int i = 0; i < input::kMmCount; ++i) mms[i] = kernel::mm_at(i);
  static_cast<Executor*>(self)->judge_.check_at_rest(mms, input::kMmCount);
  world_tear_down();
}

void Executor::run(const input::Program& program, const RunOptions& options, Outcome* outcome,
                   sim::Director* director) {
  program_ = &program;
  sim::Options machine_options;
  machine_options.record = options.record;
  machine_options.trace = options.trace;
  machine_options.coverage = options.coverage;
  machine_options.report_races = options.report_races;
  machine_options.limits.op_steps =
      options.op_steps + options.op_steps_per_op * static_cast<uint32_t>(program.ops.size());
  machine_options.limits.op_accesses = options.op_accesses;
  applied_.install();
  director_.begin(program);
  machine.begin(machine_options, director == nullptr ? &director_ : director);
  sim::arena.reset();
  judge_.reset(accepted_);
  world_reset();

  CpuWork work[input::kCpuCount];
  bool good = machine.run_alone(&Executor::set_up_main, this);
  if (good) {
    uint8_t started = 0;
    for (const input::Op& op : program.ops) {
      const int cpu = op.cpu - 1;
      if (cpu < 0 || (started >> cpu & 1) != 0) continue;
      started |= 1u << cpu;
      work[cpu] = {&program, op.cpu};
      machine.start(cpu, &Executor::cpu_main, &work[cpu]);
    }
    good = machine.run();
  }
  if (good) machine.run_alone(&Executor::rest_main, this);
  fill(options, outcome);
}

void Executor::fill(const RunOptions& options, Outcome* outcome) {
  outcome->found = outcome->gave_up = false;
  outcome->verdict.clear();
  outcome->what.clear();
  outcome->bucket.clear();
  outcome->trace_hash = machine.trace_hash();
  outcome->steps = machine.steps();
  outcome->directives.clear();
  outcome->idle = 0;
  const sim::Verdict& verdict = machine.verdict();
  if (options.record) {
    for (const sim::Directive& d : machine.recorded()) {
      outcome->directives.push_back(
          {d.op, d.access, static_cast<input::DirectiveKind>(d.kind), d.arg});
    }
    for (const input::Directive& told : program_->directives) {
      if (outcome->effect_of(told) == nullptr) ++outcome->idle;
    }
  }
  if (!verdict) return;
  if (std::strcmp(verdict.name, sim::kStepLimit) == 0) {
    outcome->gave_up = true;
    return;
  }
  outcome->found = true;
  outcome->verdict = verdict.name;
  outcome->what = verdict.what;
  outcome->bucket = bucket_of(verdict);
}

const input::Directive* Outcome::effect_of(const input::Directive& told) const {
  for (const input::Directive& done : directives) {
    if (done.op != told.op || done.access != told.access || done.kind != told.kind) continue;
    if (done.arg == told.arg || done.kind == input::DirectiveKind::kStale) return &done;
  }
  return nullptr;
}

// Function and operation names only: line numbers change with every edit, and one bug shows at
// several lines.
std::string Executor::bucket_of(const sim::Verdict& verdict) const {
  const auto function = [](const sim::Site& site) {
    // "int vmafuzz::kernel::(anonymous namespace)::f(args)" -> "f"
    std::string text = absl::StrReplaceAll(site.function_name(), {{"(anonymous namespace)::", ""}});
    text.resize(std::min(text.find('('), text.size()));
    text.resize(std::min(text.find('<'), text.size()));
    return text.substr(text.find_last_of(" :*&") + 1);
  };
  const auto operation = [&](uint16_t op) -> absl::string_view {
    return op < program_->ops.size() ? input::schema(program_->ops[op].kind).name : "deferred-work";
  };
  if (const oracle::Judge::Culprit& culprit = judge_.culprit(); culprit.valid) {
    return absl::StrCat(
        verdict.name, ":", culprit.speculative ? "speculative" : "locked", ":",
        culprit.section_cpu == platform::kNoCpu ? "set-up" : operation(culprit.section_op));
  }
  // Where the budget of a loop ends is chance: what goes round in it is the operation. What an
  // operation leaves behind is told by the judge, always at one place.
  if (absl::string_view(verdict.name) == "livelock" || function(verdict.site) == "report_layout") {
    return absl::StrCat(verdict.name, ":", operation(verdict.op));
  }
  std::string bucket = absl::StrCat(verdict.name, ":", function(verdict.site));
  if (verdict.has_other) absl::StrAppend(&bucket, ":", function(verdict.other));
  return bucket;
}

input::Program Executor::as_replay(const input::Program& program, const Outcome& outcome) {
  input::Program replay = program;
  replay.header = input::Header{};
  replay.directives = outcome.directives;
  canonicalize(replay);
  return replay;
}

}  // namespace vmafuzz::run
