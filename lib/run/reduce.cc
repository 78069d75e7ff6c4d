#include "run/reduce.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "run/schedules.h"

namespace vmafuzz::run {
namespace {

// Of an execution. A search of so many may take as many times that: what makes thousands, such as a
// run of write sections, is searched less.
constexpr uint64_t kOrdinaryAccesses = 1500;
constexpr size_t kNearDirectives = 8;  // of an execution near a program, at most

// What a search execution deviated by, which may be more than a program can hold (a round robin
// switches at every access, a loop that never ends makes thousands): chunks of directives are left
// out, from the end of the execution on, until what remains is few.
class Thinner {
 public:
  // `recorded`: in order of execution.
  Thinner(Executor& executor, const input::Program& program,
          const std::vector<input::Directive>& recorded, const std::string& bucket)
      : executor_(executor), bucket_(bucket), raw_(program), keep_(recorded.size(), true) {
    raw_.header = input::Header{};
    for (size_t i = 0; i < recorded.size(); ++i) sorted_.push_back({recorded[i], i});
    std::sort(sorted_.begin(), sorted_.end(), [](const Item& a, const Item& b) {
      return std::tuple(a.directive.op, a.directive.access, a.when) <
             std::tuple(b.directive.op, b.directive.access, b.when);
    });
  }

  // What is left, as a program holds it.
  std::vector<input::Directive> run() {
    constexpr size_t kFew = input::kMaxDirectives / 4;
    for (size_t chunk = keep_.size() / 2; chunk > 0 && left() > kFew; chunk /= 2) {
      for (size_t end = keep_.size(); end > 0;) {
        const size_t begin = end > chunk ? end - chunk : 0;
        const std::vector<bool> before = keep_;
        std::fill(keep_.begin() + static_cast<ptrdiff_t>(begin),
                  keep_.begin() + static_cast<ptrdiff_t>(end), false);
        if (keep_ != before && !reproduces()) keep_ = before;
        end = begin;
      }
    }
    return kept();
  }

 private:
  struct Item {
    input::Directive directive;
    size_t when;
  };

  size_t left() const { return static_cast<size_t>(std::count(keep_.begin(), keep_.end(), true)); }
  std::vector<input::Directive> kept() const {
    std::vector<input::Directive> directives;
    for (const Item& item : sorted_) {
      if (keep_[item.when]) directives.push_back(item.directive);
    }
    return directives;
  }
  // Without canonicalize(), which would cut what is too much.
  bool reproduces() {
    raw_.directives = kept();
    executor_.run(raw_, {}, &outcome_);
    return outcome_.found && outcome_.bucket == bucket_;
  }

  Executor& executor_;
  const std::string& bucket_;
  input::Program raw_;
  std::vector<Item> sorted_;  // as a program has them
  std::vector<bool> keep_;    // by order of execution
  Outcome outcome_;
};

// `program`, in any form, as one in replay form that ends in the bucket.
absl::StatusOr<input::Program> in_replay_form(Executor& executor, const input::Program& program,
                                              const std::string& bucket) {
  Outcome outcome;
  RunOptions recorded;
  recorded.record = true;
  executor.run(program, recorded, &outcome);
  if (!outcome.found || outcome.bucket != bucket) {
    return absl::FailedPreconditionError(
        absl::StrCat("the program does not end in ", bucket, " but in ",
                     outcome.found ? outcome.bucket : std::string("nothing")));
  }
  if (program.replay_form()) return program;
  if (outcome.directives.size() > input::kMaxDirectives) {
    outcome.directives = Thinner(executor, program, outcome.directives, bucket).run();
    if (outcome.directives.size() > input::kMaxDirectives) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the execution deviates in ", outcome.directives.size(),
                       " places, a program holds ", input::kMaxDirectives));
    }
  }
  return Executor::as_replay(program, outcome);
}

}  // namespace

absl::StatusOr<input::MinimizeResult> reduce(Executor& executor, const input::Program& program,
                                             const std::string& bucket,
                                             const input::MinimizeOptions& options) {
  const absl::StatusOr<input::Program> replay = in_replay_form(executor, program, bucket);
  if (!replay.ok()) return replay.status();
  Outcome outcome;
  const auto reproduce = [&](const input::Program& candidate) {
    executor.run(candidate, {}, &outcome);
    return outcome.found && outcome.bucket == bucket;
  };
  const auto search = [&](const input::SearchRequest& request) {
    input::SearchResult result;
    const size_t near =
        std::min({request.max_directives, request.directives_now + 1, kNearDirectives});
    Schedules schedules(executor, request.program, near, request.seed);
    const uint64_t most_accesses =
        static_cast<uint64_t>(request.max_executions) * kOrdinaryAccesses;
    uint64_t accesses = 0;
    while (result.executions < request.max_executions && accesses < most_accesses) {
      const Outcome& found = schedules.run();
      ++result.executions;
      accesses += found.steps;
      if (!found.found || found.bucket != bucket) continue;
      if (found.directives.size() > request.max_directives) continue;
      result.found = Executor::as_replay(request.program, found);
      break;
    }
    return result;
  };
  return input::minimize(*replay, reproduce, search, options);
}

}  // namespace vmafuzz::run
