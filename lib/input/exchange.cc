#include "input/exchange.h"

namespace vmafuzz::input {

void exchange_cpus(Program& program, uint8_t a, uint8_t b) {
  const auto other = [a, b](int cpu) {
    return static_cast<uint8_t>(cpu == a ? b : cpu == b ? a : cpu);
  };
  for (Op& op : program.ops) op.cpu = other(op.cpu);
  for (Directive& directive : program.directives) {
    if (directive.kind != DirectiveKind::kPreempt || directive.arg >= kCpuCount) continue;
    directive.arg = static_cast<uint8_t>(other(directive.arg + 1) - 1);
  }
}

}  // namespace vmafuzz::input
