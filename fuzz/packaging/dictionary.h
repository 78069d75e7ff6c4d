// The words of a program's text, as a dictionary of libFuzzer and AFL++.
#ifndef VMAFUZZ_FUZZ_PACKAGING_DICTIONARY_H_
#define VMAFUZZ_FUZZ_PACKAGING_DICTIONARY_H_

#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace vmafuzz::packaging {

class Dictionary {
 public:
  // Begins with what the grammar names: operations, arguments and their words, directives.
  Dictionary();

  // Adds the words that a program uses, without numbers, comments and names of kernels.
  void add_words_of(absl::string_view program);

  // One "WORD" a line, sorted, with a comment that says what it is.
  std::string text() const;

 private:
  std::set<std::string> words_;
};

}  // namespace vmafuzz::packaging

#endif  // VMAFUZZ_FUZZ_PACKAGING_DICTIONARY_H_
