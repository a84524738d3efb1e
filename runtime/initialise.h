// First values of parameters, wirings and kept values, drawn from the session's seed by the tensor's name.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/program.h"

namespace eligo {

std::vector<double> initial_values(const compiler::Tensor& tensor, std::uint64_t seed);

}  // namespace eligo
