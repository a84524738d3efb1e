#include "dsl/locality.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

class Walk {
 public:
  Walk(const Scope& scope, const RuleTime& time) : scope_(scope), time_(time) {}

  void expression(const Expr& e, int shift, const std::string& via) {
    switch (e.kind) {
      case ExprKind::derivative: return derivative(e, shift, via);
      case ExprKind::call: call(e, via); break;
      case ExprKind::name:
      case ExprKind::member:
      case ExprKind::index:
        if (read(e, shift, via)) return;
        break;
      default: break;
    }
    for (const ExprPtr& a : e.args) expression(*a, shift, via);
    for (const ExprPtr& p : e.overrides) expression(*p, shift, via);
  }

  Locality out;

 private:
  // The numerator is read; the denominator only names what is varied and held.
  void derivative(const Expr& e, int shift, const std::string& via) {
    const auto is_direct = [](const std::vector<Read>& reads) { return reads.size() == 1; };
    const std::vector<Read> of = reads_of(*e.args[0]), by = reads_of(*e.args[1]);
    std::vector<Read> held;
    for (std::size_t i = 2; i < e.args.size(); ++i)
      for (const Read& read : reads_of(*e.args[i])) held.push_back(read);
    if (is_direct(of) && is_direct(by)) through(of[0], by[0], held, via);
    expression(*e.args[0], shift, via);
  }

  // Whose parameters the way from `by` to `of` leads through.
  void through(const Read& of, const Read& by, const std::vector<Read>& held, const std::string& via) {
    const Symbol* s = scope_.find(of.root);
    if (s == nullptr) return;
    const bool loss = s->kind == SymbolKind::role && s->role == ItemKind::readout;
    const bool state = s->kind == SymbolKind::bundle && s->bundle == BundleKind::state;
    if (loss) parameters(of.root + ".params", via);
    const Symbol* varied = scope_.find(by.root);
    const bool own = varied != nullptr && varied->kind == SymbolKind::bundle && varied->key == of.root + ".params";
    const bool same_step = by.time && by.time == of.time;
    const bool behind_state = std::any_of(held.begin(), held.end(), [&](const Read& h) {
      const Symbol* what = scope_.find(h.root);
      return what != nullptr && what->kind == SymbolKind::bundle && what->bundle == BundleKind::state && h.time == of.time;
    });
    if ((state || loss) && !same_step && !own && !behind_state) parameters(cell() + ".params", via);
  }

  std::string cell() const {
    for (const HeaderEntry& h : scope_.item().header) {
      if (h.kind == HeaderEntry::Kind::role && h.role == ItemKind::cell) return h.name;
    }
    return "";
  }

  void call(const Expr& e, const std::string& via) {
    const Symbol* s = scope_.find(e.name);
    if (s != nullptr && s->kind == SymbolKind::role) parameters(e.name + ".params", via);
  }

  void parameters(const std::string& key, const std::string& via) { out.parameters.try_emplace(key, via); }

  bool read(const Expr& e, int shift, const std::string& via) {
    const std::vector<Read> reads = reads_of(e);
    if (reads.size() != 1) return false;
    const Read& r = reads[0];
    const bool general = r.time && (r.time->base == TimeBase::t || r.time->base == TimeBase::k);
    if (r.time && (r.time->base == TimeBase::end || r.time->base == TimeBase::last)) out.end = true;
    const int at = shift + (general ? r.time->offset : 0);
    if (time_.names.contains(r.root)) {
      name(r.root, at);
      return true;
    }
    const Symbol* s = scope_.find(r.root);
    if (s == nullptr) return true;
    if (s->kind == SymbolKind::bundle && s->bundle == BundleKind::params) parameters(s->key, via);
    else if (r.time && (s->kind == SymbolKind::role || s->kind == SymbolKind::bundle)) {
      std::set<int>& steps = out.quantities[r.path];
      if (general) steps.insert(at);
    }
    return true;
  }

  void name(const std::string& name, int at) {
    const NameTime& time = time_.names.at(name);
    const bool recurrence = time.direction != Direction::none;
    if (!visited_.insert({name, recurrence ? 0 : at}).second) return;
    if (time.direction == Direction::forward) out.traces.push_back(name);
    if (time.direction == Direction::backward) out.backward.push_back(name);
    for (const Statement& s : scope_.item().statements) {
      const bool general =
          s.kind == StatementKind::equation && s.assign == AssignKind::define && s.name == name && s.value;
      if (general && (!s.time || s.time->base == TimeBase::t)) expression(*s.value, at, name);
    }
  }

  const Scope& scope_;
  const RuleTime& time_;
  std::set<std::pair<std::string, int>> visited_;
};

std::string steps(const std::set<int>& at) {
  if (at.empty()) return "";
  const int low = *at.begin(), high = *at.rbegin();
  if (low == 0 && high == 0) return "this step";
  if (low == 1 && high == 1) return "the next step";
  if (low == -1 && high == -1) return "the step before";
  if (low == 0 && high == 1) return "this step and the next";
  if (low == -1 && high == 0) return "the step before and this one";
  const auto shown = [](int n) { return n == 0 ? std::string("t") : fmt::format("t{:+}", n); };
  return fmt::format("steps {} to {}", shown(low), shown(high));
}

}  // namespace

Locality locality_of(const Statement& line, const Scope& scope, const RuleTime& time) {
  Walk walk(scope, time);
  if (line.value) walk.expression(*line.value, 0, "");
  for (const Statement& inner : line.body) {
    if (inner.value) walk.expression(*inner.value, 0, "");
  }
  return std::move(walk.out);
}

std::string describe(const Locality& locality, const Scope& scope, const std::string& learned,
                     const std::string& span) {
  std::vector<std::string> parts;
  std::set<int> all;
  std::vector<std::string> quantities;
  for (const auto& [name, at] : locality.quantities) {
    all.insert(at.begin(), at.end());
    quantities.push_back(name);
  }
  const std::string when = !span.empty() ? span : !locality.backward.empty() ? "the whole window" : steps(all);
  if (!quantities.empty())
    parts.push_back(fmt::format("{}: {}", when.empty() ? "boundaries" : when, fmt::join(quantities, ", ")));
  else if (!when.empty()) parts.push_back(when);
  for (const std::string& name : locality.traces) parts.push_back("the trace " + name);
  for (const std::string& name : locality.backward) parts.push_back(fmt::format("{}, which runs backward", name));
  if (locality.end && locality.backward.empty()) parts.push_back("the end of the window");
  std::vector<std::string> parameters;
  const Symbol* own = scope.find(learned);
  for (const auto& [key, via] : locality.parameters) {
    if (key == (own != nullptr ? own->key : learned)) continue;
    const std::string role = key.substr(0, key.find('.'));
    const std::string shown = scope.shown(key);
    parameters.push_back(fmt::format("{}{}", shown == key ? shown : fmt::format("{}'s {}", role, shown),
                                     via.empty() ? "" : " through " + via));
  }
  if (!parameters.empty()) parts.push_back(fmt::format("parameters: {}", fmt::join(parameters, ", ")));
  return parts.empty() ? "nothing else" : fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace eligo::dsl
