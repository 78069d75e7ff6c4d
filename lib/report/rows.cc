#include "report/rows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "report/phrases.h"
#include "sim/arena.h"

namespace vmafuzz::report {
namespace {

constexpr int kOperationIndent = 0;
constexpr int kFunctionIndent = 1;
constexpr int kEventIndent = 2;

int indent_of(RowKind kind) {
  switch (kind) {
    case RowKind::kOperation:
      return kOperationIndent;
    case RowKind::kFunction:
    case RowKind::kVerdict:
      return kFunctionIndent;
    default:
      return kEventIndent;
  }
}

class RowMaker {
 public:
  RowMaker(const Timeline& timeline, const std::vector<std::string>& operations, bool full)
      : timeline_(timeline), operations_(operations), full_(full) {}

  std::vector<Row> make() {
    const Step* wrong = last_of_lookup();
    for (const Step& step : timeline_.steps) {
      if (step.kind == StepKind::kBegin) {
        begin(step);
      } else if (full_ ? step.kind != StepKind::kEnd : step.shown) {
        event(step);
      } else if (happens(step)) {
        cpus_[step.cpu].left_out = true;
      }
      if (&step == wrong) add_wrong_result(step);
    }
    add_failure();
    return std::move(rows_);
  }

 private:
  struct CpuState {
    Place at;
    bool left_out = false;
  };

  // Somebody who reads the diagram would want to know that there was something.
  static bool happens(const Step& step) {
    return step.is_access() || step.kind == StepKind::kReader || step.kind == StepKind::kGrace ||
           step.kind == StepKind::kAlloc || step.kind == StepKind::kFree;
  }

  void add(int cpu, RowKind kind, std::string text) {
    Row row;
    row.cpu = cpu;
    row.indent = indent_of(kind);
    row.text = std::move(text);
    row.kind = kind;
    rows_.push_back(std::move(row));
  }

  int index_of(const Step& step) const { return static_cast<int>(&step - timeline_.steps.data()); }

  void begin(const Step& step) {
    flush(step.cpu);
    cpus_[step.cpu].at = {};
    add(step.cpu, RowKind::kOperation,
        step.op < operations_.size() ? operations_[step.op] : absl::StrCat("operation ", step.op));
    rows_.back().source = index_of(step);
  }

  void flush(int cpu) {
    if (!cpus_[cpu].left_out) return;
    cpus_[cpu].left_out = false;
    add(cpu, RowKind::kLeftOut, "...");
  }

  void event(const Step& step) {
    CpuState& state = cpus_[step.cpu];
    flush(step.cpu);
    const bool scheduling = step.kind == StepKind::kSwitch || step.kind == StepKind::kBlock;
    if (!scheduling && state.at.function != step.at.function) {
      state.at = step.at;
      add(step.cpu, RowKind::kFunction, absl::StrCat(step.at.function, "(), ", step.at.line));
    }
    std::string text = step.text;
    if (!step.remark.empty()) absl::StrAppend(&text, "\n", step.remark);
    add(step.cpu, RowKind::kEvent, std::move(text));
    rows_.back().source = index_of(step);
    if (!scheduling) rows_.back().step = step.step;
    if (step.counter >= 0) {
      rows_.back().counter = step.counter;
      rows_.back().count = absl::StrCat(step.count);
    }
  }

  // Where a lookup with a wrong result ends; null if that is not what failed.
  const Step* last_of_lookup() const {
    const Failure& failure = timeline_.failure;
    if (failure.verdict.empty() || !failure.lookup) return nullptr;
    const Step* last = nullptr;
    for (const Step& step : timeline_.steps) {
      const bool its = step.cpu == failure.lookup->cpu && step.op == failure.lookup->op;
      if (its && step.kind != StepKind::kSwitch) last = &step;
    }
    return last;
  }

