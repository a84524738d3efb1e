// Many blocks of Philox4x32-10 at a time, in the vectors that the processor has; the same numbers as one by one.
#pragma once

#include <cstdint>
#include <span>

namespace eligo {

// A block as two numbers of 64 bits: words 0 and 1, words 2 and 3, the first of each in the low half.
struct PhiloxBlock {
  std::uint64_t first, second;
};

// The counters (index, step, example) for index, index + 1, ..., encrypted under `cipher`.
void philox_blocks(std::uint64_t cipher, std::uint64_t index, std::uint32_t step, std::uint32_t example,
                   std::span<PhiloxBlock> blocks);

}  // namespace eligo
