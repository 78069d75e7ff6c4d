#include "uprobes/trace_uprobe.h"

#include <string>

#include "kernel/bugs.h"

namespace vmafuzz::kernel {

namespace {

constexpr int kSlots = kInodes * static_cast<int>(kTracePages) * kTraceConsumers;

enum SlotState : int { kFree, kBusy, kRegistered };

// The list of events. Whoever moves a slot to kBusy owns it; event_mutex would serialise all of
// them, and with them the races between registrations that the tree is built for.
struct event_slots {
  Shared<int> state[kSlots];
  trace_uprobe* tu[kSlots] = {};
  template <class V>
  void visit(V&& v) {
    for (auto& s : state) v("state", s);
  }
};
event_slots* slots = nullptr;

platform::KmemCache<trace_uprobe> trace_uprobe_cache("trace_uprobe", false);

int slot_of(unsigned long ino, unsigned long pgoff, int consumer) {
  return static_cast<int>((ino % kInodes) * kTracePages + pgoff % kTracePages) * kTraceConsumers +
         consumer % kTraceConsumers;
}

bool claim(int slot, SlotState from) {
  int found = from;
  return try_cmpxchg(slots->state[slot], &found, kBusy, Order::kAcquire);
}
void release(int slot, SlotState to) { smp_store_release(slots->state[slot], to); }

// uprobe_dispatcher()
int count_hit(uprobe_consumer* con, mm_struct*, unsigned long) {
  trace_uprobe* tu = list_entry(con, trace_uprobe, consumer);
  ++tu->calls;
  if (bug(Bug::plain_nhit)) {
    tu->nhit[0].set(tu->nhit[0].get() + 1);  // tu->nhit++
  } else if (bug(Bug::marked_nhit)) {
    data_race_store(tu->nhit[0], data_race(tu->nhit[0]) + 1);  // data_race(tu->nhit++)
  } else {
    Shared<unsigned long>& mine = tu->nhit[platform::machine.cpu() % platform::kUserCpus];
    mine.set(mine.get() + 1);  // this_cpu_inc(*tu->nhits)
  }
  return 0;
}

void free_event(trace_uprobe* tu) {
  if (tu->inode != nullptr) iput(tu->inode);
  trace_uprobe_cache.free(tu);
}

// All handlers have returned, so that the sum is what it will be.
void check_hits(trace_uprobe* tu) {
  unsigned long sum = 0;
  for (const Shared<unsigned long>& n : tu->nhit) sum += data_race(n);
  if (sum == tu->calls) return;
  platform::machine.fail("lost-update", [&] {
    return "nhit is " + std::to_string(sum) + " after " + std::to_string(tu->calls) +
           " hits: updates were lost";
  });
}

}  // namespace

void trace_uprobes_reset() {
  trace_uprobe_cache.reset(false);
  slots = platform::new_global<event_slots>("trace_uprobe.c", "events");
}

int trace_uprobe_register(unsigned long ino, unsigned long pgoff, int consumer) {
  const int slot = slot_of(ino, pgoff, consumer);
  if (!claim(slot, kFree)) return -EBUSY;
  trace_uprobe* tu = trace_uprobe_cache.alloc();
  if (tu == nullptr) {
    release(slot, kFree);
    return -ENOMEM;
  }
  tu->consumer.handler = &count_hit;
  tu->inode = iget(ino);
  if (tu->inode == nullptr) {
    trace_uprobe_cache.free(tu);
    release(slot, kFree);
    return -ENOMEM;
  }
  uprobe* uprobe = uprobe_register(tu->inode, probe_offset(pgoff), &tu->consumer);
  if (IS_ERR(uprobe)) {
    free_event(tu);
    release(slot, kFree);
    return static_cast<int>(PTR_ERR(uprobe));
  }
  tu->uprobe = uprobe;
  if (bug(Bug::inode_not_kept)) {
    iput(tu->inode);
    tu->inode = nullptr;
  }
  slots->tu[slot] = tu;
  release(slot, kRegistered);
  return 0;
}

int trace_uprobe_unregister(unsigned long ino, unsigned long pgoff, int consumer) {
  const int slot = slot_of(ino, pgoff, consumer);
  if (!claim(slot, kRegistered)) {
    return READ_ONCE(slots->state[slot]) == kFree ? -ENOENT : -EBUSY;
  }
  trace_uprobe* tu = slots->tu[slot];
  slots->tu[slot] = nullptr;
  uprobe_unregister_nosync(tu->uprobe, &tu->consumer);
  if (!bug(Bug::unregister_without_sync)) {
    uprobe_unregister_sync();
    check_hits(tu);
  }
  free_event(tu);
  release(slot, kFree);
  return 0;
}

void trace_uprobes_unregister_all() {
  for (unsigned long ino = 0; ino < kInodes; ++ino) {
    for (unsigned long pgoff = 0; pgoff < kTracePages; ++pgoff) {
      for (int consumer = 0; consumer < kTraceConsumers; ++consumer) {
        if (slots->state[slot_of(ino, pgoff, consumer)].peek() != kRegistered) continue;
        trace_uprobe_unregister(ino, pgoff, consumer);
      }
    }
  }
}

uprobe* peek_trace_uprobe(unsigned long ino, unsigned long pgoff, int consumer) {
  const int slot = slot_of(ino, pgoff, consumer);
  return slots->state[slot].peek() == kRegistered ? slots->tu[slot]->uprobe : nullptr;
}

}  // namespace vmafuzz::kernel
