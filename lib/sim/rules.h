// The rules of the memory machine, each of which can be switched off in a build made for that
// purpose (CMake option VMAFUZZ_WEAKEN_RULES: the presets self-check and dev).
//
// `vmafuzz litmus --self-check` switches one rule at a time off and shows the first litmus test
// that notices. In every other build rule() is a constant and costs nothing.
#ifndef VMAFUZZ_SIM_RULES_H_
#define VMAFUZZ_SIM_RULES_H_

#include <cstdint>

namespace vmafuzz::sim {

enum class Rule : uint8_t {
  kNone,
  kCoherence,          // a CPU does not read behind what it has read or written itself
  kAcquireOrders,      // an acquire load orders later loads
  kReleasePublishes,   // a release store publishes everything before it
  kReleaseCumulative,  // ... including what its CPU has only read
  kWmbPublishes,
  kWmbNotCumulative,  // smp_wmb publishes nothing that was only read
  kRmbOrders,
  kRmbSkipsNoReturn,  // ... except loads of void read-modify-writes
  kFullPropagates,    // full barriers are totally ordered (store buffering)
  kFullOrdersLoads,
  kBeforeTravels,      // what has propagated to all CPUs follows happens-before
  kRmwAtomic,          // a read-modify-write reads the newest store
  kRmwSequence,        // it continues the release sequence that it reads from
  kRmwFullBarrier,     // value-returning ones are full barriers
  kFailedCmpxchgFree,  // a failed cmpxchg orders nothing
  kAddressDependency,
  kDataDependency,
  kControlDependency,
  kLockHandover,  // unlock -> lock orders stores around it for third parties
  kLockAcquires,
  kUnlockReleases,
  kRcuWaitsForReaders,  // synchronize_rcu waits for readers that are inside
  kRcuReaderSees,       // a reader that begins during a grace period sees what precedes it
  kRcuReaderPublishes,  // the updater sees what the reader did
  kRcuFences,           // a grace period is a full barrier at both ends
  kSrcuDomains,         // SRCU domains do not wait for each other's readers
  kOwnOrderReturns,     // order that left a CPU is recognised when it comes back
  kCount,
};

#ifdef VMAFUZZ_WEAKEN_RULES
inline Rule weakened_rule = Rule::kNone;
inline bool rule(Rule r) { return weakened_rule != r; }
// False: this build cannot switch rules off. Between executions only.
inline bool weaken(Rule r) {
  weakened_rule = r;
  return true;
}
#else
constexpr bool rule(Rule) { return true; }
constexpr bool weaken(Rule r) { return r == Rule::kNone; }
#endif

const char* rule_name(Rule r);
// What the machine does instead when the rule is off, for the table of the self-check.
const char* rule_change(Rule r);

}  // namespace vmafuzz::sim

#endif  // VMAFUZZ_SIM_RULES_H_
