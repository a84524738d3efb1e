// What a typed item still must be to compile, whatever its parts are: synthesisers that are called, derivatives by
// variables, statistics of samples, keep values that are the same for all steps and examples.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "dsl/check.h"
#include "dsl/file.h"
#include "dsl/typed_item.h"

namespace eligo::dsl {
namespace {

// Known before the run: which entries can be other than zero.
bool is_pattern(const TypedExpr& e) {
  return e.kind == TypedKind::function && (e.function == FunctionId::nonzero || e.function == FunctionId::reach);
}

class Meaning {
 public:
  Meaning(const TypedItem& item, Diagnostics& diagnostics) : item_(item), diagnostics_(diagnostics) {}

  void run() {
    for (const TypedRole& role : item_.roles) called(role);
    for (const auto& [name, equation] : item_.equations) lines_of(equation);
    if (item_.output) line(*item_.output);
    if (item_.loss) line(*item_.loss);
    for (const TypedLearn& learn : item_.learns) line(learn.line);
    for (const TypedBlock& block : item_.blocks) of_block(block);
    for (const TypedStatistics& block : item_.statistics) of_statistics(block);
    for (const TypedChange& change : item_.changes)
      if (change.line) of_change(*change.line);
  }

 private:
  Diagnostic& error(Code code, Span span, std::string message, std::string help) {
    Diagnostic& d = diagnostics_.error(code, std::move(message), diagnostics_.current, span);
    d.help.push_back(std::move(help));
    return d;
  }

  std::string written(const TypedExpr& e) const {
    return item_.source->text.substr(e.span.begin, e.span.end - e.span.begin);
  }

  void called(const TypedRole& role) {
    if (role.entry->role != ItemKind::synth || role.first_call) return;
    const std::string& name = role.entry->name;
    error(Code::E0509, role.entry->span, fmt::format("the synthesiser {} is never called", name),
          fmt::format("its inputs are those of its calls: write G[t] = {}(s[t]), or take it out of the header", name));
  }

  void lines_of(const TypedEquation& equation) {
    line(equation.general);
    for (const auto& [base, boundary] : equation.boundaries) line(boundary);
  }

  void of_block(const TypedBlock& block) {
    block_ = &block;
    for (const auto& [name, equation] : block.equations) lines_of(equation);
    for (const auto& [name, revision] : block.revised)
      for (const auto& l : {revision.general, revision.start, revision.assign})
        if (l) line(*l);
    block_ = nullptr;
  }

  void line(const TypedLine& l) {
    if (l.value) derivatives(*l.value);
  }

  // Derivatives ------------------------------------------------------------------------------------------------------

  void derivatives(const TypedExpr& e) {
    for_each_part(e, [&](const TypedExpr& part) {
      for (const TypedPtr& given : part.overrides) derivatives(*given);
      if (part.kind != TypedKind::derivative) return;
      if (!is_variable(*part.args[1]))
        error(
            Code::E0207, part.args[1]->span, fmt::format("`{}` stands for an expression", written(*part.args[1])),
            fmt::format(
                "differentiate by what it is made of, as in d(…)/d(s[t]), or make it a value of its own: record {} = …",
                written(*part.args[1])));
      for (std::size_t i = 2; i < part.args.size(); ++i)
        if (!can_be_held(*part.args[i]))
          error(Code::E0207, part.args[i]->span, fmt::format("`{}` cannot be held", written(*part.args[i])),
                "what stands behind the bar is a state, an input or a field of a part at a step: d(L[t])/d(ψ | s[t])");
    });
  }

  // Whether this is one value that equations are followed to, or a name of one. What a part decides passes.
  bool is_variable(const TypedExpr& e) const {
    switch (e.kind) {
      case TypedKind::bundle:
      case TypedKind::member:
      case TypedKind::loss:
      case TypedKind::revised: return true;
      case TypedKind::local: {
        if (block_ == nullptr) return true;
        const TypedEquation& equation = block_->equations.at(e.name);
        return equation.recurrent() || is_other_name(equation);
      }
      case TypedKind::read: {
        const auto found = item_.equations.find(e.name);
        if (found == item_.equations.end()) return true;
        const bool stored = item_.kind() == ItemKind::cell || item_.kind() == ItemKind::readout;
        return stored || found->second.recurrent() || found->second.record || is_other_name(found->second);
      }
      case TypedKind::place:
        return std::all_of(e.places.begin(), e.places.end(),
                           [](const PlaceIndex& place) { return place.kind == PlaceIndex::Kind::letter; }) &&
               is_variable(*e.args[0]);
      default: return false;
    }
  }

  // a[t] = s[t], which may be zero at the start.
  bool is_other_name(const TypedEquation& equation) const {
    for (const auto& [base, boundary] : equation.boundaries)
      if (base != TimeBase::start || boundary.value->kind != TypedKind::number || boundary.value->number != 0)
        return false;
    return is_variable(*equation.general.value);
  }

  bool can_be_held(const TypedExpr& e) const {
    if (e.kind == TypedKind::bundle) return e.bundle != BundleKind::params;
    if (e.kind == TypedKind::read) {
      const auto found = item_.equations.find(e.name);
      if (found != item_.equations.end() && item_.kind() == ItemKind::rule)
        return found->second.recurrent() || found->second.record;
      return e.symbol == nullptr || e.symbol->kind != SymbolKind::param;
    }
    return is_variable(e);
  }

  // Statistics -------------------------------------------------------------------------------------------------------

