// Calls of parts: a synthesiser's output, a cell's or readout's equations from another state or for another output.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::ItemKind;
using dsl::TypedExpr;

// A synthesiser is bound at its first call, whose arguments may call others, which are bound on the way.
Part* Elaborator::role(const std::string& name) {
  if (Part* part = parts_.find(name)) return part;
  for (const dsl::TypedRole& role : parts_.rule().item->roles)
    if (role.entry->name == name) bind_synth(role);
  return parts_.find(name);
}

void Elaborator::bind_synth(const dsl::TypedRole& role) {
  const std::string& name = role.entry->name;
  if (!role.first_call) fail(Code::E0602, role.entry->span, fmt::format("the synthesiser {} is never called", name));
  const TypedExpr& call = *role.first_call;
  if (!binding_.insert(name).second)
    fail(Code::E0601, call.span,
         fmt::format("the axes of {} cannot be told: its first call reads its own result", name),
         "write a call whose inputs do not depend on it above this one");
  Environment at = environment();
  if (role.block >= 0) at.block = &blocks_[static_cast<std::size_t>(role.block)];
  std::vector<Value> args;
  for (const auto& a : call.args) args.push_back(v_.form(evaluate(*a, at)));
  Part& part = parts_.bind(*role.entry);
  bind_axes(part, call.span, args);
  parts_.take_sizes(part);
  parts_.declare(part);
}

Value Elaborator::call(const TypedExpr& e, const Environment& at) {
  Part& part = *role(e.role);
  std::vector<Value> args;
  for (const auto& a : e.args) args.push_back(v_.form(evaluate(*a, at)));
  if (part.kind() == ItemKind::synth) return call_synth(part, e, std::move(args), at);
  if (part.kind() == ItemKind::cell) return call_cell(part, e, args, at);
  return call_readout(part, e, std::move(args), at);
}

namespace {

// Several plain axes taken as one, row-major.
Value one_axis(Values& values, const Value& value, const std::string& key, const std::string& shown) {
  const Value formed = values.form(value);
  auto bundle = std::make_shared<Bundle>();
  Bundle::Member member;
  member.name = key;
  for (const Axis& axis : formed.axes) {
    if (axis.bundle) throw ShapeError("a bundle and other axes cannot be taken as one axis");
    member.dims.push_back(axis.extent);
    member.size *= axis.extent;
  }
  member.axes = formed.axes;
  bundle->members.push_back(member);
  Value v;
  v.axes = {Axis{key, shown, member.size, bundle}};
  for (const auto& [k, block] : formed.blocks) v.blocks[{0}] = block;
  return v;
}

// Of a state taken as one axis, the part that is the net's output.
Value output_in(const Value& state, const Value& output) {
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

}  // namespace

void Elaborator::bind_axes(Part& part, dsl::Span span, std::vector<Value>& args) {
  const std::string& item = part.item->name();
  const auto wrong = [&](const std::string& message) {
    fail(Code::E0601, span, message, fmt::format("{} is called with its inputs in declared order", item));
  };
  std::size_t next = 0;
  for (const dsl::TypedDeclaration& d : part.item->declarations) {
    if (d.symbol->kind != dsl::SymbolKind::input) continue;
    const std::string& input = d.symbol->name;
    if (next >= args.size()) wrong(fmt::format("{} needs its input {}", item, input));
    Value& arg = args[next++];
    if (d.axes.size() == 1 && arg.axes.size() > 1)
      arg = one_axis(v_, arg, part.role + "." + d.axes[0].name, d.axes[0].name);
    if (d.axes.size() != arg.axes.size())
      wrong(fmt::format("the input {} has {} axes, what is given has {}", input, d.axes.size(), describe(arg.axes)));
    for (std::size_t i = 0; i < arg.axes.size(); ++i) {
      const auto [known, fresh] = part.axes.emplace(d.axes[i].name, arg.axes[i]);
      if (!fresh && known->second.key != arg.axes[i].key)
        wrong(fmt::format("the axis {} of {} is bound to {} and to {}", d.axes[i].name, item, known->second.shown,
                          arg.axes[i].shown));
    }
  }
  if (next != args.size()) wrong(fmt::format("{} takes {} inputs, {} are given", item, next, args.size()));
}

// What varies in the arguments says in which stretch of time the result exists: the flags of the latest step that they
// read. What they read of steps before that one is zero where it did not exist, as in every equation.
Value Elaborator::masked_by(const std::vector<Value>& args, Value value) {
  std::set<std::pair<TimeRef, Flag>> masks;
  for (const Value& arg : args)
    for (const auto& [key, block] : arg.blocks)
      for (Ref node : postorder({block})) {
        if (node->kind != NodeKind::leaf || node->time.base == When::always) continue;
        const TensorKind kind = p_.tensors[node->tensor].kind;
        if (kind == TensorKind::flag || !p_.tensors[node->tensor].timed()) continue;
        masks.insert({node->time, kind == TensorKind::state ? Flag::exists : Flag::valid});
      }
  for (const auto& [step, mask] : masks) {
    const TimeRef at = step;  // C++20's structured bindings are not captured by all compilers
    const bool covered = mask == Flag::exists && masks.contains({at, Flag::valid});
    const bool earlier = std::any_of(masks.begin(), masks.end(), [at](const auto& other) {
      return other.first.base == at.base && other.first.offset > at.offset;
    });
    if (!covered && !earlier) value = v_.multiply(flag(mask, at), value);
  }
  return value;
}

TimeRef Elaborator::step_of_call(const TypedExpr& call, const Environment& at) const {
  return time_of(call, at).value_or(at.now);
}

Value Elaborator::call_synth(Part& part, const TypedExpr& e, std::vector<Value> args, const Environment& outer) {
  bind_axes(part, e.span, args);
  Environment at;
  at.part = &part;
  at.now = outer.now;
  at.step = step_of_call(e, outer);
  for (std::size_t i = 0; i < part.inputs.size(); ++i) at.bound[part.inputs[i]] = args[i];
  if (!e.overrides.empty()) at.overrides = override_parameters(part, e, outer);
  Value value = right_side(*part.item->output, at);
  // Before the first step there are no parameters of a step, so a call has nothing to predict with.
  for (const auto& [name, tensor] : part.tensors)
    if (p_.tensors[tensor].per_step) {
      value = v_.multiply(flag(Flag::valid, *at.step), value);
      break;
    }
  return masked_by(args, std::move(value));
}

// `net(x[t], p[t-1])`: the state that one step from the state p leads to, with the parameters of the moment.
Value Elaborator::call_cell(Part& part, const TypedExpr& e, const std::vector<Value>& args, const Environment& outer) {
  const std::string state = part.role + ".state";
  if (args.size() != part.inputs.size() + 1)
    fail(Code::E0602, e.span, outer,
         fmt::format("{} takes its {} input{} and a state, {} arguments are given", part.role, part.inputs.size(),
                     part.inputs.size() == 1 ? "" : "s", args.size()),
         fmt::format("write {}(x[t], s[t-1])", part.role));
  Environment at;
  at.part = &part;
  at.now = step_of_call(e, outer);
  at.function = true;
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
      fail(Code::E0601, e.args[i]->span, outer,
           fmt::format("the input {} of {} has axes {}, this has {}", part.inputs[i], part.role, describe(input.axes),
                       describe(arg.axes)));
    arg.axes = input.axes;
    at.bound[part.inputs[i]] = arg;
  }
  const Value& from = args.back();
  if (from.axes.size() != 1 || from.axes[0].key != state)
    fail(Code::E0601, e.args.back()->span, outer,
         fmt::format("{} starts from a state, this has axes {}", part.role, describe(from.axes)),
         fmt::format("give something with the axis of {}", state));
  const std::vector<int> tensors = parts_.members(part, dsl::BundleKind::state);
  for (std::size_t i = 0; i < part.states.size(); ++i) {
    Value block;
    block.axes = p_.tensors[tensors[i]].axes;
    if (auto b = from.blocks.find({static_cast<int>(i)}); b != from.blocks.end())
      block.blocks[std::vector<int>(block.axes.size(), 0)] = b->second;
    at.before[part.states[i]] = block;
  }
  Value result;
  result.axes = {parts_.bundle_axis(state, from.axes[0].shown, tensors)};
  for (std::size_t i = 0; i < part.states.size(); ++i) {
    const Value next =
        v_.reorder(v_.form(right_side(part.equation(part.states[i]).general, at)), p_.tensors[tensors[i]].axes);
    for (const auto& [key, block] : next.blocks) result.blocks[{static_cast<int>(i)}] = block;
  }
  // It holds where the step does; a state from before the first step reads as zero, as everywhere.
  return v_.multiply(flag(Flag::valid, at.now), result);
}

