// Looks at what phases write, to find the first value that is not finite.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "runtime/engine/course.h"
#include "runtime/engine/memory.h"
#include "runtime/engine/session.h"

namespace eligo {

// Whether `count` values of a tensor are finite; indices always are.
bool is_finite(const Memory& memory, int tensor, const void* at, std::int64_t count);

// Of one shard.
class Watch {
 public:
  // `changes_within`: a parameter that is not finite has become so at a step, as it changes before the sequence ends.
  Watch(const Memory& memory, int shard, bool changes_within)
      : memory_(memory), plan_(memory.program()), shard_(shard), changes_within_(changes_within) {}

  void begin() {
    calls_ = 0;
    sighted_ = sighted_inner_ = {};
  }
  // After a call of a phase at step t of the window behind `start`.
  void look(const Course& course, int phase, std::int64_t t, std::int64_t start);
  // Of all shards, which go through the same calls, what the first one met. A value that the compiler made counts only
  // where no other was met.
  static std::optional<NonFinite> first(std::span<const Watch* const> watches);

 private:
  struct Sighting {
    std::int64_t call = -1;  // of a phase, counted from the sequence's start; -1: none
    int tensor = -1;
    compiler::RootKind kind = compiler::RootKind::store;
    std::int64_t step = -1, example = -1;
    double value = 0;
  };
  struct Place {
    const void* at = nullptr;
    std::int64_t count = 0;
    bool by_example = false;
  };
  Place place_of(const compiler::Plan::Write& write, std::int64_t step) const;
  bool see(const Course& course, const compiler::Plan::Write& write, std::int64_t t, std::int64_t start);
  NonFinite described(const Sighting& sighting) const;
  int learned_by(int gathered) const;  // the gradient of a learned parameter, also behind a clip

  const Memory& memory_;
  const compiler::Plan& plan_;
  int shard_;
  bool changes_within_;
  std::int64_t calls_ = 0;
  Sighting sighted_, sighted_inner_;  // the latter of a value that the compiler made
};

}  // namespace eligo
