// `per neuron` blocks.
//
// The samples of a block are the steps of all examples. Nothing is kept of them but sums over batch and steps: of a
// value itself for its mean, of products a*b summed within each neuron for var and cov, of 1 for `count`. At the end of
// the batch the phase update.keep makes the statistics of these sums and assigns. A block over the batch alone keeps
// the sums of each step by themselves, and update.keep_steps assigns each step's value.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/batch_statistics.h"
#include "compiler/frontend/elaboration.h"
#include "compiler/frontend/per_step.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::FunctionId;
using dsl::TypedExpr;
using dsl::TypedKind;

namespace {

constexpr double tiny = 1e-12;  // a denominator below it decides nothing

class NeuronMeaning : public SampleMeaning {
 public:
  NeuronMeaning(const Elaboration& e, const dsl::TypedStatistics& block, Phase& samples, TimeRef now,
                const Value& weight)
      : e_(e),
        p_(e.program),
        v_(e.values()),
        block_(block),
        w_(*e.parts.neurons()),
        totals_(e.program, samples, weight.blocks.begin()->second, block.source->over_time ? TimeRef{} : now),
        here_(e.elaborator.environment(now)) {
    here_.samples = this;
  }

  // What a line assigns, and where: a denominator that is too small, or a single sample, leaves the value as it was.
  Value assigned(const dsl::TypedLine& line) {
    holds_ = v_.map(Op::gt, {count(), v_.number(1)});
    return v_.form(e_.elaborator.right_side(line, here_));
  }
  const Value& holds() const { return holds_; }

  std::optional<Value> name(const TypedExpr& e, const Environment&) override {
    if (e.kind == TypedKind::samples) return count();
    if (e.kind != TypedKind::local) return std::nullopt;
    return e_.elaborator.right_side(block_.equations.at(e.name), here_);
  }

  std::optional<Value> function(const TypedExpr& e, const Environment& at) override {
    if (!e.axes.empty()) return std::nullopt;
    switch (e.function) {
      case FunctionId::inner:
      case FunctionId::cov: {
        const Value b = argument(e, 1, at), a = argument(e, 0, at);
        return e.function == FunctionId::cov ? cov(a, b, e.span) : inner(a, b, e.span);
      }
      case FunctionId::max:
      case FunctionId::min:
        if (e.args.size() != 1) return std::nullopt;
        [[fallthrough]];
      case FunctionId::softmax:
      case FunctionId::logsumexp:
        fail(e.span, fmt::format("{} in a `per neuron` block needs the axes that it is taken over", e.name),
             fmt::format("write {}[axis](…)", e.name));
      case FunctionId::mean: return mean(argument(e, 0, at), e.span);
      case FunctionId::var: return variance(argument(e, 0, at), e.span);
      case FunctionId::norm2: {
        const Value a = argument(e, 0, at);
        return inner(a, a, e.span);
      }
      case FunctionId::sum: return inner(argument(e, 0, at), v_.number(1), e.span);
      case FunctionId::unit: return unit(argument(e, 0, at), e.span);
      default: return std::nullopt;
    }
  }

  Value divisor(const Value& value) override {
    for (const auto& [key, block] : value.blocks)
      if (block->batched) return value;  // within a sample
    const Value enough = v_.map(Op::ge, {v_.map(Op::abs, {value}), v_.number(tiny)});
    holds_ = v_.multiply(holds_, enough);
    return v_.map(Op::select, {enough, value, v_.number(1)});
  }

 private:
  [[noreturn]] void fail(dsl::Span at, const std::string& message, const std::string& help = "") {
    e_.fail(Code::E0601, at, message, help);
  }

  Value argument(const TypedExpr& e, std::size_t i, const Environment& at) {
    const Value a = v_.form(e_.elaborator.evaluate(*e.args[i], at));
    for (std::size_t axis = 0; axis < a.axes.size(); ++axis)
      if (a.axes[axis].bundle) each_is_a_neurons_own(a, axis, e.args[i]->span);
    return a;
  }

