// A trace made fit for people: what happened, in order, with every name and value as text.
//
// A timeline holds no pointers into the machine: it is made while the machine still shows the final
// state of an execution and may be kept for as long as one likes.
#ifndef VMAFUZZ_REPORT_TIMELINE_H_
#define VMAFUZZ_REPORT_TIMELINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/machine.h"
#include "sim/trace.h"

namespace vmafuzz::report {

enum class StepKind : uint8_t {
  kBegin,  // an operation
  kEnd,
  kLoad,
  kStore,
  kRmw,
  kLock,  // a lock word was changed: taken, given up, downgraded, waited for
  kFence,
  kSwitch,  // to another CPU
  kBlock,   // it waits
  kAlloc,
  kFree,
  kReader,  // a read-side critical section begins or ends
  kGrace,   // grace periods, callbacks, work items
  kFail,    // an injected failure
  kNote,    // what the model or the machine wanted said
};

// A place in the source. Empty function: none.
struct Place {
  std::string function;
  std::string line;  // "vma.c:123"
};

struct Step {
  StepKind kind = StepKind::kNote;
  uint8_t cpu = 0;
  uint16_t op = 0;
  uint16_t access = 0;  // of the operation, from 1
  uint32_t step = 0;    // of the execution
  std::string text;     // "mm0.mm_lock_seq = 5", "mmap_write_lock(mm0)", "smp_wmb()"
  std::string remark;   // "<-- STALE by 2: ..."; mostly empty
  Place at;

  // Accesses and locks.
  int location = -1;        // number of the location, by first appearance
  int object = -1;          // number of the object that it is in; also of kAlloc and kFree
  std::string object_name;  // "vma#1[4-8)", at that time
  int points_to = -1;       // number of the object that the value is a pointer into
  int lock = 0;             // kLock: 1 taken, -1 given up, 0 anything else
  std::string field;        // "vm_start"
  std::string value;        // stored, or read
  std::string before;       // stores: what was there; stale loads: what the newest store holds
  uint8_t order = 0;        // sim::Order
  bool plain = false;
  bool may_race = false;
  // Loads: where the value comes from (kNoCpu: from before the concurrent part), what was missed.
  uint8_t from_cpu = 0xff;
  Place from;
  uint16_t stale = 0;
  Place missed;
  uint8_t missed_cpu = 0xff;
  // The same as indices into Timeline::steps; -1: not in the concurrent part, or nothing.
  int from_step = -1;
  int missed_step = -1;
  bool torn = false;
  bool reloaded = false;

  uint8_t target = 0xff;  // kSwitch: the CPU that runs next
  bool preempts = false;  // kSwitch: this CPU could have gone on
  int counter = -1;       // index into Timeline::counters if this changed one
  uint64_t count = 0;     // its new value

  bool shown = true;  // in the condensed form
  bool is_access() const {
    return kind == StepKind::kLoad || kind == StepKind::kStore || kind == StepKind::kRmw ||
           kind == StepKind::kLock;
  }
};

// A sequence counter, mm->mm_lock_seq: shown along time.
struct Counter {
  std::string name;    // "mm0.mm_lock_seq"
  uint64_t first = 0;  // when the concurrent part began
};

// Whose operation a verdict is about; of a lookup, which steps of the execution it took.
struct Suspect {
  uint8_t cpu = 0;
  uint16_t op = 0;
  bool speculative = true;
  uint32_t first_step = 0;
  uint32_t last_step = UINT32_MAX;
  bool did(const Step& step) const {
    return step.cpu == cpu && step.op == op && step.step >= first_step && step.step <= last_step;
  }
};

struct Failure {
  std::string verdict;  // empty: nothing was found
  std::string what;
  uint8_t cpu = 0;  // that noticed
  uint16_t op = 0;
  // The lookup, where the judge found its result wrong: perhaps only when a writer's section ended.
  std::optional<Suspect> lookup;
  Suspect suspect() const { return lookup ? *lookup : Suspect{cpu, op}; }
  Place at;
  bool judged = false;  // by the oracle, of which `at` is a place
  Place other;          // empty if there is none
  // Of a data race: the access that came first. Index into Timeline::steps; -1: not known, or in
  // set-up.
  int racing_access = -1;
};

struct Timeline {
  std::vector<Step> steps;  // of the concurrent part
  std::vector<Counter> counters;
  Failure failure;
  int locations = 0;
  int objects = 0;
  bool at_rest = false;  // the failure came after the concurrent part, or in set-up

  const Step* find(uint16_t op, uint16_t access) const;
};

// `recorded`: the directives that were carried out, which alone tell what the compiler did.
// REQUIRES: the machine still shows the execution that `trace` belongs to.
Timeline make_timeline(const std::vector<sim::TraceEvent>& trace, const sim::Verdict& verdict,
                       const std::vector<sim::Directive>& recorded);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_TIMELINE_H_
