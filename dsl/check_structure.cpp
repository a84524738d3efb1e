#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "dsl/check.h"
#include "dsl/parse_statement.h"
#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

using Kinds = std::vector<StatementKind>;

const Kinds& lines_of(ItemKind item) {
  using K = StatementKind;
  static const Kinds cell = {K::axis, K::input, K::state, K::param, K::wiring, K::hyper, K::equation, K::output};
  static const Kinds synth = {K::axis, K::input, K::param, K::keep, K::wiring, K::hyper, K::equation, K::output};
  static const Kinds readout = {K::axis,  K::input,    K::target, K::param, K::wiring,
                                K::hyper, K::equation, K::output, K::loss};
  static const Kinds rule = {K::let, K::hyper, K::keep, K::window, K::equation, K::learn, K::at_each, K::per_neuron};
  static const Kinds optimiser = {K::hyper, K::keep, K::equation};
  switch (item) {
    case ItemKind::cell: return cell;
    case ItemKind::synth: return synth;
    case ItemKind::readout: return readout;
    case ItemKind::rule: return rule;
    case ItemKind::optimiser: return optimiser;
  }
  return rule;
}

class Structure {
 public:
  Structure(const Item& item, Diagnostics& diagnostics) : item_(item), diagnostics_(diagnostics) {}

  void run() {
    for (const Statement& s : item_.statements) line(s, lines_of(item_.kind), false);
    once(StatementKind::loss);
    once(StatementKind::output);
    once(StatementKind::window);
    roles();
    needs();
  }

 private:
  Span place(const Statement& s) const {
    return {s.span.begin, s.span.begin + static_cast<std::uint32_t>(word_of(s.kind).size())};
  }

  void line(const Statement& s, const Kinds& allowed, bool in_block) {
    if (std::find(allowed.begin(), allowed.end(), s.kind) == allowed.end()) {
      std::vector<std::string_view> words;
      for (const StatementKind k : allowed) words.push_back(k == StatementKind::equation ? "equations" : word_of(k));
      diagnostics_
          .error(Code::E0502, fmt::format("`{}` does not belong in {}", word_of(s.kind), where(in_block)),
                 diagnostics_.current, place(s))
          .help.push_back(fmt::format("its lines are: {}", fmt::join(words, ", ")));
      return;
    }
    if (s.record && (item_.kind != ItemKind::rule || in_block)) {
      diagnostics_.error(Code::E0502, fmt::format("`record` does not belong in {}", where(in_block)),
                         diagnostics_.current, s.name_span, "a rule records its equations");
    }
    for (const Statement& inner : s.body) line(inner, {StatementKind::equation}, true);
    if (!in_block) time_bracket(s);
  }

  std::string where(bool in_block) const {
    return in_block ? "a block"
                    : fmt::format("a{} {}", item_.kind == ItemKind::optimiser ? "n" : "", word_of(item_.kind));
  }

  // The time on the left side, where the kind of item or block has one.
  void time_bracket(const Statement& s) {
    const bool equation = s.kind == StatementKind::equation || (s.kind == StatementKind::output && s.has_equation);
    if (!equation) return;
    if (item_.kind == ItemKind::cell) {
      if (!s.time) {
        diagnostics_
            .error(Code::E0403, fmt::format("`{}` has no time on the left", s.name), diagnostics_.current, s.name_span)
            .help.push_back(fmt::format("write {}[t] = …", s.name));
      } else if (*s.time != TimeIndex{TimeBase::t, 0}) {
        diagnostics_.error(Code::E0405, "an equation of a cell is one of step t", diagnostics_.current, s.time_span,
                           "write [t]");
      }
    } else if (item_.kind != ItemKind::rule && s.time) {
      diagnostics_.error(
          Code::E0408, fmt::format("{} `{}` is a function of one step: it has no [t]", word_of(item_.kind), item_.name),
          diagnostics_.current, s.time_span);
    } else if (item_.kind == ItemKind::rule && s.time && !left_time(*s.time)) {
      diagnostics_
          .error(Code::E0405, "the left side of an equation is [t], or a boundary: [start], [end] or [last]",
                 diagnostics_.current, s.time_span)
          .help.push_back("shift the whole equation, so that its left side is at t");
    }
  }

