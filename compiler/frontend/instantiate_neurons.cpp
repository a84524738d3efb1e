// `per neuron` blocks and `:=` of the rule's keep values.
//
// The samples of a block are the steps of all examples. Nothing is kept of them but sums over batch and steps: of a
// value itself for its mean, of products a*b summed within each neuron for var and cov, of 1 for `count`. At the end of
// the batch the phase update.keep makes the statistics of these sums and assigns. A block over the batch alone keeps
// the sums of each step by themselves, and update.keep_steps assigns each step's value.
#include <algorithm>

#include <fmt/format.h>

#include "compiler/frontend/batch_statistics.h"
#include "compiler/frontend/instantiator.h"
#include "compiler/frontend/neurons.h"
#include "compiler/frontend/per_step.h"
#include "dsl/reads.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Direction;
using dsl::Expr;
using dsl::StatementKind;
using dsl::TimeBase;

namespace {

constexpr double tiny = 1e-12;  // a denominator below it decides nothing

class NeuronBlock : public BlockMeaning {
 public:
  NeuronBlock(Program& program, Parts& parts, Elaborator& elab, const dsl::Statement& block, const Axis& neurons,
              Phase& samples, TimeRef now, const Value& weight)
      : p_(program),
        parts_(parts),
        elab_(elab),
        v_(elab.values()),
        block_(block),
        w_(neurons),
        totals_(program, samples, weight.blocks.begin()->second, block.over_time ? TimeRef{} : now) {
    scope_.part = elab.rule;
    scope_.now = now;
    scope_.samples = this;
  }

  // What a line assigns, and where: a denominator that is too small, or a single sample, leaves the value as it was.
  Value assigned(const dsl::Statement& s) {
    holds_ = v_.map(Op::gt, {count(), v_.number(1)});
    return v_.form(elab_.right_side(s, scope_));
  }
  const Value& holds() const { return holds_; }

  std::optional<Value> name(const std::string& n, const Scope&) override {
    if (n == "count") return count();
    for (const dsl::Statement& s : block_.body)
      if (s.kind == StatementKind::equation && s.assign == dsl::AssignKind::define && s.name == n)
        return elab_.right_side(s, scope_);
    return std::nullopt;
  }

  std::optional<Value> function(const Expr& e, const Scope& scope) override {
    if (!e.axes.empty()) return std::nullopt;
    if (e.name == "inner" && e.args.size() == 2) return inner(argument(e, 0, scope), argument(e, 1, scope), e);
    if (e.name == "cov" && e.args.size() == 2) return cov(argument(e, 0, scope), argument(e, 1, scope), e);
    if (e.args.size() != 1) return std::nullopt;
    static const char* const whole[] = {"max", "min", "softmax", "logsumexp"};
    if (std::find(std::begin(whole), std::end(whole), e.name) != std::end(whole))
      fail(e, fmt::format("{} in a `per neuron` block needs the axes that it is taken over", e.name),
           fmt::format("write {}[axis](…)", e.name));
    if (e.name == "mean") return mean(argument(e, 0, scope), e);
    if (e.name == "var") return variance(argument(e, 0, scope), e);
    if (e.name == "norm2") {
      const Value a = argument(e, 0, scope);
      return inner(a, a, e);
    }
    if (e.name == "sum") return inner(argument(e, 0, scope), v_.number(1), e);
    if (e.name == "unit") return unit(argument(e, 0, scope), e);
    return std::nullopt;
  }

  Value divisor(const Value& value) override {
    for (const auto& [key, block] : value.blocks)
      if (block->batched) return value;  // within a sample
    const Value enough = v_.map(Op::ge, {v_.map(Op::abs, {value}), v_.number(tiny)});
    holds_ = v_.multiply(holds_, enough);
    return v_.map(Op::select, {enough, value, v_.number(1)});
  }

 private:
  [[noreturn]] void fail(const Expr& at, const std::string& message, const std::string& help = "") {
    parts_.fail(Code::E0601, *elab_.rule, at.span, message, help);
  }

  Value argument(const Expr& e, std::size_t i, const Scope& scope) {
    const Value a = v_.form(elab_.evaluate(*e.args[i], scope));
    for (const Axis& axis : a.axes)
      if (axis.bundle) each_is_a_neurons_own(*axis.bundle, *e.args[i]);
    return a;
  }

