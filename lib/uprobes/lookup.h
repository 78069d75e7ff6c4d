// The lookup protocols: ways to find the uprobe behind a trap without mmap_lock. One file each
// (lookup_*.cc); a new one is a file and a row of the table in lookup.cc.
//
// A protocol is called inside of an RCU tasks-trace section, for a task of mm. It returns a uprobe
// that it believes to be the right one for bp_vaddr, or null, which means that the lookup is done
// again under mmap_lock; never that there is none.
//
// What the lookups read of a VMA and of a file may be stored by a writer at that moment. Where a
// draft or the merged code reads such a field plainly, the model has data_race(): no report, but
// the load may be torn or repeated like any plain load. KCSAN would report those of the kernel. The
// comment "plain" marks them.
#ifndef VMAFUZZ_UPROBES_LOOKUP_H_
#define VMAFUZZ_UPROBES_LOOKUP_H_

#include <span>
#include <string_view>

#include "uprobes/uprobes.h"

namespace vmafuzz::kernel {

using lookup_function = uprobe* (*)(mm_struct* mm, unsigned long bp_vaddr);

struct lookup_protocol {
  const char* name;
  lookup_function find_active_uprobe_speculative;
  const char* what;  // one line
};

std::span<const lookup_protocol> lookup_protocols();
// Null if there is none of that name.
const lookup_protocol* find_lookup_protocol(std::string_view name);

// The protocol of the kernel that is being modelled: set with the rules, constant in an execution.
extern lookup_function find_active_uprobe_speculative;

// Instead of null, by kernels with the switch negative_result_trusted: "there is none".
inline uprobe* no_uprobe_for_sure() { return ERR_PTR<uprobe>(-ENOENT); }

// The offset of an address, computed as the drafts and the merged lookup do: shifted before it is
// widened, unlike vaddr_to_offset(). The same on 64 bits.
inline loff_t speculative_offset(unsigned long vm_pgoff, unsigned long vm_start,
                                 unsigned long bp_vaddr) {
  return static_cast<loff_t>(vm_pgoff << PAGE_SHIFT) + static_cast<loff_t>(bp_vaddr - vm_start);
}

uprobe* lookup_locked_only(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_peter_sketch(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_aug02_draft(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_plan_a_e(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_aug05_draft(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_suren_rfc(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_v1(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_v2(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_v3(mm_struct* mm, unsigned long bp_vaddr);
uprobe* lookup_merged(mm_struct* mm, unsigned long bp_vaddr);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_UPROBES_LOOKUP_H_
