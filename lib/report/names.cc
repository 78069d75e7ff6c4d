#include "report/names.h"

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "mm/mm_types.h"

namespace vmafuzz::report {
namespace {

// Types whose kernel names are longer than people's.
absl::string_view short_type(absl::string_view type) {
  if (type == "vm_area_struct") return "vma";
  if (type == "maple_node") return "node";
  if (type == "backing_file") return "file";
  return type;
}

// Fields that hold addresses of the modelled task, or bits.
bool is_address(absl::string_view field) {
  return field == "vm_start" || field == "vm_end" || absl::StrContains(field, "pivot") ||
         absl::EndsWith(field, "brk") || field == "start_stack" || field == "vaddr";
}

// Position of the first '(' outside of template arguments.
size_t end_of_name(absl::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') ++depth;
    if (text[i] == '>') --depth;
    if (text[i] == '(' && depth <= 0) return i;
  }
  return text.size();
}

// Bits of a page table word (mm/pgtable.h).
std::string pte_name(uint64_t pte) {
  std::string text;
  if ((pte & kernel::kPtePresent) != 0) absl::StrAppend(&text, "present");
  if ((pte & kernel::kPteAnon) != 0) absl::StrAppend(&text, text.empty() ? "" : "+", "anon");
  if ((pte & kernel::kPteBreakpoint) != 0) {
    absl::StrAppend(&text, text.empty() ? "" : "+", "breakpoint");
  }
  return text.empty() ? "none" : text;
}

std::string pages(uint64_t start, uint64_t end) {
  return absl::StrCat("[", start >> kernel::PAGE_SHIFT, "-", end >> kernel::PAGE_SHIFT, ")");
}

}  // namespace

std::string function_name(absl::string_view pretty) {
  for (absl::string_view nested : {"::(anonymous class)::", "::<lambda", "::(lambda"}) {
    const size_t at = pretty.find(nested);
    if (at != pretty.npos) return function_name(pretty.substr(0, at));
  }
  const std::string text = absl::StrReplaceAll(pretty, {{"(anonymous namespace)::", ""}});
  absl::string_view name = absl::string_view(text).substr(0, end_of_name(text));
  if (absl::EndsWith(name, "operator")) return "operator()";
  // The last of what :: and spaces separate, without template arguments.
  int depth = 0;
  size_t end = name.size();
  for (size_t i = name.size(); i > 0; --i) {
    const char c = name[i - 1];
    if (c == '>') ++depth;
    if (c == '<' && --depth == 0 && end == name.size()) end = i - 1;
    if (depth == 0 && (c == ':' || c == ' ' || c == '*' || c == '&')) {
      return std::string(name.substr(i, end - i));
    }
  }
  return std::string(name.substr(0, end));
}

std::string place_in_source(const sim::Site& site) {
  absl::string_view file = site.file_name();
  const size_t slash = file.rfind('/');
  if (slash != file.npos) file.remove_prefix(slash + 1);
  return absl::StrCat(file, ":", site.line());
}

std::string cpu_name(int cpu) {
  switch (cpu) {
    case sim::kWorkCpu:
      return "kworker";
    case sim::kRcuCpu:
      return "rcu";
    case sim::kTimerCpu:
      return "timer";
    case sim::kBootCpu:
    case sim::kNoCpu:
      return "set-up";
    default:
      return absl::StrCat("cpu", cpu);
  }
}

std::string flags_name(uint64_t vm_flags) {
  std::string text = "---p";
  if ((vm_flags & kernel::VM_READ) != 0) text[0] = 'r';
  if ((vm_flags & kernel::VM_WRITE) != 0) text[1] = 'w';
  if ((vm_flags & kernel::VM_EXEC) != 0) text[2] = 'x';
  if ((vm_flags & kernel::VM_MAYSHARE) != 0) text[3] = 's';
  return text;
}

