#include "oracle/layout_judge.h"

#include <algorithm>
#include <cerrno>

#include "mm/mman.h"
#include "mm/syscalls.h"

namespace vmafuzz::oracle {

using kernel::mm_struct;
using kernel::Request;
using platform::machine;

namespace {

// More failures at once than anybody enumerates: any list is taken over from there.
constexpr uint32_t kMostFailures = 3;

const char* name_of(Request::Kind kind) {
  switch (kind) {
    case Request::kNone:
      return "a section of no system call";
    case Request::kMmap:
      return "mmap()";
    case Request::kMunmap:
      return "munmap()";
    case Request::kMprotect:
      return "mprotect()";
    case Request::kMadvise:
      return "madvise()";
    case Request::kMremap:
      return "mremap()";
    case Request::kBrk:
      return "brk()";
    case Request::kFault:
      return "a page fault";
    case Request::kSetUpStack:
      return "the stack's set-up";
  }
  return "?";
}

// Nobody uses it any more: it is being taken apart.
bool exiting(mm_struct* mm) { return mm->mm_users.counter.peek() == 0; }

// What is new may have any name that nothing else has. (A name from before may come again: what had
// it was freed, and its memory reused.)
class Names {
 public:
  explicit Names(const Layout& expected) : expected_(expected) {}
  // `wanted` by the name that it goes by in the list that was found.
  Identity of(Identity wanted, Identity found) {
    const int number = fresh_number(wanted);
    if (number < 0) return wanted;
    Identity& name = names_[static_cast<size_t>(number)];
    if (name == nullptr && found != nullptr && !taken(found)) name = found;
    return name;
  }

