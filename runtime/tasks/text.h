// Text as characters, each to be predicted from those before it.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

TaskKind text_kind();

}  // namespace eligo
