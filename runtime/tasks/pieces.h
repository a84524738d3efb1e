// Pieces of sequences, dealt to training, validation and test, and made batches of.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/data/sequences.h"
#include "runtime/tasks/task.h"

namespace eligo {

struct Piece {
  const Sequences* data = nullptr;
  std::uint64_t sequence = 0;
  std::int64_t first = 0, steps = 0;
};

// Sequences of these indices, cut into pieces of at most `cut` steps; 0: whole.
std::vector<Piece> pieces_of(const Sequences& data, const std::vector<std::uint64_t>& sequences, std::int64_t cut);

// What is taken from each input channel, and what it is then multiplied by.
struct Scaling {
  std::vector<double> offset, factor;
};
// "none"; "standard": mean 0 and deviation 1; "range": from 0 to 1. Over all steps of the pieces. Throws eligo::Error
// for another word.
Scaling scaling_of(const std::string& how, const std::vector<Piece>& pieces);

// Sequences shorter than the longest of the batch are padded with zeros; the loss mask says where a target is.
Batch batch_of(const Piece* pieces, std::uint64_t count, const Scaling& scaling);

// Mean of each target channel over the steps that count.
std::vector<double> target_means(const std::vector<Piece>& pieces);

}  // namespace eligo
