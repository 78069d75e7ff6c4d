#include "oracle/judge.h"

#include <algorithm>
#include <string>

#include "mm/mm.h"
#include "mm/mmap_lock.h"
#include "sim/coverage.h"
#include "sim/machine.h"
#include "uprobes/lookup.h"

namespace vmafuzz::oracle {

using kernel::kProbeOffset;
using kernel::PAGE_SHIFT;
using platform::machine;

namespace {

std::string describe_page(const PageView& page) {
  if (!page.mapped) return "nothing";
  if (page.inode == nullptr) return "anonymous memory";
  return "i" + std::to_string(page.ino) + " page " + std::to_string(page.pgoff);
}

// A mapping that never had the breakpoint, as valid_vma() tells, is none that may be resolved.
bool may_be_probed(const PageView& page) {
  constexpr auto kMask = kernel::VM_HUGETLB | kernel::VM_MAYEXEC | kernel::VM_MAYSHARE;
  return (page.flags & kMask) == kernel::VM_MAYEXEC;
}

// "r-xs, not to be probed: VM_MAYSHARE"; as /proc/PID/maps shows it, and why.
std::string why_not_probed(const PageView& page) {
  const auto has = [&](kernel::vm_flags_t flag) { return (page.flags & flag) != 0; };
  std::string text = has(kernel::VM_READ) ? "r" : "-";
  text += has(kernel::VM_WRITE) ? 'w' : '-';
  text += has(kernel::VM_EXEC) ? 'x' : '-';
  text += has(kernel::VM_MAYSHARE) ? 's' : 'p';
  text += ", not to be probed:";
  if (has(kernel::VM_HUGETLB)) text += " VM_HUGETLB";
  if (has(kernel::VM_MAYSHARE)) text += " VM_MAYSHARE";
  if (!has(kernel::VM_MAYEXEC)) text += " no VM_MAYEXEC";
  return text;
}

// Happens-before is not enough to be bound to read a store: what a CPU's loads are held to is. On
// real memory nobody can tell, and time decides.
template <class Machine>
platform::Knowledge seen_by(Machine& m) {
  if constexpr (requires { m.current().known; }) {
    return m.current().known;
  } else {
    return m.knowledge();
  }
}
// For reports. Real threads count their steps each for itself, and have no trace.
template <class Machine>
void note_step(Machine& m, uint32_t* step) {
  if constexpr (requires { m.current().known; }) *step = m.steps();
}
template <class Point, class Seen>
bool bound_to_see(const Point& stored, const Seen& seen) {
  if constexpr (requires { seen.w; }) {
    const bool own = stored.cpu == platform::kNoCpu || stored.cpu == machine.cpu();
    return own || seen.w[stored.cpu] >= stored.time;
  } else {
    return stored.known_to(seen);
  }
}

}  // namespace

const char* finding_name(Finding finding) {
  switch (finding) {
    case Finding::kDyingUprobe:
      return "dying-uprobe";
    case Finding::kUnprobedMapping:
      return "unprobed-mapping";
    case Finding::kUnarmedPage:
      return "unarmed-page";
    case Finding::kMovedMapping:
      return "moved-mapping";
  }
  return "?";
}

void Judge::reset(uint32_t accepted) {
  accepted_ = accepted;
  culprit_ = {};
  for (AddressSpaceHistory& space : spaces_) space.reset();
  layouts_.reset();
  registrations_.clear();
  waiting_.clear();
  for (Refusal& refusal : refusals_) refusal.valid = false;
  for (auto& cpus : settled_) std::fill(std::begin(cpus), std::end(cpus), Moment{});
}

// --- what becomes true
// -------------------------------------------------------------------------------

void Judge::write_section_begins(kernel::mm_struct* mm) {
  spaces_[mm->id].section_begins();
  layouts_.section_begins(mm);
}

void Judge::write_section_ends(kernel::mm_struct* mm) {
  AddressSpaceHistory& space = spaces_[mm->id];
  space.section_ends(mm);
  // The count's store and the lock's word follow, each at a time of its own.
  Moment& settled = settled_[mm->id][machine.cpu()];
  settled = machine.moment();
  settled.time += 2;
  layouts_.section_ends(mm);
  size_t kept = 0;
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].mm != mm->id) {
      waiting_[kept++] = waiting_[i];
      continue;
    }
    const Lookup lookup = waiting_[i];
    if (!matches(space.newest(), lookup)) settle(lookup, true);
  }
  waiting_.resize(kept);
}

