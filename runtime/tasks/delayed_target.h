// The toy task of Pemberton & Costa 2024: a pattern of ten bits at the first step, its point on the unit circle wanted
// at the last one, nothing between. One pair is their study of a fixed network (Figs 2, 3a), three pairs that of a
// plastic one.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

TaskKind delayed_target_kind();

}  // namespace eligo
