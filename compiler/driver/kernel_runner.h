// Runs a program's phases as compiled kernels.
#pragma once

#include <memory>

#include "compiler/codegen/codegen.h"
#include "compiler/ir/phase_runner.h"
#include "compiler/lower/lower.h"

namespace eligo::compiler {

std::shared_ptr<PhaseRunner> make_kernel_runner(Lowered lowered, std::shared_ptr<Kernels> kernels, bool float64);

}  // namespace eligo::compiler