// Of this uprobe, not of one that had its memory before.
Judge::Registration* Judge::find_registration(const kernel::uprobe* u) {
  const sim::Object* object = sim::arena.object_of(u);
  for (size_t i = registrations_.size(); i > 0; --i) {
    Registration& registration = registrations_[i - 1];
    if (registration.uprobe == u && registration.generation == object->generation)
      return &registration;
  }
  return nullptr;
}

void Judge::consumer_added(kernel::uprobe* u, kernel::uprobe_consumer*) {
  Registration* registration = find_registration(u);
  const kernel::inode* inode = u->inode.peek();
  if (registration == nullptr) {
    registrations_.push_back({});
    registration = &registrations_.back();
    registration->uprobe = u;
    registration->generation = sim::arena.object_of(u)->generation;
    registration->inode = inode;
    registration->ino = inode->i_ino.peek();
    registration->offset = u->offset.peek();
  }
  layouts_.uprobe_registered(inode, registration->offset);
  if (registration->consumers++ == 0) registration->added = machine.moment();
}

void Judge::consumer_removed(kernel::uprobe* u, kernel::uprobe_consumer*) {
  Registration* registration = find_registration(u);
  if (registration == nullptr || registration->consumers == 0) {
    machine.fail("refcount", "a consumer was removed from a uprobe that has none");
  }
  if (--registration->consumers == 0) {
    registration->removed = machine.moment();
    registration->ever_removed = true;
  }
}

// --- lookups
// -----------------------------------------------------------------------------------------

void Judge::lookup_begins(kernel::mm_struct* mm, unsigned long vaddr) {
  Lookup& lookup = lookups_[machine.cpu()];
  lookup.mm = mm->id;
  lookup.vaddr = vaddr;
  lookup.known = machine.knowledge();
  lookup.seen = seen_by(machine);
  lookup.cpu = static_cast<uint8_t>(machine.cpu());
  lookup.op = machine.op();
  note_step(machine, &lookup.first_step);
  const AddressSpaceHistory& space = spaces_[mm->id];
  lookup.open_section = space.open() ? space.sections() : 0;
  lookup.quiet = !space.open() && sees_all_sections(lookup);
  lookup.sections = space.sections();
}

bool Judge::sees_all_sections(const Lookup& lookup) const {
  for (const Moment& settled : settled_[lookup.mm]) {
    if (!bound_to_see(settled, lookup.seen)) return false;
  }
  return true;
}

// How many write sections of the mm have begun during a lookup is something that an engine can
// learn step by step. Without that, only luck makes enough of them for a counter to wrap.
void Judge::cover_sections(uint32_t begun) {
  constexpr uint32_t kFeature = 0x2c9d;
  if (sim::machine.options().coverage && begun > 1) sim::cover(kFeature * begun);
}

// Quiet until now, as well.
void Judge::note_refusal(const Lookup& lookup) {
  Refusal& refusal = refusals_[machine.cpu()];
  refusal.valid = lookup.quiet && spaces_[lookup.mm].sections() == lookup.sections;
  refusal.mm = lookup.mm;
  refusal.vaddr = lookup.vaddr;
  refusal.sections = lookup.sections;
  refusal.seen = lookup.seen;
}

// What the lookup under the lock has found was there for the speculation to find.
void Judge::check_refusal(const Lookup& lookup, const Registration* registration) {
  Refusal& refusal = refusals_[machine.cpu()];
  if (!refusal.valid) return;
  refusal.valid = false;
  if (refusal.mm != lookup.mm || refusal.vaddr != lookup.vaddr) return;
  if (spaces_[lookup.mm].sections() != refusal.sections) return;
  if (registration == nullptr || registration->consumers == 0) return;
  if (!bound_to_see(registration->added, refusal.seen)) return;
  if (kernel::find_active_uprobe_speculative == &kernel::lookup_locked_only) return;
  machine.fail("fallback-forever", [&] {
    return "speculation was refused to cpu" + std::to_string(lookup.cpu) + " at mm" +
           std::to_string(lookup.mm) + " page " + std::to_string(lookup.vaddr >> PAGE_SHIFT) +
           " although nobody writes, nor has since it began; under mmap_lock it found the uprobe";
  });
}

