#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "dsl/check.h"
#include "dsl/file.h"
#include "dsl/functions.h"
#include "dsl/names.h"
#include "dsl/parse_statement.h"

namespace eligo::dsl {
namespace {

// The value of an expression of plain numbers.
std::optional<double> constant(const Expr& e) {
  if (e.kind == ExprKind::number) return e.number;
  std::vector<double> a;
  for (const ExprPtr& arg : e.args) {
    const auto value = constant(*arg);
    if (!value) return std::nullopt;
    a.push_back(*value);
  }
  switch (e.kind) {
    case ExprKind::negate: return -a[0];
    case ExprKind::add: return a[0] + a[1];
    case ExprKind::subtract: return a[0] - a[1];
    case ExprKind::multiply: return a[0] * a[1];
    case ExprKind::divide: return a[0] / a[1];
    case ExprKind::power: return std::pow(a[0], a[1]);
    default: break;
  }
  if (e.kind == ExprKind::call && e.name == "sqrt" && a.size() == 1) return std::sqrt(a[0]);
  return std::nullopt;
}

class Declarations {
 public:
  Declarations(const Scope& scope, Diagnostics& diagnostics) : scope_(scope), diagnostics_(diagnostics) {}

  void run() {
    for (const Statement& s : scope_.item().statements) {
      for (const Declaration& d : s.decls) declaration(s.kind, d);
      if (s.kind == StatementKind::axis) members(s);
      if (s.kind == StatementKind::window && s.value) length(*s.value);
    }
  }

 private:
  Diagnostic& error(Code code, std::string message, Span span) {
    return diagnostics_.error(code, std::move(message), diagnostics_.current, span);
  }

  // 1e300*1e300 is a number as it is written and none when it is computed.
  void finite(const Expr& e, const std::string& what, const std::string& of) {
    const auto value = constant(e);
    if (value && !std::isfinite(*value))
      error(Code::E0507, fmt::format("the {} of `{}` is {}, which is no finite number", what, of, *value), e.span);
  }

  void declaration(StatementKind kind, const Declaration& d) {
    const bool data = kind == StatementKind::input || kind == StatementKind::target;
    if (data && d.init.kind != InitKind::none) {
      if (!d.init_shared)
        error(Code::E0501, fmt::format("{} `{}` comes from the data and has no initialiser", word_of(kind), d.name),
              d.init.span);
    } else if (!data && d.init.kind == InitKind::none) {
      missing_initialiser(kind, d);
    }
    if (d.per_step && kind != StatementKind::param && kind != StatementKind::keep && kind != StatementKind::wiring) {
      error(Code::E0502,
            fmt::format("`per step` belongs to parameters, kept values and wirings, not to {} `{}`", word_of(kind),
                        d.name),
            d.span);
    }
    if (d.init.kind != InitKind::none && !d.init_shared) initialiser(kind, d);
    if (kind == StatementKind::hyper) hyper(d);
    if (d.low) bounds(d);
  }

  void missing_initialiser(StatementKind kind, const Declaration& d) {
    auto& e = error(Code::E0501, fmt::format("{} `{}` has no initialiser", word_of(kind), d.name), d.span);
    switch (kind) {
      case StatementKind::param:
        e.help.push_back(
            "for example: ~ uniform(-1/sqrt(n), 1/sqrt(n)), or = 0; an initialiser serves all names since the one "
            "before");
        break;
      case StatementKind::wiring: e.help.push_back(fmt::format("a wiring is drawn: {}[…] ~ sample(n)", d.name)); break;
      default: e.help.push_back(fmt::format("for example: {} = 0", d.name)); break;
    }
  }

  void initialiser(StatementKind kind, const Declaration& d) {
    const bool draws = d.init.kind == InitKind::distribution;
    if (draws) distribution(kind, d);
    if (kind == StatementKind::wiring && (!draws || d.init.distribution != "sample")) {
      error(Code::E0510, fmt::format("the wiring `{}` is not drawn by `sample`", d.name), d.init.span)
          .help.push_back("write ~ sample(n), with the axis whose places it holds");
    } else if (draws && kind != StatementKind::wiring && kind != StatementKind::param && kind != StatementKind::keep) {
      error(Code::E0501, fmt::format("{} `{}` begins with a value, not with a draw", word_of(kind), d.name),
            d.init.span)
          .help.push_back("write = 0");
    }
    for (const ExprPtr& a : d.init.args) {
      finite(*a, kind == StatementKind::hyper ? "default" : "initialiser", d.name);
      if (draws && d.init.distribution == "sample") sampled(*a);
      else number(*a, d.name);
    }
  }

  void distribution(StatementKind kind, const Declaration& d) {
    const Distribution* known = find_distribution(d.init.distribution);
    if (known == nullptr) {
      auto& e = error(Code::E0511, fmt::format("unknown distribution `{}`", d.init.distribution), d.init.span);
      const std::string near = nearest(d.init.distribution, distribution_names());
      e.help.push_back(near.empty() ? fmt::format("there are {}", fmt::join(distribution_names(), ", "))
                                    : fmt::format("did you mean `{}`?", near));
      return;
    }
    if (d.init.args.size() != known->args) {
      error(Code::E0511,
            fmt::format("`{}` takes {} argument{}, here {} {}", known->name, known->args, known->args == 1 ? "" : "s",
                        d.init.args.size() == 1 ? "is" : "are", d.init.args.size()),
            d.init.span);
    }
    if (known->name == "sample" && kind != StatementKind::wiring) {
      error(Code::E0510, fmt::format("`sample` draws places for a wiring, not {} `{}`", word_of(kind), d.name),
            d.init.span);
    }
    if (known->name == "orthogonal" && d.axes.size() != 2) {
      error(Code::E0511, fmt::format("`orthogonal` fills a matrix, and `{}` has {} axes", d.name, d.axes.size()),
            d.init.span);
    }
  }

