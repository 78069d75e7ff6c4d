// Which of an execution's events a person needs to see.
#ifndef VMAFUZZ_REPORT_CONDENSE_H_
#define VMAFUZZ_REPORT_CONDENSE_H_

#include "report/timeline.h"

namespace vmafuzz::report {

// Sets Step::shown. What stays:
//   - stores to what another CPU touches, loads of what another CPU stores to, in the concurrent
//   part; of
//     tree nodes, which a walk meets many of, only loads that see such a store and those that find
//     a VMA;
//   - everything that deviates: stale, torn and repeated loads, injected failures, preemptions,
//   waiting;
//   - mmap_lock and sequence counters; other locks if the verdict is about locking;
//   - objects that come or go, if another CPU touches them or if their memory is used again;
//   - the other party of a race or of a use after free, or what was stored to the page at fault;
//   - what the sentence names (cause.h);
//   - read-side sections of the lookup, if memory that RCU frees is shown;
//   - barriers next to an access that stays.
void condense(Timeline* timeline);

// What the access that ended the execution clashed with: that access is not in the trace, but its
// other party is. Index into Timeline::steps, -1 if there is none.
int other_party(const Timeline& timeline);

// Of a verdict about a page at rest ("mm0 page 1 has a breakpoint, ..."): "mm0.pte[1]". Else empty.
std::string page_entry(const Failure& failure);
// Accesses to it.
bool is_of_page_entry(const Step& step, const std::string& entry);

// By location: which CPUs store to it and which touch it at all, one bit each.
struct LocationUse {
  uint8_t storing = 0;
  uint8_t touching = 0;
  bool stored_by_other(int cpu) const { return (storing & ~(1u << cpu)) != 0; }
  bool touched_by_other(int cpu) const { return (touching & ~(1u << cpu)) != 0; }
};
std::vector<LocationUse> location_uses(const Timeline& timeline);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_CONDENSE_H_
