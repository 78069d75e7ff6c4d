#include "sim/rules.h"

#include <cstddef>
#include <iterator>

namespace vmafuzz::sim {
namespace {

struct RuleText {
  Rule rule;
  const char* name;
  const char* change;
};

constexpr RuleText kTexts[] = {
    {Rule::kNone, "none", "nothing"},
    {Rule::kCoherence, "coherence", "a CPU may read behind what it has read or written itself"},
    {Rule::kAcquireOrders, "acquire-orders", "an acquire load orders nothing after it"},
    {Rule::kReleasePublishes, "release-publishes", "a release store publishes nothing"},
    {Rule::kReleaseCumulative, "release-cumulative", "it publishes only its own CPU's stores"},
    {Rule::kWmbPublishes, "wmb-publishes", "smp_wmb() publishes nothing"},
    {Rule::kWmbNotCumulative, "wmb-not-cumulative", "smp_wmb() publishes what was only read, too"},
    {Rule::kRmbOrders, "rmb-orders", "smp_rmb() orders nothing"},
    {Rule::kRmbSkipsNoReturn, "rmb-skips-noreturn",
     "smp_rmb() orders the loads of void read-modify-writes, too"},
    {Rule::kFullPropagates, "full-propagates", "full barriers are in no common order"},
    {Rule::kFullOrdersLoads, "full-orders-loads", "smp_mb() orders no later load"},
    {Rule::kBeforeTravels, "before-travels",
     "what has reached all CPUs is forgotten along happens-before"},
    {Rule::kRmwAtomic, "rmw-atomic", "a read-modify-write may read an old store"},
    {Rule::kRmwSequence, "rmw-sequence", "a read-modify-write ends a release sequence"},
    {Rule::kRmwFullBarrier, "rmw-full-barrier",
     "value-returning read-modify-writes are no full barriers"},
    {Rule::kFailedCmpxchgFree, "failed-cmpxchg-free", "a failed cmpxchg() is a full barrier"},
    {Rule::kAddressDependency, "address-dependency", "address dependencies order nothing"},
    {Rule::kDataDependency, "data-dependency", "a store does not come after its address or value"},
    {Rule::kControlDependency, "control-dependency", "a store does not come after its condition"},
    {Rule::kLockHandover, "lock-handover", "unlock -> lock orders nothing for third parties"},
    {Rule::kLockAcquires, "lock-acquires", "taking a lock is a relaxed read-modify-write"},
    {Rule::kUnlockReleases, "unlock-releases", "giving a lock back is a relaxed store"},
    {Rule::kRcuWaitsForReaders, "rcu-waits-for-readers", "grace periods wait for no reader"},
    {Rule::kRcuReaderSees, "rcu-reader-sees",
     "a reader need not see what precedes the grace periods before it"},
    {Rule::kRcuReaderPublishes, "rcu-reader-publishes",
     "the updater need not see what readers did"},
    {Rule::kRcuFences, "rcu-fences", "a grace period is no full barrier"},
    {Rule::kSrcuDomains, "srcu-domains", "grace periods wait for readers of other domains"},
    {Rule::kOwnOrderReturns, "own-order-returns",
     "order that left a CPU is not recognised when it comes back"},
};
static_assert(std::size(kTexts) == static_cast<size_t>(Rule::kCount));

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kTexts); ++i) {
    if (kTexts[i].rule != static_cast<Rule>(i)) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const char* rule_name(Rule r) { return kTexts[static_cast<size_t>(r)].name; }
const char* rule_change(Rule r) { return kTexts[static_cast<size_t>(r)].change; }

}  // namespace vmafuzz::sim
