// A user's own sequences: from NumPy's formats, tables, the time-series archive or IDX files
// (runtime/data/sequences.h).
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

TaskKind arrays_kind();

}  // namespace eligo
