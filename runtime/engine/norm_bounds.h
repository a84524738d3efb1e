// Bounds on the length of what an optimiser takes: where all that was gathered for some parameters together is longer,
// it is made as long as the bound before they are updated (Pascanu, Mikolov & Bengio 2013).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/engine/memory.h"

namespace eligo {

class NormBounds {
 public:
  NormBounds(Memory& memory, const std::vector<compiler::Learned>& learned) : memory_(memory), learned_(learned) {}

  // Of what is learned under this name ("θ") by itself; empty: of all that has no bound of its own, together. 0: none.
  // Throws eligo::Error: nothing is learned so, or the bound is negative or no number.
  void set(const std::string& bundle, double bound);
  // To what was reduced for parameters that are updated together. Numbers that are not finite stay as they are.
  void apply(compiler::UpdateEvery every) const;

 private:
  using Gradients = std::vector<std::span<std::byte>>;  // as they lie
  static constexpr std::size_t kTimes = static_cast<std::size_t>(compiler::UpdateEvery::sequence) + 1;
  struct Bound {
    std::string bundle;
    double length = 0;
    std::array<Gradients, kTimes> gradients;  // by when they are updated
  };
  bool has_own(const std::string& bundle) const;
  std::array<Gradients, kTimes> gradients_of(const std::string& bundle) const;

  Memory& memory_;
  const std::vector<compiler::Learned>& learned_;
  std::vector<Bound> bounds_;
};

}  // namespace eligo
