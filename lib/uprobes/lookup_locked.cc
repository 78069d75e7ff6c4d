// Before 6.14: no speculation at all.
#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

uprobe* lookup_locked_only(mm_struct*, unsigned long) { return nullptr; }

}  // namespace vmafuzz::kernel