void Judge::lookup_returns(kernel::mm_struct*, unsigned long, kernel::uprobe* u, bool speculative) {
  Lookup& lookup = lookups_[machine.cpu()];
  lookup.speculative = speculative;
  note_step(machine, &lookup.last_step);
  const AddressSpaceHistory& space = spaces_[lookup.mm];
  lookup.inside = space.open() && lookup.open_section == space.sections();
  if (speculative) cover_sections(space.sections() - lookup.sections);
  if (u == nullptr) {
    if (speculative) note_refusal(lookup);
    return;
  }
  const sim::Object* object = sim::arena.object_of(u);
  if (object == nullptr || !object->live) {
    machine.fail("dead-uprobe", "the lookup returned a uprobe whose memory had been freed");
  }
  lookup.inode = u->inode.peek();
  lookup.offset = u->offset.peek();
  const Registration* registration = find_registration(u);
  if (registration == nullptr && lookup.inode == nullptr) {
    machine.fail("dead-uprobe",
                 "the lookup returned a uprobe whose memory is another one's by now");
  }
  lookup.ino = registration != nullptr ? registration->ino : lookup.inode->i_ino.peek();
  lookup.dying =
      registration != nullptr && registration->consumers == 0 && registration->ever_removed;
  if (lookup.dying && !accepted(Finding::kDyingUprobe)) {
    if (registration->removed.known_to(lookup.known)) {
      machine.fail("stale-uprobe", [&] {
        return describe(lookup) + ", whose last consumer had gone before the lookup began";
      });
    }
    lookup.dying = false;
  }
  settle(lookup, false);
  if (!speculative) check_refusal(lookup, registration);
}

std::string Judge::describe(const Lookup& lookup) {
  return std::string(lookup.speculative ? "speculative" : "locked") + " lookup of mm" +
         std::to_string(lookup.mm) + " page " + std::to_string(lookup.vaddr >> PAGE_SHIFT) +
         " by cpu" + std::to_string(lookup.cpu) + " returned the uprobe of i" +
         std::to_string(lookup.ino) + " page " + std::to_string(lookup.offset >> PAGE_SHIFT);
}

const PageView& Judge::page_of(const Version& version, const Lookup& lookup) const {
  return version.pages[(lookup.vaddr >> PAGE_SHIFT) % kernel::kTaskPages];
}

// Of what the uprobe is for, whether it may be probed there or not.
bool Judge::maps(const Version& version, const Lookup& lookup) const {
  const PageView& page = page_of(version, lookup);
  if (!page.mapped || page.inode == nullptr) return false;
  const auto offset = (static_cast<kernel::loff_t>(page.pgoff) << PAGE_SHIFT) +
                      static_cast<kernel::loff_t>(kernel::offset_in_page(lookup.vaddr));
  if (page.inode != lookup.inode || offset != lookup.offset) return false;
  // The registrant keeps the inode until unregistration: a dying uprobe is found for what is at its
  // inode's address by now (docs/findings.md).
  return page.ino == lookup.ino || lookup.dying;
}

bool Judge::matches(const Version& version, const Lookup& lookup) const {
  return maps(version, lookup) &&
         (may_be_probed(page_of(version, lookup)) || accepted(Finding::kUnprobedMapping));
}

// Looks for a version in the lookup's window that it is right for. Not final: if none is, a section
// that is open still may make one.
void Judge::settle(const Lookup& lookup, bool final) {
  const AddressSpaceHistory& space = spaces_[lookup.mm];
  bool in_window = true;
  bool was_true = false;
  for (size_t i = space.size(); i > 0; --i) {
    const Version& version = space.version(i - 1);
    if (!version.current && version.replaced.known_to(lookup.known)) in_window = false;
    if (!matches(version, lookup)) continue;
    if (in_window) return;
    was_true = true;
    break;
  }
  if (!final && space.open()) {
    waiting_.push_back(lookup);
    return;
  }
  report(lookup, was_true);
}