 private:
  bool taken(Identity name) const {
    for (int i = 0; i < expected_.count(); ++i) {
      if (expected_[i].file == name || expected_[i].anon == name) return true;
    }
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }
  const Layout& expected_;
  std::array<Identity, kFreshIdentities> names_{};
};

bool same(const Layout& expected, const Layout& found) {
  if (expected.count() != found.count()) return false;
  Names names(expected);
  for (int i = 0; i < found.count(); ++i) {
    Area wanted = expected[i];
    wanted.file = names.of(wanted.file, found[i].file);
    wanted.anon = names.of(wanted.anon, found[i].anon);
    if (wanted != found[i]) return false;
  }
  return true;
}

}  // namespace

void LayoutJudge::reset() {
  probes_.clear();
  for (Space& space : spaces_) {
    space.probes = &probes_;
    space.layout.clear();
    space.brk = kernel::kStartBrkPage << kernel::PAGE_SHIFT;
  }
  for (int& count : highest_map_count_) count = 0;
  for (Work& work : work_) work.request.kind = Request::kNone;
}

LayoutJudge::Work& LayoutJudge::work() { return work_[machine.cpu()]; }

// --- calls
// -------------------------------------------------------------------------------------------

void LayoutJudge::request_begins(const Request& request) {
  Work& mine = work();
  mine.request = request;
  mine.in_section = false;
  mine.failures_at_request = machine.injected_failures();
  mine.result_count = 0;
}

void LayoutJudge::request_returns(long result) {
  Work& mine = work();
  const Request& request = mine.request;
  const bool failed = machine.injected_failures() != mine.failures_at_request;
  // Faults, and advice that drops pages, take no lock that would put them in an order.
  const bool ordered =
      request.kind != Request::kFault &&
      (request.kind != Request::kMadvise ||
       (request.advice != kernel::MADV_DONTNEED && request.advice != kernel::MADV_FREE));
  if (mine.in_section) {
    if (mine.result_count > 0 && ordered && !mine.may_return(result)) report_result(result);
  } else if (ordered) {
    long expected = 0;
    const bool ends = ends_without_lock(request, &expected);
    // mremap() looks at map_count before it takes the lock, and at any number that it ever had: a
    // section that maps over something counts both for a moment.
    const bool crowded = request.kind == Request::kMremap && result == -ENOMEM &&
                         highest_map_count_[request.mm->id] + 2 >= kernel::sysctl_max_map_count - 3;
    if (ends ? result != expected : !crowded && !(result == -EINTR && failed)) {
      report_result(result);
    }
  }
  mine.request.kind = Request::kNone;
}

// --- sections
// ----------------------------------------------------------------------------------------

void LayoutJudge::section_begins(mm_struct* mm) {
  if (exiting(mm)) return;
  work().failures_at_section = machine.injected_failures();
  follow_faults(mm);
}

void LayoutJudge::section_ends(mm_struct* mm) {
  if (exiting(mm)) return;
  Work& mine = work();
  Layout found;
  read_layout(mm, &found);
  const bool its = mine.request.kind != Request::kNone && mine.request.mm == mm && !mine.in_section;
  check_private_pages(mm, found);
  if (its) mine.in_section = true;
  const Request request = its ? mine.request : Request{};
  if (!accept(mm, found, request, its ? &mine : nullptr)) report_layout(mm, request, found);
}

void LayoutJudge::map_count_changes(mm_struct* mm, int count) {
  highest_map_count_[mm->id] = std::max(highest_map_count_[mm->id], count);
}

// One of the specification's outcomes. The results that go with it are noted for the caller, if it
// is one's call: those of all outcomes that have this list.
bool LayoutJudge::accept(mm_struct* mm, const Layout& found, const Request& request, Work* mine) {
  Space& space = spaces_[mm->id];
  const uint32_t failed =
      mine == nullptr ? 0 : machine.injected_failures() - mine->failures_at_section;
  const unsigned long brk = mm->brk.peek();
  bool fits = false;
  Failures failures(static_cast<int>(std::min(failed, kMostFailures)));
  do {
    Space after = space;
    const long result = perform(request, &after, &failures);
    bool as_found = same(after.layout, found) && after.brk == brk;
    if (!as_found && request.kind == Request::kFault) {
      // A stack that grows gets its anon_vma on the way.
      as_found = after.layout.count() == found.count();
      for (int i = 0; as_found && i < found.count(); ++i) {
        as_found = only_faulted(after.layout[i], found, i);
      }
    }
    if (!as_found) continue;
    fits = true;
    if (mine != nullptr && !mine->may_return(result) && mine->result_count < kResults) {
      mine->results[mine->result_count++] = result;
    }
  } while (failures.next());
  if (!fits && failed <= kMostFailures) return false;
  if (!fits && mine != nullptr) mine->result_count = 0;
  space.layout = found;
  space.brk = brk;
  return true;
}

void LayoutJudge::follow_faults(mm_struct* mm) {
  Space& space = spaces_[mm->id];
  Layout found;
  read_layout(mm, &found);
  bool fine = found.count() == space.layout.count();
  for (int i = 0; fine && i < found.count(); ++i) {
    fine = only_faulted(space.layout[i], found, i);
  }
  if (!fine) {
    machine.fail("layout", [&] {
      return "mm" + std::to_string(mm->id) +
             " changed while nobody held mmap_lock for writing: " + space.layout.picture() +
             " became " + found.picture();
    });
  }
  space.layout = found;
}

void LayoutJudge::check_at_rest(mm_struct* mm) {
  follow_faults(mm);
  check_private_pages(mm, spaces_[mm->id].layout);
}

void LayoutJudge::check_private_pages(mm_struct* mm, const Layout& layout) const {
  for (int i = 0; i < layout.count(); ++i) {
    if (layout[i].anon != nullptr) continue;
    for (unsigned page = layout[i].start; page < layout[i].end; ++page) {
      if ((mm->pgd.pte[page].peek() & kernel::kPteAnon) == 0) continue;
      machine.fail("layout", [&] {
        return "page " + std::to_string(page) + " of mm" + std::to_string(mm->id) +
               " is the task's own, but the area has no anon_vma: " + layout.picture();
      });
    }
  }
}

// --- verdicts
// ----------------------------------------------------------------------------------------

void LayoutJudge::report_layout(mm_struct* mm, const Request& request, const Layout& found) const {
  Space expected = spaces_[mm->id];
  Failures none(0);
  perform(request, &expected, &none);
  const bool failed = machine.injected_failures() != work_[machine.cpu()].failures_at_section;
  machine.fail("layout", [&] {
    return std::string(name_of(request.kind)) + " leaves mm" + std::to_string(mm->id) + " as " +
           found.picture() + (failed ? ", which no failing step explains" : "") +
           "; the specification: " + expected.layout.picture();
  });
}

void LayoutJudge::report_result(long result) const {
  const Work& mine = work_[machine.cpu()];
  machine.fail("layout", [&] {
    std::string what = std::string(name_of(mine.request.kind)) + " returned " +
                       std::to_string(result) + "; the specification:";
    long expected = 0;
    if (!mine.in_section) ends_without_lock(mine.request, &expected);
    if (!mine.in_section) return what + " " + std::to_string(expected);
    for (int i = 0; i < mine.result_count; ++i) {
      what += (i > 0 ? " or " : " ") + std::to_string(mine.results[i]);
    }
    return what;
  });
}

}  // namespace vmafuzz::oracle
