// The one cost model: what every choice by cost weighs, and where its numbers come from. Costs of operations are in
// their table; how a backend arranges registers and vectors is its own affair (compiler/llvm/tile_plan).
#pragma once

#include <cstdint>

namespace eligo::compiler {

// What a computation costs: operations, and words that it moves (read and written).
struct Cost {
  double operations = 0;
  double words = 0;
  double weight() const;
};

namespace cost_model {

// Operations in the time that a word takes from a core's caches: one float32 operation a byte, half as many in float64,
// so 4 for a word of either. That is the balance with which `eligo explain` tells what bounds a line (`eligo bench`
// measures it on a machine). A prototype on RNN, LSTM, GRU and SparseNet chose slower orders by operations alone.
inline constexpr double word = 4;

// An elementwise value of at most so many operations is computed again where it is read rather than kept: to store and
// to load it are two words, as much as eight operations.
inline constexpr int free_operations = 3;
// Inside a sum it is computed again only if the sum's points are fewer than so many times its own.
inline constexpr double repeats_in_a_sum = 4;

// Common subexpressions across phases: a sum of fewer terms is computed again. Eight multiply-adds weigh as much as two
// words stored and loaded by each of two phases.
inline constexpr std::int64_t shared_sum_terms = 8;

// Distribution over steps: operations for each number that one phase writes and another reads. Less than the eight of
// two words, since work that is batched over steps also runs at a higher rate: products have more rows.
inline constexpr double distributed_operations = 6;
// Bytes of a core's own cache, the second-level one of the smallest processors in use; what a run of steps touches stays
// in it, unless products would have fewer rows than keep a tile's weights busy. That reason has its own bound in bytes.
inline constexpr std::int64_t near_cache = 512 << 10;
inline constexpr std::int64_t run_rows = 128;
inline constexpr std::int64_t run_bytes = 16 * near_cache;
// Numbers of an example that are kept for each step of a run, at most: 8 KiB in float32, a run of 16 steps of 4 examples
// in a second-level cache of 512 KiB.
inline constexpr std::int64_t distributed_size = 2048;
// Steps that a phase which takes many gets in a call, as long as what it touches stays in that cache.
inline constexpr std::int64_t steps_in_a_call = 16;

// Splitting for threads: below so many operations of an example (RTRL's matrix of some 45 units, about 0.1 ms of a core)
// threads that meet at the end of a stage cost more than they bring; a piece has at least an eighth of that.
inline constexpr double split_from = 8e6;
inline constexpr double split_piece = 1e6;
inline constexpr std::int64_t split_pieces = 16;

// Outputs of a read-out below which its matrix stays as it is: sums along its rows fill vectors, fewer outputs do not
// (9 of 100 units: 3.9 times as fast with AVX-512, 4.2 times with AVX2).
inline constexpr std::int64_t transposed_outputs = 16;

// Rows of a multiple of so many elements meet in two lines of a first-level cache of 64 sets or fewer, so a matrix of many
// of them is read from a copy whose rows have a line more (2048 x 2048 by 25 examples: 2.9 times as fast).
inline constexpr std::int64_t aliasing_row = 512;
inline constexpr std::int64_t aliasing_rows = 64;
inline constexpr std::int64_t row_padding = 16;

// Loop fusion: where statements hand each other fewer bytes than two second-level caches of 1 MiB hold, or where it moves
// few words for each operation, running them one after another is as fast (measured: LSTM 100 and GRU 256 lost 2-10 % by
// it, with 1.0 and 1.3 MB; sparse nets gained 18-40 %, with 6-150 MB and a twentieth of their cost or more). A trip
// of a fused loop fills a part of that cache, and gives each statement enough points (a call takes about as long as ten of
// them). Sums over the examples take so many at a time.
inline constexpr double fused_bytes = 2 << 20;
inline constexpr double fused_share = 0.05;
inline constexpr double fused_trip_bytes = 192 << 10;
inline constexpr double fused_points = 128;
inline constexpr std::int64_t fused_examples = 128;
inline constexpr std::int64_t far_rows = 2048;  // bytes from an example to the next, from which on rows are copied together
inline constexpr std::int64_t fused_trips = 4;
inline constexpr std::size_t fused_extents = 3;  // that are tried
// What a statement of a fused loop reads again in each trip: so many words, or more with so many operations on each.
inline constexpr double words_again = 4096;
inline constexpr double operations_on_words_again = 32;

}  // namespace cost_model

inline double Cost::weight() const { return operations + cost_model::word * words; }

}  // namespace eligo::compiler
