#include "run/world.h"

#include <string>

#include "mm/mm.h"
#include "mm/syscalls.h"
#include "uprobes/trace_uprobe.h"
#include "uprobes/uprobes.h"

namespace vmafuzz::run {

using input::ArgId;
using input::OpKind;
using kernel::mm_struct;
using kernel::PAGE_SHIFT;
using platform::machine;

namespace {

unsigned long pages(const input::Op& op, ArgId id) {
  return static_cast<unsigned long>(op.get(id)) << PAGE_SHIFT;
}

unsigned long protection(const input::Op& op) {
  using kernel::PROT_EXEC;
  using kernel::PROT_READ;
  using kernel::PROT_WRITE;
  switch (static_cast<input::Prot>(op.get(ArgId::kProt))) {
    case input::Prot::kNone:
      return kernel::PROT_NONE;
    case input::Prot::kR:
      return PROT_READ;
    case input::Prot::kRw:
      return PROT_READ | PROT_WRITE;
    case input::Prot::kRx:
      return PROT_READ | PROT_EXEC;
    case input::Prot::kRwx:
      return PROT_READ | PROT_WRITE | PROT_EXEC;
    case input::Prot::kW:
      return PROT_WRITE;
  }
  return kernel::PROT_NONE;
}

unsigned long map_flags(const input::Op& op) {
  unsigned long flags = op.get(ArgId::kSharing) == static_cast<uint8_t>(input::Sharing::kShared)
                            ? kernel::MAP_SHARED
                            : kernel::MAP_PRIVATE;
  switch (static_cast<input::Placement>(op.get(ArgId::kPlacement))) {
    case input::Placement::kHint:
      break;
    case input::Placement::kFixed:
      flags |= kernel::MAP_FIXED;
      break;
    case input::Placement::kNoReplace:
      flags |= kernel::MAP_FIXED_NOREPLACE;
      break;
  }
  if (op.get(ArgId::kGrowsDown) != 0) flags |= kernel::MAP_GROWSDOWN;
  return flags;
}

long do_mmap(mm_struct* mm, const input::Op& op) {
  const int slot = op.get(ArgId::kFile);
  unsigned long flags = map_flags(op);
  if (slot == input::kFileNone) flags |= kernel::MAP_ANONYMOUS;
  return sys_mmap_slot(mm, pages(op, ArgId::kPage), pages(op, ArgId::kLen), protection(op), flags,
                       slot == input::kFileNone ? -1 : slot, op.get(ArgId::kPgoff));
}

long do_mremap(mm_struct* mm, const input::Op& op) {
  unsigned long flags = 0;
  if (op.get(ArgId::kMayMove) != 0) flags |= kernel::MREMAP_MAYMOVE;
  if (op.get(ArgId::kFixed) != 0) flags |= kernel::MREMAP_FIXED;
  if (op.get(ArgId::kDontUnmap) != 0) flags |= kernel::MREMAP_DONTUNMAP;
  return sys_mremap(mm, pages(op, ArgId::kPage), pages(op, ArgId::kLen), pages(op, ArgId::kNewLen),
                    flags, pages(op, ArgId::kNewPage));
}

int advice(const input::Op& op) {
  static constexpr int kAdvice[] = {
      kernel::MADV_DONTFORK,   kernel::MADV_DOFORK,     kernel::MADV_DONTDUMP,
      kernel::MADV_DODUMP,     kernel::MADV_MERGEABLE,  kernel::MADV_UNMERGEABLE,
      kernel::MADV_HUGEPAGE,   kernel::MADV_NOHUGEPAGE, kernel::MADV_RANDOM,
      kernel::MADV_SEQUENTIAL, kernel::MADV_NORMAL,     kernel::MADV_WIPEONFORK,
      kernel::MADV_KEEPONFORK, kernel::MADV_DONTNEED,   kernel::MADV_FREE};
  return kAdvice[op.get(ArgId::kAdvice) % std::size(kAdvice)];
}

// Sum of what the calls return.
template <class Call>
long repeatedly(const input::Op& op, const Call& call) {
  long sum = call();
  for (int i = op.get(ArgId::kTimes); i > 1; --i) {
    machine.again();
    sum += call();
  }
  return sum;
}

bool hit(mm_struct* mm, const input::Op& op) {
  return uprobe_hit(mm, op.get(ArgId::kPage)) == kernel::HitResult::kHandled;
}

long dispatch(const input::Op& op) {
  const auto mm = [&] { return kernel::mm_at(op.get(ArgId::kMm)); };
  switch (op.kind) {
    case OpKind::kMmap:
      return do_mmap(mm(), op);
    case OpKind::kMunmap:
      return sys_munmap(mm(), pages(op, ArgId::kPage), pages(op, ArgId::kLen));
    case OpKind::kMprotect:
      return sys_mprotect(mm(), pages(op, ArgId::kPage), pages(op, ArgId::kLen), protection(op));
    case OpKind::kMremap:
      return do_mremap(mm(), op);
    case OpKind::kBrk:
      return repeatedly(op, [&] { return sys_brk(mm(), pages(op, ArgId::kPage)); });
    case OpKind::kMadvise:
      return sys_madvise(mm(), pages(op, ArgId::kPage), pages(op, ArgId::kLen), advice(op));
    case OpKind::kGrowStack:
      return sys_grow_stack(mm(), pages(op, ArgId::kPage));
    case OpKind::kFault:
      return sys_fault(mm(), pages(op, ArgId::kPage), op.get(ArgId::kWrite) != 0);
    case OpKind::kOpen:
      return kernel::sys_open(op.get(ArgId::kFile), op.get(ArgId::kInode),
                              op.get(ArgId::kBacking) != 0);
    case OpKind::kClose:
      return kernel::sys_close(op.get(ArgId::kFile));
    case OpKind::kRegister:
      return kernel::trace_uprobe_register(op.get(ArgId::kInode), op.get(ArgId::kPgoff),
                                           op.get(ArgId::kConsumer));
    case OpKind::kUnregister:
      return kernel::trace_uprobe_unregister(op.get(ArgId::kInode), op.get(ArgId::kPgoff),
                                             op.get(ArgId::kConsumer));
    case OpKind::kHit:
      return repeatedly(op, [&] { return hit(mm(), op); });
  }
  return 0;
}

void expect_none(int count, const char* what) {
  if (count == 0) return;
  machine.fail("leak", [&] { return std::to_string(count) + " " + what + " never freed"; });
}

}  // namespace

void world_reset() {
  kernel::mm_world_reset();
  kernel::uprobes_reset();
  kernel::trace_uprobes_reset();
  for (int i = 0; i < input::kMmCount; ++i) kernel::mm_alloc(i);
}

void perform(const input::Op& op) { machine.mix_result(static_cast<uint64_t>(dispatch(op))); }

void world_tear_down() {
  kernel::trace_uprobes_unregister_all();
  for (int i = 0; i < input::kMmCount; ++i) mmput(kernel::mm_at(i));
  kernel::fs_close_all();
  platform::grace_periods.run_all_now();
  expect_none(kernel::live_vmas(), "vm_area_structs");
  expect_none(kernel::maple_live_nodes(), "maple nodes");
  expect_none(kernel::live_anon_vmas(), "anon_vmas");
  expect_none(kernel::live_files(), "files");
  expect_none(kernel::live_inodes(), "inodes");
  expect_none(kernel::lost_uprobes(), "uprobes");
}

}  // namespace vmafuzz::run
