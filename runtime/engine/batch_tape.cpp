#include "runtime/engine/batch_tape.h"

#include <utility>

namespace eligo {

std::size_t BatchTape::entries() const {
  std::size_t entries = ops.size();
  for (const Tape& shard : shards) entries += shard.entries();
  return entries;
}

Tapes::Slot* Tapes::find(const Key& key) {
  for (Slot& slot : slots_)
    if (slot.key == key) return &slot;
  if (slots_.size() < most) {
    slots_.emplace_back().key = key;
    return nullptr;
  }
  slots_[next_] = Slot{};
  slots_[next_].key = key;
  next_ = (next_ + 1) % most;
  return nullptr;
}

void Tapes::keep(Slot& slot, std::unique_ptr<BatchTape> tape, std::int64_t t) {
  std::size_t entries = tape->entries();
  for (const Slot& other : slots_)
    if (other.tape) entries += other.tape->entries();
  for (Slot& other : slots_)
    if (entries > most_entries) other.tape.reset();
  slot.refused = tape->is_long();
  if (slot.refused) return;
  slot.tape = std::move(tape);
  slot.t = t;
}

}  // namespace eligo
