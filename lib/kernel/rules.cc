#include "kernel/rules.h"

namespace vmafuzz::kernel {

kernel_rules rules;

}  // namespace vmafuzz::kernel
