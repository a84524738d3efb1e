#include <fmt/core.h>

#include <map>
#include <utility>

#include "dsl/check.h"
#include "dsl/file.h"

namespace eligo::dsl {
namespace {

std::string left_side(const Statement& s) { return s.time ? fmt::format("{}[{}]", s.name, print(*s.time)) : s.name; }

bool defines(const Statement& s) {
  return (s.kind == StatementKind::equation && s.assign == AssignKind::define) ||
         (s.kind == StatementKind::output && s.has_equation);
}

class Definitions {
 public:
  Definitions(const Scope& scope, Diagnostics& diagnostics)
      : scope_(scope), item_(scope.item()), diagnostics_(diagnostics) {}

  void run() {
    equations(item_.statements, false);
    for (const Statement& s : item_.statements) {
      if (!s.body.empty()) equations(s.body, true);
      if (s.kind == StatementKind::learn && item_.kind == ItemKind::rule) learn(s);
    }
    if (item_.kind == ItemKind::cell) states();
    learned_or_assigned();
  }

 private:
  Diagnostic& error(Code code, std::string message, Span span) {
    return diagnostics_.error(code, std::move(message), diagnostics_.current, span);
  }
  void declared(Diagnostic& d, const Symbol& s) {
    d.labels.push_back({diagnostics_.current, s.span, fmt::format("it is {}", word_of(s.kind))});
  }

  // Each name once in general and once at each boundary; boundaries need a general equation.
  void equations(const std::vector<Statement>& list, bool block) {
    std::map<std::string, const Statement*> seen;
    std::map<std::string, const Statement*> general;
    for (const Statement& s : list) {
      if (s.kind != StatementKind::equation && s.kind != StatementKind::output) continue;
      if (s.kind == StatementKind::output && !s.has_equation) continue;
      const std::string key = left_side(s) + (s.assign == AssignKind::assign ? " :=" : "");
      const auto [first, fresh] = seen.try_emplace(key, &s);
      if (!fresh) {
        error(Code::E0302, fmt::format("`{}` is defined twice", left_side(s)), s.name_span)
            .labels.push_back({diagnostics_.current, first->second->name_span, "first here"});
      }
      if (s.assign == AssignKind::assign) {
        assign(s, block);
      } else {
        define(s, block);
        if (is_general(s, block)) general.emplace(s.name, &s);
      }
    }
    for (const Statement& s : list) {
      if (!defines(s)) continue;
      const auto found = general.find(s.name);
      if (found == general.end()) {
        error(Code::E0312, fmt::format("`{}` has no general equation", s.name), s.name_span)
            .help.push_back(fmt::format("`{}` replaces one at that boundary: write {}[{}] = …", left_side(s), s.name,
                                        block ? "k" : "t"));
      } else if (found->second->time.has_value() != s.time.has_value()) {
        error(Code::E0403, fmt::format("`{}` stands with and without a time", s.name), s.name_span)
            .labels.push_back({diagnostics_.current, found->second->name_span, ""});
      }
    }
  }

  static bool is_general(const Statement& s, bool block) {
    if (!s.time) return true;
    return s.time->base == TimeBase::t ? !block : s.time->base == TimeBase::k;
  }

  // `=` gives a value to a name that nothing else declares, to a state, and in a block to parameters under revision.
  void define(const Statement& s, bool block) {
    const Symbol* symbol = scope_.find(s.name);
    if (block && s.time && s.time->base != TimeBase::k &&
        (s.time->offset != 0 || s.time->base == TimeBase::end || s.time->base == TimeBase::last)) {
      error(Code::E0405, "the left side in a block is at k, or at its boundaries, [t] and [start]", s.time_span);
    }
    if (symbol == nullptr || symbol->kind == SymbolKind::value || symbol->kind == SymbolKind::state) return;
    const bool revised = block && symbol->kind == SymbolKind::bundle && symbol->bundle == BundleKind::params && s.time;
    if (revised) return;
    Diagnostic& d = error(Code::E0506, fmt::format("`{}` cannot be defined by an equation", s.name), s.name_span);
    declared(d, *symbol);
    if (symbol->kind == SymbolKind::keep || symbol->kind == SymbolKind::param)
      d.help.push_back(fmt::format("its value changes by `{} := …`", s.name));
    else d.help.push_back("choose another name for the equation");
  }

