// The text of typed items: `eligo dump --stage check`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dsl/file.h"
#include "dsl/parse_statement.h"
#include "dsl/parser.h"
#include "dsl/typed_item.h"

namespace eligo::dsl {
namespace {

std::string_view sign_of(const TypedExpr& e) {
  switch (e.kind) {
    case TypedKind::add: return "+";
    case TypedKind::subtract: return "-";
    case TypedKind::multiply: return "*";
    case TypedKind::divide: return "/";
    case TypedKind::power: return "^";
    case TypedKind::contract: return ".";
    default: return e.operation->spelling.word;  // a comparison
  }
}

std::string list(const std::vector<TypedPtr>& parts) {
  std::vector<std::string> out;
  for (const TypedPtr& part : parts) out.push_back(text(*part));
  return fmt::format("{}", fmt::join(out, ", "));
}

std::string text(const AxisRef& axis) {
  return axis.kind == AxisRef::Kind::bundle ? fmt::format("{}.{}", axis.role, word_of(axis.bundle)) : axis.name;
}

std::string in_brackets(const std::vector<AxisRef>& axes) {
  if (axes.empty()) return "";
  std::vector<std::string> out;
  for (const AxisRef& axis : axes) out.push_back(text(axis));
  return fmt::format("[{}]", fmt::join(out, ", "));
}

std::string text(const PlaceIndex& place) {
  if (place.kind == PlaceIndex::Kind::wiring) return text(*place.wiring);
  return (place.kind == PlaceIndex::Kind::member ? "." : "") + place.letter;
}

std::string places(const std::vector<PlaceIndex>& places) {
  std::vector<std::string> out;
  for (const PlaceIndex& place : places) out.push_back(text(place));
  return fmt::format("[{}]", fmt::join(out, ", "));
}

std::string derivative(const TypedExpr& e) {
  std::string out = fmt::format("d({})/d({}", text(*e.args[0]), text(*e.args[1]));
  for (std::size_t i = 2; i < e.args.size(); ++i) out += (i == 2 ? " | " : ", ") + text(*e.args[i]);
  return out + ")";
}

std::string time_behind(const TypedExpr& e) { return e.time ? fmt::format("[{}]", print(*e.time)) : ""; }

// "[net.state, g.params]", or "?" where the parts tell.
std::string text(const Shape& shape) {
  return shape.is_known() && shape.sure ? fmt::format("[{}]", fmt::join(shape.axes, ", ")) : "?";
}

std::string remarks(const NameTime& time, bool record) {
  std::vector<std::string> out;
  if (time.direction == Direction::forward) out.emplace_back("forward");
  if (time.direction == Direction::backward) out.emplace_back("backward");
  if (time.ahead != 0) out.push_back(fmt::format("ahead {}", time.ahead));
  if (time.window_complete) out.emplace_back("window");
  if (time.holds_at_start) out.emplace_back("start");
  if (record) out.emplace_back("record");
  return out.empty() ? "" : fmt::format(", {}", fmt::join(out, ", "));
}

std::string left_side(const TypedLine& line) {
  std::string out = line.name();
  if (line.source->time) out += fmt::format("[{}]", print(*line.source->time));
  if (!line.letters.empty()) out += fmt::format("[{}]", fmt::join(line.letters, ", "));
  return out;
}

class Text {
 public:
  explicit Text(const TypedItem& item) : item_(item) {}

  std::string run() {
    out_ = fmt::format("{} {}\n", word_of(item_.kind()), item_.name());
    for (const TypedRole& role : item_.roles)
      line(fmt::format("role {}: {}", role.entry->name, word_of(role.entry->role)));
    for (const TypedDeclaration& d : item_.declarations) declaration(d);
    if (item_.window) window(*item_.window);
    for (const auto& [name, equation] : item_.equations) lines_of(equation);
    for (const TypedBlock& block : item_.blocks) at_each(block);
    for (const TypedStatistics& block : item_.statistics) per_neuron(block);
    if (item_.kind() == ItemKind::cell || item_.output) line("output " + item_.output_name);
    if (item_.loss) line("loss = " + text(*item_.loss->value));
    for (const TypedLearn& learn : item_.learns) this->learn(learn);
    for (const TypedChange& change : item_.changes)
      if (change.line) assign(change.line->name(), *change.line);
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += indent_ + text + "\n"; }

  void declaration(const TypedDeclaration& d) {
    const bool axes = !d.axes.empty();
    const auto word =
        fmt::format("{} {}{}", word_of(d.symbol->kind).substr(d.symbol->kind == SymbolKind::input ? 3 : 2),
                    d.symbol->name, axes ? in_brackets(d.axes) : "");
    const bool draws = d.symbol->declaration->init.kind == InitKind::distribution;
    line(d.init.empty() ? word
         : draws        ? fmt::format("{} ~ {}({})", word, d.symbol->declaration->init.distribution, list(d.init))
                        : word + " = " + list(d.init));
  }

