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

// Operations in the time that a word takes from a core's caches. A core of 2020 to 2024 does about one float32 operation
// while it moves a byte from its second-level cache (`eligo explain` prints the balance, `eligo bench` measures it on
// the machine: 92 GFLOP/s beside some 90 GB/s on a Zen 3), and half as many in float64, so 4 for a word of either.
// Operations alone choose orders of products that are slower.
inline constexpr double word = 4;

// An elementwise value of at most so many operations is computed again where it is read rather than kept: storing and
// loading it takes two words, and a vector unit does three operations while it waits for the first.
inline constexpr int free_operations = 3;
// Inside a sum it is computed again only if the sum's points are fewer than so many times its own.
inline constexpr double repeats_in_a_sum = 4;

// Common subexpressions across phases: a sum of fewer terms is computed again, since keeping it takes as long as eight
// multiply-adds (two words).
inline constexpr std::int64_t shared_sum_terms = 8;

// Distribution over steps: operations for each number that is written by one phase and read by another, somewhat less
// than the two words, since what is batched over steps also runs at a higher rate.
inline constexpr double distributed_operations = 6;
// Numbers of an example that are kept for each step of a run at most: 8 KiB in float32, so that the rows of a run of 16
// steps and a shard of examples stay in a second-level cache (512 KiB on Zen 3).
inline constexpr std::int64_t distributed_size = 2048;
// Steps that a phase which takes many gets in a call, as long as what it touches stays in that cache.
inline constexpr std::int64_t steps_in_a_call = 16;

// Splitting for threads: below so many operations of an example (0.1 ms of a core), waking threads and meeting at the
// end of a stage, some 10 us each, costs more than they bring; a piece has at least an eighth of that.
inline constexpr double split_from = 8e6;
inline constexpr double split_piece = 1e6;
inline constexpr std::int64_t split_pieces = 16;

}  // namespace cost_model

inline double Cost::weight() const { return operations + cost_model::word * words; }

}  // namespace eligo::compiler
