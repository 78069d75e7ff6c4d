// A list of areas that is not the specification's: where they differ, and by which stores.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "report/cause_teller.h"
#include "report/names.h"
#include "report/phrases.h"

namespace vmafuzz::report {
namespace {

// "[5-6 anon+1 0x8000075 anon_vma#0)" of a picture.
struct Area {
  std::string text;
  long start = 0;
  long end = 0;
  std::string file, flags, anon;
  bool overlaps(const Area& other) const { return start < other.end && other.start < end; }
};

std::vector<Area> areas_of(absl::string_view picture) {
  std::vector<Area> areas;
  for (absl::string_view part : absl::StrSplit(picture, '[')) {
    part = part.substr(0, part.find(')'));
    const std::vector<std::string> words = absl::StrSplit(part, ' ', absl::SkipEmpty());
    if (words.size() < 3) continue;
    const size_t dash = words[0].find('-');
    if (dash == std::string::npos) continue;
    areas.push_back({absl::StrCat("[", part, ")"), std::atol(words[0].c_str()),
                     std::atol(words[0].c_str() + dash + 1), words[1], words[2],
                     words.size() > 3 ? words[3] : ""});
  }
  return areas;
}

std::vector<Area> only_in(const std::vector<Area>& areas, const std::vector<Area>& others) {
  std::vector<Area> left;
  for (const Area& area : areas) {
    const auto same = [&](const Area& other) { return other.text == area.text; };
    if (std::none_of(others.begin(), others.end(), same)) left.push_back(area);
  }
  return left;
}

std::string list(const std::vector<Area>& areas) {
  return absl::StrJoin(areas, " ", [](std::string* out, const Area& area) { *out += area.text; });
}

// Which fields of the VMA are other than they should be.
std::vector<std::string> wrong_fields(const Area& found, const std::vector<Area>& expected) {
  for (const Area& area : expected) {
    if (area.start != found.start || area.end != found.end) continue;
    if (area.flags != found.flags) return {"vm_flags"};
    if (area.anon != found.anon) return {"anon_vma"};
    return {"vm_pgoff", "vm_file"};
  }
  return {"vm_start", "vm_end"};
}

class LayoutStory {
 public:
  explicit LayoutStory(const Timeline& timeline) : teller_(timeline) {}

  Cause tell() {
    const std::string& what = teller_.failure().what;
    if (absl::StartsWith(what, "page ")) return own_page();
    const size_t leaves = what.find(" leaves mm");
    const size_t semicolon = what.find("; the specification: ");
    if (leaves == what.npos || semicolon == what.npos) return {};
    const std::string call = what.substr(0, leaves);
    const std::vector<Area> all_found = areas_of(what.substr(leaves, semicolon - leaves));
    const std::vector<Area> all_expected = areas_of(what.substr(semicolon));
    const std::vector<Area> found = only_in(all_found, all_expected);
    const std::vector<Area> expected = only_in(all_expected, all_found);
    std::string text = cpu_name(teller_.suspect().cpu);
    if (found.empty()) {
      absl::StrAppend(&text, "'s ", call, " left nothing where the specification has ",
                      list(expected), ".");
      return teller_.tell(std::move(text));
    }
    absl::StrAppend(&text, "'s ", call, " left ", list(found), " where the specification has ",
                    expected.empty() ? "nothing" : list(expected), ".");
    for (const Area& area : found) absl::StrAppend(&text, store_sentence(area, expected));
    return teller_.tell(std::move(text));
  }

 private:
  // "page 1 of mm0 is the task's own, but the area has no anon_vma: [0-2 ...)"
  Cause own_page() {
    const std::string& what = teller_.failure().what;
    const std::vector<std::string> words = absl::StrSplit(what, ' ');
    const long page = std::atol(words[1].c_str());
    const std::string entry = absl::StrCat("pte[", page, "]");
    std::string text = full_stop(what);
    const int own = teller_.last([&](const Step& step) {
      return step.kind == StepKind::kStore && step.field == entry && words.size() > 3 &&
             step.object_name == words[3];
    });
    if (own >= 0) {
      absl::StrAppend(&text, " ", whole_name(teller_.at(own)), " = ", teller_.at(own).value,
                      " was stored by ", teller_.by(own), ".");
    }
    for (const Area& area : areas_of(what)) {
      if (area.start > page || page >= area.end) continue;
      const int vma = last_named(absl::StrCat("[", area.start, "-", area.end, ")"));
      if (vma >= 0) absl::StrAppend(&text, last_store(vma, {"vm_start", "vm_end"}));
    }
    return teller_.tell(std::move(text));
  }

  // The last step on a VMA of that range.
  int last_named(const std::string& range) const {
    return teller_.last([&](const Step& step) {
      return absl::StartsWith(step.object_name, "vma#") && absl::EndsWith(step.object_name, range);
    });
  }

  // Empty if there is none.
  std::string last_store(int vma, const std::vector<std::string>& fields) {
    const Step& seen = teller_.at(vma);
    const int store = teller_.last([&](const Step& step) {
      return step.cpu == seen.cpu && step.op == seen.op && step.kind == StepKind::kStore &&
             step.object == seen.object &&
             std::find(fields.begin(), fields.end(), step.field) != fields.end();
    });
    if (store < 0) return {};
    return absl::StrCat(" The last store to ", absl::StrJoin(fields, " or "), " of ",
                        seen.object_name, " was ", teller_.at(store).value, ", over ",
                        teller_.at(store).before, ", by ", teller_.by(store), ".");
  }

  std::string store_sentence(const Area& area, const std::vector<Area>& expected) {
    const std::string range = absl::StrCat("[", area.start, "-", area.end, ")");
    const int seen = last_named(range);
    if (seen < 0 || !teller_.suspect().did(teller_.at(seen))) return {};
    const std::vector<std::string> fields = wrong_fields(area, expected);
    const std::string text = last_store(seen, fields);
    if (!text.empty()) return text;
    return absl::StrCat(" It stored nothing to ", absl::StrJoin(fields, " or "), " of ",
                        teller_.at(seen).object_name, ".");
  }

  CauseTeller teller_;
};

}  // namespace

Cause layout_cause(const Timeline& timeline) { return LayoutStory(timeline).tell(); }

}  // namespace vmafuzz::report