  void each_is_a_neurons_own(const Bundle& bundle, const Expr& at) {
    for (const Bundle::Member& m : bundle.members) {
      if (m.tensor < 0 || p_.tensors[m.tensor].kind != TensorKind::param || p_.tensors[m.tensor].neuron_axis >= 0)
        continue;
      fail(at, fmt::format("{} is not one neuron's own: through it a step reaches the states of several", m.name),
           fmt::format("`per neuron` needs a cell in which every parameter has the axis {} of the one neuron it serves",
                       w_.shown));
    }
  }

  Value total(const Value& sample, const Expr& at) {
    for (const auto& [which, block] : sample.blocks) {
      for (Ref node : postorder({block}))
        if (node->kind == NodeKind::leaf && p_.tensors[node->tensor].kind == TensorKind::gradient)
          fail(at, "a statistic of what is a statistic itself", "its samples are the steps of all examples");
      if (block_.over_time && derives_per_step(p_, block))
        fail(at,
             "these are gradients by parameters that have a value per step, and those of different steps would be "
             "added up",
             "take the statistics over batch alone, of a value kept per step: keep mix[w] per step");
    }
    return totals_.of(sample);
  }

  Value count() {
    static const Expr nowhere;
    return total(v_.number(1), nowhere);
  }

  Value at_least(const Value& value, double low) { return v_.map(Op::max, {value, v_.number(low)}); }
  Value inverse(const Value& value) { return v_.map(Op::recip, {at_least(value, 1)}); }

  Value inner(const Value& a, const Value& b, const Expr& at) {
    try {
      return v_.inner(a, b, w_);
    } catch (const ShapeError& error) {
      fail(at, error.what(), error.help);
    }
  }

  Value unit(const Value& a, const Expr& at) {
    const Value norm = v_.map(Op::sqrt, {inner(a, a, at)});
    return v_.multiply(a, v_.map(Op::recip, {at_least(norm, tiny)}));
  }

  Value mean(const Value& a, const Expr& at) { return v_.multiply(total(a, at), inverse(count())); }

  // (Σ <a, b> - n <mean a, mean b>) / (n - 1)
  Value cov(const Value& a, const Value& b, const Expr& at) {
    const Value products = total(inner(a, b, at), at);
    const Value of_means = v_.multiply(count(), inner(mean(a, at), mean(b, at), at));
    const Value free = v_.add(count(), v_.number(1), -1);
    return v_.multiply(v_.add(products, of_means, -1), inverse(free));
  }

  Value variance(const Value& a, const Expr& at) { return at_least(cov(a, a, at), 0); }

  Program& p_;
  Parts& parts_;
  Elaborator& elab_;
  Values& v_;
  const dsl::Statement& block_;
  Axis w_;
  Scope scope_;
  Value holds_;
  Totals totals_;
};

}  // namespace

void Instantiator::bind_neurons(Part& net, const dsl::HeaderEntry& entry) {
  const auto axis = shared_axis(p_, net);
  if (!axis)
    parts_.fail(Code::E0602, *elab_.rule, entry.span,
                fmt::format("the states of {} have no axis in common, so it has no neurons", net.ref.item->name));
  elab_.rule->axes[entry.over] = *axis;
  parts_.neurons = *axis;
  const auto found = neuron_axes_of_parameters(p_, net, *axis);
  for (const std::string& name : net.params) {
    const int tensor = net.tensors.at(name);
    const auto axes = found.find(tensor);
    if (axes != found.end() && !axes->second.empty()) p_.tensors[tensor].neuron_axis = *axes->second.begin();
  }
}

Phase& Instantiator::sample_phase(const dsl::Statement& block, TimeRef* now) {
  bool complete = false;
  int ahead = 0;
  for (const auto& [name, info] : time_.names) complete = complete || info.direction == Direction::backward;
  for (const dsl::Statement& line : block.body) {
    if (!line.value) continue;
    for (const dsl::Read& read : dsl::reads_of(*line.value)) {
      if (!read.time) continue;
      complete = complete || read.time->base == TimeBase::end || read.time->base == TimeBase::last;
      const auto info = time_.names.find(read.root);
      complete = complete || (info != time_.names.end() && info->second.window_complete);
      ahead = std::max(ahead, read.time->offset + (info != time_.names.end() ? info->second.ahead : 0));
    }
  }
  *now = {When::t, complete ? 0 : -ahead};
  if (complete) p_.online = false;
  else p_.ahead = std::max(p_.ahead, ahead);
  return phase(complete ? PhaseKind::sweep : PhaseKind::arrive);
}

