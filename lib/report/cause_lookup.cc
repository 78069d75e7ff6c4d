// Lookups that found nothing.
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "report/cause_teller.h"
#include "report/names.h"
#include "report/phrases.h"

namespace vmafuzz::report {
namespace {

bool is_sequence(const Step& step) { return absl::EndsWith(step.field, "seqcount.sequence"); }

bool is_uprobe_link(const Step& step) {
  return absl::EndsWith(step.field, "uprobes_tree.rb_root") ||
         absl::EndsWith(step.field, "rb_node.rb_left") ||
         absl::EndsWith(step.field, "rb_node.rb_right");
}

bool is_mapping_link(const Step& step) {
  return absl::EndsWith(step.field, "ma_root") ||
         (absl::StartsWith(step.object_name, "node#") && absl::StartsWith(step.field, "slot["));
}

bool is_page_entry(const Step& step) { return absl::StartsWith(step.field, "pte["); }

// One operation's last trap: [begin, lock) is the speculation, [lock, end) the lookup under
// mmap_lock.
struct Trap {
  size_t begin = 0;
  size_t lock = 0;  // end if the lock was not taken
  size_t end = 0;
  bool locked = false;
};

Trap last_trap(const CauseTeller& teller) {
  Trap trap;
  trap.end = teller.steps().size();
  const int begin = teller.last([&](const Step& step) {
    return teller.suspect().did(step) && step.text == "rcu_read_lock_trace()";
  });
  trap.begin = begin < 0 ? 0 : static_cast<size_t>(begin);
  const int lock = teller.first(trap.begin, trap.end, [&](const Step& step) {
    return teller.suspect().did(step) && absl::StartsWith(step.text, "mmap_read_lock(");
  });
  trap.locked = lock >= 0;
  trap.lock = trap.locked ? static_cast<size_t>(lock) : trap.end;
  return trap;
}

class TrapStory {
 public:
  explicit TrapStory(const Timeline& timeline)
      : teller_(timeline), trap_(last_trap(teller_)), me_(cpu_name(teller_.suspect().cpu)) {}

  Cause tell() {
    std::string text = breakpoint();
    const Walk speculative = walk(trap_.begin, trap_.lock);
    const Walk locked = walk(trap_.lock, trap_.end);
    sentence(trap_.locked ? "The speculative lookup" : "The lookup", speculative, &text);
    if (!trap_.locked) return teller_.tell(std::move(text));
    if (same(speculative, locked)) {
      absl::StrAppend(&text, " The locked lookup read the same at step",
                      locked.begin >= 0 ? absl::StrCat("s ", teller_.at(locked.begin).step, " and ")
                                        : std::string(" "),
                      teller_.at(locked.dead_end).step, ".");
      if (locked.begin >= 0) teller_.read(locked.begin);
      teller_.read(locked.dead_end);
    } else {
      sentence("The locked lookup", locked, &text);
    }
    return teller_.tell(std::move(text));
  }

 private:
  // What a lookup went by: in the tree of uprobes, or in the tree of mappings if it got no further.
  struct Walk {
    int begin = -1;     // the sequence before, or the counter that it gave up at
    int dead_end = -1;  // the link that led nowhere
    int again = -1;     // the sequence after
    bool of_uprobes = false;
    bool gave_up = false;
  };

  std::string breakpoint() {
    const int trapped = teller_.last_load(0, trap_.begin, is_page_entry);
    const int seen = teller_.last_load(trap_.begin, trap_.end, is_page_entry);
    const int load = seen >= 0 ? seen : trapped;
    if (load < 0) return full_stop(teller_.failure().what);
    std::string text =
        absl::StrCat(me_, " ran into a breakpoint and got SIGTRAP for it: it read ",
                     teller_.read(load), teller_.origin(load), ", but found no uprobe");
    const std::string wanted = wanted_uprobe(load);
    if (!wanted.empty()) absl::StrAppend(&text, " where it looked for ", wanted);
    if (trapped >= 0) teller_.read(trapped);
    return text + ".";
  }

  // "uprobe(i0 page 2)": from the mapping's fields, as the lookup read them last. Empty: it came to
  // no mapping.
  std::string wanted_uprobe(int entry) const {
    const auto field = [&](const char* name) {
      return teller_.last_load(trap_.begin, trap_.end,
                               [name](const Step& step) { return step.field == name; });
    };
    const int inode = field("f_inode"), offset = field("vm_pgoff"), start = field("vm_start");
    if (inode < 0 || offset < 0 || start < 0) return {};
    const auto number = [&](int load) {
      return std::strtoll(teller_.at(load).value.c_str(), nullptr, 0);
    };
    constexpr long long kPageSize = 0x1000;
    const long long page = std::atoll(teller_.at(entry).field.c_str() + 4);
    return absl::StrCat("uprobe(", teller_.at(inode).value, " page ",
                        number(offset) + page - number(start) / kPageSize, ")");
  }

  Walk walk(size_t begin, size_t end) const {
    Walk walk;
    walk.dead_end = teller_.last_load(begin, end, is_uprobe_link);
    walk.of_uprobes = walk.dead_end >= 0;
    if (walk.of_uprobes) {
      const auto at = static_cast<size_t>(walk.dead_end);
      walk.begin = teller_.last_load(begin, at, is_sequence);
      walk.again = teller_.last_load(at, end, is_sequence);
      return walk;
    }
    walk.begin = teller_.last_load(begin, end, is_counter);
    walk.dead_end = teller_.last_load(begin, end, is_mapping_link);
    walk.gave_up = walk.dead_end < 0 || teller_.at(walk.dead_end).value != "NULL";
    return walk;
  }

