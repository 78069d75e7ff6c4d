// Who accessed what from where, of the present execution: ThreadSanitizer tells the address and the
// CPU of the earlier of two racing accesses, this tells its place in the model's source.
#ifndef VMAFUZZ_NATIVE_NOTES_H_
#define VMAFUZZ_NATIVE_NOTES_H_

#include <cstddef>
#include <cstdint>

#include "sim/location.h"

namespace vmafuzz::native {

struct Note {
  sim::Site site;
  uint32_t offset = 0;  // in the arena, of a Location or of a whole object
  uint32_t bytes : 31 = 0;
  uint32_t write : 1 = 0;
};
static_assert(sizeof(Note) == 16);

// The last accesses of one CPU. On threads, others may look while it writes: what they find may be
// torn off the end, and is only ever printed.
class Notes {
 public:
  void reset() { count_ = 0; }
  void add(uint64_t offset, size_t bytes, bool write, sim::Site site) {
    Note& note = notes_[count_++ % kNotes];
    note.site = site;
    note.offset = static_cast<uint32_t>(offset);
    note.bytes = static_cast<uint32_t>(bytes);
    note.write = write;
  }
  // The newest that touches the 8 bytes at `offset`, and is a write or not as asked; or null.
  const Note* find(uint64_t offset, bool write) const;

 private:
  static constexpr uint32_t kNotes = 4096;
  uint32_t count_ = 0;
  Note notes_[kNotes];
};

inline const Note* Notes::find(uint64_t offset, bool write) const {
  const uint32_t first = count_ > kNotes ? count_ - kNotes : 0;
  for (uint32_t i = count_; i > first; --i) {
    const Note& note = notes_[(i - 1) % kNotes];
    const bool touches = note.offset < offset + 8 && offset < note.offset + note.bytes;
    if (touches && write == (note.write != 0)) return &note;
  }
  return nullptr;
}

}  // namespace vmafuzz::native

#endif  // VMAFUZZ_NATIVE_NOTES_H_
