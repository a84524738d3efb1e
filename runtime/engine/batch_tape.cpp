#include "runtime/engine/batch_tape.h"

#include <algorithm>

namespace eligo {

bool BatchTape::is_long() const {
  return ops.size() > Tape::most ||
         std::any_of(shards.begin(), shards.end(), [](const Tape& t) { return t.is_long(); });
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

}  // namespace eligo
