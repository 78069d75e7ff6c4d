// Who registers uprobes: trace events (kernel/trace/trace_uprobe.c), each one consumer at one place
// and a count of hits. An event is named by (inode number, page of the file, 0 or 1).
#ifndef VMAFUZZ_UPROBES_TRACE_UPROBE_H_
#define VMAFUZZ_UPROBES_TRACE_UPROBE_H_

#include "uprobes/uprobes.h"

namespace vmafuzz::kernel {

inline constexpr unsigned long kTracePages = 16;  // pages of a file that may be probed
inline constexpr int kTraceConsumers = 2;

constexpr loff_t probe_offset(unsigned long pgoff) {
  return static_cast<loff_t>((pgoff << PAGE_SHIFT) + kProbeOffset);
}

struct trace_uprobe {
  uprobe_consumer consumer;
  // Per CPU (10cdb82aa77f). Before, one counter: nhit[0], with the switches
  // plain_nhit and marked_nhit.
  Shared<unsigned long> nhit[platform::kUserCpus];
  // Its registrant's own.
  struct inode* inode = nullptr;
  struct uprobe* uprobe = nullptr;
  platform::Unseen<unsigned long> calls{};  // of its handler, counted by the harness
  template <class V>
  void visit(V&& v) {
    static_assert(platform::kUserCpus == 4);
    v("consumer", consumer);
    v("nhit.0", nhit[0]);
    v("nhit.1", nhit[1]);
    v("nhit.2", nhit[2]);
    v("nhit.3", nhit[3]);
  }
};

// The beginning of an execution, after uprobes_reset().
void trace_uprobes_reset();

// Makes the event and registers its consumer. 0; -EBUSY: it exists or is just being made or unmade;
// -ENOMEM, -EINTR. The inode is kept while the event exists.
int trace_uprobe_register(unsigned long ino, unsigned long pgoff, int consumer);
// Unregisters, waits for handlers, frees. 0; -ENOENT; -EBUSY. Verdict lost-update if hits were
// lost.
int trace_uprobe_unregister(unsigned long ino, unsigned long pgoff, int consumer);
// Everything that is still registered: at the end of an execution, alone.
void trace_uprobes_unregister_all();

// The event's uprobe if it is registered now, or null. No access.
uprobe* peek_trace_uprobe(unsigned long ino, unsigned long pgoff, int consumer);

}  // namespace vmafuzz::kernel

#endif  // VMAFUZZ_UPROBES_TRACE_UPROBE_H_
