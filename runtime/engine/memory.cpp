#include "runtime/engine/memory.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/engine/reals.h"
#include "support/error.h"

namespace eligo {

using compiler::TensorKind;
using compiler::TimeRef;
using compiler::When;

namespace {
constexpr std::int64_t alignment = 64;
std::int64_t padded(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment + alignment; }
std::int64_t modulo(std::int64_t a, std::int64_t n) {
  if (a >= 0 && a < n) return a;  // without a division, as in all sequences that fit into their rings
  const std::int64_t rest = a % n;
  return rest < 0 ? rest + n : rest;
}
}  // namespace

Memory::Memory(const compiler::Plan& program, const compiler::Layout& layout, std::int64_t examples, int shards, bool float64)
    : program_(program), layout_(layout), float64_(float64), origin_(static_cast<std::size_t>(shards)), first_(static_cast<std::size_t>(shards) + 1) {
  divide(examples);
  const std::size_t n = program.tensors.size();
  std::vector<std::int64_t> base(n), version(n);
  std::int64_t total = 0;
  auto take = [&](std::int64_t bytes) {
    const std::int64_t at = total;
    total += padded(bytes);
    return at;
  };
  for (std::size_t i = 0; i < n; ++i) {
    const compiler::TensorLayout& l = layout.tensors[i];
    const auto& t = program.tensors[i];
    row_.push_back(l.element * t.size());
    if (t.kind == TensorKind::gradient) continue;
    base[i] = take(l.bytes());
    version[i] = l.versions ? take(l.slot_bytes * (l.versions + (l.copies > 0))) : 0;
    if (l.versions) versioned_.push_back(static_cast<int>(i));
  }
  const std::int64_t gradients = total;
  for (std::size_t i = 0; i < n; ++i)
    if (program.tensors[i].kind == TensorKind::gradient) base[i] = take(layout.tensors[i].bytes());
  gradient_bytes_ = total - gradients;
  total += (shards - 1) * gradient_bytes_;
  std::vector<std::int64_t> ends;
  for (const auto& phase : program.phases)
    for (const compiler::Plan::Read& read : phase.reads) {
      const compiler::Tensor& tensor = program.tensors[read.tensor];
      if (!is_gathered(read.time.base) || tensor.per_step) continue;  // (per_step: refused where it would be read)
      if (tensor.kind == TensorKind::param) {
        // Updates come when a window is complete: until then its end's parameters are those of now.
        bool at_windows = program.window_ahead == 0 && read.time.base != When::now;
        for (const auto& l : program.learned) at_windows = at_windows && l.every != compiler::UpdateEvery::step;
        if (at_windows) continue;
        throw Error(tensor.name +
                    " changes inside a sequence, so its value at `end`, `last` or an `at each` block's `t` is not kept: "
                    "update every sequence");
      }
      bool known = false;
      for (const EndRead& e : end_reads_) known = known || (e.tensor == read.tensor && e.time == read.time);
      if (known) continue;
      end_reads_.push_back({read.tensor, read.time, nullptr});
      ends.push_back(take(row_[read.tensor] * examples));
    }
  total_ = padded(total);
  try {
    arena_ = ZeroedMemory(static_cast<std::size_t>(total_));
  } catch (const std::bad_alloc&) {
    throw Error("not enough memory for this session: use smaller sizes or a smaller batch");
  }
  std::byte* const first = arena_.bytes().data();
  for (std::size_t i = 0; i < n; ++i) {
    base_.push_back(first + base[i]);
    version_.push_back(first + version[i]);
  }
  gradients_ = first + gradients;
  for (std::size_t i = 0; i < end_reads_.size(); ++i) end_reads_[i].at = first + ends[i];
}

void Memory::divide(std::int64_t examples) {
  const auto shards = static_cast<std::int64_t>(first_.size()) - 1;
  for (std::int64_t s = 0; s <= shards; ++s) first_[static_cast<std::size_t>(s)] = examples * s / shards;
}

std::byte* Memory::slot(int tensor, std::int64_t t, int shard) const {
  const compiler::TensorLayout& l = layout_.tensors[tensor];
  const std::int64_t place = l.again ? t - layout_.lowest - origin(shard) : modulo(t - layout_.lowest, l.capacity);
  return ring(tensor, shard) + place * count(shard) * row_[tensor];
}

void* Memory::version(int tensor, std::int64_t t) const {
  const compiler::TensorLayout& l = layout_.tensors[tensor];
  return version_[tensor] + modulo(t, l.versions) * l.slot_bytes;
}

std::byte* Memory::copy(int tensor, std::byte* base, std::int64_t t) const {
  const compiler::TensorLayout& l = layout_.tensors[tensor];
  return base + (t >= 1 && t <= l.copies ? t : 0) * l.slot_bytes;
}

void* Memory::gathered(int tensor, TimeRef time, std::int64_t example) {
  for (const EndRead& e : end_reads_)
    if (e.tensor == tensor && e.time == time) return e.at + example * row_[tensor];
  return nullptr;
}

double Memory::read(int tensor, const void* at, std::int64_t i) const {
  if (program_.tensors[tensor].kind == TensorKind::wiring) return static_cast<const std::int32_t*>(at)[i];
  return float64_ ? static_cast<const double*>(at)[i] : static_cast<double>(static_cast<const float*>(at)[i]);
}

void Memory::write(int tensor, void* at, std::int64_t i, double value) const {
  if (program_.tensors[tensor].kind == TensorKind::wiring)
    static_cast<std::int32_t*>(at)[i] = static_cast<std::int32_t>(value);
  else if (float64_) static_cast<double*>(at)[i] = value;
  else static_cast<float*>(at)[i] = static_cast<float>(value);
}

namespace {

// With the reals at `at` as they are.
template <class Work>
void with_reals(bool float64, void* at, const Work& work) {
  if (float64) work(static_cast<double*>(at));
  else work(static_cast<float*>(at));
}
template <class Work>
void with_reals(bool float64, const void* at, const Work& work) {
  if (float64) work(static_cast<const double*>(at));
  else work(static_cast<const float*>(at));
}

std::int64_t size_of(std::span<const double> values) { return static_cast<std::int64_t>(values.size()); }

}  // namespace

void Memory::read(int tensor, const void* at, std::int64_t i, std::span<double> values) const {
  const compiler::TensorLayout& l = layout_.tensors[static_cast<std::size_t>(tensor)];
  if (program_.tensors[static_cast<std::size_t>(tensor)].kind != TensorKind::wiring)
    return read_reals(static_cast<const std::byte*>(at) + i * l.element, values);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = read(tensor, at, i + static_cast<std::int64_t>(k));
}

void Memory::write(int tensor, void* at, std::int64_t i, std::span<const double> values) const {
  const compiler::TensorLayout& l = layout_.tensors[static_cast<std::size_t>(tensor)];
  if (program_.tensors[static_cast<std::size_t>(tensor)].kind != TensorKind::wiring)
    return write_reals(static_cast<std::byte*>(at) + i * l.element, values);
  for (std::size_t k = 0; k < values.size(); ++k) write(tensor, at, i + static_cast<std::int64_t>(k), values[k]);
}

void Memory::fill(int tensor, void* at, std::int64_t i, std::int64_t count, double value) const {
  if (program_.tensors[static_cast<std::size_t>(tensor)].kind == TensorKind::wiring) {
    std::fill_n(static_cast<std::int32_t*>(at) + i, count, static_cast<std::int32_t>(value));
    return;
  }
  with_reals(float64_, at, [&]<class Real>(Real* to) { std::fill_n(to + i, count, static_cast<Real>(value)); });
}

void Memory::read_reals(const void* at, std::span<double> values) const {
  with_reals(float64_, at, [&](const auto* from) { convert(from, values.data(), size_of(values)); });
}

void Memory::write_reals(void* at, std::span<const double> values) const {
  with_reals(float64_, at, [&](auto* to) { convert(values.data(), to, size_of(values)); });
}

void Memory::add_reals(void* at, double factor, std::span<const double> values) const {
  with_reals(float64_, at, [&](auto* to) { add_scaled(values.data(), factor, to, size_of(values)); });
}

void Memory::add_up_reals(const void* at, std::span<double> sums) const {
  with_reals(float64_, at, [&](const auto* from) { add_scaled(from, 1, sums.data(), size_of(sums)); });
}

double Memory::add_reals_to(double sum, const void* at, std::int64_t count) const {
  with_reals(float64_, at, [&](const auto* from) {
    for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(from[i]);
  });
  return sum;
}

void Memory::zero_slot(int tensor, std::int64_t t, int shard) const {
  std::memset(slot(tensor, t, shard), 0, static_cast<std::size_t>(count(shard) * row_[tensor]));
}

bool Memory::are_neighbours(const std::byte* end, const std::byte* begin) {
  return begin >= end && begin - end < 2 * alignment;  // no tensor and its padding take less
}

void Memory::zero_gradients(int shard) const {
  std::memset(gradients_ + shard * gradient_bytes_, 0, static_cast<std::size_t>(gradient_bytes_));
}

void Memory::snapshot_versions(std::int64_t t) const {
  for (const int tensor : versioned_) {
    const compiler::TensorLayout& l = layout_.tensors[tensor];
    void* to = l.copies ? copy(tensor, version_[tensor], t) : version(tensor, t);
    std::memcpy(to, l.copies ? copy(tensor, base_[tensor], t) : base_[tensor], static_cast<std::size_t>(l.slot_bytes));
  }
}

void* ShardResolver::step_copy(int tensor, TimeRef time) const {
  const std::int64_t step = (time.base == When::start ? moment.start : moment.t) + time.offset;
  if (memory_->program().tensors[tensor].kind == TensorKind::gradient)
    return memory_->copy(tensor, optimising ? memory_->base(tensor) : memory_->shard_gradient(tensor, shard_), step);
  const bool taken = memory_->layout().tensors[tensor].versions > 0 && !optimising;
  return memory_->copy(tensor, taken ? memory_->version_base(tensor) : memory_->base(tensor), step);
}

void* ShardResolver::resolve(int tensor, TimeRef time) {
  const auto& t = memory_->program().tensors[tensor];
  if (t.per_step) return step_copy(tensor, time);
  if (t.kind == TensorKind::gradient)
    return optimising ? memory_->whole(tensor) : memory_->shard_gradient(tensor, shard_);
  if (!t.timed()) {
    const bool now = time.base == When::always || time.base == When::end || time.base == When::last ||
                     (time.base == When::t && time.offset == 0 && moment.current);
    if (now || memory_->layout().tensors[tensor].versions == 0) return memory_->whole(tensor);
    return memory_->version(tensor, (time.base == When::start ? moment.start : moment.t) + time.offset);
  }
  switch (time.base) {
    case When::start: return memory_->slot(tensor, moment.start + time.offset, shard_);
    case When::end:
    case When::last:
    case When::now: return memory_->gathered(tensor, time, memory_->first(shard_));
    default: return memory_->slot(tensor, moment.t + time.offset, shard_);
  }
}

}  // namespace eligo
