#include "search/replay.h"

#include <algorithm>

namespace vmafuzz::search {
namespace {

// The first directive at or after (op, access).
size_t first_at(const std::vector<input::Directive>& directives, uint16_t op, uint32_t access) {
  const auto before = [](const input::Directive& d, std::pair<uint16_t, uint32_t> key) {
    return d.op != key.first ? d.op < key.first : d.access < key.second;
  };
  return static_cast<size_t>(std::lower_bound(directives.begin(), directives.end(),
                                              std::pair<uint16_t, uint32_t>{op, access}, before) -
                             directives.begin());
}

}  // namespace

void ReplayDirector::begin(const input::Program& program) {
  program_ = &program;
  disturbed_ = 0;
  for (const input::Directive& d : program.directives) disturbed_ |= uint64_t{1} << (d.op % 64);
}

uint16_t ReplayDirector::next_point(int, uint16_t op, uint16_t after) {
  if (!disturbs(op)) return 0xffff;
  const auto& directives = program_->directives;
  const size_t i = first_at(directives, op, after + 1u);
  return i < directives.size() && directives[i].op == op ? directives[i].access : 0xffff;
}

sim::Decision ReplayDirector::decide_as_told(const sim::Point& point) {
  sim::Decision decision;
  const auto& directives = program_->directives;
  for (size_t i = first_at(directives, point.op, point.access);
       i < directives.size() && directives[i].op == point.op &&
       directives[i].access == point.access;
       ++i) {
    const input::Directive& d = directives[i];
    switch (d.kind) {
      case input::DirectiveKind::kPreempt:
        decision.preempt = static_cast<int8_t>(d.arg);
        break;
      case input::DirectiveKind::kStale:
        decision.stale = d.arg;
        break;
      case input::DirectiveKind::kTear:
        decision.tear = true;
        break;
      case input::DirectiveKind::kReload:
        decision.reload = true;
        break;
      case input::DirectiveKind::kFail:
        decision.fail = true;
        break;
      case input::DirectiveKind::kHold:
        decision.hold = d.arg;
        break;
      case input::DirectiveKind::kExpire:
        decision.expire = true;
        break;
    }
  }
  return decision;
}

}  // namespace vmafuzz::search
