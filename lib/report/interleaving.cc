#include "report/interleaving.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "report/condense.h"
#include "report/names.h"
#include "report/sentence.h"

namespace vmafuzz::report {
namespace {

Mark mark_of(const Step& step) {
  switch (step.kind) {
    case StepKind::kLoad:
      return step.stale > 0 || step.torn || step.reloaded ? Mark::kStaleLoad : Mark::kLoad;
    case StepKind::kStore:
    case StepKind::kRmw:
      return Mark::kStore;
    case StepKind::kLock:
      return Mark::kLock;
    case StepKind::kBegin:
    case StepKind::kEnd:
    case StepKind::kSwitch:
      return Mark::kNone;
    default:
      return Mark::kOther;
  }
}

class Maker {
 public:
  Maker(const Timeline& timeline, std::vector<Row> rows)
      : timeline_(timeline), rows_(std::move(rows)) {}

  Interleaving make() {
    add_lanes();
    for (const Row& row : rows_) add_item(row);
    add_arrows();
    add_sections();
    add_readers();
    add_speculation();
    add_tracks();
    const Failure& failure = timeline_.failure;
    if (!failure.verdict.empty() && timeline_.at_rest) {
      picture_.at_rest = absl::StrCat(failure.verdict, " at rest: ", failure.what);
    }
    return std::move(picture_);
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  void add_lanes() {
    for (int cpu = 0; cpu < sim::kMaxCpus; ++cpu) {
      const auto runs = [cpu](const Row& row) { return row.cpu == cpu; };
      if (std::none_of(rows_.begin(), rows_.end(), runs)) continue;
      lane_of_[cpu] = picture_.lanes.size();
      picture_.lanes.push_back({cpu, absl::AsciiStrToUpper(cpu_name(cpu))});
    }
  }

  void add_item(const Row& row) {
    Item item;
    item.lane = lane_of_[row.cpu];
    item.kind = row.kind;
    item.step = row.step;
    const size_t line = row.text.find('\n');
    item.text = row.text.substr(0, line);
    if (line != row.text.npos) item.remark = row.text.substr(line + 1);
    if (row.source >= 0) {
      const Step& step = timeline_.steps[static_cast<size_t>(row.source)];
      item.mark = mark_of(step);
      if (!step.at.function.empty()) {
        item.place = absl::StrCat(step.at.function, "(), ", step.at.line);
      }
      item_of_[row.source] = picture_.items.size();
    }
    if (row.kind == RowKind::kVerdict) verdict_ = picture_.items.size();
    picture_.items.push_back(std::move(item));
  }

  // The item that shows a step; kNone if none does.
  size_t item_of(int step) const {
    const auto found = item_of_.find(step);
    return found == item_of_.end() ? kNone : found->second;
  }
  // The first item that shows this step or a later one of the same CPU; kNone: there is none.
  size_t item_from(size_t step) const {
    const uint8_t cpu = timeline_.steps[step].cpu;
    for (auto it = item_of_.lower_bound(static_cast<int>(step)); it != item_of_.end(); ++it) {
      if (timeline_.steps[static_cast<size_t>(it->first)].cpu == cpu) return it->second;
    }
    return kNone;
  }

  void add_arrow(ArrowKind kind, size_t from, size_t to) {
    if (from != kNone && to != kNone && from < to) picture_.arrows.push_back({kind, from, to});
  }

  void add_arrows() {
    for (const auto& [index, item] : item_of_) {
      const Step& step = timeline_.steps[static_cast<size_t>(index)];
      if (step.kind != StepKind::kLoad) continue;
      if (step.from_step >= 0 && step.from_cpu != step.cpu) {
        add_arrow(ArrowKind::kReadsFrom, item_of(step.from_step), item);
      }
      if (step.missed_step >= 0) {
        add_arrow(ArrowKind::kMissed, item_of(step.missed_step), item);
      }
    }
    const int other = other_party(timeline_);
    if (other >= 0) add_arrow(ArrowKind::kClash, item_of(other), verdict_);
  }

  void add_band(BandKind kind, size_t first, size_t last, std::string what) {
    if (first == kNone) return;
    const size_t lane = picture_.items[first].lane;
    if (last == kNone) last = last_of(lane);
    picture_.bands.push_back({kind, lane, first, last, std::move(what)});
  }

  size_t last_of(size_t lane) const {
    size_t last = 0;
    for (size_t i = 0; i < picture_.items.size(); ++i) {
      if (picture_.items[i].lane == lane) last = i;
    }
    return last;
  }

  // mmap_lock, held by a CPU for one address space.
  void add_sections() {
    struct Section {
      BandKind kind;
      size_t since;
      std::string what;
    };
    std::map<std::tuple<int, int>, Section> open;  // by CPU and lock
    const std::vector<Step>& steps = timeline_.steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = steps[i];
      if (step.kind != StepKind::kLock || step.field != "mmap_lock") continue;
      const auto key = std::make_tuple(static_cast<int>(step.cpu), step.location);
      const bool downgrade = absl::StartsWith(step.text, "mmap_write_downgrade(");
      if (step.lock < 0 || downgrade) {
        const auto section = open.find(key);
        if (section != open.end()) {
          add_band(section->second.kind, item_from(section->second.since), item_from(i),
                   section->second.what);
          open.erase(section);
        }
      }
      if (step.lock > 0 || downgrade) {
        const bool writes = absl::StartsWith(step.text, "mmap_write_lock(");
        open[key] = {writes ? BandKind::kWriteSection : BandKind::kReadSection, i, step.text};
      }
    }
    for (const auto& [key, section] : open) {
      add_band(section.kind, item_from(section.since), kNone, section.what);
    }
  }

