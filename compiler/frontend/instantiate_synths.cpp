// Statistics that a synthesiser keeps: `m := 0.9*m + 0.1*mean(z)` in its file, over the batch and the steps.
//
// The samples are those of the rule's first call of it, at the steps where what it is given exists. Sums over the batch
// are gathered when the call can be made; once a batch, after all learn lines, the keep values take their new values.
// As constants of a batch they have no derivative.
#include <fmt/format.h>

#include "compiler/frontend/batch_statistics.h"
#include "compiler/frontend/instantiator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::StatementKind;

namespace {

class SynthSamples : public BlockMeaning {
 public:
  SynthSamples(Program& program, Parts& parts, Elaborator& elab, Part& part, Phase& phase, const Value& weight)
      : parts_(parts),
        elab_(elab),
        v_(elab.values()),
        part_(part),
        totals_(program, phase, v_.flatten(weight), {}, "." + part.role) {}

  std::optional<Value> name(const std::string& n, const Scope& scope) override {
    const auto equation = part_.equations.find(n);
    if (equation == part_.equations.end()) return std::nullopt;
    Scope inner = scope;
    inner.samples = nullptr;  // an equation of the file means what it means in a call
    return elab_.right_side(*equation->second, inner);
  }

  std::optional<Value> function(const Expr& e, const Scope& scope) override {
    const bool mean = e.name == "mean", var = e.name == "var";
    if ((!mean && !var) || !e.axes.empty() || e.args.size() != 1) return std::nullopt;
    if (inside_)
      parts_.fail(Code::E0601, part_, e.span, "a statistic of what is a statistic itself",
                  "its samples are the steps of all examples");
    inside_ = true;
    const Value a = v_.form(elab_.evaluate(*e.args[0], scope));
    inside_ = false;
    const Value first = average(a);
    if (mean) return first;
    const Value second = average(v_.multiply(a, a));
    return v_.map(Op::max, {v_.add(second, v_.multiply(first, first), -1), v_.number(0)});
  }

  Value divisor(const Value& value) override { return value; }
  Value count() { return totals_.of(v_.number(1)); }

 private:
  Value average(const Value& a) {
    return v_.multiply(totals_.of(a), v_.map(Op::recip, {v_.map(Op::max, {count(), v_.number(1)})}));
  }

  Parts& parts_;
  Elaborator& elab_;
  Values& v_;
  Part& part_;
  Totals totals_;
  bool inside_ = false;
};

bool assigns(const Part& part) {
  for (const dsl::Statement& s : part.ref.item->statements)
    if (s.kind == StatementKind::equation && s.assign == dsl::AssignKind::assign) return true;
  return false;
}

}  // namespace

void Instantiator::synth_statistics() {
  for (const auto& [role, call] : synth_calls_) {
    Part& part = *parts_.find(role);
    if (!assigns(part)) continue;
    for (const auto& [name, tensor] : part.tensors)
      if (p_.tensors[tensor].per_step)
        parts_.fail(
            Code::E0605, part, part.ref.item->name_span,
            fmt::format("{} has a value per step, and the statistics of different steps would be added up", name),
            "keep statistics of a synthesiser that serves all steps");
    if (!call)
      parts_.fail(Code::E0605, *elab_.rule, rule().name_span,
                  fmt::format("{} keeps statistics, but is called in an `at each` block first", role),
                  fmt::format("call it in an equation above the block: G[t] = {}(s[t])", role));
    synth_statistics(part, *call);
  }
}

void Instantiator::synth_statistics(Part& part, const Expr& call) {
  Scope outer;
  outer.part = elab_.rule;
  auto given = [&] {
    std::vector<Value> args;
    for (const auto& a : call.args) args.push_back(elab_.values().form(elab_.evaluate(*a, outer)));
    elab_.bind_axes(part, call, args);
    return args;
  };
  std::optional<int> ahead;
  bool sweep = false;
  for (const Value& arg : given())
    for (const auto& [key, block] : arg.blocks)
      for (Ref node : postorder({block})) {
        if (node->kind != NodeKind::leaf || node->time.base == When::always) continue;
        if (node->time.base == When::t) ahead = std::max(ahead.value_or(node->time.offset), node->time.offset);
        sweep = sweep || p_.tensors[node->tensor].kind == TensorKind::backward || node->time.base == When::end ||
                node->time.base == When::last;
      }
  if (!ahead)
    parts_.fail(Code::E0605, *elab_.rule, call.span,
                fmt::format("{} keeps statistics of the steps, but this call is not about a step", part.role),
                fmt::format("call it first at a step: G[t] = {}(s[t])", part.role));
  if (!sweep) {
    outer.now = {When::t, -std::max(*ahead, 0)};
    p_.ahead = std::max(p_.ahead, *ahead);
  } else {
    p_.online = false;
  }
  const std::vector<Value> args = given();
  SynthSamples samples(p_, parts_, elab_, part, phase(sweep ? PhaseKind::sweep : PhaseKind::arrive),
                       counted(elab_.masked_by(args, elab_.values().number(1)), outer.now));
  Scope scope;
  scope.part = &part;
  scope.now = outer.now;
  scope.step = elab_.step_of_call(call, outer);
  scope.samples = &samples;
  std::size_t next = 0;
  for (const std::string& input : part.inputs) scope.bound[input] = args[next++];
  Values& v = elab_.values();
  const Value holds = v.map(Op::gt, {samples.count(), v.number(0)});
  for (const dsl::Statement& s : part.ref.item->statements)
    if (s.kind == StatementKind::equation && s.assign == dsl::AssignKind::assign)
      assign_keep(part, s, v.form(elab_.right_side(s, scope)), holds, outer.now);
}

}  // namespace eligo::compiler
