// A compiled program, shared by sessions: its tables, what is called when, and what runs its phases.
#pragma once

#include <memory>

#include "compiler/ir/manifest.h"
#include "compiler/ir/phase_runner.h"
#include "compiler/timetable/timetable.h"

namespace eligo {

class Program {
 public:
  std::shared_ptr<const compiler::Plan> plan;
  compiler::Timetable timetable;
  std::shared_ptr<compiler::PhaseRunner> runner;
  bool float64 = false;
  bool from_cache = false;
};

}  // namespace eligo
