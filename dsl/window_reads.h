// How far beyond the end of its window a line reads, through the names that it reads: so many steps of the next window
// must have been taken before the way back. What an `end` boundary equation replaces does not count.
#pragma once

#include "dsl/time.h"

namespace eligo::dsl {

// Fills `beyond` of the learn lines and of the `per neuron` blocks.
void read_beyond_windows(const Item& rule, RuleTime& time);

}  // namespace eligo::dsl
