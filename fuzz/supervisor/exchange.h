// The shared corpus of a run: what any worker keeps, every other worker gets.
//
//   RUN/corpus/SHA1      one entry each, named by its content; never changed, never removed here
//
// A worker begins with entries in its folder `in` (links), writes its own to its queue, from where
// they are copied into the shared corpus, and is handed those of others while it runs.
//
// Folders may hold anything: what cannot be read is passed over, and what is damaged (in
// RUN/corpus: a content that its name denies) is taken in under its right name; the first of each
// kind is told as a warning.
#ifndef VMAFUZZ_FUZZ_SUPERVISOR_EXCHANGE_H_
#define VMAFUZZ_FUZZ_SUPERVISOR_EXCHANGE_H_

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "fuzz/supervisor/engines.h"
#include "fuzz/supervisor/files.h"

namespace vmafuzz::supervisor {

// How far one worker's (or one peer's) queue was read, and how much it was handed.
struct QueueCursor {
  std::unordered_set<std::string> seen;  // names in its queue
  size_t handed = 0;                     // entries of Corpus::names() that were considered for it
  uint64_t next_id = 0;                  // of the next file that is handed over by AFL++'s names
  std::unordered_set<std::string> own;   // entries that it has itself
  uint64_t kept = 0;                     // entries that were new to the corpus
};

class Corpus {
 public:
  // REQUIRES: the folder exists and is the run's own: files in it are renamed to their content.
  absl::Status open(const std::string& folder);

  size_t size() const { return names_.size(); }
  uint64_t bytes() const { return bytes_; }
  // In the order in which they came.
  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::string> take_warnings();

  absl::StatusOr<std::string> read(const std::string& name) const;
  // Adds an entry; false if it is there already. Durable when this returns.
  absl::StatusOr<bool> add(absl::string_view content);

  // Takes at most `limit` new files of a queue. False if it stopped before the end of the queue.
  // Fails if the disk is full; the files that were not taken over stay unread.
  // While the queue's writer lives, a file that is empty or whose content its name denies is one
  // that is being written, and is left for the next time; afterwards it is taken as it is.
  absl::StatusOr<bool> import(const std::string& queue, QueueCursor& cursor, size_t limit,
                              bool writer_lives = true);

  // Hands entries to a worker that came since the last time and are not its own.
  void hand_over(const std::string& inbox, Delivery delivery, QueueCursor& cursor, size_t limit);

  // Fills the folder that a worker begins with: all entries, or a random `most` of them. Never
  // empty: an engine without any input refuses to start.
  absl::Status fill(const std::string& folder, size_t most, uint64_t seed, QueueCursor& cursor);

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void warn(const std::string& text);

  std::string folder_;
  std::vector<std::string> names_;
  std::unordered_set<std::string> known_;
  uint64_t bytes_ = 0;
  std::vector<std::string> warnings_;
  size_t damaged_ = 0;
  size_t unreadable_ = 0;
};

// A folder shared by several supervisors and AFL++ instances on one or more machines, laid out like
// AFL++'s output folder (its -M and -S share one):
//
//   DIR/NAME/queue/id:000017,sha1:...    entries of the instance NAME
//
// Each writes below its own name only and reads the others'. rsync'ed copies work as well.
class SyncFolder {
 public:
  // FailedPrecondition if an instance of this name runs on it.
  absl::Status open(const std::string& folder, const std::string& name);
  // Takes in what others have, gives what is new here: at most `limit` entries of each. False if
  // more is left. Fails if the disk is full.
  absl::StatusOr<bool> exchange(Corpus& corpus, size_t limit);
  uint64_t received() const { return received_; }
  uint64_t given() const { return given_; }

 private:
  void note_names(const std::string& queue);

  std::string folder_;
  std::string name_;
  LockFile lock_;
  std::vector<std::pair<std::string, QueueCursor>> peers_;
  std::unordered_set<std::string> theirs_;  // entries known to be in the folder, own ones too
  size_t offered_ = 0;                      // of Corpus::names()
  uint64_t next_id_ = 0;
  uint64_t received_ = 0;
  uint64_t given_ = 0;
};

}  // namespace vmafuzz::supervisor

#endif  // VMAFUZZ_FUZZ_SUPERVISOR_EXCHANGE_H_