  void sampled(const Expr& e) {
    if (e.kind == ExprKind::name && !scope_.axis_key(e.name).empty()) return;
    error(Code::E0510, fmt::format("`sample` draws from an axis, not from `{}`", print(e)), e.span);
  }

  // Sizes, hypers and arithmetic: known before anything runs.
  void number(const Expr& e, const std::string& of) {
    if (e.kind == ExprKind::name) {
      const Symbol* s = scope_.find(e.name);
      if (s == nullptr) {
        unknown_name(e.name, e.span, scope_, diagnostics_);
      } else if (s->kind != SymbolKind::size && s->kind != SymbolKind::axis && s->kind != SymbolKind::neurons) {
        error(Code::E0501, fmt::format("the initialiser of `{}` reads `{}`, {}", of, e.name, word_of(s->kind)), e.span)
            .help.push_back("an initialiser is made of numbers and sizes");
      }
      return;
    }
    const bool arithmetic = e.kind == ExprKind::number || e.kind == ExprKind::negate || e.kind == ExprKind::add ||
                            e.kind == ExprKind::subtract || e.kind == ExprKind::multiply ||
                            e.kind == ExprKind::divide || e.kind == ExprKind::power;
    const Function* f = e.kind == ExprKind::call ? find_function(e.name) : nullptr;
    const bool pointwise = f != nullptr && f->id != FunctionId::stop && f->id != FunctionId::nonzero &&
                           (f->kind == FunctionKind::pointwise || f->kind == FunctionKind::extremum) &&
                           e.args.size() >= f->min_args && e.args.size() <= f->max_args && e.axes.empty() &&
                           e.overrides.empty();
    if (!arithmetic && !pointwise) {
      error(Code::E0501, fmt::format("`{}` cannot stand in an initialiser", print(e)), e.span)
          .help.push_back("an initialiser is made of numbers and sizes");
      return;
    }
    for (const ExprPtr& a : e.args) number(*a, of);
  }

  void hyper(const Declaration& d) {
    if (!d.axes.empty())
      error(Code::E0507, fmt::format("the hyper `{}` has axes: a hyper is one number", d.name), d.axis_spans[0]);
    if (d.init.kind == InitKind::value && !d.init_shared && !constant(*d.init.args[0])) {
      error(Code::E0507, fmt::format("the default of the hyper `{}` is no plain number", d.name), d.init.span)
          .help.push_back("what depends on other values is an equation");
    }
  }

  void bounds(const Declaration& d) {
    if (d.init_shared) return;
    const auto low = constant(*d.low), high = constant(*d.high);
    if (!low || !high) {
      error(Code::E0507, fmt::format("the bounds of `{}` are no plain numbers", d.name), (low ? d.high : d.low)->span);
      return;
    }
    if (!std::isfinite(*low) || !std::isfinite(*high)) {
      finite(*d.low, "lower bound", d.name);
      finite(*d.high, "upper bound", d.name);
      return;
    }
    if (*low > *high) {
      error(Code::E0507, fmt::format("the bounds of `{}` are the wrong way round", d.name),
            {d.low->span.begin, d.high->span.end});
      return;
    }
    const auto value = d.init.kind == InitKind::value ? constant(*d.init.args[0]) : std::nullopt;
    if (value && (*value < *low || *value > *high)) {
      error(Code::E0507, fmt::format("`{}` begins outside of its bounds", d.name), d.init.args[0]->span)
          .labels.push_back({diagnostics_.current, {d.low->span.begin, d.high->span.end}, "the bounds"});
    }
  }

  void members(const Statement& s) {
    for (std::size_t i = 0; i < s.members.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (s.members[i] == s.members[j])
          error(Code::E0302, fmt::format("the axis `{}` has the member `{}` twice", s.name, s.members[i]), s.span);
      }
    }
  }

  // window n, window 5, window all
  void length(const Expr& e) {
    if (e.kind == ExprKind::name && e.name == "all") return;
    if (e.kind == ExprKind::name && scope_.find(e.name) != nullptr && scope_.find(e.name)->kind == SymbolKind::size)
      return;
    if (e.kind == ExprKind::number && e.number >= 1 && e.number <= 2147483647 && e.number == std::floor(e.number))
      return;
    if (e.kind == ExprKind::name && scope_.find(e.name) == nullptr) {
      unknown_name(e.name, e.span, scope_, diagnostics_);
      return;
    }
    error(Code::E0507, fmt::format("`{}` is no length of a window", print(e)), e.span)
        .help.push_back(
            "a window is a whole number of steps, `all`, or an entry of the header: rule r(…, n = 5) { window n }");
  }

  const Scope& scope_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_declarations(const Scope& scope, Diagnostics& diagnostics) { Declarations(scope, diagnostics).run(); }

}  // namespace eligo::dsl