  // Sections of one flavour may overlap (SRCU); which of them ends makes no difference here.
  void add_readers() {
    std::map<std::pair<int, std::string>, std::vector<size_t>> open;  // by CPU and name of the lock
    const std::vector<Step>& steps = timeline_.steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = steps[i];
      if (step.kind != StepKind::kReader || !step.shown) continue;
      if (!absl::StrContains(step.text, "unlock")) {
        open[{step.cpu, step.text}].push_back(i);
        continue;
      }
      const std::string lock = absl::StrReplaceAll(step.text, {{"unlock", "lock"}});
      std::vector<size_t>& sections = open[{step.cpu, lock}];
      if (sections.empty()) continue;
      add_band(BandKind::kReader, item_from(sections.back()), item_from(i), lock);
      sections.pop_back();
    }
    for (const auto& [key, sections] : open) {
      for (const size_t since : sections) {
        add_band(BandKind::kReader, item_from(since), kNone, key.second);
      }
    }
  }

  void add_speculation() {
    const std::string& verdict = timeline_.failure.verdict;
    if (verdict.empty()) return;
    const Looks looks = find_looks(timeline_);
    if (!looks.found) return;
    const Step& first = timeline_.steps[looks.first];
    add_band(BandKind::kSpeculation, item_from(looks.first), item_from(looks.last),
             absl::StrCat("between two looks at ", first.object_name, ".", first.field));
  }

  void add_tracks() {
    for (size_t i = 0; i < timeline_.counters.size(); ++i) {
      const Counter& counter = timeline_.counters[i];
      Track track{counter.name, absl::StrCat(counter.first), {}};
      bool shown = false;
      for (size_t k = 0; k < rows_.size(); ++k) {
        shown = shown || is_about(timeline_, rows_[k], static_cast<int>(i));
        if (rows_[k].counter == static_cast<int>(i)) track.changes.emplace_back(k, rows_[k].count);
      }
      if (shown) picture_.tracks.push_back(std::move(track));
    }
  }

  const Timeline& timeline_;
  const std::vector<Row> rows_;
  Interleaving picture_;
  std::map<int, size_t> lane_of_;  // by CPU
  std::map<int, size_t> item_of_;  // by index of the step
  size_t verdict_ = kNone;
};

}  // namespace

Interleaving interleaving_of(const Timeline& timeline, const std::vector<std::string>& operations,
                             bool full) {
  std::vector<Row> rows = make_rows(timeline, operations, full);
  if (!full) rows = fold_repetitions(std::move(rows));
  return Maker(timeline, std::move(rows)).make();
}

}  // namespace vmafuzz::report