  // Parameters by which it is zero (those behind what the derivative holds) have no block.
  void each_is_a_neurons_own(const Value& a, std::size_t axis, dsl::Span at) {
    for (const auto& [key, block] : a.blocks) {
      const Bundle::Member& m = a.axes[axis].bundle->members[static_cast<std::size_t>(key[axis])];
      if (m.tensor < 0 || p_.tensors[m.tensor].kind != TensorKind::param || p_.tensors[m.tensor].neuron_axis >= 0)
        continue;
      fail(at, fmt::format("{} is not one neuron's own: through it a step reaches the states of several", m.name),
           fmt::format("`per neuron` needs a cell in which every parameter has the axis {} of the one neuron it serves",
                       w_.shown));
    }
  }

  Value total(const Value& sample, dsl::Span at) {
    for (const auto& [which, block] : sample.blocks) {
      for (Ref node : postorder({block}))
        if (node->kind == NodeKind::leaf && p_.tensors[node->tensor].kind == TensorKind::gradient)
          fail(at, "a statistic of a statistic", "its samples are the steps of all examples");
      if (block_.source->over_time && derives_per_step(p_, block))
        fail(at,
             "these are gradients by parameters that have a value per step, and those of different steps would be "
             "added up",
             "take the statistics over batch alone, of a value kept per step: keep mix[w] per step");
    }
    return totals_.of(sample);
  }

  Value count() { return total(v_.number(1), {}); }

  Value at_least(const Value& value, double low) { return v_.map(Op::max, {value, v_.number(low)}); }
  Value inverse(const Value& value) { return v_.map(Op::recip, {at_least(value, 1)}); }

  Value inner(const Value& a, const Value& b, dsl::Span at) {
    try {
      return v_.inner(a, b, w_);
    } catch (const ShapeError& error) {
      fail(at, error.what(), error.help);
    }
  }

  Value unit(const Value& a, dsl::Span at) {
    const Value norm = v_.map(Op::sqrt, {inner(a, a, at)});
    return v_.multiply(a, v_.map(Op::recip, {at_least(norm, tiny)}));
  }

  Value mean(const Value& a, dsl::Span at) { return v_.multiply(total(a, at), inverse(count())); }

  // (Σ <a, b> - n <mean a, mean b>) / (n - 1)
  Value cov(const Value& a, const Value& b, dsl::Span at) {
    const Value products = total(inner(a, b, at), at);
    const Value of_means = v_.multiply(count(), inner(mean(a, at), mean(b, at), at));
    const Value free = v_.add(count(), v_.number(1), -1);
    return v_.multiply(v_.add(products, of_means, -1), inverse(free));
  }

  Value variance(const Value& a, dsl::Span at) { return at_least(cov(a, a, at), 0); }

  const Elaboration& e_;
  Program& p_;
  Values& v_;
  const dsl::TypedStatistics& block_;
  Axis w_;
  Value holds_;
  Totals totals_;
  Environment here_;
};

}  // namespace

void neuron_statistics(const Elaboration& e, KeepPhases& phases, const dsl::TypedStatistics& block) {
  Program& p = e.program;
  const dsl::StatisticsTime& time = block.time;
  const TimeRef now{When::t, time.window_complete ? 0 : -time.ahead};
  if (time.window_complete) p.online = false;
  else p.ahead = std::max(p.ahead, time.ahead);
  Phase& samples = e.phase(time.window_complete ? PhaseKind::sweep : PhaseKind::arrive);
  NeuronMeaning meaning(e, block, samples, now, e.values().form(e.counted(e.elaborator.flag(Flag::valid, now), now)));
  for (const dsl::TypedLine& line : block.assigns) {
    const std::string& keep = line.name();
    if (!block.source->over_time && !p.tensors[e.parts.rule().tensors.at(keep)].per_step)
      e.fail(Code::E0601, line.span(),
             fmt::format("statistics over the batch alone are those of each step, {} has one value for all", keep),
             fmt::format("declare keep {}[{}] per step, or write: over batch and t", keep, block.source->running));
    const Value value = meaning.assigned(line);
    assign_keep(e, phases, e.parts.rule(), line, value, meaning.holds(), now);
  }
}

}  // namespace eligo::compiler
