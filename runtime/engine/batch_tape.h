// The tape of a whole batch: what concerns all shards, and between it the segments of each shard's own tape.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/engine/tape.h"

namespace eligo {

struct BatchTape {
  enum class Kind : std::uint8_t {
    shards,  // a segment of all shards' tapes, side by side
    work,    // an instruction
    reduce,  // what was gathered for parameters: `first` to `last` of the tape's numbers
    guard,   // if it does not hold, goes on behind op `to`
    update,  // the same parameters, by calls
    prepare  // what is computed from parameters alone: a call
  };
  struct Op {
    Kind kind = Kind::work;
    std::uint32_t to = 0;    // guard: see above; shards: the segment
    std::uint32_t call = 0;  // prepare, the first update: of the first shard's tape
    std::uint32_t first = 0, last = 0;
    const compiler::Instruction* instruction = nullptr;
    Cursor at;
  };
  std::vector<Op> ops;
  std::vector<int> numbers;  // of Plan::learned
  std::vector<Tape> shards;
  bool flushes = true;  // nothing in it computes with denormal numbers

  std::size_t entries() const;
  bool is_long() const { return entries() > Tape::most; }
};

// The tapes of a session, by what is played. A list that comes for the first time is carried out as it is: many come
// only once.
class Tapes {
 public:
  struct Key {
    int list = 0;                      // which of a timetable's lists; of a whole sequence all
    std::int64_t examples = 0, t = 0;  // steps of the sequence; of a stream's step, its place in the period
    bool learn = true;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    Key key;
    bool refused = false;  // its tape would be too long
    std::int64_t t = 0;    // the step that was recorded
    std::unique_ptr<BatchTape> tape;
  };
  // The key's slot, with a tape if there is one; null: it was not asked for among the last ones.
  Slot* find(const Key& key);
  // A tape for it, of a list that was recorded at step t. Where all would take too much, the others go.
  void keep(Slot& slot, std::unique_ptr<BatchTape> tape, std::int64_t t);

 private:
  static constexpr std::size_t most = 64, most_entries = 2 * Tape::most;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;  // whose turn it is to be dropped
};

}  // namespace eligo