  static bool left_time(const TimeIndex& time) { return time.offset == 0 && time.base != TimeBase::k; }

  void once(StatementKind kind) {
    const Statement* first = nullptr;
    for (const Statement& s : item_.statements) {
      if (s.kind != kind) continue;
      if (first != nullptr) {
        diagnostics_
            .error(Code::E0302, fmt::format("a {} has one `{}` line", word_of(item_.kind), word_of(kind)),
                   diagnostics_.current, place(s))
            .labels.push_back({diagnostics_.current, place(*first), "the first one"});
      } else {
        first = &s;
      }
    }
  }

  void roles() {
    const HeaderEntry* cell = nullptr;
    for (const HeaderEntry& h : item_.header) {
      if (h.kind != HeaderEntry::Kind::role) continue;
      if (item_.kind != ItemKind::rule) {
        diagnostics_.error(Code::E0509, fmt::format("a {} has no roles", word_of(item_.kind)), diagnostics_.current,
                           h.span, "only a rule has");
      } else if (h.role == ItemKind::cell && cell != nullptr) {
        diagnostics_.error(Code::E0509, "a rule has one cell", diagnostics_.current, h.span)
            .labels.push_back({diagnostics_.current, cell->span, "the first one"});
      }
      if (h.role == ItemKind::cell) cell = &h;
      if (!h.over.empty() && h.role != ItemKind::cell)
        diagnostics_.error(Code::E0509, "`over neurons` belongs to the cell", diagnostics_.current, h.span);
    }
    if (item_.kind == ItemKind::rule && cell == nullptr)
      missing("a cell in its header", "rule r(net: cell, L: readout) { … }", Code::E0509);
    if (item_.kind == ItemKind::optimiser && item_.header.size() != 2) {
      missing("two names in its header, the parameter and what was gathered for it", "optimiser o(p, grad) { … }",
              Code::E0509);
    }
  }

  bool has(StatementKind kind) const {
    return std::any_of(item_.statements.begin(), item_.statements.end(),
                       [&](const Statement& s) { return s.kind == kind; });
  }

  bool assigns(const std::vector<Statement>& list) const {
    return std::any_of(list.begin(), list.end(),
                       [&](const Statement& s) { return s.assign == AssignKind::assign || assigns(s.body); });
  }

  void missing(std::string_view what, std::string_view example, Code code = Code::E0503) {
    diagnostics_
        .error(code, fmt::format("the {} `{}` lacks {}", word_of(item_.kind), item_.name, what), diagnostics_.current,
               item_.name_span)
        .help.push_back(fmt::format("for example: {}", example));
  }

  void needs() {
    switch (item_.kind) {
      case ItemKind::cell:
        if (!has(StatementKind::state)) missing("a state", "state h[n] = 0");
        return;
      case ItemKind::synth:
        if (!has(StatementKind::output)) missing("an output", "output g = A . s + a");
        return;
      case ItemKind::readout:
        if (!has(StatementKind::loss)) missing("a loss", "loss mean((o - y)^2)");
        return;
      case ItemKind::rule:
        if (!has(StatementKind::learn) && !assigns(item_.statements))
          missing("what it learns", "learn ψ -= r[t] . d(s[t])/d(ψ)");
        return;
      case ItemKind::optimiser:
        if (!assigns(item_.statements)) missing("an update", "p := p + α*grad");
        return;
    }
  }

  const Item& item_;
  Diagnostics& diagnostics_;
};

}  // namespace

bool belongs(StatementKind line, ItemKind item) {
  const Kinds& lines = lines_of(item);
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

void check_structure(const Item& item, Diagnostics& diagnostics) { Structure(item, diagnostics).run(); }

}  // namespace eligo::dsl
