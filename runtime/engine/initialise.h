// First values of parameters, wirings and kept values, drawn from the session's seed by the tensor's name.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compiler/ir/program.h"

namespace eligo {

// `step` counts from 0 and matters for a tensor with a value per step only.
std::vector<double> initial_values(const compiler::Tensor& tensor, std::uint64_t seed, std::int64_t step = 0);

// The same values stretch by stretch, each from its number `first` on: a large tensor's need not be held all at once.
using TakeValues = std::function<void(std::int64_t first, std::span<const double> values)>;
void initial_values(const compiler::Tensor& tensor, std::uint64_t seed, std::int64_t step, const TakeValues& take);

}  // namespace eligo
