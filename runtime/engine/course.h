// The sequence that runs, as all parts of the engine see it. Set when it begins; nothing of it changes before it ends.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/engine/batch.h"
#include "runtime/engine/windows.h"

namespace eligo {

struct Course {
  std::int64_t examples = 0, steps = 0;
  bool learn = true;
  bool arrives = true;                // arrivals are worked on: it learns, or something shown needs them
  bool online = false;                // its steps are given one by one; nobody knows how many
  bool even = true;                   // no example ends before the others
  std::vector<std::int64_t> lengths;  // by example; not read online
  std::vector<std::int64_t> begun;    // online, by example: the step after which it began; empty: all at 0
  Windows windows;
  // The caller's; without data: none. Online of one step.
  ValuesView x, y, mask, valid;
  std::uint64_t number = 0;  // sequences begun: the key of its random draws
  // The same for sequences one after the other of the same steps, examples, lengths and kind; 0: of none other.
  std::uint64_t form = 0;

  std::int64_t length(std::int64_t example) const {
    return online ? INT64_MAX : lengths[static_cast<std::size_t>(example)];
  }
  // The step of an example, from its own beginning.
  std::int64_t local(std::int64_t t, std::int64_t example) const {
    return begun.empty() ? t : t - begun[static_cast<std::size_t>(example)];
  }
  // Of x, y and masks: the place of step t.
  std::int64_t place(std::int64_t t) const { return online ? 0 : t - 1; }
  bool takes(std::int64_t t, std::int64_t example) const { return even || t <= length(example); }
};

}  // namespace eligo
