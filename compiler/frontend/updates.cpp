// The optimiser: a phase for each parameter that is learned.
#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"

namespace eligo::compiler {
namespace {

// The hypers of an optimiser are shared by the parameters that one bundle names.
void share_hypers(Program& p, Part& part, const std::string& bundle) {
  for (auto& [name, tensor] : part.tensors) {
    if (p.tensors[tensor].kind != TensorKind::hyper) continue;
    const std::string shared = fmt::format("optimiser.{}.{}", bundle, name);
    const int have = p.find(shared);
    if (have >= 0 && have != tensor) {
      p.tensors[tensor].name.clear();
      tensor = have;
    } else {
      p.tensors[tensor].name = shared;
    }
  }
}

Phase update_of(const Elaboration& e, const Learned& l) {
  Program& p = e.program;
  const std::string parameter = p.tensors[l.parameter].name;
  Part& part = e.parts.add("optimiser." + parameter, e.instance.optimiser);
  const Extent size = p.tensors[l.parameter].size();
  Environment at;
  at.part = &part;
  const auto& header = part.item->syntax.header;  // the parameter, and what was gathered for it
  const Axis axis{"p", header[0].name, size, nullptr};
  const bool per_step = p.tensors[l.parameter].per_step;
  const TimeRef step = per_step ? TimeRef{When::t, 0} : TimeRef{};  // run once a step's copy
  for (std::size_t i = 0; i < 2; ++i) {
    const int tensor = i == 0 ? l.parameter : l.gradient;
    part.axes[header[i].name] = axis;
    at.bound[header[i].name] = e.values().tensor(p.graph.leaf(tensor, step, {size}, false), {axis});
  }
  e.parts.declare(part);
  for (const auto& [name, tensor] : part.tensors)
    if (p.tensors[tensor].kind == TensorKind::keep) p.tensors[tensor].per_step = per_step;
  share_hypers(p, part, l.bundle);
  Phase update{{PhaseKind::update, PhasePart::core, parameter}, {}};
  for (const dsl::TypedChange& change : part.item->changes) {
    const dsl::TypedLine& line = *change.line;
    const bool is_parameter = line.name() == header[0].name;
    const int tensor = is_parameter ? l.parameter : part.tensors.at(line.name());
    Value v = e.elaborator.right_side(line, at);
    v = e.values().reorder(v, is_parameter ? std::vector<Axis>{axis} : p.tensors[tensor].axes);
    update.roots.push_back({RootKind::assign, tensor, step, e.values().flatten(v), line.name()});
  }
  return update;
}

}  // namespace

void build_updates(const Elaboration& e) {
  if (!e.instance.optimiser) return;
  Program& p = e.program;
  p.optimiser = e.instance.optimiser->name();
  for (Learned& l : p.learned) {
    Phase update = update_of(e, l);
    l.update_phase = static_cast<int>(p.phases.size());
    p.phases.push_back(std::move(update));
  }
}

}  // namespace eligo::compiler