std::string smaps_flags(uint64_t vm_flags) {
  struct Mnemonic {
    uint64_t flag;
    absl::string_view name;
  };
  static constexpr Mnemonic kMnemonics[] = {
      {kernel::VM_READ, "rd"},       {kernel::VM_WRITE, "wr"},       {kernel::VM_EXEC, "ex"},
      {kernel::VM_SHARED, "sh"},     {kernel::VM_MAYREAD, "mr"},     {kernel::VM_MAYWRITE, "mw"},
      {kernel::VM_MAYEXEC, "me"},    {kernel::VM_MAYSHARE, "ms"},    {kernel::VM_GROWSDOWN, "gd"},
      {kernel::VM_PFNMAP, "pf"},     {kernel::VM_MAYBE_GUARD, "gu"}, {kernel::VM_IO, "io"},
      {kernel::VM_SEQ_READ, "sr"},   {kernel::VM_RAND_READ, "rr"},   {kernel::VM_DONTCOPY, "dc"},
      {kernel::VM_DONTEXPAND, "de"}, {kernel::VM_ACCOUNT, "ac"},     {kernel::VM_NORESERVE, "nr"},
      {kernel::VM_HUGETLB, "ht"},    {kernel::VM_WIPEONFORK, "wf"},  {kernel::VM_DONTDUMP, "dd"},
      {kernel::VM_SOFTDIRTY, "sd"},  {kernel::VM_MIXEDMAP, "mm"},    {kernel::VM_HUGEPAGE, "hg"},
      {kernel::VM_NOHUGEPAGE, "nh"}, {kernel::VM_MERGEABLE, "mg"},
  };
  std::string text;
  for (const Mnemonic& mnemonic : kMnemonics) {
    if ((vm_flags & mnemonic.flag) == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", mnemonic.name);
  }
  return text;
}

Names::Names(const std::vector<sim::TraceEvent>& trace) {
  for (const sim::TraceEvent& event : trace) {
    const bool stores = event.event == sim::Event::kStore || event.event == sim::Event::kRmw;
    if (stores) stored_.insert(event.location);
  }
}

void Names::follow(const sim::TraceEvent& event) {
  switch (event.event) {
    case sim::Event::kStore:
    case sim::Event::kRmw:
      values_[event.location] = event.value;
      forgotten_.erase(event.location);
      name_slot(event);
      name_uprobe(event);
      break;
    case sim::Event::kLoad:
      if (event.stale == 0) values_.try_emplace(event.location, event.value);
      break;
    case sim::Event::kAlloc:
      if (const sim::Object* object = sim::arena.object_of(sim::arena.at(event.value))) {
        forget(*object);
      }
      break;
    default:
      break;
  }
}

// Memory that is handed out again keeps no name of the past.
void Names::forget(const sim::Object& object) {
  slots_.erase(sim::arena.offset_of(object.base));
  probed_.erase(sim::arena.offset_of(object.base));
  object.type->visit(
      object.base,
      [](void* self, const char*, const char*, sim::Location& location) {
        static_cast<Names*>(self)->forgotten_.insert(&location);
      },
      this);
}

// The tables of open files and of inodes call their slots f0.. and i0..
void Names::name_slot(const sim::TraceEvent& event) {
  if ((event.location->flags & sim::kPointer) == 0 || event.value == 0) return;
  const sim::Object* table = sim::arena.object_of(event.location);
  if (table == nullptr || table->label == nullptr) return;
  const absl::string_view label = table->label;
  if (label != "files" && label != "inodes") return;
  const sim::Object* object = sim::arena.object_of(sim::arena.at(event.value));
  if (object != nullptr) slots_[sim::arena.offset_of(object->base)] = field(event.location);
}

// A uprobe is of the inode that it was made for, whatever lies in that memory later.
void Names::name_uprobe(const sim::TraceEvent& event) {
  const sim::Object* object = sim::arena.object_of(event.location);
  if (object == nullptr || absl::string_view(object->type->name) != "uprobe") return;
  if (field(event.location) != "inode") return;
  probed_[sim::arena.offset_of(object->base)] = object_at(event.value);
}

uint64_t Names::newest(const sim::Location* location) const {
  const auto found = values_.find(location);
  if (found != values_.end()) return found->second;
  // Never stored to: it still holds what it was constructed with. Otherwise that is gone, and was
  // 0, which is what Shared<T>() holds.
  return stored_.contains(location) ? 0 : location->value;
}

std::optional<uint64_t> Names::known(const sim::Object& object, absl::string_view field) const {
  struct Search {
    absl::string_view wanted;
    const sim::Location* location = nullptr;
  } search{field};
  object.type->visit(
      object.base,
      [](void* context, const char* outer, const char* name, sim::Location& location) {
        auto* s = static_cast<Search*>(context);
        if (outer == nullptr && s->wanted == name) s->location = &location;
      },
      &search);
  const auto found = values_.find(search.location);
  if (found == values_.end() || forgotten_.contains(search.location)) return std::nullopt;
  return found->second;
}

std::string Names::plain_object(const sim::Object& object) const {
  if (object.label != nullptr) return object.label;
  return absl::StrCat(short_type(object.type->name), "#", object.number);
}

std::string Names::vma(const sim::Object& object) const {
  const auto start = known(object, "vm_start");
  const auto end = known(object, "vm_end");
  if (!start || !end) return plain_object(object);
  return plain_object(object) + pages(*start, *end);
}

std::string Names::inode(const sim::Object& object) const {
  const auto ino = known(object, "i_ino");
  if (!ino) return plain_object(object);
  return *ino < 16 ? absl::StrCat("i", *ino) : plain_object(object);
}

std::string Names::uprobe(const sim::Object& object) const {
  const auto inode = probed_.find(sim::arena.offset_of(object.base));
  const auto offset = known(object, "offset");
  if (inode == probed_.end() || !offset) return plain_object(object);
  return absl::StrCat("uprobe(", inode->second, " page ", *offset >> kernel::PAGE_SHIFT, ")");
}

std::string Names::file(const sim::Object& object) const {
  const auto slot = slots_.find(sim::arena.offset_of(object.base));
  return slot == slots_.end() ? plain_object(object) : slot->second;
}

std::string Names::object(const sim::Object& object) const {
  const absl::string_view type = object.type->name;
  if (object.label == nullptr) {
    if (type == "vm_area_struct") return vma(object);
    if (type == "uprobe") return uprobe(object);
    if (type == "inode") return inode(object);
    if (type == "file" || type == "backing_file") return file(object);
  }
  return plain_object(object);
}

std::string Names::object_at(uint64_t offset) const {
  if (offset == 0) return "NULL";
  if (offset == sim::Arena::kTornPointer) return "a torn pointer";
  const sim::Object* found = sim::arena.object_of(sim::arena.at(offset));
  return found == nullptr ? "?" : object(*found);
}

std::string Names::field(const sim::Location* location) const {
  const sim::Object* object = sim::arena.object_of(location);
  if (object == nullptr) return "?";
  const std::string full = sim::location_name(location);
  absl::string_view rest = full;
  absl::ConsumePrefix(&rest, sim::object_name(*object));
  absl::ConsumePrefix(&rest, ".");
  if (absl::ConsumePrefix(&rest, "pte.")) return absl::StrCat("pte[", rest, "]");
  return std::string(rest);
}

std::string Names::location(const sim::Location* location) const {
  const sim::Object* found = sim::arena.object_of(location);
  if (found == nullptr) return "?";
  const std::string name = field(location);
  return name.empty() ? object(*found) : absl::StrCat(object(*found), ".", name);
}

std::string Names::value(const sim::Location* location, uint64_t value) const {
  if ((location->flags & sim::kPointer) != 0) return object_at(value);
  const std::string name = field(location);
  if (name == "vm_flags") return absl::StrCat(flags_name(value), " (0x", absl::Hex(value), ")");
  if (absl::StartsWith(name, "pte[")) return pte_name(value);
  if (is_address(name) && value != 0) return absl::StrCat("0x", absl::Hex(value));
  // Errors and counts below zero.
  if (static_cast<int64_t>(value) < 0 && static_cast<int64_t>(value) >= -4096) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  if (value > 4096) return absl::StrCat("0x", absl::Hex(value));
  return absl::StrCat(value);
}

}  // namespace vmafuzz::report