void Instantiator::assign_keep(Part& part, const dsl::Statement& s, const Value& value,
                               const std::optional<Value>& holds, TimeRef now) {
  const int tensor = part.tensors.at(s.name);
  const Tensor& keep = p_.tensors[tensor];
  if (keep.kind != TensorKind::keep)
    parts_.fail(Code::E0601, part, s.name_span, fmt::format("{} is no keep value", s.name),
                fmt::format("declare it: keep {} = …", s.name));
  Values& v = elab_.values();
  Value result = value;
  if (keep.low < keep.high)
    result = v.map(Op::min, {v.map(Op::max, {result, v.number(keep.low)}), v.number(keep.high)});
  const Value old = v.tensor(p_.leaf(tensor, keep.per_step ? now : TimeRef{}), keep.axes);
  if (holds) result = v.map(Op::select, {*holds, result, old});
  try {
    result = v.reorder(result, keep.axes);
  } catch (const ShapeError& error) {
    parts_.fail(
        Code::E0601, part, s.span,
        fmt::format("{} has axes {}, what it becomes has {}", s.name, describe(keep.axes), describe(result.axes)));
  }
  Ref node = v.flatten(result);
  for (Ref n : postorder({node})) {
    if (n->kind != NodeKind::leaf) continue;
    const bool of_step = keep.per_step && p_.tensors[n->tensor].per_step && n->time == now;
    if (n->batched || (n->time.base != When::always && !of_step))
      parts_.fail(Code::E0601, part, s.span,
                  fmt::format("{} changes once a batch, but {} differs between its examples and steps", s.name,
                              p_.tensors[n->tensor].name),
                  part.role != "" ? "take its mean(…): over the batch and the steps"
                  : keep.per_step ? "take a statistic of it: per neuron w, over batch { … mean(…) … }"
                                  : "take a statistic of it: per neuron w, over batch and t { … mean(…) … }");
  }
  // Run once a step, which is then t.
  if (keep.per_step) node = shift(p_, node, {When::t, -now.offset});
  const TimeRef at = keep.per_step ? TimeRef{When::t, 0} : TimeRef{};
  (keep.per_step ? step_keeps_ : keeps_).roots.push_back({RootKind::assign, tensor, at, node, s.name});
}

void Instantiator::per_neuron(const dsl::Statement& block) {
  if (!parts_.neurons)
    parts_.fail(Code::E0602, *elab_.rule, block.span, "a `per neuron` block needs a cell over neurons");
  TimeRef now;
  Phase& samples = sample_phase(block, &now);
  NeuronBlock meaning(p_, parts_, elab_, block, *parts_.neurons, samples, now,
                      elab_.values().form(counted(elab_.flag(Flag::valid, now), now)));
  for (const dsl::Statement& s : block.body) {
    if (s.kind != StatementKind::equation || s.assign != dsl::AssignKind::assign) continue;
    if (!block.over_time && !p_.tensors[elab_.rule->tensors.at(s.name)].per_step)
      parts_.fail(
          Code::E0601, *elab_.rule, s.span,
          fmt::format("statistics over the batch alone are those of each step, {} has one value for all", s.name),
          fmt::format("declare keep {}[{}] per step, or write: over batch and t", s.name, block.running));
    const Value value = meaning.assigned(s);
    assign_keep(*elab_.rule, s, value, meaning.holds(), now);
  }
}

void Instantiator::keep_line(const dsl::Statement& s) {
  Scope scope;
  scope.part = elab_.rule;
  assign_keep(*elab_.rule, s, elab_.values().form(elab_.right_side(s, scope)), std::nullopt, scope.now);
}

void Instantiator::keep_values() {
  for (const dsl::Statement& s : rule().statements) {
    if (s.kind == StatementKind::per_neuron) per_neuron(s);
    if (s.kind == StatementKind::equation && s.assign == dsl::AssignKind::assign) keep_line(s);
  }
  synth_statistics();
  auto add = [&](Phase& assigns, int& number) {
    if (assigns.roots.empty()) return;
    number = static_cast<int>(p_.phases.size());
    p_.phases.push_back(std::move(assigns));
  };
  add(keeps_, p_.keep_phase);
  add(step_keeps_, p_.step_keep_phase);
}

}  // namespace eligo::compiler
