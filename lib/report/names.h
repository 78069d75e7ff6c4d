// How locations, values and places in the source are called in reports.
//
// The machine names objects by type and number ("vm_area_struct#2"). People think of a VMA as the
// pages that it covers, of a uprobe as inode and page, of a file as the slot that opened it. Names
// follows a trace from its beginning and gives names as they were at that point: a VMA that has
// just been shrunk is "vma#2[4-5)" from the store of vm_end on.
#ifndef VMAFUZZ_REPORT_NAMES_H_
#define VMAFUZZ_REPORT_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "sim/arena.h"
#include "sim/trace.h"

namespace vmafuzz::report {

// "__split_vma" for "int vmafuzz::kernel::__split_vma(vma_iterator *, ...)"; of a lambda the
// function that it is written in.
std::string function_name(absl::string_view pretty);
inline std::string function_name(const sim::Site& site) {
  return function_name(site.function_name());
}
// "vma.c:123": the file's last component and the line.
std::string place_in_source(const sim::Site& site);

// "cpu0", "kworker", "rcu", "timer", "set-up".
std::string cpu_name(int cpu);

// Bits of vm_flags as /proc/PID/maps shows them: "r-xp".
std::string flags_name(uint64_t vm_flags);
// All of them as VmFlags in /proc/PID/smaps does: "rd ex mr me ac".
std::string smaps_flags(uint64_t vm_flags);

// Uses the machine's objects and must not outlive the execution that they belong to.
class Names {
 public:
  // `trace` is what follow() is going to be told, event by event.
  explicit Names(const std::vector<sim::TraceEvent>& trace);

  // What the event changes: stored values, and whose memory it is.
  void follow(const sim::TraceEvent& event);

  std::string location(const sim::Location* location) const;  // "vma#2[4-8).vm_start"
  std::string object(const sim::Object& object) const;        // "vma#2[4-8)"
  // The object that an address lies in; "?" if there is none.
  std::string object_at(uint64_t offset) const;
  // Without what changes with time: "vma#2".
  std::string plain_object(const sim::Object& object) const;
  std::string field(const sim::Location* location) const;  // "vm_start", "mmap_lock.rwsem"
  std::string value(const sim::Location* location, uint64_t value) const;
  // What the location holds at this point: the newest store's value.
  uint64_t newest(const sim::Location* location) const;

 private:
  std::optional<uint64_t> known(const sim::Object& object, absl::string_view field) const;
  std::string vma(const sim::Object& object) const;
  std::string uprobe(const sim::Object& object) const;
  std::string inode(const sim::Object& object) const;
  std::string file(const sim::Object& object) const;
  void name_slot(const sim::TraceEvent& event);
  void name_uprobe(const sim::TraceEvent& event);
  void forget(const sim::Object& object);

  absl::flat_hash_map<const sim::Location*, uint64_t> values_;
  absl::flat_hash_set<const sim::Location*> stored_;     // at any time in the trace
  absl::flat_hash_set<const sim::Location*> forgotten_;  // of memory handed out, not stored since
  absl::flat_hash_map<uint64_t, std::string> slots_;     // offset of an object: "f0", "i2"
  absl::flat_hash_map<uint64_t, std::string> probed_;    // offset of a uprobe: its inode's name
};

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_NAMES_H_