// "it mapped i0 page 1, then nothing": all that the lookup might have answered by, in order.
std::string Judge::mapped_meanwhile(const Lookup& lookup) const {
  const AddressSpaceHistory& space = spaces_[lookup.mm];
  size_t first = space.size() - 1;
  while (first > 0 && !space.version(first - 1).replaced.known_to(lookup.known)) --first;
  std::string text, last;
  for (size_t i = first; i < space.size(); ++i) {
    const PageView& page = page_of(space.version(i), lookup);
    std::string now = describe_page(page);
    if (maps(space.version(i), lookup) && !may_be_probed(page))
      now += " (" + why_not_probed(page) + ")";
    if (now == last) continue;
    text += (last.empty() ? "" : ", then ") + now;
    last = now;
  }
  return (text == last ? "it maps " : "it mapped ") + text;
}

void Judge::report(const Lookup& lookup, bool was_true_before) {
  const AddressSpaceHistory& space = spaces_[lookup.mm];
  culprit_ = {true,          lookup.speculative,         lookup.cpu,         lookup.op,
              lookup.mm,     lookup.vaddr >> PAGE_SHIFT, space.section_op(), space.section_cpu(),
              lookup.inside, lookup.first_step,          lookup.last_step};
  const auto whole = [&] {
    bool unprobed = false;
    for (size_t i = 0; i < space.size(); ++i) unprobed |= maps(space.version(i), lookup);
    std::string text = describe(lookup);
    if (was_true_before) {
      text += ", which was right only before a change that the CPU had to know of";
    } else if (unprobed) {
      text += ", which was right for no mapping that the page had during the lookup";
    } else {
      text += ", which the page never mapped during the lookup";
    }
    return text + "; " + mapped_meanwhile(lookup);
  };
  machine.fail(was_true_before ? "stale-uprobe" : "wrong-uprobe", whole);
}

// --- at rest
// -----------------------------------------------------------------------------------------

void Judge::check_at_rest(kernel::mm_struct* const* mms, int count) {
  kernel::validate_uprobes_tree();
  for (int i = 0; i < count; ++i) {
    kernel::mm_struct* mm = mms[i];
    if (rwsem_is_locked(mm->mmap_lock)) {
      machine.fail("lock-imbalance", "mmap_lock is held although everybody has finished");
    }
    if (kernel::mm_lock_seq_has_parity() && (mm->mm_lock_seq.peek() & 1) != 0) {
      machine.fail("counter-parity", "mm_lock_seq is odd although nobody holds mmap_lock");
    }
    const std::string wrong = kernel::validate_mm(mm);
    if (!wrong.empty()) {
      machine.fail("tree-corrupt", [&] { return "mm" + std::to_string(mm->id) + ": " + wrong; });
    }
    layouts_.check_at_rest(mm);
    check_breakpoints(mm);
  }
}

void Judge::check_breakpoints(kernel::mm_struct* mm) const {
  std::array<PageView, kernel::kTaskPages> pages;
  view_pages(mm, &pages);
  constexpr auto kMask =
      kernel::VM_HUGETLB | kernel::VM_MAYEXEC | kernel::VM_MAYSHARE | kernel::VM_WRITE;
  for (unsigned long p = 0; p < kernel::kTaskPages; ++p) {
    const PageView& page = pages[p];
    const bool armed = (mm->pgd.pte[p].peek() & kernel::kPteBreakpoint) != 0;
    const auto offset = (static_cast<kernel::loff_t>(page.pgoff) << PAGE_SHIFT) +
                        static_cast<kernel::loff_t>(kProbeOffset);
    const kernel::uprobe* u =
        page.inode == nullptr ? nullptr : kernel::peek_uprobe(page.inode, offset);
    const bool moved = page.inode != nullptr && kernel::mapping_was_moved_away(page.inode, offset);
    if (armed && u == nullptr && !(moved && accepted(Finding::kMovedMapping))) {
      machine.fail("spurious-breakpoint", [&] {
        return "mm" + std::to_string(mm->id) + " page " + std::to_string(p) +
               " has a breakpoint, " + describe_page(page) + " has no uprobe";
      });
    }
    if (armed || u == nullptr || accepted(Finding::kUnarmedPage) || u->leaked || u->incomplete)
      continue;
    const Registration* registration = const_cast<Judge*>(this)->find_registration(u);
    if (registration == nullptr || registration->consumers == 0) continue;
    if ((page.flags & kMask) != kernel::VM_MAYEXEC) continue;
    machine.fail("missed-uprobe", [&] {
      return "mm" + std::to_string(mm->id) + " page " + std::to_string(p) + " maps " +
             describe_page(page) + ", which is probed, but has no breakpoint";
    });
  }
}

}  // namespace vmafuzz::oracle
