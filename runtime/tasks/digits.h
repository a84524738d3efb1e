// Images as a feed-forward net reads them: a whole image is the input, its digit the label. The steps are the net's
// layers, so there are as many as it has hidden layers.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

// x [784] in [0, 1], without further normalisation, at the first step and zero at the others, or at every step where
// `image = "all"` (for rules that predict a layer's input from the net's). The one-hot label y [10] is given at every
// step, for synthesisers that read it; the loss counts at the last.
TaskKind digits_kind();

}  // namespace eligo
