#include "oracle/specification.h"

#include "oracle/call.h"

namespace vmafuzz::oracle {

// --- choices
// -----------------------------------------------------------------------------------------

bool Failures::step(bool costs) {
  if (used_ == kSteps) return false;
  const int step = used_++;
  const auto at = static_cast<size_t>(step);
  if (step >= known_) fails_[at] = false;
  costs_[at] = costs;
  return fails_[at];
}

bool Failures::here() { return step(true); }
bool Failures::either() { return step(false); }

bool Failures::next() {
  // The last step that did not fail and may, given those before it.
  for (int step = used_ - 1; step >= 0; --step) {
    const auto at = static_cast<size_t>(step);
    if (fails_[at]) continue;
    int spent = 0;
    for (size_t i = 0; i < at; ++i) spent += fails_[i] && costs_[i];
    if (costs_[at] && spent >= budget_) continue;
    fails_[at] = true;
    known_ = step + 1;
    used_ = 0;
    return true;
  }
  return false;
}

// --- the calls
// ---------------------------------------------------------------------------------------

bool ends_without_lock(const Request& r, long* result) {
  *result = 0;
  switch (r.kind) {
    case Request::kMprotect:
      if (!aligned(r.addr)) *result = -EINVAL;
      if (*result == 0 && r.len != 0 && r.addr + round_up(r.len) <= r.addr) *result = kNoMemory;
      return *result != 0 || r.len == 0;
    case Request::kMadvise:
      if (!aligned(r.addr) || r.len > TASK_SIZE) *result = -EINVAL;
      if (r.addr + round_up(r.len) < r.addr) *result = -EINVAL;
      return *result != 0 || r.len == 0;
    case Request::kMremap:
      *result = check_mremap(r);
      return *result != 0;
    default:
      return false;
  }
}

long perform(const Request& r, Space* space, Failures* failures) {
  Call call(space, failures);
  switch (r.kind) {
    case Request::kNone:
      return call.install();
    case Request::kMmap:
      return call.mmap(r);
    case Request::kMunmap:
      return call.munmap(r.addr, r.len);
    case Request::kMprotect:
      return call.mprotect(r);
    case Request::kMadvise:
      return call.madvise(r);
    case Request::kMremap:
      return call.mremap(r);
    case Request::kBrk:
      return call.brk(r.addr);
    case Request::kFault:
      return call.grow_stack(to_page(r.addr));
    case Request::kSetUpStack:
      return call.set_up_stack();
  }
  return 0;
}

bool only_faulted(const Area& before, const Layout& layout, int index) {
  Area as_before = layout[index];
  as_before.anon = before.anon;
  if (as_before != before) return false;
  const Identity anon = layout[index].anon;
  if (anon == before.anon) return true;
  if (before.anon != nullptr || (before.flags & kernel::VM_SHARED) != 0) return false;
  // A neighbour's is shared where that may be; nobody else's is.
  const auto beside = [&](int left, int right) {
    return left >= 0 && right < layout.count() && layout[left].anon == layout[right].anon &&
           may_share_reverse_map(layout[left], layout[right]);
  };
  if (beside(index - 1, index) || beside(index, index + 1)) return true;
  for (int i = 0; i < layout.count(); ++i) {
    if (i != index && layout[i].anon == anon) return false;
  }
  return true;
}

}  // namespace vmafuzz::oracle
