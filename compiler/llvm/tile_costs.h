// What the choice of tiles and of separate statements weighs. Costs are in units of one vector operation on registers;
// choices between algorithms have their weights in compiler/ir/cost_model.h.
#pragma once

#include <cstdint>

namespace eligo::compiler::codegen::tile_costs {

// A lane that a gather or a scatter touches. AVX2's and AVX-512's gathers take two to three cycles a lane where a whole
// vector's load takes half of one, and the planner counts that load as 1.
inline constexpr double gathered_lane = 2.5;
inline constexpr double scattered_lane = 3;

// Adding the lanes of one vector up: three to four shuffles, each with an addition.
inline constexpr double horizontal_sum = 8;

// An element that is copied to its transposed place: a load, a store and a share of the shuffles of a block.
inline constexpr double packing = 0.8;
// Bytes of a packed panel: a quarter of a second-level cache of 256 KiB, so that it stays there while tiles read it.
inline constexpr double largest_panel = 64 << 10;

// Bytes of a page and of a line, and how many pages a first-level table of translations has: 64 entries on all processors in use.
inline constexpr std::int64_t page = 4096;
inline constexpr int line = 64;
inline constexpr std::int64_t few_pages = 64;

// Examples that a sum over them takes at a time, and half as many where their rows do not fit into a first-level cache of
// 32 KiB: products of 100 x 100 over 400 examples went from 57 to 81 % of the peak, those of 30 x 30 lost 2 %.
inline constexpr std::int64_t most_examples = 128;
inline constexpr double near = 32 << 10;

// Registers for values of rows, beside a tile's sums and columns: LLVM loads some of them ahead, and with fewer the sums
// wander between registers and the stack (25 x 400 x 100 in tiles of 5 x 5 reached 77 % of the peak, of 2 x 5 97 %).
inline constexpr int row_values = 3;

// A panel of so many bytes stays in a first-level cache of 32 KiB while the rows of a tile walk it. Of a larger one a
// second-level cache gives so many bytes a cycle (26 x 300 x 300 in tiles of 2 x 5 vectors reached 47 % of the peak, in
// tiles of 8 x 2 89 %).
inline constexpr double near_panel = 32 << 10;
inline constexpr double far_rate = 32;

// Prefetching: arrays beyond a second-level cache, read through panels that fit in a first-level one, in pieces of two
// lines at least.
inline constexpr double prefetched_from = 512 << 10;
inline constexpr double prefetched_panel = 32 << 10;
inline constexpr double prefetched_piece = 128;

// Rows of a large matrix are fetched so many steps of a sum ahead: a step takes five to twelve cycles, the third-level
// cache answers after some 60.
inline constexpr std::int64_t rows_ahead = 48;

// Full vectors beyond which a tile of its own for the rest costs as much code as it saves time.
inline constexpr std::int64_t vectors_before_a_rest = 4;

// After a sum: so much work stays in the tile's code; so much more makes a statement of its own, which stores and loads
// each value once (cf. cost_model::free_operations: two words weigh eight operations).
inline constexpr double little_after_a_sum = 8;
inline constexpr double long_after_a_sum = 20;
// Numbers of an example up to which it stays there all the same: what is stored would be loaded at once, by vectors that lie
// across those that were stored, which the processor cannot hand over (tanh of 10 x 30: 300 ns apart, 150 ns in one).
inline constexpr double few_after_a_sum = 64;

// Parts of a module that are compiled side by side: at least so many loop nests each, at most so many parts.
inline constexpr std::size_t nests_in_a_part = 4;
inline constexpr std::size_t most_parts = 8;

}  // namespace eligo::compiler::codegen::tile_costs
