// The part of a batch that runs a sequence on its own.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/memory.h"
#include "runtime/sequence.h"

namespace eligo {

struct Sequence::Shard {
  Shard(Memory& memory, int number_) : number(number_), resolver(memory, number_, 0) {}
  int number;
  std::int64_t first = 0, count = 0;
  ShardResolver resolver;
  Moment before;             // while a window is swept: what comes after
  std::int64_t arrival = 0;  // while a block's index runs: the step that has arrived
  std::unique_ptr<std::byte[]> scratch_storage;
  void* scratch = nullptr;
  double loss = 0;
  std::int64_t loss_steps = 0;
  std::vector<std::vector<char>> taught;  // by learned, of a parameter with a value per step: steps that gathered
};

}  // namespace eligo
