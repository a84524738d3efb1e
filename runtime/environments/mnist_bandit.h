// A contextual bandit: an image of a digit is seen, the one action names it and brings 1 if it is right, else 0. In
// training that reward is flipped with a probability (Zhang et al. 2026, appendix H.3).
#pragma once

#include "runtime/environments/environment.h"

namespace eligo {

// Pixels are standardised by the mean and the deviation of MNIST's. An episode draws its image with replacement.
EnvironmentKind mnist_bandit_kind();

}  // namespace eligo
