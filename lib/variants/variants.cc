#include "variants/variants.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vmafuzz::variants {

using kernel::free_kind;
using kernel::kernel_rules;

namespace {

constexpr Option kOptions[] = {
    {"counter-bits", "2..64", "width of mm_lock_seq; up to 8 one brk can make it wrap (times=)"},
    {"vma-free", "immediate, after-rcu, type-stable", "how VMAs are freed"},
    {"file-free", "immediate, after-rcu, type-stable", "how ordinary files are freed"},
    {"backing-free", "immediate, after-rcu, type-stable", "how files of FMODE_BACKING are freed"},
    {"report", "dying-uprobe, unprobed-mapping, unarmed-page, moved-mapping",
     "a finding that the kernel is known for is reported like any other"},
};

template <class Table>
std::string names_of(const Table& table) {
  std::string names;
  for (const auto& row : table) absl::StrAppend(&names, names.empty() ? "" : ", ", row.name);
  return names;
}

// README.md says what each means; the last two are of the harness itself (supervisor/finding.h).
constexpr absl::string_view kVerdicts[] = {
    "stale-uprobe",     "wrong-uprobe",  "dead-uprobe",  "missed-uprobe",  "spurious-breakpoint",
    "use-after-free",   "double-free",   "leak",         "refcount",       "data-race",
    "lost-update",      "torn-pointer",  "deadlock",     "livelock",       "rcu-stall",
    "fallback-forever", "tree-corrupt",  "layout",       "lock-imbalance", "counter-parity",
    "null-dereference", "harness-crash", "harness-hang",
};

absl::Status expected(absl::string_view what, absl::string_view names, absl::string_view found) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", what, " (", names, "), found '", found, "'"));
}

bool parse_free_kind(absl::string_view text, free_kind* kind) {
  if (text == "immediate") {
    *kind = free_kind::immediate;
  } else if (text == "after-rcu") {
    *kind = free_kind::after_rcu;
  } else if (text == "type-stable") {
    *kind = free_kind::type_stable;
  } else {
    return false;
  }
  return true;
}

// A finding is reported where it is not accepted, and where it never was.
bool report_finding(absl::string_view name, std::vector<absl::string_view>* accepted) {
  static constexpr absl::string_view kFindings[] = {"dying-uprobe", "unprobed-mapping",
                                                    "unarmed-page", "moved-mapping"};
  if (std::find(std::begin(kFindings), std::end(kFindings), name) == std::end(kFindings)) {
    return false;
  }
  accepted->erase(std::remove(accepted->begin(), accepted->end(), name), accepted->end());
  return true;
}

// False: the value is not one of the option's.
bool set_option(absl::string_view key, absl::string_view value, Applied* applied) {
  kernel_rules* rules = &applied->rules;
  if (key == "report") return report_finding(value, &applied->accepted);
  if (key == "vma-free") return parse_free_kind(value, &rules->vma_free);
  if (key == "file-free") return parse_free_kind(value, &rules->file_free);
  if (key == "backing-free") return parse_free_kind(value, &rules->backing_file_free);
  int bits = 0;
  if (!absl::SimpleAtoi(value, &bits) || bits < 2 || bits > 64) return false;
  rules->counter_bits = static_cast<uint8_t>(bits);
  return true;
}

absl::Status apply_option(absl::string_view key_value, Applied* applied) {
  const size_t equals = key_value.find('=');
  const absl::string_view key = key_value.substr(0, equals);
  for (const Option& option : kOptions) {
    if (key != option.key) continue;
    const absl::string_view value =
        equals == absl::string_view::npos ? "" : key_value.substr(equals + 1);
    if (set_option(key, value, applied)) return absl::OkStatus();
    return expected(absl::StrCat("a value of ", key), option.values, value);
  }
  std::string keys;
  for (const Option& option : kOptions)
    absl::StrAppend(&keys, keys.empty() ? "" : ", ", option.key);
  return expected("an option key=value with one of the keys", keys, key_value);
}

}  // namespace

std::span<const Option> options() { return kOptions; }
std::span<const absl::string_view> verdicts() { return kVerdicts; }

const Kernel* find_kernel(absl::string_view name) {
  for (const Kernel& kernel : kernels()) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

const Bug* find_bug(absl::string_view name) {
  for (const Bug& bug : bugs()) {
    if (bug.name == name) return &bug;
  }
  return nullptr;
}

absl::Status check_kernel(absl::string_view name) {
  if (find_kernel(name) != nullptr) return absl::OkStatus();
  return expected("a kernel", names_of(kernels()), name);
}
absl::Status check_bug(absl::string_view name) {
  if (find_bug(name) != nullptr) return absl::OkStatus();
  return expected("a bug switch", names_of(bugs()), name);
}
absl::Status check_expect(absl::string_view verdict) {
  const auto known = verdicts();
  if (verdict == "none" || std::find(known.begin(), known.end(), verdict) != known.end())
    return absl::OkStatus();
  return expected("none or a verdict", absl::StrJoin(known, ", "), verdict);
}
absl::Status check_option(absl::string_view key_value) {
  Applied scratch;
  return apply_option(key_value, &scratch);
}

void Applied::install() const {
  kernel::rules = rules;
  kernel::find_active_uprobe_speculative = protocol;
}

absl::StatusOr<Applied> apply(const Kernel& kernel, std::span<const std::string> bugs,
                              std::span<const std::string> options) {
  Applied applied;
  applied.rules = kernel.rules;
  applied.accepted = kernel.accepted;
  const kernel::lookup_protocol* protocol = kernel::find_lookup_protocol(
      std::string_view(kernel.protocol.data(), kernel.protocol.size()));
  if (protocol == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel ", kernel.name, " names no known protocol: ", kernel.protocol));
  }
  applied.protocol = protocol->find_active_uprobe_speculative;
  for (const std::string& name : bugs) {
    const Bug* bug = find_bug(name);
    if (bug == nullptr) return check_bug(name);
    bug->switch_on(applied.rules);
  }
  for (const std::string& option : options) {
    if (absl::Status status = apply_option(option, &applied); !status.ok()) return status;
  }
  for (absl::string_view finding : applied.accepted) {
    applied.rules.accept_moved_mappings |= finding == "moved-mapping";
  }
  return applied;
}

}  // namespace vmafuzz::variants
