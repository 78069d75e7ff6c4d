#include "fuzz/packaging/dictionary.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "input/op.h"

namespace vmafuzz::packaging {

namespace {

// As both engines read it: printable ASCII as it is, everything else as \xNN.
std::string quoted(absl::string_view word) {
  std::string text = "\"";
  for (const char c : word) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= ' ' && byte < 0x7f && c != '"' && c != '\\') {
      text += c;
    } else {
      absl::StrAppend(&text, "\\x", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  return text + "\"";
}

}  // namespace

Dictionary::Dictionary() {
  for (const input::OpSchema& op : input::all_ops()) {
    words_.emplace(op.name);
    for (const input::ArgSchema& arg : op.args) {
      const bool flag = arg.kind == input::ArgKind::kFlag;
      words_.insert(flag ? std::string(arg.name) : absl::StrCat(arg.name, "="));
      for (const absl::string_view word : arg.words) words_.emplace(word);
    }
  }
}

void Dictionary::add_words_of(absl::string_view program) {
  for (absl::string_view line : absl::StrSplit(program, '\n')) {
    line = line.substr(0, line.find('#'));
    const bool header = !line.empty() && line[0] != ' ';
    bool first = true;
    for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      // Of "kernel: v1" the key; of "page=4" the key, with its sign.
      if (header && !first) break;
      first = false;
      const size_t sign = word.find('=');
      const absl::string_view key = sign == word.npos ? word : word.substr(0, sign + 1);
      if (key.find_first_of("0123456789") == key.npos) words_.emplace(key);
    }
  }
}

std::string Dictionary::text() const {
  std::string text = "# Words of programs (lib/input/text.h), collected by pack_seeds.\n";
  for (const char* word : {"# vmafuzz repro v1\n", "cpu0:", "cpu1:"}) {
    absl::StrAppend(&text, quoted(word), "\n");
  }
  for (const std::string& word : words_) absl::StrAppend(&text, quoted(word), "\n");
  return text;
}

}  // namespace vmafuzz::packaging
