// A compiled program with what it was made of.
#pragma once

#include <memory>

#include "runtime/engine/program.h"
#include "runtime/library/program_spec.h"

namespace eligo::python {

struct PyProgram {
  std::shared_ptr<const Program> program;
  ProgramSpec spec;
  std::int64_t inputs = 0, targets = 0;  // numbers of one step of an example
};

}  // namespace eligo::python