  void window(const TypedWindow& w) {
    const std::string steps = w.steps < 0 ? "all" : fmt::format("{}", w.steps);
    line(fmt::format("window {}{}", w.number.empty() ? steps : "size " + w.number,
                     w.short_first ? ", short first" : ""));
  }

  void lines_of(const TypedEquation& equation) {
    const std::string marks = remarks(equation.time, equation.record);
    line(fmt::format("{} : {}{} = {}", left_side(equation.general), text(equation.shape), marks,
                     text(*equation.general.value)));
    for (const auto& [base, boundary] : equation.boundaries)
      line(fmt::format("{} : {} = {}", left_side(boundary), text(boundary.shape), text(*boundary.value)));
  }

  void assign(const std::string& left, const TypedLine& line) {
    this->line(fmt::format("{} := {}", left, text(*line.value)));
  }

  void at_each(const TypedBlock& block) {
    line(fmt::format("at each t, k from start+{} to t{:+}", block.low, block.high));
    indent_ += "  ";
    for (const auto& [name, equation] : block.equations) lines_of(equation);
    for (const auto& [name, revision] : block.revised) {
      const std::string target = text(*revision.target);
      for (const auto* part : {&revision.start, &revision.general})
        if (*part) line(fmt::format("{}[{}] = {}", target, print(*(*part)->source->time), text(*(*part)->value)));
      if (revision.assign) assign(target, *revision.assign);
    }
    indent_.resize(indent_.size() - 2);
  }

  void per_neuron(const TypedStatistics& block) {
    line(fmt::format("per neuron {}, {}, ahead {}", block.source->running,
                     block.time.window_complete ? "on the way back" : "on arrival", block.time.ahead));
    indent_ += "  ";
    for (const auto& [name, one] : block.equations) line(fmt::format("{} = {}", name, text(*one.value)));
    for (const TypedLine& one : block.assigns) assign(one.name(), one);
    indent_.resize(indent_.size() - 2);
  }

  void learn(const TypedLearn& learn) {
    static constexpr std::string_view when[] = {"arrive", "sweep", "close"};
    static constexpr std::string_view every[] = {"", ", every step", ", every window", ", every sequence"};
    line(fmt::format("learn {} {} {}, ahead {}{}{}{}{} : {} = {}", text(*learn.target),
                     learn.line.source->sign > 0 ? "+=" : "-=", when[static_cast<std::size_t>(learn.time.when)],
                     learn.time.ahead, learn.time.from_start ? ", from start" : "",
                     learn.time.beyond > 0 ? fmt::format(", beyond {}", learn.time.beyond) : "",
                     every[static_cast<std::size_t>(learn.every)], learn.clip ? ", clip " + text(*learn.clip) : "",
                     text(learn.line.shape), text(*learn.line.value)));
  }

  const TypedItem& item_;
  std::string out_, indent_ = "  ";
};

}  // namespace

std::string text(const TypedExpr& e) {
  switch (e.kind) {
    case TypedKind::number: return fmt::format("{}", e.number);
    case TypedKind::step: return "t";
    case TypedKind::steps: return "T";
    case TypedKind::samples: return "count";
    case TypedKind::size: return fmt::format("size {}", e.name);
    case TypedKind::read: return e.name + time_behind(e);
    case TypedKind::local: return "block." + e.name + time_behind(e);
    case TypedKind::revised: return fmt::format("running.{}{}", e.symbol->key, time_behind(e));
    case TypedKind::bundle: return fmt::format("{}.{}{}", e.role, word_of(e.bundle), time_behind(e));
    case TypedKind::member: return fmt::format("{}.{}{}", e.role, e.name, time_behind(e));
    case TypedKind::loss: return fmt::format("{}.loss{}", e.role, time_behind(e));
    case TypedKind::given: return fmt::format("given {}", e.name);
    case TypedKind::pick: return fmt::format("{}.{}", text(*e.args[0]), e.name);
    case TypedKind::place: return text(*e.args[0]) + places(e.places);
    case TypedKind::negate: return fmt::format("(-{})", text(*e.args[0]));
    case TypedKind::add:
    case TypedKind::subtract:
    case TypedKind::multiply:
    case TypedKind::divide:
    case TypedKind::power:
    case TypedKind::compare:
    case TypedKind::contract: return fmt::format("({} {} {})", text(*e.args[0]), sign_of(e), text(*e.args[1]));
    case TypedKind::leads_to:
      return fmt::format("({} {} {})", text(*e.args[0]),
                         e.operation->op == compiler::Op::eq ? "leads to" : "does not lead to", e.name);
    case TypedKind::derivative: return derivative(e);
    case TypedKind::before: return text(*e.args[0]) + " before sequence";
    case TypedKind::function:
    case TypedKind::draw: return fmt::format("{}{}({})", e.name, in_brackets(e.axes), list(e.args));
    case TypedKind::call:
      return fmt::format("{}({}{})", e.name, list(e.args), e.overrides.empty() ? "" : "; " + list(e.overrides));
  }
  return "";
}

std::string text(const TypedItem& item) { return Text(item).run(); }

}  // namespace eligo::dsl
