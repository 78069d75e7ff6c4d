#include "uprobes/lookup.h"

namespace vmafuzz::kernel {

lookup_function find_active_uprobe_speculative = &lookup_merged;

namespace {
constexpr lookup_protocol kProtocols[] = {
    {"locked", &lookup_locked_only, "always under mmap_lock"},
    {"peter-sketch", &lookup_peter_sketch, "retry loop over mm_lock_seq, sampled once before it"},
    {"aug02-draft", &lookup_aug02_draft, "vma->vm_lock_seq before and after"},
    {"plan-a-e", &lookup_plan_a_e, "mm_lock_seq and vm_lock_seq before and after"},
    {"aug05-draft", &lookup_aug05_draft, "mm_lock_seq unchanged, and the VMA not write-locked"},
    {"suren-rfc", &lookup_suren_rfc, "inode and offset speculatively, then the uprobe"},
    {"v1", &lookup_v1, "even and unchanged mm_lock_seq; RCU entered after its first look"},
    {"v2", &lookup_v2, "the same inside of RCU; no test of vm_flags"},
    {"v3", &lookup_v3, "the same with data_race() on every field"},
    {"merged", &lookup_merged, "the seqcount of 6.14 and later"},
};
}  // namespace

std::span<const lookup_protocol> lookup_protocols() { return kProtocols; }

const lookup_protocol* find_lookup_protocol(std::string_view name) {
  for (const lookup_protocol& protocol : kProtocols) {
    if (name == protocol.name) return &protocol;
  }
  return nullptr;
}

}  // namespace vmafuzz::kernel
