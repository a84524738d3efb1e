// A compiled program as it can be kept: what the runtime reads, how its kernels are called, and their machine code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/manifest.h"
#include "compiler/lower/lower.h"
#include "compiler/timetable/timetable.h"

namespace eligo::compiler {

struct Executable {
  Plan plan;
  Timetable timetable;
  Lowered lowered;                   // its functions have no statements any more
  std::vector<std::string> objects;  // object files that define them
  bool float64 = false;
};

std::string packed(const Executable& executable);
// Throws std::runtime_error where the bytes are not what `packed` makes.
Executable unpacked(std::string_view bytes);

}  // namespace eligo::compiler
