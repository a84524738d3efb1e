// A stream as bytes: where it stands, and every tensor's values. Belongs to one program, one machine's number format,
// and sessions of the same batch and seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/engine/memory.h"

namespace eligo {

struct StreamPlace {
  std::int64_t t = 0;        // steps taken
  std::uint64_t number = 0;  // sequences begun
  std::uint64_t seed = 0;    // of draws
  std::int64_t examples = 0;
  bool learns = true, waits = false;
  bool used = false;  // what was gathered has been taken by an update, and is still there
  std::vector<std::int64_t> begun;  // Course::begun
};

std::vector<std::byte> snapshot_of(const StreamPlace& place, const Memory& memory);
// Throws eligo::Error: cut off, of another program, batch or seed than `here`.
StreamPlace place_of(std::span<const std::byte> snapshot, const StreamPlace& here, const Memory& memory);
// Of one whose place has been read.
void restore_values(std::span<const std::byte> snapshot, const Memory& memory);

}  // namespace eligo
