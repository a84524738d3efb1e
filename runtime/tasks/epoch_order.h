// The order in which an epoch sees the training examples.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/random.h"

namespace eligo {

class EpochOrder {
 public:
  // A function of the seed, `name` and the epoch.
  EpochOrder(std::uint64_t seed, std::string name, std::uint64_t count)
      : seed_(seed), name_(std::move(name)), count_(count) {}

  // A permutation of 0..count-1; the last one asked for is kept.
  const std::vector<std::uint64_t>& of(std::uint64_t epoch) {
    if (order_.empty() || epoch_ != epoch) {
      order_ = permutation(make_key(seed_, name_, epoch), count_);
      epoch_ = epoch;
    }
    return order_;
  }

 private:
  std::uint64_t seed_ = 0;
  std::string name_;
  std::uint64_t count_ = 0, epoch_ = 0;
  std::vector<std::uint64_t> order_;
};

}  // namespace eligo
