// Arms that pay 1 with a probability each, 0 otherwise, for a number of pulls. The probabilities are drawn for each
// episode, uniform in [0, 1), so that a good policy explores and then keeps to the best arm, which takes memory; or
// once for all of them (`fixed`), so that it learns the arm by heart. Seen are the arm that was pulled last and what it
// paid.
#pragma once

#include "runtime/environments/environment.h"

namespace eligo {

EnvironmentKind bandit_kind();

}  // namespace eligo
