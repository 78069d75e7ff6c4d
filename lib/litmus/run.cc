#include "litmus/run.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "litmus/memory.h"
#include "sim/explore.h"

namespace vmafuzz::litmus {
namespace {

constexpr int kMaxThreads = sim::kMaxCpus - 1;  // the boot CPU is not a thread
constexpr int kMaxDomains = sim::kRcuDomains - sim::kFirstSrcuDomain;

absl::Status check_size(const LitmusTest& test) {
  if (test.threads.size() > kMaxThreads) {
    return absl::UnimplementedError(absl::StrCat(test.name, ": ", test.threads.size(),
                                                 " threads, the machine has ", kMaxThreads));
  }
  const auto domains = std::count_if(test.globals.begin(), test.globals.end(),
                                     [](const Global& g) { return g.kind == GlobalKind::kSrcu; });
  if (domains > kMaxDomains) {
    return absl::UnimplementedError(
        absl::StrCat(test.name, ": ", domains, " srcu_structs, the machine has ", kMaxDomains));
  }
  return absl::OkStatus();
}

absl::string_view fault_text(Fault fault) {
  switch (fault) {
    case Fault::kArithmetic:
      return "arithmetic that has no value";
    case Fault::kAddress:
      return "access to what is no address of a global";
    case Fault::kReader:
      return "unlock of what no srcu_read_lock() returned";
    case Fault::kLoopBound:
    case Fault::kNone:
      break;
  }
  return "";
}

// An execution in which nobody gets any further is none of the memory model's.
bool never_ends(absl::string_view verdict) {
  return verdict == "deadlock" || verdict == "rcu-stall";
}

class Runner {
 public:
  Runner(const LitmusTest& test, const RunOptions& options)
      : test_(test), options_(options), memory_(test), layout_(test), row_(layout_.size()) {
    for (const Thread& thread : test.threads) {
      code_.push_back(compile(thread, static_cast<int>(test.globals.size())));
    }
    threads_.resize(test.threads.size());
    for (size_t i = 0; i < threads_.size(); ++i) {
      threads_[i].prepare(code_[i], test.threads[i], options.loop_bound);
    }
  }

  absl::StatusOr<RunResult> run() {
    sim::Body body;
    body.reset = [this] { memory_.reset(); };
    for (Interpreter<Memory>& thread : threads_) {
      body.cpus.push_back([this, &thread] { thread.run(memory_); });
    }
    if (options_.reduce) {
      body.program = [this](int cpu, const sim::StateIdentity& state) {
        return program(cpu, state);
      };
      body.accessors = [this](const sim::Location& location, bool stores) {
        return accessors(location, stores);
      };
    }
    body.record = options_.record;
    body.uses_contexts = false;
    body.assume_dependencies = false;
    body.report_races = false;
    sim::Bounds bounds;
    bounds.max_executions = options_.max_executions;
    const sim::Exploration exploration = sim::explore(body, bounds, [this] { return visit(); });
    if (!status_.ok()) return status_;
    for (auto& [state, directives] : states_) {
      result_.states.push_back(state);
      if (options_.record) result_.directives.push_back(std::move(directives));
    }
    result_.pruned = exploration.pruned;
    result_.complete = exploration.complete;
    return std::move(result_);
  }

 private:
  uint64_t program(int cpu, const sim::StateIdentity& state) const {
    const Interpreter<Memory>& thread = threads_[cpu];
    const uint64_t hash =
        thread.identity([&](const sim::Dependency& dependency) { return state.of(dependency); });
    return thread.at_end() ? hash : hash ^ sim::machine.cpu_at(cpu).recent;
  }

  uint8_t accessors(const sim::Location& location, bool stores) const {
    const int slot = memory_.slot_of(location);
    uint8_t cpus = 0;
    for (size_t i = 0; i < threads_.size(); ++i) {
      const Future& future = threads_[i].future();
      if (slot < 0 || (stores ? future.stores : future.touches)[slot]) cpus |= 1u << i;
    }
    return cpus;
  }

  // The end of one execution; false stops the exploration.
  bool visit() {
    const sim::Verdict& verdict = sim::machine.verdict();
    if (!verdict) {
      ++result_.executions;
      add_state();
    } else if (never_ends(verdict.name)) {
      ++result_.blocked;
    } else if (memory_.fault() == Fault::kLoopBound) {
      ++result_.cut;
    } else {
      status_ = describe(verdict);
    }
    return status_.ok();
  }

  absl::Status describe(const sim::Verdict& verdict) const {
    if (memory_.fault() != Fault::kNone) {
      return malformed_at(test_.name, memory_.fault_position(), fault_text(memory_.fault()));
    }
    return absl::InvalidArgumentError(
        absl::StrCat(test_.name, ": P", verdict.cpu, ": ", verdict.name, ": ", verdict.what));
  }

  void add_state() {
    for (size_t t = 0; t < threads_.size(); ++t) {
      for (size_t i = 0; i < test_.threads[t].locals.size(); ++i) {
        const Location location{static_cast<int>(t), static_cast<int>(i)};
        row_[layout_.index(location)] = visible(threads_[t].local(location.index));
      }
    }
    for (size_t g = 0; g < test_.globals.size(); ++g) {
      const int global = static_cast<int>(g);
      row_[layout_.index({Location::kGlobal, global})] = memory_.final_value(global);
    }
    const auto [entry, fresh] = states_.try_emplace(row_);
    if (fresh && options_.record) entry->second = sim::machine.recorded();
  }

  const LitmusTest& test_;
  const RunOptions options_;
  Memory memory_;
  const Layout layout_;
  State row_;
  std::vector<Code> code_;
  std::vector<Interpreter<Memory>> threads_;
  std::map<State, std::vector<sim::Directive>> states_;
  RunResult result_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<RunResult> run_litmus(const LitmusTest& test, const RunOptions& options) {
  if (absl::Status s = check_size(test); !s.ok()) return s;
  return Runner(test, options).run();
}

std::string format_directives(const std::vector<sim::Directive>& directives) {
  std::string text;
  for (const sim::Directive& directive : directives) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", "P", directive.op, "@", directive.access);
    const int argument = directive.arg;
    if (directive.kind == sim::DirectiveKind::kPreempt) {
      absl::StrAppend(&text, " preempt P", argument);
    } else if (directive.kind == sim::DirectiveKind::kStale) {
      absl::StrAppend(&text, " stale ", argument);
    }
  }
  return text.empty() ? "no directive" : text;
}

}  // namespace vmafuzz::litmus