  // Over the samples, which are the steps of all examples: in a block mean, var and cov, in a synthesiser mean and var.
  static bool over_samples(const TypedExpr& e) {
    if (e.kind == TypedKind::samples) return true;
    return e.kind == TypedKind::function && e.axes.empty() &&
           (e.function == FunctionId::mean || e.function == FunctionId::var || e.function == FunctionId::cov);
  }

  // The first statistic in an expression or in the names that it reads; null without.
  const TypedExpr* statistic_in(const TypedExpr& e) {
    if (over_samples(e)) return &e;
    if (e.kind == TypedKind::local && statistics_ != nullptr) {
      const auto [known, fresh] = statistic_of_.try_emplace(e.name, nullptr);
      return fresh ? statistic_of_[e.name] = statistic_in(*statistics_->equations.at(e.name).value) : known->second;
    }
    for (const TypedPtr& a : e.args)
      if (const TypedExpr* found = statistic_in(*a)) return found;
    return nullptr;
  }

  void nested(const TypedExpr& e) {
    for_each_part(e, [&](const TypedExpr& part) {
      if (!over_samples(part)) return;
      for (const TypedPtr& a : part.args)
        if (statistic_in(*a) != nullptr)
          error(Code::E0410, a->span, "a statistic of a statistic", "its samples are the steps of all examples");
    });
  }

  void of_statistics(const TypedStatistics& block) {
    statistics_ = &block;
    forget();
    for (const auto& [name, l] : block.equations) {
      line(l);
      nested(*l.value);
    }
    for (const TypedLine& l : block.assigns) {
      line(l);
      nested(*l.value);
      const bool per_step = is_per_step(item_.scope.find(l.name()));
      if (!block.source->over_time && !per_step)
        error(Code::E0411, l.span(),
              fmt::format("statistics over the batch alone are those of each step, {} has one value for all", l.name()),
              fmt::format("declare keep {}[{}] per step, or write: over batch and t", l.name(), block.source->running));
      else same_for_all(l, per_step);
    }
    statistics_ = nullptr;
    forget();
  }

  // Names of a block mean something else in the next.
  void forget() {
    statistic_of_.clear();
    varying_in_.clear();
  }

  void of_change(const TypedLine& l) {
    line(l);
    if (item_.kind() == ItemKind::optimiser) return;
    if (item_.kind() == ItemKind::synth) nested(*l.value);
    same_for_all(l, is_per_step(item_.scope.find(l.name())));
  }

  // Keep values ------------------------------------------------------------------------------------------------------

  static bool is_per_step(const Symbol* symbol) {
    return symbol != nullptr && symbol->declaration != nullptr && symbol->declaration->per_step;
  }

  void same_for_all(const TypedLine& l, bool per_step) {
    const TypedExpr* found = varying(*l.value, per_step);
    if (found == nullptr) return;
    const bool synth = item_.kind() == ItemKind::synth;
    error(Code::E0411, l.span(),
          fmt::format("{} changes once a batch, but {} differs between its examples and steps", l.name(),
                      written(*found)),
          synth      ? "take its mean(…): over the batch and the steps"
          : per_step ? "take a statistic of it: per neuron w, over batch { … mean(…) … }"
                     : "take a statistic of it: per neuron w, over batch and t { … mean(…) … }");
  }

  // What has a value for each step or example, here or in the names that are read; null without. What a part decides
  // passes.
  const TypedExpr* varying(const TypedExpr& e, bool per_step) {
    const bool statistic = statistics_ != nullptr || item_.kind() == ItemKind::synth;
    if ((statistic && over_samples(e)) || is_pattern(e)) return nullptr;
    switch (e.kind) {
      case TypedKind::step:
      case TypedKind::steps:
      case TypedKind::loss:
      case TypedKind::draw: return &e;
      case TypedKind::bundle: return e.bundle == BundleKind::params ? nullptr : &e;
      case TypedKind::local: {
        const auto [known, fresh] = varying_in_.try_emplace({e.name, per_step}, nullptr);
        if (!fresh) return known->second;
        return varying_in_[{e.name, per_step}] = varying(*statistics_->equations.at(e.name).value, per_step);
      }
      case TypedKind::read: return varying_name(e, per_step);
      default: break;
    }
    for (const TypedPtr& a : e.args)
      if (const TypedExpr* found = varying(*a, per_step)) return found;
    return nullptr;
  }

  const TypedExpr* varying_name(const TypedExpr& e, bool per_step) {
    const auto found = item_.equations.find(e.name);
    if (found == item_.equations.end()) {
      const bool of_step = is_per_step(e.symbol) && !per_step;
      return of_step || (e.symbol != nullptr && e.symbol->kind == SymbolKind::input) ? &e : nullptr;
    }
    const TypedEquation& equation = found->second;
    if (equation.recurrent() || equation.record) return &e;
    const auto [known, fresh] = varying_in_.try_emplace({e.name, per_step}, nullptr);
    if (!fresh) return known->second;
    const TypedExpr* in = varying(*equation.general.value, per_step);
    for (const auto& [base, boundary] : equation.boundaries)
      if (in == nullptr) in = varying(*boundary.value, per_step);
    return varying_in_[{e.name, per_step}] = in;
  }

  const TypedItem& item_;
  Diagnostics& diagnostics_;
  const TypedBlock* block_ = nullptr;
  const TypedStatistics* statistics_ = nullptr;
  // What was found in the names that were followed; a name may be read by many others.
  std::map<std::string, const TypedExpr*> statistic_of_;
  std::map<std::pair<std::string, bool>, const TypedExpr*> varying_in_;
};

}  // namespace

void check_meaning(const TypedItem& item, Diagnostics& diagnostics) { Meaning(item, diagnostics).run(); }

}  // namespace eligo::dsl
