#include "compiler/frontend/neurons.h"

#include <algorithm>

namespace eligo::compiler {
namespace {

using Tracked = std::set<int>;  // axes of a node that are the neuron's

class Walk {
 public:
  Walk(Program& program, std::map<int, Tracked>& found) : p_(program), found_(found) {}

  void follow(Ref node, const Tracked& tracked) {
    if (!seen_.emplace(node, tracked).second) return;
    switch (node->kind) {
      case NodeKind::leaf: leaf(node, tracked); break;
      case NodeKind::stop: break;  // no derivative passes
      default: uses(node, tracked);
    }
  }

 private:
  void leaf(Ref node, const Tracked& tracked) {
    if (p_.tensors[node->tensor].kind == TensorKind::param) {
      auto [known, fresh] = found_.emplace(node->tensor, tracked);
      if (fresh) return;
      Tracked both;
      std::set_intersection(known->second.begin(), known->second.end(), tracked.begin(), tracked.end(),
                            std::inserter(both, both.end()));
      known->second = both;
    } else if (node->time == TimeRef{When::t, 0}) {
      if (Ref definition = p_.definition(node->tensor, node->time)) follow(definition, tracked);
    }
  }

  // Labels that identities tie together are one index.
  static Tracked closed(Ref node, Tracked labels) {
    for (bool grown = node->kind == NodeKind::contract; grown;) {
      grown = false;
      for (const Use& use : node->uses) {
        if (!use.node->is_identity() || !use.index[0].is_label() || !use.index[1].is_label()) continue;
        const int a = use.index[0].label(), b = use.index[1].label();
        if (labels.contains(a) != labels.contains(b)) {
          labels.insert({a, b});
          grown = true;
        }
      }
    }
    return labels;
  }

  void uses(Ref node, const Tracked& tracked) {
    const Tracked labels = closed(node, tracked);
    for (const Use& use : node->uses) {
      Tracked inner;
      for (std::size_t axis = 0; axis < use.index.size(); ++axis)
        if (use.index[axis].is_label() && labels.contains(use.index[axis].label()))
          inner.insert(static_cast<int>(axis));
      follow(use.node, inner);
    }
  }

  Program& p_;
  std::map<int, Tracked>& found_;
  std::set<std::pair<Ref, Tracked>> seen_;
};

int place(const std::vector<Axis>& axes, const std::string& key) {
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i].key == key) return static_cast<int>(i);
  return -1;
}

}  // namespace

std::map<int, std::set<int>> neuron_axes_of_parameters(Program& program, const Part& net, const Axis& neurons) {
  std::map<int, Tracked> found;
  Walk walk(program, found);
  for (const std::string& state : net.states) {
    const int tensor = net.tensors.at(state);
    walk.follow(program.definitions.at(tensor), {place(program.tensors[tensor].axes, neurons.key)});
  }
  return found;
}

std::optional<Axis> shared_axis(const Program& program, const Part& net) {
  if (net.states.empty()) return std::nullopt;
  for (const Axis& axis : program.tensors[net.tensors.at(net.states[0])].axes) {
    bool shared = true;
    for (const std::string& state : net.states)
      shared = shared && place(program.tensors[net.tensors.at(state)].axes, axis.key) >= 0;
    if (shared) return axis;
  }
  return std::nullopt;
}

}  // namespace eligo::compiler