  void assign(const Statement& s, bool block) {
    const Symbol* symbol = scope_.find(s.name);
    if (s.time || !s.indices.empty())
      error(Code::E0506, fmt::format("`:=` gives `{}` its next value: without brackets on the left", s.name),
            s.name_span);
    if (symbol != nullptr && symbol->kind == SymbolKind::keep) return;
    const bool optimiser = item_.kind == ItemKind::optimiser && symbol != nullptr && symbol->kind == SymbolKind::param;
    const bool params =
        block && symbol != nullptr && symbol->kind == SymbolKind::bundle && symbol->bundle == BundleKind::params;
    if (optimiser || params) return;
    if (symbol == nullptr) {
      unknown_name(s.name, s.name_span, scope_, diagnostics_);
      return;
    }
    Diagnostic& d = error(Code::E0506, fmt::format("`{}` cannot be changed by `:=`", s.name), s.name_span);
    declared(d, *symbol);
    if (symbol->kind == SymbolKind::bundle && symbol->bundle == BundleKind::params)
      d.help.push_back(fmt::format("write learn {} += …; `:=` belongs in an `at each` block", s.name));
    else if (symbol->kind == SymbolKind::value)
      d.help.push_back(fmt::format("an equation is written with `=`; what lives on is declared: keep {} = 0", s.name));
  }

  // A bound is a number or a hyper: what a step adds is compared to it outside of all equations.
  void clip(const Expr& bound) {
    if (bound.kind == ExprKind::number) {
      if (!(bound.number > 0)) error(Code::E0507, "a clip needs a bound above zero", bound.span);
      return;
    }
    const Symbol* symbol = bound.kind == ExprKind::name ? scope_.find(bound.name) : nullptr;
    if (symbol != nullptr && symbol->kind == SymbolKind::hyper) return;
    if (bound.kind == ExprKind::name && symbol == nullptr) {
      unknown_name(bound.name, bound.span, scope_, diagnostics_);
      return;
    }
    Diagnostic& d = error(Code::E0507, "the bound of a clip is a number or a hyper", bound.span);
    if (symbol != nullptr) declared(d, *symbol);
    d.help.push_back("name it: hyper bound = 1, then clip bound");
  }

  void learn(const Statement& s) {
    if (s.clip) clip(*s.clip);
    const bool path = s.name.find('.') != std::string::npos;
    const Symbol* found = scope_.find(s.name.substr(0, s.name.find('.')));
    if (found == nullptr) {
      unknown_name(s.name.substr(0, s.name.find('.')), s.name_span, scope_, diagnostics_);
      return;
    }
    const Symbol symbol = path ? scope_.member_of_role(s.name, s.name_span, &diagnostics_) : *found;
    const bool learnable = symbol.kind == SymbolKind::bundle &&
                           (symbol.bundle == BundleKind::params || symbol.bundle == BundleKind::member);
    if (learnable) return;
    Diagnostic& d = error(Code::E0504, fmt::format("`{}` is no parameter", s.name), s.name_span);
    declared(d, *found);
    d.help.push_back("what is learned is a bundle, let ψ = net.params, or one parameter of a role, net.W");
  }

  // Every state has its equation.
  void states() {
    for (const Statement& s : item_.statements) {
      if (s.kind != StatementKind::state) continue;
      for (const Declaration& d : s.decls) {
        bool found = false;
        for (const Statement& e : item_.statements) found = found || (defines(e) && e.name == d.name);
        if (!found)
          error(Code::E0503, fmt::format("the state `{}` has no equation", d.name), d.span)
              .help.push_back(fmt::format("write {}[t] = …", d.name));
      }
    }
  }

  void learned_or_assigned() {
    std::map<std::string, const Statement*> learned;
    for (const Statement& s : item_.statements) {
      if (s.kind == StatementKind::learn) learned.emplace(key_of(s.name), &s);
    }
    for (const Statement& block : item_.statements) {
      for (const Statement& s : block.body) {
        const auto found = learned.find(key_of(s.name));
        if (s.assign != AssignKind::assign || found == learned.end()) continue;
        error(Code::E0505, fmt::format("`{}` is both learned and assigned", s.name), s.name_span)
            .labels.push_back(
                {diagnostics_.current, found->second->name_span, "learned here, which an optimiser applies"});
      }
    }
  }

  std::string key_of(const std::string& name) const {
    const Symbol* s = scope_.find(name);
    return s != nullptr && s->kind == SymbolKind::bundle ? s->key : name;
  }

  const Scope& scope_;
  const Item& item_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_definitions(const Scope& scope, Diagnostics& diagnostics) { Definitions(scope, diagnostics).run(); }

}  // namespace eligo::dsl
