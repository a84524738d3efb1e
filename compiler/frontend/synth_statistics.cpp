// Statistics that a synthesiser keeps: `m := 0.9*m + 0.1*mean(z)` in its file, over the batch and the steps.
//
// The samples are those of the rule's first call of it, at the steps where what it is given exists. Sums over the batch
// are gathered when the call can be made; once a batch, after all learn lines, the keep values take their new values.
// As constants of a batch they have no derivative.
#include <fmt/core.h>

#include "compiler/frontend/batch_statistics.h"
#include "compiler/frontend/elaboration.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::FunctionId;
using dsl::TypedExpr;

namespace {

class SynthMeaning : public SampleMeaning {
 public:
  SynthMeaning(const Elaboration& e, Part& part, Phase& phase, const Value& weight)
      : e_(e), v_(e.values()), part_(part), totals_(e.program, phase, v_.flatten(weight), {}, "." + part.role) {}

  std::optional<Value> name(const TypedExpr& e, const Environment& at) override {
    if (e.kind != dsl::TypedKind::read || e.symbol->kind != dsl::SymbolKind::value) return std::nullopt;
    Environment inner = at;
    inner.samples = nullptr;  // an equation of the file means what it means in a call
    return e_.elaborator.right_side(part_.equation(e.name).general, inner);
  }

  std::optional<Value> function(const TypedExpr& e, const Environment& at) override {
    const bool mean = e.function == FunctionId::mean, var = e.function == FunctionId::var;
    if ((!mean && !var) || !e.axes.empty()) return std::nullopt;
    if (inside_)
      e_.parts.fail(Code::E0601, part_, e.span, "a statistic of a statistic",
                    "its samples are the steps of all examples");
    inside_ = true;
    const Value a = v_.form(e_.elaborator.evaluate(*e.args[0], at));
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
    const Value inverse = v_.map(Op::recip, {v_.map(Op::max, {count(), v_.number(1)})});
    return v_.multiply(totals_.of(a), inverse);
  }

  const Elaboration& e_;
  Values& v_;
  Part& part_;
  Totals totals_;
  bool inside_ = false;
};

std::vector<Value> given(const Elaboration& e, Part& part, const TypedExpr& call, const Environment& at) {
  std::vector<Value> args;
  for (const auto& a : call.args) args.push_back(e.values().form(e.elaborator.evaluate(*a, at)));
  e.elaborator.bind_axes(part, call.span, args);
  return args;
}

// When the samples are at hand: on the way back, or so many arrivals after their step.
struct SamplesAt {
  bool sweep = false;
  std::optional<int> ahead;
};

SamplesAt samples_at(const Program& p, const std::vector<Value>& args) {
  SamplesAt out;
  for (const Value& arg : args)
    for (const auto& [key, block] : arg.blocks)
      for (Ref node : postorder({block})) {
        if (node->kind != NodeKind::leaf || node->time.base == When::always) continue;
        if (node->time.base == When::t) out.ahead = std::max(out.ahead.value_or(node->time.offset), node->time.offset);
        out.sweep = out.sweep || p.tensors[node->tensor].kind == TensorKind::backward || node->time.base == When::end ||
                    node->time.base == When::last;
      }
  return out;
}

void statistics_of(const Elaboration& e, KeepPhases& phases, Part& part, const TypedExpr& call) {
  Program& p = e.program;
  Environment outer = e.elaborator.environment();
  const SamplesAt samples = samples_at(p, given(e, part, call, outer));
  if (!samples.ahead)
    e.fail(Code::E0605, call.span,
           fmt::format("{} keeps statistics of the steps, but this call is not about a step", part.role),
           fmt::format("call it first at a step: G[t] = {}(s[t])", part.role));
  if (!samples.sweep) {
    outer.now = {When::t, -std::max(*samples.ahead, 0)};
    p.ahead = std::max(p.ahead, *samples.ahead);
  } else {
    p.online = false;
  }
  const std::vector<Value> args = given(e, part, call, outer);
  SynthMeaning meaning(e, part, e.phase(samples.sweep ? PhaseKind::sweep : PhaseKind::arrive),
                       e.counted(e.elaborator.masked_by(args, e.values().number(1)), outer.now));
  Environment at;
  at.part = &part;
  at.now = outer.now;
  at.step = e.elaborator.step_of_call(call, outer);
  at.samples = &meaning;
  for (std::size_t i = 0; i < part.inputs.size(); ++i) at.bound[part.inputs[i]] = args[i];
  Values& v = e.values();
  const Value holds = v.map(Op::gt, {meaning.count(), v.number(0)});
  for (const dsl::TypedChange& change : part.item->changes)
    assign_keep(e, phases, part, *change.line, v.form(e.elaborator.right_side(*change.line, at)), holds, outer.now);
}

}  // namespace

void synth_statistics(const Elaboration& e, KeepPhases& phases) {
  std::map<std::string, const dsl::TypedRole*> by_name;  // in the order of their names
  for (const dsl::TypedRole& role : e.rule().roles)
    if (role.entry->role == dsl::ItemKind::synth) by_name[role.entry->name] = &role;
  for (const auto& [name, role] : by_name) {
    Part& part = *e.elaborator.role(name);
    if (part.item->changes.empty()) continue;
    for (const auto& [declared, tensor] : part.tensors)
      if (e.program.tensors[tensor].per_step)
        e.parts.fail(
            Code::E0605, part, part.item->syntax.name_span,
            fmt::format("{} has a value per step, and the statistics of different steps would be added up", declared),
            "keep statistics of a synthesiser that serves all steps");
    if (role->block >= 0)
      e.fail(Code::E0605, e.rule().syntax.name_span,
             fmt::format("{} keeps statistics, but is called in an `at each` block first", name),
             fmt::format("call it in an equation above the block: G[t] = {}(s[t])", name));
    statistics_of(e, phases, part, *role->first_call);
  }
}

}  // namespace eligo::compiler
