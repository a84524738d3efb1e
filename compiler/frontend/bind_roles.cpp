// The roles of a rule bound to their parts: the cell first, whose output the readouts read, then the synthesisers,
// whose axes come from their first calls.
#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"
#include "compiler/frontend/neurons.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::HeaderEntry;
using dsl::ItemKind;

namespace {

void bind_numbers(const Elaboration& e) {
  Part& rule = e.parts.rule();
  for (const HeaderEntry& h : e.rule().syntax.header) {
    if (h.kind != HeaderEntry::Kind::size) continue;
    std::int64_t value = h.all ? -1 : h.value.value_or(0);
    bool given = h.all || h.value.has_value();
    if (auto g = e.instance.header.find(h.name); g != e.instance.header.end()) {
      value = g->second;
      given = true;
    }
    // A number whose default is 0 is a choice of the rule's, others count something.
    const bool zero = h.value == 0;
    if (!given || (value == 0 && !zero) || value < -1 || value > INT32_MAX)
      e.fail(Code::E0603, h.span,
             fmt::format("{} must be a {} integer below 2^31, or `all`", h.name, zero ? "non-negative" : "positive"));
    rule.numbers[h.name] = static_cast<double>(value);
  }
  for (const auto& [name, value] : e.instance.header)
    if (!rule.numbers.contains(name))
      e.fail(Code::E0602, e.rule().syntax.name_span,
             fmt::format("the rule {} has no {} in its header", e.rule().name(), name));
}

// `over neurons w`: the axis, and which axis of each parameter is its neuron's.
void bind_neurons(const Elaboration& e, const Part& net, const HeaderEntry& entry) {
  const auto axis = shared_axis(e.program, net);
  if (!axis)
    e.fail(Code::E0602, entry.span,
           fmt::format("the states of {} have no axis in common, so it has no neurons", net.item->name()));
  e.parts.bind_neurons(entry.over, *axis);
  const auto found = neuron_axes_of_parameters(e.program, net, *axis);
  for (const std::string& name : net.params) {
    const int tensor = net.tensors.at(name);
    const auto axes = found.find(tensor);
    if (axes != found.end() && !axes->second.empty()) e.program.tensors[tensor].neuron_axis = *axes->second.begin();
  }
}

Part& bind_cell(const Elaboration& e, const HeaderEntry& entry) {
  Part& net = e.parts.bind(entry);
  e.program.name += "_" + dsl::ascii(net.item->name());
  e.parts.take_sizes(net);
  e.parts.declare(net);
  for (const std::string& i : net.inputs) e.program.inputs.push_back(net.tensors.at(i));
  for (const auto& [name, equation] : net.equations()) e.elaborator.field(net, name);
  if (!entry.over.empty()) bind_neurons(e, net, entry);
  return net;
}

void bind_loss(const Elaboration& e, Part& readout) {
  Environment at;
  at.part = &readout;
  at.bound = readout.given;
  Values& v = e.values();
  const dsl::TypedLine& line = *readout.item->loss;
  const Value loss = e.elaborator.right_side(line, at);
  if (!loss.axes.empty())
    e.parts.fail(Code::E0601, readout, line.span(),
                 fmt::format("a loss is one number per example, this has axes {}", describe(loss.axes)),
                 "take its sum(…) or mean(…)");
  Program& p = e.program;
  p.loss = e.parts.declare_equation(readout, "loss", TensorKind::field, {});
  p.tensors[p.loss].masked = true;
  const TimeRef t{When::t, 0};
  const Value weighted = e.elaborator.weighted_loss(loss, t);
  p.definitions[p.loss] = v.flatten(v.multiply(e.elaborator.flag(Flag::valid, t), weighted));
}

void bind_readout(const Elaboration& e, Part& net, const HeaderEntry& entry) {
  Part& readout = e.parts.bind(entry);
  const std::string& output = net.item->output_name;
  const int tensor = net.equations().contains(output) ? e.elaborator.field(net, output) : net.tensors.at(output);
  std::vector<Value> args = {e.values().tensor(e.program.leaf(tensor, {When::t, 0}), e.program.tensors[tensor].axes)};
  e.elaborator.bind_axes(readout, entry.span, args);
  for (const std::string& i : readout.inputs) readout.given[i] = args[0];
  e.parts.take_sizes(readout);
  e.parts.declare(readout);
  for (const std::string& t : readout.targets) e.program.targets.push_back(readout.tensors.at(t));
  for (const auto& [name, equation] : readout.equations()) e.elaborator.field(readout, name);
  bind_loss(e, readout);
}

}  // namespace

Part& bind_roles(const Elaboration& e) {
  e.program.name = dsl::ascii(e.rule().name());
  bind_numbers(e);
  Part* net = nullptr;
  const auto each = [&](ItemKind kind, const auto& bind) {
    for (const dsl::TypedRole& role : e.rule().roles)
      if (role.entry->role == kind) bind(*role.entry);
  };
  each(ItemKind::cell, [&](const HeaderEntry& entry) { net = &bind_cell(e, entry); });
  each(ItemKind::readout, [&](const HeaderEntry& entry) { bind_readout(e, *net, entry); });
  e.parts.declare(e.parts.rule());
  each(ItemKind::synth, [&](const HeaderEntry& entry) { e.elaborator.role(entry.name); });
  e.parts.declare(e.parts.rule());  // keep values along the parameters of a synthesiser
  return *net;
}

Window read_window(const Elaboration& e) {
  const auto& written = e.rule().window;
  if (!written) return {e.program.window};
  Window window{written->steps};
  if (!written->number.empty()) window.steps = static_cast<std::int64_t>(e.parts.rule().numbers.at(written->number));
  if (window.steps == 0) e.fail(Code::E0601, written->span, "a window has at least one step");
  e.program.short_first = written->short_first;
  e.program.window = window.steps;
  return window;
}

}  // namespace eligo::compiler
