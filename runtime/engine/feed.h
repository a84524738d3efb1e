// What comes to a shard from outside: inputs and targets, flags, random draws. Written for many steps at once, without
// a look at the tensors' tables for each number.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/engine/course.h"
#include "runtime/engine/memory.h"
#include "support/random.h"

namespace eligo {

class Feed {
 public:
  // `flags`, `boundary_flags`: tensors, see Timetable. `seed`: of the draws.
  Feed(const Memory& memory, const std::vector<int>& flags, const std::vector<int>& boundary_flags, std::uint64_t seed);

  // Values in place of draws, of the sequence to come; they must stay where they are as long as it runs.
  void give(const std::map<std::string, std::vector<double>>& given);

  // Flags of steps from..to, and those that are read where a window begins, at its boundary. `known`: those of the last
  // sequence, of the same form, are still there, so only what the caller's masks say is written.
  void flags(const Course& course, int shard, std::int64_t from, std::int64_t to, bool known = false) const;
  void boundary_flags(const Course& course, int shard, std::int64_t start) const;
  // Inputs, targets and draws of steps from..to.
  void load(const Course& course, int shard, std::int64_t from, std::int64_t to) const;
  // Of steps that were loaded before they were known: their targets and loss mask.
  void load_targets(const Course& course, int shard, std::int64_t from, std::int64_t to) const;
  // The flags of examples that begin again.
  void restart(const Course& course, int shard, const std::vector<std::int64_t>& examples, std::int64_t from,
               std::int64_t to) const;
  // Given values of the start, for which the others are zero.
  void start(int shard) const;

 private:
  struct FlagTensor {
    int tensor;
    compiler::Flag flag;
  };
  struct Noise {
    int tensor;
    std::uint64_t purpose;
    bool start = false;             // a value at the start, and none at any step
    const double* given = nullptr;  // in place of what would be drawn
  };
  void fill(const std::vector<FlagTensor>& flags, const Course& course, int shard, std::int64_t from,
            std::int64_t to) const;
  template <class Real>
  void fill_as(const FlagTensor& flag, const Course& course, int shard, std::int64_t from, std::int64_t to) const;
  struct Columns {  // of x or y, and the tensors that they go to, in their order
    std::int64_t width = 0;
    std::vector<std::pair<int, std::int64_t>> tensors;  // and their sizes
  };
  Columns columns(const std::vector<int>& tensors) const;
  struct Steps {
    std::int64_t from, to;
  };
  void load(const Course& course, int shard, Steps steps, const Columns& columns, const ValuesView& from) const;
  template <class From, class Real>
  void load_as(const Course& course, int shard, Steps steps, const Columns& columns, const ValuesView& from) const;
  void draw(const Course& course, int shard, std::int64_t t, const Noise& noise) const;
  template <class Real>
  static void draw_as(compiler::Init::Kind kind, const Key& key, Real* to, std::int64_t size);
  const compiler::Tensor& tensor(int number) const { return plan_.tensors[static_cast<std::size_t>(number)]; }

  const Memory& memory_;
  const compiler::Plan& plan_;
  std::uint64_t seed_;
  Columns inputs_, targets_;
  std::vector<FlagTensor> flags_, boundary_flags_, masks_;
  std::vector<FlagTensor> given_;  // of flags_: what a caller's mask says
  std::vector<Noise> noises_;
};

// Whether a draw is one of the start, where a caller may give it: "P[start]".
bool is_of_start(const compiler::Tensor& noise);

}  // namespace eligo
