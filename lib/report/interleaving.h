// One execution as a picture shows it, whatever it is drawn with: a lane for each CPU, items in the
// order in which they happened, and what connects them. Made of the same rows as the diagram in
// columns, so that both tell the same.
#ifndef VMAFUZZ_REPORT_INTERLEAVING_H_
#define VMAFUZZ_REPORT_INTERLEAVING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/rows.h"
#include "report/timeline.h"

namespace vmafuzz::report {

struct Lane {
  int cpu = 0;
  std::string title;  // "CPU0", "RCU"
};

// How an item is marked on its lane.
enum class Mark : uint8_t { kNone, kLoad, kStaleLoad, kStore, kLock, kOther };

// One line of one lane. Items are numbered by time: no two happen at once.
struct Item {
  size_t lane = 0;
  RowKind kind = RowKind::kEvent;
  Mark mark = Mark::kNone;
  uint32_t step = 0;   // of the execution; 0: not an event
  std::string text;    // "mm0.mm_lock_seq -> 4  (acquire)"
  std::string remark;  // what is wrong with it; mostly empty
  std::string place;   // "mmap_lock_speculate_retry(), mmap_lock.h:80"; empty: none
};

enum class ArrowKind : uint8_t {
  kReadsFrom,  // from a store to a load by another CPU that returned its value
  kMissed,     // from the newest store to a load that returned an older one
  kClash,      // from what an access clashed with (a free, an access of a race) to the verdict
};

// `from` and `to` are indices of items, and from < to.
struct Arrow {
  ArrowKind kind = ArrowKind::kReadsFrom;
  size_t from = 0;
  size_t to = 0;
};

enum class BandKind : uint8_t {
  kWriteSection,  // mmap_lock held for writing
  kReadSection,   // mmap_lock held for reading, also after a downgrade
  kSpeculation,   // from the first look at a sequence counter to the last
  kReader,        // inside a read-side critical section of RCU, where that matters
};

// Something that lasts, on one lane: items `first` to `last`, both included.
struct Band {
  BandKind kind = BandKind::kWriteSection;
  size_t lane = 0;
  size_t first = 0;
  size_t last = 0;
  std::string what;  // "mmap_write_lock(mm0)", "rcu_read_lock()"
};

// The value of a sequence counter along time: `first`, then from item n on another one.
struct Track {
  std::string name;  // "mm0.mm_lock_seq"
  std::string first;
  std::vector<std::pair<size_t, std::string>> changes;
};

struct Interleaving {
  std::vector<Lane> lanes;
  std::vector<Item> items;
  std::vector<Arrow> arrows;
  std::vector<Band> bands;
  std::vector<Track> tracks;  // of counters that somebody changed or read
  std::string at_rest;        // the verdict, if it came when nobody ran any more
};

// `operations[i]` is the heading of operation i. `full`: every access, not only those that
// condense() lets stay.
Interleaving interleaving_of(const Timeline& timeline, const std::vector<std::string>& operations,
                             bool full = false);

}  // namespace vmafuzz::report

#endif  // VMAFUZZ_REPORT_INTERLEAVING_H_
