// Sequential MNIST: an image's rows from top to bottom as steps, its digit wanted at the last one.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

// Pixels are in [0, 1] without further normalisation, the target is one-hot. A random fifth of the training images is
// kept for validation. Without a folder of data the program draws digits itself.
TaskKind seq_mnist_kind();

}  // namespace eligo
