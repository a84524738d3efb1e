// Trainings that diverge: what is not finite is noticed before it reaches the parameters, and where it began is found by
// running the same batch once more, with a look at every value that a phase writes.
//
// Where parameters change at a sequence's end alone, an update is refused whose loss or gradient is not finite, so the
// parameters are still those of the batch. Where they change within it, they are copied before.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "runtime/engine/sequence.h"
#include "runtime/engine/shard.h"

namespace eligo {

using compiler::RootKind;
using compiler::TensorKind;
using compiler::UpdateEvery;
using compiler::When;

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

bool Sequence::changes_within(const compiler::Plan& plan) {
  if (plan.adopts || plan.updates_within) return true;
  return std::any_of(plan.learned.begin(), plan.learned.end(),
                     [](const auto& l) { return l.every != UpdateEvery::sequence; });
}

// Everything that a batch may change.
void Sequence::back_up() {
  std::size_t bytes = 0;
  for (const int tensor : kept_) bytes += static_cast<std::size_t>(layout_.tensors[tensor].bytes());
  backup_.resize(bytes);
  std::byte* to = backup_.data();
  for (const int tensor : kept_) {
    const auto size = static_cast<std::size_t>(layout_.tensors[tensor].bytes());
    std::memcpy(to, memory_->base(tensor), size);
    to += size;
  }
}

void Sequence::put_back() {
  const std::byte* from = backup_.data();
  for (const int tensor : kept_) {
    const auto size = static_cast<std::size_t>(layout_.tensors[tensor].bytes());
    std::memcpy(memory_->base(tensor), from, size);
    from += size;
  }
  stale_ = true;
}

bool Sequence::is_finite(int tensor, const void* at, std::int64_t count) const {
  if (plan_.tensors[static_cast<std::size_t>(tensor)].kind == TensorKind::wiring) return true;
  return memory_->float64() ? finite_as<std::uint64_t>(at, count, 0x7FF0000000000000)
                            : finite_as<std::uint32_t>(at, count, 0x7F800000);
}

// Whether the optimiser may use what has just been reduced.
bool Sequence::may_update(UpdateEvery every) {
  if (!learn_ || refused_) return false;
  if (!guarded_ || changes_within()) return true;
  if (watching_) return false;  // the parameters are to stay those of the batch
  double loss = 0;
  for (const auto& shard : shards_) loss += shard->loss;
  bool good = std::isfinite(loss);
  for (const compiler::Learned& l : plan_.learned)
    good = good && (l.every != every || is_finite(l.gradient, memory_->whole(l.gradient),
                                                  plan_.tensors[l.gradient].size() * memory_->copies(l.gradient)));
  refused_ = !good;
  return good;
}

bool Sequence::all_gathered_finite() const {
  for (std::size_t k = 0; k < plan_.learned.size(); ++k) {
    const int gradient = plan_.learned[k].gradient;
    if (!all_finite(totals_[k])) return false;
    const std::int64_t count = plan_.tensors[gradient].size() * memory_->copies(gradient);
    if (reduced_[k] && !is_finite(gradient, memory_->whole(gradient), count)) return false;
  }
  return true;
}

// Of parameters and of what the optimiser and the rule keep.
std::optional<NonFinite> Sequence::first_parameter() const {
  for (const int tensor : kept_) {
    const compiler::Tensor& info = plan_.tensors[static_cast<std::size_t>(tensor)];
    const std::int64_t size = info.size(), count = size * memory_->copies(tensor);
    if (is_finite(tensor, memory_->whole(tensor), count)) continue;
    for (std::int64_t k = 0; k < count; ++k)
      if (const double x = memory_->read(tensor, memory_->whole(tensor), k); !std::isfinite(x))
        return NonFinite{NonFinite::Kind::parameter, info.name, info.per_step ? k / size + 1 : -1, -1, x};
  }
  return std::nullopt;
}

RunResult Sequence::train(const Batch& batch) {
  const bool within = changes_within();
  if (within) back_up();
  guarded_ = true;
  RunResult result = run(batch, true);
  guarded_ = false;
  const bool wrong = refused_ || !std::isfinite(result.loss) || (within && !all_gathered_finite());
  const std::optional<NonFinite> parameter = wrong && !within ? std::nullopt : first_parameter();
  if (!wrong && !parameter) return result;
  if (within) put_back();
  // An update at the sequence's end is over: it is what has made a parameter so.
  result.not_finite = within || !parameter ? find_not_finite(batch, true) : parameter;
  if (!result.not_finite) result.not_finite = parameter;
  if (!result.not_finite) result.not_finite = NonFinite{.value = result.loss};
  if (within) put_back();
  refresh();
  return result;
}

// --- where it began -------------------------------------------------------------------------------------------------

std::optional<NonFinite> Sequence::find_not_finite(const Batch& batch, bool learn) {
  if (count_ > 0) --count_;
  for (auto& shard : shards_) {
    shard->calls_watched = 0;
    shard->sighted = shard->sighted_inner = {};
  }
  guarded_ = watching_ = true;
  run(batch, learn);
  guarded_ = watching_ = false;
  std::optional<NonFinite> found = seen();
  if (found && found->kind == NonFinite::Kind::learned) found->example = example_of(batch, *found, learn);
  return found;
}

// A sum over the batch is not finite: of which example alone it is not either.
std::int64_t Sequence::example_of(const Batch& batch, const NonFinite& sum, bool learn) {
  if (batch.examples == 1) return 0;
  const auto slice = [&](const std::vector<double>& all, std::int64_t example) {
    const auto rows = static_cast<std::size_t>(batch.steps * batch.examples);
    const std::size_t width = all.size() / rows;
    std::vector<double> one;
    for (std::size_t row = static_cast<std::size_t>(example); width > 0 && row < rows;
         row += static_cast<std::size_t>(batch.examples))
      one.insert(one.end(), all.begin() + static_cast<std::ptrdiff_t>(row * width),
                 all.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
    return one;
  };
  for (std::int64_t b = 0; b < batch.examples; ++b) {
    if (!backup_.empty()) put_back();
    Batch one{batch.steps, 1, slice(batch.x, b), slice(batch.y, b), slice(batch.loss_mask, b), {}};
    if (!batch.lengths.empty()) one.lengths = {batch.lengths[static_cast<std::size_t>(b)]};
    const auto found = find_not_finite(one, learn);
    if (found && found->name == sum.name) return b;
  }
  return -1;
}

// Of all shards, which go through the same calls, the one that met it first.
std::optional<NonFinite> Sequence::seen() const {
  const Sighting* first = nullptr;
  for (const bool inner : {false, true}) {
    for (const auto& shard : shards_) {
      const Sighting& one = inner ? shard->sighted_inner : shard->sighted;
      if (one.call >= 0 && (first == nullptr || one.call < first->call)) first = &one;
    }
    if (first != nullptr) break;
  }
  if (first == nullptr) return std::nullopt;
  NonFinite found;
  found.step = first->step;
  found.example = first->example;
  found.value = first->value;
  found.name = plan_.tensors[static_cast<std::size_t>(first->tensor)].name;
  found.kind = first->kind == RootKind::store    ? NonFinite::Kind::equation
               : first->kind == RootKind::gather ? NonFinite::Kind::learned
                                                 : NonFinite::Kind::parameter;
  if (found.kind == NonFinite::Kind::learned)
    for (const compiler::Learned& l : plan_.learned)
      if (l.gradient == learned_by(first->tensor)) found.name = plan_.tensors[static_cast<std::size_t>(l.parameter)].name;
  if (found.name.starts_with("back.")) found.name = found.name.substr(5) + " on its way back";  // a transposed trace
  return found;
}

// After a call of a phase at step t.
void Sequence::watch(Shard& shard, int phase, std::int64_t t) {
  ++shard.calls_watched;
  if (shard.sighted.call >= 0) return;
  for (const compiler::Plan::Write& write : plan_.phases[static_cast<std::size_t>(phase)].writes)
    if (see(shard, write, t)) return;
}

// Looks at one tensor that was written. True: it is not finite, and is what the user wrote.
bool Sequence::see(Shard& shard, const compiler::Plan::Write& write, std::int64_t t) {
  const compiler::Tensor& info = plan_.tensors[static_cast<std::size_t>(write.tensor)];
  if (info.kind == TensorKind::wiring) return false;
  const std::int64_t step =
      (write.time.base == When::start ? shard.resolver.moment.start : t) + write.time.offset;
  const bool store = write.kind == RootKind::store && info.timed();
  const std::int64_t size = info.size();
  const void* at = nullptr;
  std::int64_t count = size;
  if (store) {
    at = memory_->slot(write.tensor, step, shard.number);
    count = size * shard.count;
  } else if (write.kind == RootKind::gather) {
    at = memory_->shard_gradient(write.tensor, shard.number);
    count = memory_->gradient_bytes(write.tensor) / layout_.tensors[static_cast<std::size_t>(write.tensor)].element;
  } else {
    at = memory_->whole(write.tensor);
    count = size * memory_->copies(write.tensor);
  }
  if (is_finite(write.tensor, at, count)) return false;
  for (std::int64_t k = 0; k < count; ++k) {
    const double x = memory_->read(write.tensor, at, k);
    if (std::isfinite(x)) continue;
    const std::int64_t example = store && size > 0 ? shard.first + k / size : -1;
    // What an example's own end leaves behind it is read behind flags only.
    if (store && (step < 0 || step > lengths_[static_cast<std::size_t>(example)])) continue;
    const bool timed = store || write.kind == RootKind::gather || changes_within();
    Sighting& place = info.made ? shard.sighted_inner : shard.sighted;
    if (place.call < 0)
      place = {shard.calls_watched, write.tensor, write.kind, timed ? std::max<std::int64_t>(step, 0) : -1, example, x};
    return &place == &shard.sighted;
  }
  return false;
}

}  // namespace eligo
