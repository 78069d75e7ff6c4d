#include "run/strengthen.h"

#include <cstring>

#include "sim/machine.h"

namespace vmafuzz::run {

const char* barrier_name(BarrierKind kind) {
  switch (kind) {
    case BarrierKind::kRmb:
      return "smp_rmb()";
    case BarrierKind::kWmb:
      return "smp_wmb()";
    case BarrierKind::kMb:
      return "smp_mb()";
  }
  return "?";
}

bool same_place(const AccessSite& a, const AccessSite& b) {
  return a.kind == b.kind && a.site.line() == b.site.line() && a.site.column() == b.site.column() &&
         std::strcmp(a.site.file_name(), b.site.file_name()) == 0;
}

sim::Decision StrengthenedDirector::decide(const sim::Point& point) {
  if (inserting_) return {};  // the barrier itself
  for (const Barrier& barrier : barriers_) {
    if (barrier.cpu >= 0 && barrier.cpu != point.cpu) continue;
    if (same_place(barrier.before, {point.site, point.kind})) execute(barrier.kind, point.site);
  }
  return inner_->decide(point);
}

// The machine numbers the barrier as an access of its own; the access under way keeps its number.
void StrengthenedDirector::execute(BarrierKind kind, sim::Site site) {
  sim::Cpu& cpu = sim::machine.current();
  const uint16_t access = cpu.access;
  inserting_ = true;
  switch (kind) {
    case BarrierKind::kRmb:
      sim::machine.smp_rmb(site);
      break;
    case BarrierKind::kWmb:
      sim::machine.smp_wmb(site);
      break;
    case BarrierKind::kMb:
      sim::machine.smp_mb(site);
      break;
  }
  inserting_ = false;
  cpu.access = access;
}

}  // namespace vmafuzz::run