  void add_wrong_result(const Step& step) {
    flush(step.cpu);
    add(step.cpu, RowKind::kVerdict, absl::StrCat("*** ", timeline_.failure.verdict, " returned"));
  }

  void add_failure() {
    const Failure& failure = timeline_.failure;
    // At rest nobody runs: columns.cc puts it below the columns.
    if (failure.verdict.empty() || timeline_.at_rest || last_of_lookup() != nullptr) return;
    if (failure.at.function.empty()) return;  // shown elsewhere (show_elsewhere)
    flush(failure.cpu);
    // Whoever reads it looks for places in the kernel's code.
    std::string text = absl::StrCat("*** ", failure.verdict);
    if (!failure.judged) {
      absl::StrAppend(&text, " at ", failure.at.line, " (", failure.at.function, ")");
    }
    if (!failure.other.function.empty()) {
      absl::StrAppend(&text, ", with ", failure.other.line, " (", failure.other.function, ")");
    }
    add(failure.cpu, RowKind::kVerdict, std::move(text));
  }

  const Timeline& timeline_;
  const std::vector<std::string>& operations_;
  const bool full_;
  CpuState cpus_[sim::kMaxCpus];
  std::vector<Row> rows_;
};

constexpr size_t kLongestPeriod = 24;

// How often the `period` rows from `first` on are repeated right behind themselves.
size_t repetitions(const std::vector<Row>& rows, size_t first, size_t period, size_t end) {
  size_t count = 0;
  for (size_t at = first + period; at + period <= end; at += period) {
    if (!std::equal(rows.begin() + static_cast<ptrdiff_t>(first),
                    rows.begin() + static_cast<ptrdiff_t>(first + period),
                    rows.begin() + static_cast<ptrdiff_t>(at),
                    [](const Row& a, const Row& b) { return a.repeats(b); })) {
      break;
    }
    ++count;
  }
  return count;
}

}  // namespace

bool is_about(const Timeline& timeline, const Row& row, int counter) {
  if (row.counter == counter) return true;
  if (row.source < 0) return false;
  const Step& step = timeline.steps[static_cast<size_t>(row.source)];
  return step.kind == StepKind::kLoad &&
         whole_name(step) == timeline.counters[static_cast<size_t>(counter)].name;
}

std::vector<Row> make_rows(const Timeline& timeline, const std::vector<std::string>& operations,
                           bool full) {
  return RowMaker(timeline, operations, full).make();
}

std::vector<Row> fold_repetitions(std::vector<Row> rows) {
  std::vector<Row> folded;
  for (size_t i = 0; i < rows.size();) {
    size_t end = i;  // of the rows of this CPU that nobody else interrupts
    while (end < rows.size() && rows[end].cpu == rows[i].cpu) ++end;
    size_t best_period = 0;
    size_t best_saved = 0;
    for (size_t period = 1; period <= kLongestPeriod && i + 2 * period <= end; ++period) {
      const size_t saved = repetitions(rows, i, period, end) * period;
      if (saved > best_saved + 1) best_saved = saved, best_period = period;
    }
    if (best_period == 0) {
      folded.push_back(std::move(rows[i++]));
      continue;
    }
    const Row& first = rows[i];
    Row note;
    note.cpu = first.cpu;
    note.indent = kEventIndent;
    note.kind = RowKind::kRepeated;
    const size_t times = best_saved / best_period;
    note.text = absl::StrCat("(the last ", best_period, best_period == 1 ? " line " : " lines ",
                             times, times == 1 ? " more time)" : " more times)");
    for (size_t k = i; k < i + best_period + best_saved; ++k) {
      if (k < i + best_period) folded.push_back(rows[k]);
      if (rows[k].counter < 0) continue;
      // Its last value is what others read.
      note.counter = rows[k].counter, note.count = rows[k].count, note.source = rows[k].source;
    }
    folded.push_back(std::move(note));
    i += best_period + best_saved;
  }
  return folded;
}

}  // namespace vmafuzz::report
