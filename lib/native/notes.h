// Who accessed what from where, of the present execution: ThreadSanitizer tells the address and the
// CPU of the earlier of two racing accesses, this tells its place in the model's source.
#ifndef VMAFUZZ_NATIVE_NOTES_H_
#define VMAFUZZ_NATIVE_NOTES_H_

#include <cstdint>

#include "sim/clock.h"
#include "sim/location.h"

namespace vmafuzz::native {

struct Note {
  const void* address = nullptr;  // of a Location, or of a whole object
  sim::Site site;
  uint32_t bytes = 8;
  uint16_t op = 0;
  bool write = false;
};

// The last accesses of one CPU. On threads, others may look while it writes: what they find may be
// torn off the end, and is only ever printed.
class Notes {
 public:
  void reset() { count_ = 0; }
  void add(const void* address, uint32_t bytes, bool write, uint16_t op, sim::Site site) {
    Note& note = notes_[count_++ % kNotes];
    note.address = address;
    note.site = site;
    note.bytes = bytes;
    note.op = op;
    note.write = write;
  }
  // The newest that touches [address, address + 8), and is a write or not as asked; or null.
  const Note* find(uintptr_t address, bool write) const;

 private:
  static constexpr uint32_t kNotes = 4096;
  uint32_t count_ = 0;
  Note notes_[kNotes];
};

inline const Note* Notes::find(uintptr_t address, bool write) const {
  const uint32_t first = count_ > kNotes ? count_ - kNotes : 0;
  for (uint32_t i = count_; i > first; --i) {
    const Note& note = notes_[(i - 1) % kNotes];
    const auto begin = reinterpret_cast<uintptr_t>(note.address);
    if (note.write == write && begin < address + 8 && address < begin + note.bytes) return &note;
  }
  return nullptr;
}

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_NOTES_H_
