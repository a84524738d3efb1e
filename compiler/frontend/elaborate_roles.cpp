// Calls of cells and readouts: the same equations from another state, or for another output.
#include <fmt/format.h>

#include "compiler/frontend/elaborate.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;

// `net(x[t], p[t-1])`: the state that one step from the state p leads to, with the parameters of the moment.
Value Elaborator::call_cell(Part& part, const Expr& e, const std::vector<Value>& args, const Scope& outer) {
  const std::string state = part.role + ".state";
  if (args.size() != part.inputs.size() + 1)
    fail(Code::E0602, e, outer,
         fmt::format("{} takes its {} input{} and a state, {} arguments are given", part.role, part.inputs.size(),
                     part.inputs.size() == 1 ? "" : "s", args.size()),
         fmt::format("write {}(x[t], s[t-1])", part.role));
  Scope scope;
  scope.part = &part;
  scope.now = step_of_call(e, outer);
  scope.function = true;
  for (std::size_t i = 0; i < part.inputs.size(); ++i) {
    const Tensor& input = p_.tensors[part.tensors.at(part.inputs[i])];
    Value arg = args[i];
    const bool is_bundle = arg.axes.size() == 1 && arg.axes[0].bundle && arg.axes[0].bundle->members.size() == 1;
    if (is_bundle && !arg.blocks.empty()) {  // net.input has one member
      arg.axes = arg.axes[0].bundle->members[0].axes;
      arg.blocks = {{std::vector<int>(arg.axes.size(), 0), arg.blocks.begin()->second}};
    }
    bool fits = arg.axes.size() == input.axes.size();
    for (std::size_t k = 0; fits && k < arg.axes.size(); ++k) fits = arg.axes[k].extent == input.axes[k].extent;
    if (!fits)
      fail(Code::E0601, *e.args[i], outer,
           fmt::format("the input {} of {} has axes {}, this has {}", part.inputs[i], part.role, describe(input.axes),
                       describe(arg.axes)));
    arg.axes = input.axes;
    scope.bound[part.inputs[i]] = arg;
  }
  const Value& from = args.back();
  if (from.axes.size() != 1 || from.axes[0].key != state)
    fail(Code::E0601, *e.args.back(), outer,
         fmt::format("{} starts from a state, this has axes {}", part.role, describe(from.axes)),
         fmt::format("give something with the axis of {}", state));
  std::vector<int> tensors;
  for (std::size_t i = 0; i < part.states.size(); ++i) {
    tensors.push_back(part.tensors.at(part.states[i]));
    Value block;
    block.axes = p_.tensors[tensors[i]].axes;
    if (auto b = from.blocks.find({static_cast<int>(i)}); b != from.blocks.end())
      block.blocks[std::vector<int>(block.axes.size(), 0)] = b->second;
    scope.before[part.states[i]] = block;
  }
  Value result;
  result.axes = {parts_.bundle_axis(state, from.axes[0].shown, tensors)};
  for (std::size_t i = 0; i < part.states.size(); ++i) {
    const Value next =
        v_.reorder(v_.form(right_side(*part.equations.at(part.states[i]), scope)), p_.tensors[tensors[i]].axes);
    for (const auto& [key, block] : next.blocks) result.blocks[{static_cast<int>(i)}] = block;
  }
  // It holds where the step does; a state from before the first step reads as zero, as everywhere.
  return v_.multiply(flag(Flag::valid, scope.now), result);
}

// Of a state taken as one axis, the part that is the net's output.
static Value output_in(const Value& state, const Value& output) {
  if (state.axes.size() != 1 || !state.axes[0].bundle || output.blocks.empty()) return state;
  const auto& members = state.axes[0].bundle->members;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].tensor != output.blocks.begin()->second->tensor) continue;
    Value v;
    v.axes = members[i].axes;
    if (auto b = state.blocks.find({static_cast<int>(i)}); b != state.blocks.end())
      v.blocks[std::vector<int>(v.axes.size(), 0)] = b->second;
    return v;
  }
  return state;
}

// `L(p[t], L.y[t])`: the loss of another output.
Value Elaborator::call_readout(Part& part, const Expr& e, std::vector<Value> args, const Scope& outer) {
  if (args.size() != part.inputs.size() + part.targets.size())
    fail(Code::E0602, e, outer,
         fmt::format("{} takes its {} input{} and {} target{}, {} arguments are given", part.role, part.inputs.size(),
                     part.inputs.size() == 1 ? "" : "s", part.targets.size(), part.targets.size() == 1 ? "" : "s",
                     args.size()),
         fmt::format("write {0}(net.h[t], {0}.target[t])", part.role));
  Scope scope;
  scope.part = &part;
  scope.now = step_of_call(e, outer);
  scope.function = true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool is_input = i < part.inputs.size();
    const std::string& name = is_input ? part.inputs[i] : part.targets[i - part.inputs.size()];
    const std::vector<Axis>& axes =
        is_input ? bound_inputs[part.role].at(name).axes : p_.tensors[part.tensors.at(name)].axes;
    Value& arg = args[i];
    if (is_input) arg = output_in(arg, bound_inputs[part.role].at(name));
    if (axes.size() == 1 && arg.axes.size() > 1) arg = one_axis(arg, axes[0].key, axes[0].shown);
    bool fits = arg.axes.size() == axes.size();
    for (std::size_t k = 0; fits && k < axes.size(); ++k) fits = arg.axes[k].extent == axes[k].extent;
    if (!fits)
      fail(Code::E0601, *e.args[i], outer,
           fmt::format("{} of {} has axes {}, this has {}", name, part.role, describe(axes), describe(arg.axes)));
    arg.axes = axes;
    scope.bound[name] = arg;
  }
  const Value loss = evaluate(*part.loss->value, scope);
  return masked_by(args, weighted_loss(loss, scope.now));
}

// Nothing where the weight is 0, also if what the readout makes of padding is no number.
Value Elaborator::weighted_loss(const Value& loss, TimeRef at) {
  const Value weight = flag(Flag::loss_mask, at);
  return v_.map(Op::select, {weight, v_.multiply(weight, loss), v_.number(0)});
}

}  // namespace eligo::compiler
