// The axes of all equations of an item: silently until they are known, then once reporting errors, with every line
// compared to its left side.
#include <fmt/core.h>

#include <algorithm>

#include "dsl/check.h"
#include "dsl/file.h"
#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

bool defines(const Statement& s) {
  const bool equation = s.kind == StatementKind::equation || (s.kind == StatementKind::output && s.has_equation);
  return equation && s.assign == AssignKind::define && s.value;
}

bool is_boundary(const Statement& s) { return s.time && s.time->base != TimeBase::t && s.time->base != TimeBase::k; }

class AxesOfItem {
 public:
  AxesOfItem(const Scope& scope, Diagnostics& diagnostics, const LineVisitor& visit)
      : scope_(scope), diagnostics_(diagnostics), visit_(visit), infer_(scope, diagnostics) {}

  Inference run() {
    const auto& lines = scope_.item().statements;
    enter(lines, infer_.names);
    settle(lines, infer_.names);
    infer_.reporting = true;
    for (const Statement& s : lines) {
      if (s.body.empty()) compare(s);
      else block(s);
    }
    infer_.reporting = false;
    return std::move(infer_);
  }

 private:
  using Table = std::map<std::string, Inference::Name>;

  // The names that equations define; a state has its declared axes already, parameters that a block revises their own.
  void enter(const std::vector<Statement>& lines, Table& table) {
    for (const bool boundary : {false, true}) {
      for (const Statement& s : lines) {
        if (!defines(s) || is_boundary(s) != boundary) continue;
        const Symbol* symbol = scope_.find(s.name);
        const bool local = &table == &infer_.locals;
        if (local && symbol != nullptr && symbol->kind == SymbolKind::bundle) infer_.revised.insert(s.name);
        else if (local || symbol == nullptr || symbol->kind == SymbolKind::value)
          table.try_emplace(s.name, Inference::Name{Shape::bottom(), &s});
      }
    }
  }

  // Shapes only grow from `bottom`, so a few rounds settle them.
  void settle(const std::vector<Statement>& lines, Table& table) {
    for (std::size_t round = 0; round < table.size() + 2; ++round) {
      bool changed = false;
      for (const Statement& s : lines) {
        const auto found = table.find(s.name);
        if (!defines(s) || found == table.end() || (is_boundary(s) && !found->second.shape.is_bottom())) continue;
        const Shape shape = infer_.of_equation(s);
        const bool grows = !shape.is_bottom() &&
                           (found->second.shape.is_bottom() || shape.axes.size() > found->second.shape.axes.size());
        if (!grows || found->second.shape.is_unknown()) continue;
        found->second.shape = shape;
        changed = true;
      }
      if (!changed) break;
    }
    for (auto& [name, entry] : table) {
      if (entry.shape.is_bottom()) entry.shape = Shape::unknown();
    }
  }

  void block(const Statement& s) {
    infer_.region = s.kind == StatementKind::at_each ? Region::at_each : Region::per_neuron;
    if (s.kind == StatementKind::per_neuron && s.running != scope_.neurons()) neurons(s);
    enter(s.body, infer_.locals);
    infer_.reporting = false;
    settle(s.body, infer_.locals);
    infer_.reporting = true;
    for (const Statement& line : s.body) compare(line, &s);
    infer_.locals.clear();
    infer_.revised.clear();
    infer_.region = Region::item;
  }

  void neurons(const Statement& s) {
    auto& d = diagnostics_.error(Code::E0308, fmt::format("`{}` is not the axis of the cell's neurons", s.running),
                                 diagnostics_.current, s.name_span);
    if (scope_.neurons().empty())
      d.help.push_back(
          fmt::format("name it in the header: rule {}(net: cell over neurons {}, …)", scope_.item().name, s.running));
    else d.help.push_back(fmt::format("the header calls it {}", scope_.neurons()));
  }

  // The right side, reporting errors, against the left.
  void compare(const Statement& s, const Statement* block = nullptr) {
    if (s.kind == StatementKind::output && !s.has_equation) {
      output(s);
      if (visit_) visit_(infer_, s, block, Shape::unknown());
      return;
    }
    if (!s.value || s.kind == StatementKind::window || !belongs(s.kind, scope_.item().kind)) return;
    const bool samples = scope_.item().kind == ItemKind::synth && s.assign == AssignKind::assign;
    if (samples) infer_.region = Region::samples;
    const Shape right = infer_.of_equation(s);
    if (visit_) visit_(infer_, s, block, right);
    if (samples) infer_.region = Region::item;
    const auto left = left_side(s);
    if (!left || !right.is_known() || !right.sure || !left->is_known() || !left->sure) return;
    const bool fits = s.kind == StatementKind::learn ? right.axes == left->axes : covers(*left, right);
    if (!fits) mismatch(s, *left, right);
  }