  bool same(const Walk& a, const Walk& b) const {
    const auto alike = [&](int x, int y) {
      if (x < 0 || y < 0) return x == y;
      const Step& one = teller_.at(x);
      const Step& other = teller_.at(y);
      return one.location == other.location && one.value == other.value &&
             one.stale == other.stale && one.from_step == other.from_step;
    };
    return a.of_uprobes && b.of_uprobes && alike(a.begin, b.begin) &&
           alike(a.dead_end, b.dead_end) && alike(a.again, b.again);
  }

  void sentence(const std::string& who, const Walk& walk, std::string* text) {
    const char* separator = " read ";
    std::string words;
    if (walk.begin >= 0) {
      absl::StrAppend(&words, separator, teller_.read(walk.begin), teller_.origin(walk.begin));
      separator = ", and then ";
    }
    if (walk.dead_end >= 0 && !walk.gave_up) {
      absl::StrAppend(&words, separator, teller_.read(walk.dead_end),
                      teller_.origin(walk.dead_end));
      if (walk.again >= 0) {
        const bool changed =
            walk.begin < 0 || teller_.at(walk.begin).value != teller_.at(walk.again).value;
        absl::StrAppend(&words, "; the sequence was ", changed ? "" : "still ",
                        teller_.at(walk.again).value, at_step(teller_.at(walk.again)));
        if (teller_.at(walk.again).stale > 0) words += teller_.origin(walk.again);
        teller_.read(walk.again);
      }
      if (!walk.of_uprobes) words += ": no mapping";
    } else if (!words.empty()) {
      words += ", and came to nothing";
    }
    if (!words.empty()) absl::StrAppend(text, " ", who, words, ".");
  }

  CauseTeller teller_;
  const Trap trap_;
  const std::string me_;
};

bool is_odd(const Step& counter) {
  return (std::strtoll(counter.value.c_str(), nullptr, 0) & 1) != 0;
}

// What happened to the counter after the store that the lookup read: nothing, or the lookup would
// not have been refused for good.
std::string never_ended(const CauseTeller& teller, int load) {
  const Step& counter = teller.at(load);
  const auto stores_again = [&](const Step& step) {
    return step.location == counter.location && step.kind != StepKind::kLoad;
  };
  const auto from = static_cast<size_t>(counter.from_step < 0 ? 0 : counter.from_step + 1);
  if (teller.first(from, teller.steps().size(), stores_again) >= 0) return {};
  std::string text = absl::StrCat("Nobody has stored to ", whole_name(counter), " since");
  if (counter.from_step < 0) return text + ", nor does anybody hold mmap_lock for writing.";
  const Step& store = teller.at(counter.from_step);
  // Of this address space, if the counter tells which.
  const auto its = [&](const Step& step) {
    return step.cpu == store.cpu &&
           (counter.field != "mm_lock_seq" || step.object == counter.object);
  };
  bool held = false;
  for (size_t i = 0; i < from; ++i) {
    const Step& step = teller.steps()[i];
    if (!its(step)) continue;
    if (absl::StartsWith(step.text, "mmap_write_lock(")) held = true;
    if (absl::StartsWith(step.text, "mmap_write_unlock(")) held = false;
  }
  if (!held) {
    return absl::StrCat(text, ", and ", cpu_name(store.cpu), " did not hold mmap_lock then.");
  }
  const int given_up = teller.first(from, teller.steps().size(), [&](const Step& step) {
    return its(step) && (absl::StartsWith(step.text, "mmap_write_unlock(") ||
                         absl::StartsWith(step.text, "mmap_write_downgrade("));
  });
  if (given_up < 0) return text + ".";
  return absl::StrCat(text, ", although ", cpu_name(store.cpu), " gave up mmap_lock for writing",
                      at_step(teller.at(given_up)), " in ", in(teller.at(given_up).at), ".");
}

}  // namespace

Cause trap_cause(const Timeline& timeline) {
  // The other missed-uprobe verdict is about a page at rest.
  if (timeline.failure.at.function.empty()) return {};
  return TrapStory(timeline).tell();
}

Cause refusal_cause(const Timeline& timeline) {
  CauseTeller teller(timeline);
  const Trap trap = last_trap(teller);
  if (!trap.locked) return {};
  const int load = teller.last_load(trap.begin, trap.lock, is_counter);
  if (load < 0) return {};
  const Step& last = teller.at(load);
  const int before = teller.last_load(trap.begin, static_cast<size_t>(load), is_counter);
  std::string text = absl::StrCat(cpu_name(last.cpu), " read ");
  if (before >= 0) absl::StrAppend(&text, teller.read(before), " and ");
  absl::StrAppend(&text, teller.read(load), " in ", in(last.at),
                  is_odd(last) ? ", an odd value" : "", teller.origin(load),
                  "; its speculation ended there, and it took mmap_lock",
                  at_step(teller.steps()[trap.lock]), ".");
  const std::string since = never_ended(teller, load);
  if (!since.empty()) absl::StrAppend(&text, " ", since);
  return teller.tell(std::move(text));
}

}  // namespace vmafuzz::report
