#include "litmus/test.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "litmus/lexer.h"
#include "litmus/parser.h"

namespace vmafuzz::litmus {
namespace {

absl::Status apply_local_inits(absl::string_view file, const std::vector<LocalInit>& inits,
                               const std::vector<std::vector<absl::string_view>>& parameters,
                               LitmusTest& test) {
  for (const LocalInit& init : inits) {
    if (init.thread >= static_cast<int>(test.threads.size())) {
      return malformed_at(file, init.position, absl::StrCat("there is no thread ", init.thread));
    }
    const auto& names = parameters[init.thread];
    if (std::find(names.begin(), names.end(), init.name) != names.end()) {
      return malformed_at(file, init.position,
                          absl::StrCat("'", init.name, "' is a parameter of P", init.thread));
    }
    Thread& thread = test.threads[init.thread];
    thread.initial[thread.local(init.name)] = init.value;
  }
  return absl::OkStatus();
}

absl::StatusOr<Cursor> cursor_of(absl::string_view file, const Piece& piece, Comments comments) {
  auto tokens = tokenize(file, piece, comments);
  if (!tokens.ok()) return tokens.status();
  return Cursor(file, *std::move(tokens));
}

}  // namespace

int Thread::find_local(absl::string_view name) const {
  const auto found = std::find(locals.begin(), locals.end(), name);
  return found == locals.end() ? -1 : static_cast<int>(found - locals.begin());
}

int Thread::local(absl::string_view name) {
  if (const int index = find_local(name); index >= 0) return index;
  locals.emplace_back(name);
  initial.push_back(0);
  return static_cast<int>(locals.size()) - 1;
}

int LitmusTest::find_global(absl::string_view name) const {
  for (size_t i = 0; i < globals.size(); ++i) {
    if (globals[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int LitmusTest::global(absl::string_view name) {
  if (const int index = find_global(name); index >= 0) return index;
  globals.push_back(Global{std::string(name)});
  return static_cast<int>(globals.size()) - 1;
}

absl::StatusOr<LitmusTest> parse_litmus(absl::string_view file, absl::string_view text) {
  const auto pieces = cut(file, text);
  if (!pieces.ok()) return pieces.status();
  LitmusTest test;
  test.name = std::filesystem::path(std::string(file)).stem().string();
  test.title = std::string(pieces->title);
  test.result = std::string(pieces->result);
  test.machine = std::string(pieces->machine);

  std::vector<LocalInit> local_inits;
  auto init = cursor_of(file, pieces->init, Comments::kMl);
  if (!init.ok()) return init.status();
  if (absl::Status s = parse_init(*std::move(init), test, local_inits); !s.ok()) return s;

  std::vector<std::vector<absl::string_view>> parameters;
  auto program = cursor_of(file, pieces->program, Comments::kC);
  if (!program.ok()) return program.status();
  if (absl::Status s = parse_program(*std::move(program), test, parameters); !s.ok()) return s;
  if (absl::Status s = apply_local_inits(file, local_inits, parameters, test); !s.ok()) return s;

  auto final = cursor_of(file, pieces->final, Comments::kMl);
  if (!final.ok()) return final.status();
  if (absl::Status s = parse_final(*std::move(final), test); !s.ok()) return s;
  return test;
}

absl::StatusOr<LitmusTest> load_litmus(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  in.peek();  // a folder can be opened, but not read
  if (!in.is_open() || in.bad()) return absl::NotFoundError(absl::StrCat(path, ": cannot read"));
  std::stringstream text;
  text << in.rdbuf();
  return parse_litmus(path, text.str());
}

}  // namespace vmafuzz::litmus
