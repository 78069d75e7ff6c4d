#include "report/directives.h"

#include "absl/strings/str_cat.h"
#include "report/names.h"

namespace vmafuzz::report {
namespace {

// "cpu0", and where: "munmap(mm0, page 4, len 1)", or the context's name and nothing.
struct Actor {
  std::string cpu;
  std::string where;
};

Actor actor_of(const input::Program& program, const input::Directive& directive) {
  if (directive.of_context()) return {std::string(input::context_name(directive.op)), ""};
  if (directive.op >= program.ops.size()) return {"nobody", ""};
  const input::Op& op = program.ops[directive.op];
  const std::string cpu = op.cpu == 0 ? "set-up" : cpu_name(op.cpu - 1);
  return {cpu, absl::StrCat(" in ", operation_name(op))};
}

// ": mm0.mm_lock_seq -> 4, in f() at mmap_lock.h:80"; empty if that access never came.
std::string what_it_met(const Timeline& timeline, const input::Directive& directive) {
  const Step* step = timeline.find(directive.op, directive.access);
  if (step == nullptr || step->kind == StepKind::kBegin) return "";
  return absl::StrCat(" (", step->text, ", in ", step->at.function, "() at ", step->at.line, ")");
}

std::string in_words(const input::Program& program, const Timeline& timeline,
                     const input::Directive& directive) {
  const Actor actor = actor_of(program, directive);
  const std::string access =
      absl::StrCat("the ", ordinal(directive.access), " access of ", actor.cpu, actor.where);
  const std::string met = what_it_met(timeline, directive);
  switch (directive.kind) {
    case input::DirectiveKind::kPreempt: {
      const auto target = static_cast<input::SwitchTarget>(directive.arg);
      const absl::string_view next = input::switch_target_name(target);
      if (directive.access == 1 && !actor.where.empty()) {
        return absl::StrCat(next, " runs before ", actor.cpu, " begins", actor.where, ".");
      }
      return absl::StrCat(actor.cpu, " is preempted before its ", ordinal(directive.access),
                          " access", actor.where, met, "; ", next, " runs.");
    }
    case input::DirectiveKind::kStale:
      return absl::StrCat(access, " reads ", static_cast<int>(directive.arg),
                          directive.arg == 1 ? " store" : " stores", " back from the newest", met,
                          ".");
    case input::DirectiveKind::kTear:
      return absl::StrCat(access, " is torn: half old, half new", met, ".");
    case input::DirectiveKind::kReload:
      return absl::StrCat(access, " is done twice by the compiler", met, ".");
    case input::DirectiveKind::kFail:
      return absl::StrCat(access, " fails", met, ".");
    case input::DirectiveKind::kHold:
      if (directive.arg == input::kHoldEnd) {
        return absl::StrCat("what ", access, " leaves to be done is held back to the end", met,
                            ".");
      }
      return absl::StrCat("what ", access, " leaves to be done is held back for ",
                          static_cast<int>(directive.arg), " accesses", met, ".");
    case input::DirectiveKind::kExpire:
      return absl::StrCat("a timer runs out at ", access, met, ".");
  }
  return {};
}

// Its access never came, or there was nothing there that it could have changed.
std::string without_effect(const input::Program& program, const Timeline& timeline,
                           const input::Directive& directive) {
  const Actor actor = actor_of(program, directive);
  return absl::StrCat(input::directive_text(directive), " at the ", ordinal(directive.access),
                      " access of ", actor.cpu, actor.where, what_it_met(timeline, directive),
                      " changes nothing.");
}

}  // namespace

std::string operation_name(const input::Op& op) {
  const input::OpSchema& schema = input::schema(op.kind);
  std::string text = absl::StrCat(schema.name, "(");
  bool first = true;
  for (size_t i = 0; i < schema.args.size(); ++i) {
    const input::ArgSchema& arg = schema.args[i];
    if (arg.optional && op.arg[i] == arg.simplest) continue;
    if (arg.kind == input::ArgKind::kFlag && op.arg[i] == 0) continue;
    const bool keyed = arg.form == input::TextForm::kKeyed && arg.kind != input::ArgKind::kFlag;
    absl::StrAppend(&text, first ? "" : ", ", keyed ? absl::StrCat(arg.name, " ") : "",
                    input::value_text(arg, op.arg[i]));
    first = false;
  }
  return text + ")";
}

std::vector<std::string> operation_names(const input::Program& program) {
  std::vector<std::string> names;
  for (const input::Op& op : program.ops) names.push_back(operation_name(op));
  return names;
}

std::string ordinal(unsigned n) {
  const unsigned tens = n % 100 / 10;
  const char* suffix = "th";
  if (tens != 1 && n % 10 == 1) suffix = "st";
  if (tens != 1 && n % 10 == 2) suffix = "nd";
  if (tens != 1 && n % 10 == 3) suffix = "rd";
  return absl::StrCat(n, suffix);
}

std::vector<std::string> directives_in_words(const input::Program& program,
                                             const run::Outcome& outcome,
                                             const Timeline& timeline) {
  std::vector<std::string> sentences;
  for (const input::Directive& told : program.directives) {
    const input::Directive* done = outcome.effect_of(told);
    sentences.push_back(done != nullptr ? in_words(program, timeline, *done)
                                        : without_effect(program, timeline, told));
  }
  return sentences;
}

std::vector<std::string> idle_directives_in_words(const input::Program& program,
                                                  const run::Outcome& outcome,
                                                  const Timeline& timeline) {
  std::vector<std::string> sentences;
  for (const input::Directive& told : program.directives) {
    if (outcome.effect_of(told) != nullptr) continue;
    sentences.push_back(without_effect(program, timeline, told));
  }
  return sentences;
}

}  // namespace vmafuzz::report
