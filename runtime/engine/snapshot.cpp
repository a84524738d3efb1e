#include "runtime/engine/snapshot.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include <fmt/core.h>

#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

struct Header {
  char word[8] = {'e', 'l', 'i', 'g', 'o', ' ', 's', '2'};
  std::uint64_t program = 0;  // of its tensors, as they lie
  std::uint64_t bytes = 0;    // of all values
  std::int64_t t = 0, examples = 0;
  std::uint64_t number = 0, seed = 0, flags = 0;
};
static_assert(std::is_trivially_copyable_v<Header>);

std::uint64_t digest(const Memory& memory) {
  std::string words = memory.float64() ? "f64" : "f32";
  const auto& tensors = memory.program().tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    words += fmt::format("; {} {}", tensors[i].name, memory.layout().tensors[i].capacity);
    for (const std::int64_t extent : tensors[i].dims) words += fmt::format(" {}", extent);
  }
  return purpose_hash(words);
}

}  // namespace

std::vector<std::byte> snapshot_of(const StreamPlace& place, const Memory& memory) {
  const std::span<const std::byte> values = memory.all();
  Header header;
  header.program = digest(memory);
  header.bytes = values.size();
  header.t = place.t;
  header.examples = place.examples;
  header.number = place.number;
  header.seed = place.seed;
  header.flags = (place.learns ? 1U : 0U) + (place.waits ? 2U : 0U) + (place.begun.empty() ? 0U : 4U) + (place.used ? 8U : 0U);
  const std::span<const std::byte> begun = std::as_bytes(std::span(place.begun));
  std::vector<std::byte> out(sizeof header + begun.size() + values.size());
  std::memcpy(out.data(), &header, sizeof header);
  std::copy(begun.begin(), begun.end(), out.begin() + sizeof header);
  std::memcpy(out.data() + sizeof header + begun.size(), values.data(), values.size());
  return out;
}

StreamPlace place_of(std::span<const std::byte> snapshot, const StreamPlace& here, const Memory& memory) {
  Header header;
  if (snapshot.size() < sizeof header || std::memcmp(snapshot.data(), Header{}.word, sizeof Header{}.word) != 0)
    throw Error("this is no snapshot of a stream");
  std::memcpy(&header, snapshot.data(), sizeof header);
  const std::span<const std::byte> values = memory.all();
  if (header.program != digest(memory) || header.bytes != values.size())
    throw Error("this snapshot is of another program, or of a session of another batch");
  if (header.examples != here.examples)
    throw Error(fmt::format("this snapshot is of {} examples, the session of {}", header.examples, here.examples));
  if (header.seed != here.seed)
    throw Error(fmt::format("this snapshot is of seed {}, the session has {}", header.seed, here.seed));
  if (header.t < 1 || header.flags > 15) throw Error("this snapshot of a stream is damaged");
  StreamPlace place{
      header.t, header.number, header.seed, header.examples, (header.flags & 1) != 0, (header.flags & 2) != 0,
      (header.flags & 8) != 0, {}};
  if ((header.flags & 4) != 0) place.begun.resize(static_cast<std::size_t>(here.examples));
  const std::size_t begun = place.begun.size() * sizeof(std::int64_t), whole = sizeof header + begun + values.size();
  if (snapshot.size() != whole)
    throw Error(fmt::format("this snapshot has {} bytes, it should have {}: it was cut off", snapshot.size(), whole));
  if (begun > 0) std::memcpy(place.begun.data(), snapshot.data() + sizeof header, begun);
  for (const std::int64_t t : place.begun)
    if (t < 0 || t > header.t) throw Error("this snapshot of a stream is damaged");
  return place;
}

void restore_values(std::span<const std::byte> snapshot, const Memory& memory) {
  const std::span<std::byte> values = memory.all();
  const auto last = snapshot.last(values.size());
  std::memcpy(values.data(), last.data(), last.size());
}

}  // namespace eligo