// `L(p[t], L.y[t])`: the loss of another output.
Value Elaborator::call_readout(Part& part, const TypedExpr& e, std::vector<Value> args, const Environment& outer) {
  if (args.size() != part.inputs.size() + part.targets.size())
    fail(Code::E0602, e.span, outer,
         fmt::format("{} takes its {} input{} and {} target{}, {} arguments are given", part.role, part.inputs.size(),
                     part.inputs.size() == 1 ? "" : "s", part.targets.size(), part.targets.size() == 1 ? "" : "s",
                     args.size()),
         fmt::format("write {0}(net.h[t], {0}.target[t])", part.role));
  Environment at;
  at.part = &part;
  at.now = step_of_call(e, outer);
  at.function = true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool is_input = i < part.inputs.size();
    const std::string& name = is_input ? part.inputs[i] : part.targets[i - part.inputs.size()];
    const std::vector<Axis>& axes = is_input ? part.given.at(name).axes : p_.tensors[part.tensors.at(name)].axes;
    Value& arg = args[i];
    if (is_input) arg = output_in(arg, part.given.at(name));
    if (axes.size() == 1 && arg.axes.size() > 1) arg = one_axis(v_, arg, axes[0].key, axes[0].shown);
    bool fits = arg.axes.size() == axes.size();
    for (std::size_t k = 0; fits && k < axes.size(); ++k) fits = arg.axes[k].extent == axes[k].extent;
    if (!fits)
      fail(Code::E0601, e.args[i]->span, outer,
           fmt::format("{} of {} has axes {}, this has {}", name, part.role, describe(axes), describe(arg.axes)));
    arg.axes = axes;
    at.bound[name] = arg;
  }
  const Value loss = right_side(*part.item->loss, at);
  return masked_by(args, weighted_loss(loss, at.now));
}

// Nothing where the weight is 0, also if what the readout makes of padding is no number.
Value Elaborator::weighted_loss(const Value& loss, TimeRef at) {
  const Value weight = flag(Flag::loss_mask, at);
  return v_.map(Op::select, {weight, v_.multiply(weight, loss), v_.number(0)});
}

}  // namespace eligo::compiler
