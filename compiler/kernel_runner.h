// Runs a program's phases as compiled kernels.
#pragma once

#include <memory>

#include "compiler/lower.h"
#include "compiler/phase_runner.h"

namespace eligo::compiler {

class Kernels;

std::shared_ptr<PhaseRunner> make_kernel_runner(Lowered lowered, std::shared_ptr<Kernels> kernels, bool float64);

}  // namespace eligo::compiler
