#include "fuzz/supervisor/exchange.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "input/bytes.h"
#include "input/rng.h"

namespace vmafuzz::supervisor {
namespace {

// Anything larger is no entry of ours: decoding looks at no more (input/bytes.h).
constexpr size_t kMostBytes = input::kMaxDecodedBytes;
// One import may take so long: the supervisor's loop has others to look after.
constexpr std::chrono::milliseconds kMostTime{50};

bool is_sha1(absl::string_view name) {
  return name.size() == 40 && name.find_first_not_of("0123456789abcdef") == name.npos;
}

// AFL++ reads a queue by these names, in order, from the first that it has not seen.
std::string afl_name(uint64_t id, const std::string& sha1) {
  return absl::StrFormat("id:%06u,sha1:%s", id, sha1);
}

// Engines write in one go, but not under another name first. An empty file is one that was just
// made; libFuzzer names by content.
bool is_half_written(absl::string_view name, absl::string_view content) {
  return content.empty() || (is_sha1(name) && name != sha1_name(content));
}

absl::Status put(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  const absl::StatusOr<std::string> content = read_file_whole(from, kMostBytes);
  return content.ok() ? write_atomically(to, *content) : content.status();
}

}  // namespace

void Corpus::warn(const std::string& text) { warnings_.push_back(text); }

std::vector<std::string> Corpus::take_warnings() { return std::move(warnings_); }

absl::Status Corpus::open(const std::string& folder) {
  folder_ = folder;
  remove_temporaries(folder);
  for (const std::string& name : sorted_files(folder)) {
    const absl::StatusOr<std::string> content = read_file_whole(path(name), kMostBytes);
    if (!content.ok()) {
      if (unreadable_++ == 0) warn(absl::StrCat("passed over: ", content.status().message()));
      continue;
    }
    const std::string right = sha1_name(*content);
    if (name == right) {
      if (known_.insert(name).second) {
        names_.push_back(name);
        bytes_ += content->size();
      }
      continue;
    }
    if (is_sha1(name) && damaged_++ == 0)
      warn(absl::StrCat(path(name), " is damaged; what is left of it is kept as ", right));
    const absl::StatusOr<bool> added = add(*content);
    if (!added.ok()) return added.status();
    unlink(path(name).c_str());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Corpus::read(const std::string& name) const {
  return read_file_whole(path(name), kMostBytes);
}

absl::StatusOr<bool> Corpus::add(absl::string_view content) {
  const std::string name = sha1_name(content);
  if (known_.count(name) != 0) return false;
  // Not synced: that would be most of a run's time on a busy disk, and only a power cut asks for
  // it.
  if (absl::Status status = write_atomically(path(name), content); !status.ok()) return status;
  known_.insert(name);
  names_.push_back(name);
  bytes_ += content.size();
  return true;
}

absl::StatusOr<bool> Corpus::import(const std::string& queue, QueueCursor& cursor, size_t limit,
                                    bool writer_lives) {
  std::vector<std::string> fresh;
  for_each_file(queue, [&](const std::string& name) {
    if (cursor.seen.count(name) == 0) fresh.push_back(name);
  });
  std::sort(fresh.begin(), fresh.end());
  const auto until = std::chrono::steady_clock::now() + kMostTime;
  size_t taken = 0;
  for (const std::string& name : fresh) {
    if (taken == limit || (taken > 0 && std::chrono::steady_clock::now() > until)) return false;
    const std::string file = absl::StrCat(queue, "/", name);
    const absl::StatusOr<std::string> content = read_file_whole(file, kMostBytes);
    if (!content.ok()) {
      // Engines remove entries for which they found smaller ones.
      const bool gone = absl::IsNotFound(content.status());
      if (!gone && unreadable_++ == 0)
        warn(absl::StrCat("passed over: ", content.status().message()));
    } else {
      if (writer_lives && is_half_written(name, *content)) continue;
      // Still empty: its writer died, or found no room.
      const absl::StatusOr<bool> added = content->empty() ? false : add(*content);
      if (!added.ok()) return added.status();
      if (!content->empty()) cursor.own.insert(sha1_name(*content));
      if (*added) ++cursor.kept;
    }
    cursor.seen.insert(name);
    ++taken;
  }
  return true;
}

void Corpus::hand_over(const std::string& inbox, Delivery delivery, QueueCursor& cursor,
                       size_t limit) {
  for (; cursor.handed < names_.size() && limit > 0; ++cursor.handed) {
    const std::string& name = names_[cursor.handed];
    if (cursor.own.count(name) != 0) continue;
    --limit;
    const absl::StatusOr<std::string> content = read(name);
    if (!content.ok()) continue;
    const bool afl = delivery == Delivery::kAflSibling;
    const std::string as = afl ? afl_name(cursor.next_id, name) : name;
    // A copy, not a link: engines pass over files that are older than what they last saw.
    if (!write_atomically(absl::StrCat(inbox, "/", as), *content).ok()) return;
    ++cursor.next_id;
    cursor.own.insert(name);
    if (!afl) cursor.seen.insert(as);
  }
}

absl::Status Corpus::fill(const std::string& folder, size_t most, uint64_t seed,
                          QueueCursor& cursor) {
  if (absl::Status status = make_folder(folder); !status.ok()) return status;
  std::vector<std::string> chosen = names_;
  if (chosen.size() > most) {
    input::Rng rng(seed);
    for (size_t i = 0; i < most; ++i) {
      std::swap(chosen[i], chosen[i + rng.below(chosen.size() - i)]);
    }
    chosen.resize(most);
  }
  for (const std::string& name : chosen) {
    const absl::Status status = put(path(name), absl::StrCat(folder, "/", name));
    if (absl::IsResourceExhausted(status)) return status;
    cursor.own.insert(name);
  }
  cursor.handed = names_.size();
  if (!chosen.empty()) return absl::OkStatus();
  const std::string empty(input::kHeaderBytes, '\0');
  return write_atomically(absl::StrCat(folder, "/", sha1_name(empty)), empty);
}

absl::Status SyncFolder::open(const std::string& folder, const std::string& name) {
  folder_ = folder;
  name_ = name;
  const std::string own = absl::StrCat(folder, "/", name);
  if (absl::Status status = make_folder(absl::StrCat(own, "/queue")); !status.ok()) return status;
  if (absl::Status status = lock_.take(absl::StrCat(own, "/.lock")); !status.ok()) {
    if (!absl::IsFailedPrecondition(status)) return status;
    return absl::FailedPreconditionError(
        absl::StrCat(own, " belongs to a supervisor that runs; give this one another --sync-name"));
  }
  remove_temporaries(absl::StrCat(own, "/queue"));
  for (const std::string& file : sorted_files(absl::StrCat(own, "/queue"))) {
    uint64_t id = 0;
    if (absl::StartsWith(file, "id:") && absl::SimpleAtoi(file.substr(3, file.find(',') - 3), &id))
      next_id_ = std::max(next_id_, id + 1);
  }
  note_names(absl::StrCat(own, "/queue"));
  return absl::OkStatus();
}

void SyncFolder::note_names(const std::string& queue) {
  for (const std::string& file : sorted_files(queue)) {
    const size_t sha1 = file.find("sha1:");
    if (sha1 != file.npos) theirs_.insert(file.substr(sha1 + 5));
  }
}

absl::StatusOr<bool> SyncFolder::exchange(Corpus& corpus, size_t limit) {
  bool all = true;
  for (const std::string& peer : sorted_folders(folder_)) {
    if (peer == name_) continue;
    auto known = std::find_if(peers_.begin(), peers_.end(),
                              [&](const auto& entry) { return entry.first == peer; });
    if (known == peers_.end()) known = peers_.insert(peers_.end(), {peer, {}});
    QueueCursor& cursor = known->second;
    const uint64_t before = cursor.kept;
    const std::string queue = absl::StrCat(folder_, "/", peer, "/queue");
    note_names(queue);
    const absl::StatusOr<bool> imported = corpus.import(queue, cursor, limit);
    received_ += cursor.kept - before;
    theirs_.insert(cursor.own.begin(), cursor.own.end());
    if (!imported.ok()) return imported.status();
    all = all && *imported;
  }
  // Who waited until everything of theirs is read would never give anything to peers that are
  // faster. What is not read yet is known by name, but for AFL++'s own instances.
  for (; offered_ < corpus.names().size(); ++offered_) {
    const std::string& name = corpus.names()[offered_];
    if (theirs_.count(name) != 0) continue;
    if (limit-- == 0) return false;
    const absl::StatusOr<std::string> content = corpus.read(name);
    if (!content.ok()) continue;
    const std::string file = absl::StrCat(folder_, "/", name_, "/queue/", afl_name(next_id_, name));
    if (absl::Status status = write_atomically(file, *content); !status.ok()) return status;
    theirs_.insert(name);
    ++next_id_;
    ++given_;
  }
  return all;
}

}  // namespace vmafuzz::supervisor
