// The artificial data of Czarnecki et al. 2017, sections 4 and C: points of a Gaussian, labelled by a hyperplane
// through the origin, by one with some labels swapped, or at random. The same points all along; a data set for each
// seed. Points of a grid take the Gaussian's place where a surface over them is to be drawn.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

// x [inputs] ~ N(0, I) at the first step and zero at the others, y [2] one-hot at every step, the loss counts at the
// last; steps are a net's layers. Validation is the training's points.
TaskKind gaussian_labels_kind();

}  // namespace eligo
