// Into how many shards a batch is cut. Follows from the rule and the batch, so that results do not depend on the number of
// threads.
#pragma once

#include <cstdint>

#include "compiler/ir/program.h"

namespace eligo::compiler {

int shards_for(const Facts& facts, std::int64_t batch, bool float64);

// Examples of the largest shard.
std::int64_t rows_of_a_shard(const Facts& facts, std::int64_t batch, bool float64);

}  // namespace eligo::compiler
