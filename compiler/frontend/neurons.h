// Neurons: the axis that all states of a cell share, and where it lies in each parameter.
//
// A parameter belongs to its neuron when the step's equations lead its index along the neurons' axis, unchanged, to the
// state of that neuron and to no other: W[n, n] of tanh(W . h + b) by its first axis. Then the gradient of one neuron's
// state by all parameters lies in its own ones, and a product with the whole derivative, cut by that axis, is what the
// neuron has.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "compiler/frontend/bindings.h"

namespace eligo::compiler {

// For each parameter that the states' equations reach: the axes that name its neuron. Empty: it touches several.
std::map<int, std::set<int>> neuron_axes_of_parameters(Program& program, const Part& net, const Axis& neurons);

// The one axis that all states of the net share; nothing if there is none.
std::optional<Axis> shared_axis(const Program& program, const Part& net);

}  // namespace eligo::compiler
