// A cue is seen at the first step; at the last one, the action that it names brings a reward of 1, any other nothing.
// What is done in between does nothing. With all of it remembered the return is 1; a policy without memory expects one
// over the number of cues.
#pragma once

#include "runtime/environments/environment.h"

namespace eligo {

EnvironmentKind memory_chain_kind();

}  // namespace eligo
