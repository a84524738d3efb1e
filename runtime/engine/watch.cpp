#include "runtime/engine/watch.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/core.h>

namespace eligo {

using compiler::RootKind;
using compiler::TensorKind;

namespace {

// Infinities and NaN are the numbers whose exponent is all ones.
template <class Bits>
bool finite_as(const void* at, std::int64_t count, Bits exponent) {
  const auto* values = static_cast<const std::byte*>(at);
  Bits found = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, values + i * static_cast<std::int64_t>(sizeof(Bits)), sizeof(Bits));
    found |= static_cast<Bits>((bits & exponent) == exponent);
  }
  return found == 0;
}

}  // namespace

std::string NonFinite::text() const {
  std::string place = step < 0 ? "" : step == 0 ? " at the start" : fmt::format(" at step {}", step);
  if (example >= 0) place += fmt::format(" of example {}", example + 1);
  const std::string what = std::isnan(value) ? "nan" : fmt::format("{}", value);  // whatever its sign
  switch (kind) {
    case Kind::equation: return fmt::format("{}{} is {}", name, place, what);
    case Kind::learned: return fmt::format("what is learned for {}{} is {}", name, place, what);
    case Kind::parameter: return fmt::format("{} is {} after its update{}", name, what, place);
    default: return fmt::format("the loss is {}", what);
  }
}

bool is_finite(const Memory& memory, int tensor, const void* at, std::int64_t count) {
  if (memory.program().tensors[static_cast<std::size_t>(tensor)].kind == TensorKind::wiring) return true;
  return memory.float64() ? finite_as<std::uint64_t>(at, count, 0x7FF0000000000000)
                          : finite_as<std::uint32_t>(at, count, 0x7F800000);
}

void Watch::look(const Course& course, int phase, std::int64_t t, std::int64_t start) {
  ++calls_;
  if (sighted_.call >= 0) return;
  for (const compiler::Plan::Write& write : plan_.phases[static_cast<std::size_t>(phase)].writes)
    if (see(course, write, t, start)) return;
}

Watch::Place Watch::place_of(const compiler::Plan::Write& write, std::int64_t step) const {
  const compiler::Tensor& info = plan_.tensors[static_cast<std::size_t>(write.tensor)];
  const std::int64_t size = info.size();
  if (write.kind == RootKind::store && info.timed())
    return {memory_.slot(write.tensor, step, shard_), size * memory_.count(shard_), true};
  if (write.kind == RootKind::gather)
    return {memory_.shard_gradient(write.tensor, shard_),
            memory_.gradient_bytes(write.tensor) / (memory_.float64() ? 8 : 4), false};
  return {memory_.whole(write.tensor), size * memory_.copies(write.tensor), false};
}

// Looks at one tensor that was written. True: it is not finite, and is what the user wrote.
bool Watch::see(const Course& course, const compiler::Plan::Write& write, std::int64_t t, std::int64_t start) {
  const compiler::Tensor& info = plan_.tensors[static_cast<std::size_t>(write.tensor)];
  if (info.kind == TensorKind::wiring) return false;
  const std::int64_t step = (write.time.base == compiler::When::start ? start : t) + write.time.offset;
  const Place place = place_of(write, step);
  if (is_finite(memory_, write.tensor, place.at, place.count)) return false;
  const std::int64_t size = info.size();
  for (std::int64_t k = 0; k < place.count; ++k) {
    const double x = memory_.read(write.tensor, place.at, k);
    if (std::isfinite(x)) continue;
    const std::int64_t example = place.by_example && size > 0 ? memory_.first(shard_) + k / size : -1;
    // What an example's own end leaves behind it is read behind flags only.
    if (place.by_example && (step < 0 || step > course.length(example))) continue;
    const bool timed = place.by_example || write.kind == RootKind::gather || changes_within_;
    Sighting& sighting = info.made ? sighted_inner_ : sighted_;
    if (sighting.call < 0)
      sighting = {calls_, write.tensor, write.kind, timed ? std::max<std::int64_t>(step, 0) : -1, example, x};
    return &sighting == &sighted_;
  }
  return false;
}

int Watch::learned_by(int gathered) const {
  for (const compiler::Clip& c : plan_.clips)
    if (c.gathered == gathered) return c.gradient;
  return gathered;
}

NonFinite Watch::described(const Sighting& sighting) const {
  NonFinite found;
  found.step = sighting.step;
  found.example = sighting.example;
  found.value = sighting.value;
  found.name = plan_.tensors[static_cast<std::size_t>(sighting.tensor)].name;
  found.kind = sighting.kind == RootKind::store    ? NonFinite::Kind::equation
               : sighting.kind == RootKind::gather ? NonFinite::Kind::learned
                                                   : NonFinite::Kind::parameter;
  if (found.kind == NonFinite::Kind::learned)
    for (const compiler::Learned& l : plan_.learned)
      if (l.gradient == learned_by(sighting.tensor))
        found.name = plan_.tensors[static_cast<std::size_t>(l.parameter)].name;
  if (found.name.starts_with("back.")) found.name = found.name.substr(5) + " on its way back";  // a transposed trace
  return found;
}

std::optional<NonFinite> Watch::first(std::span<const Watch* const> watches) {
  for (const bool inner : {false, true}) {
    const Watch* first = nullptr;
    const auto met = [&](const Watch& watch) -> const Sighting& {
      return inner ? watch.sighted_inner_ : watch.sighted_;
    };
    for (const Watch* one : watches)
      if (met(*one).call >= 0 && (first == nullptr || met(*one).call < met(*first).call)) first = one;
    if (first != nullptr) return first->described(met(*first));
  }
  return std::nullopt;
}

}  // namespace eligo