  bool covers(const Shape& left, const Shape& right) const {
    return align(left.axes, right.axes, scope_.neurons()) == left.axes;
  }

  // output c
  void output(const Statement& s) {
    const Symbol* symbol = scope_.find(s.name);
    const bool has = symbol != nullptr && (symbol->kind == SymbolKind::state || symbol->kind == SymbolKind::value ||
                                           symbol->kind == SymbolKind::input);
    if (symbol == nullptr) {
      unknown_name(s.name, s.name_span, scope_, diagnostics_);
    } else if (!has) {
      diagnostics_.error(Code::E0506, fmt::format("`{}` is no output", s.name), diagnostics_.current, s.name_span)
          .labels.push_back({diagnostics_.current, symbol->span, fmt::format("it is {}", word_of(symbol->kind))});
    }
  }

  std::optional<Shape> left_side(const Statement& s) {
    if (s.kind == StatementKind::loss) return Shape::scalar();
    if (s.kind == StatementKind::learn) return learned(s.name);
    const auto local = infer_.locals.find(s.name);
    if (local != infer_.locals.end()) return local->second.shape;
    const Symbol* symbol = scope_.find(s.name);
    if (symbol != nullptr && symbol->kind == SymbolKind::bundle) return learned(s.name);
    if (symbol != nullptr && symbol->kind != SymbolKind::value) {
      auto axes = symbol->axes;
      if (infer_.region == Region::per_neuron) std::erase(axes, scope_.neurons());
      return Shape::of(std::move(axes));
    }
    const auto name = infer_.names.find(s.name);
    return name == infer_.names.end() ? std::nullopt : std::optional(name->second.shape);
  }

  Shape learned(const std::string& name) const {
    const Symbol* symbol = scope_.find(name);
    const Symbol bundle = symbol != nullptr ? *symbol : scope_.member_of_role(name, {});
    return bundle.kind == SymbolKind::bundle && bundle.bundle == BundleKind::params ? Shape::of({bundle.key})
                                                                                    : Shape::unknown();
  }

  std::string shown(const Shape& s) const { return s.is_scalar() ? "a number" : scope_.shown(s.axes); }

  void mismatch(const Statement& s, const Shape& left, const Shape& right) {
    if (s.kind == StatementKind::loss) {
      diagnostics_.error(Code::E0306, "the loss is one number", diagnostics_.current, s.value->span, shown(right))
          .help.push_back("for example: loss mean(…)");
      return;
    }
    const std::string name = s.time ? fmt::format("{}[{}]", s.name, print(*s.time)) : s.name;
    const std::string message =
        s.kind == StatementKind::learn
            ? fmt::format("what is added to `{}` must be {}, not {}", name, shown(left), shown(right))
            : fmt::format("`{}` is {}, the right side is {}", name, shown(left), shown(right));
    auto& d = diagnostics_.error(Code::E0306, message, diagnostics_.current, s.value->span, shown(right));
    const Symbol* symbol = scope_.find(s.name);
    const auto inferred = infer_.names.find(s.name);
    const Statement* general = inferred == infer_.names.end() ? nullptr : inferred->second.statement;
    if (general != nullptr && general != &s)
      d.labels.push_back({diagnostics_.current, general->name_span, fmt::format("{} by this equation", shown(left))});
    else if (symbol != nullptr && general == nullptr)
      d.labels.push_back({diagnostics_.current, symbol->span, fmt::format("{} here", shown(left))});
    if (s.kind == StatementKind::learn)
      d.help.push_back(fmt::format("end in a derivative by {0}: … . d(…)/d({0})", s.name));
  }

  const Scope& scope_;
  Diagnostics& diagnostics_;
  const LineVisitor& visit_;
  Inference infer_;
};

}  // namespace

Inference infer_axes(const Scope& scope, Diagnostics& diagnostics, const LineVisitor& visit) {
  return AxesOfItem(scope, diagnostics, visit).run();
}

}  // namespace eligo::dsl
