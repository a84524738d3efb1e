// A compiled program: what `compile` makes from a specification, shared by sessions.
#pragma once

#include <memory>

#include "compiler/phase_runner.h"
#include "compiler/plan.h"
#include "runtime/session.h"

namespace eligo {

class Program {
 public:
  std::shared_ptr<const compiler::Plan> plan;
  std::shared_ptr<compiler::PhaseRunner> runner;
  bool float64 = false;
  bool from_cache = false;
};

// The parts that a specification names, read, parsed and checked, bound and instantiated. Throws eligo::Error or
// dsl::SourceError.
std::shared_ptr<compiler::Program> instantiate(const ProgramSpec& spec);

}  // namespace eligo
