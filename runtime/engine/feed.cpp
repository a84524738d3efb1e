// What comes to a shard from outside before its steps: inputs and targets, flags, random draws. Written for many steps
// at once, without a look at the tensors' tables for each number.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "runtime/engine/sequence.h"
#include "runtime/engine/shard.h"
#include "support/error.h"
#include "support/random.h"

namespace eligo {

using compiler::TensorKind;

namespace {

template <class Real>
void convert(const double* from, Real* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<Real>(from[i]);
}

template <class Real>
Real* reals(std::byte* at) {
  return reinterpret_cast<Real*>(at);
}

}  // namespace

bool Sequence::follows(Flag flag) {
  switch (flag) {
    case Flag::none:
    case Flag::active:
    case Flag::within:
    case Flag::now:
    case Flag::begin: return false;
    case Flag::valid:
    case Flag::exists:
    case Flag::first:
    case Flag::last:
    case Flag::end:
    case Flag::window_end:
    case Flag::loss_mask:
    case Flag::time:
    case Flag::steps:
    case Flag::counts: return true;
  }
  return false;
}

double Sequence::flag_value(Flag flag, std::int64_t t, std::int64_t example) const {
  const std::int64_t length = online_call_ ? INT64_MAX : lengths_[static_cast<std::size_t>(example)];
  const bool taken = t >= 1 && t <= length;
  switch (flag) {
    case Flag::valid: return taken;
    case Flag::exists: return t >= 0 && t <= length;
    case Flag::end: return taken && !online_call_ && t == std::min(window_of(t).end, length);
    case Flag::first: return t == 0;
    case Flag::window_end: return t >= 1 && t <= steps_ && !online_call_ && t == window_of(t).end;
    case Flag::last: return t == length;
    case Flag::loss_mask: return t >= 1 && t <= steps_ && mask_ ? mask_[(t - 1) * examples_ + example] : 1;
    case Flag::time: return static_cast<double>(t);
    case Flag::counts:  // the start does where the first step does
      return t >= 0 && t <= steps_ && valid_ ? valid_[std::max<std::int64_t>(t - 1, 0) * examples_ + example] : 1;
    case Flag::steps: return online_call_ ? 0 : static_cast<double>(length);
    case Flag::none:
    case Flag::active:
    case Flag::within:
    case Flag::now:
    case Flag::begin: break;  // set where they are read
  }
  return 0;
}

template <class Real>
void Sequence::fill_flags_as(const std::vector<FlagTensor>& flags, const Shard& shard, std::int64_t from, std::int64_t to) {
  for (const FlagTensor& flag : flags) {
    // For all examples.
    const bool same = even_ && (flag.flag != Flag::loss_mask || !mask_) && (flag.flag != Flag::counts || !valid_);
    for (std::int64_t t = from; t <= to; ++t) {
      Real* at = reals<Real>(memory_->slot(flag.tensor, t, shard.number));
      if (same) {
        std::fill_n(at, shard.count, static_cast<Real>(flag_value(flag.flag, t, shard.first)));
        continue;
      }
      for (std::int64_t b = 0; b < shard.count; ++b)
        at[b] = static_cast<Real>(flag_value(flag.flag, t, shard.first + b));
    }
  }
}

void Sequence::fill_flags(const std::vector<FlagTensor>& flags, const Shard& shard, std::int64_t from, std::int64_t to) {
  if (memory_->float64()) fill_flags_as<double>(flags, shard, from, to);
  else fill_flags_as<float>(flags, shard, from, to);
}

// Columns of x or y to their tensors; where an example has ended, zeros.
template <class Real>
void Sequence::load_as(const Shard& shard, std::int64_t t, const std::vector<int>& tensors, const double* from) {
  std::int64_t width = 0, column = 0;
  for (int i : tensors) width += plan_.tensors[static_cast<std::size_t>(i)].size();
  const double* first = from + ((online_call_ ? 0 : (t - 1) * examples_) + shard.first) * width;
  for (int i : tensors) {
    const std::int64_t size = plan_.tensors[static_cast<std::size_t>(i)].size();
    Real* to = reals<Real>(memory_->slot(i, t, shard.number));
    if (size == width && even_) {
      convert(first, to, size * shard.count);
    } else {
      for (std::int64_t b = 0; b < shard.count; ++b) {
        const bool taken = even_ || t <= lengths_[static_cast<std::size_t>(shard.first + b)];
        if (taken) convert(first + b * width + column, to + b * size, size);
        else std::fill_n(to + b * size, size, Real{0});
      }
    }
    column += size;
  }
}

void Sequence::load(const Shard& shard, std::int64_t t) {
  const auto copy = [&](const std::vector<int>& tensors, const double* from) {
    if (!from)
      for (int i : tensors) memory_->zero_slot(i, t, shard.number);
    else if (memory_->float64()) load_as<double>(shard, t, tensors, from);
    else load_as<float>(shard, t, tensors, from);
  };
  copy(plan_.inputs, x_);
  copy(plan_.targets, y_);
  draw_noise(shard, t);
}

void Sequence::draw_noise(const Shard& shard, std::int64_t t) {
  for (const Noise& noise : noises_) {
    const compiler::Tensor& info = plan_.tensors[static_cast<std::size_t>(noise.tensor)];
    auto* at = memory_->slot(noise.tensor, t, shard.number);
    if (noise.start) {
      memory_->zero_slot(noise.tensor, t, shard.number);
      continue;
    }
    if (noise.given) {
      const double* from = noise.given + ((t - 1) * examples_ + shard.first) * info.size();
      for (std::int64_t k = 0; k < shard.count * info.size(); ++k) memory_->write(noise.tensor, at, k, from[k]);
      continue;
    }
    for (std::int64_t b = 0; b < shard.count; ++b) {
      // The step's key joins the sequence and the step within it.
      const Key key = {options_.seed, noise.purpose, count_ * 0x100000000ull + static_cast<std::uint64_t>(t),
                       static_cast<std::uint64_t>(shard.first + b)};
      for (std::int64_t k = 0; k < info.size(); ++k) {
        const auto index = static_cast<std::uint64_t>(k);
        const double value = info.init.kind == compiler::Init::Kind::normal    ? normal(key, index)
                             : info.init.kind == compiler::Init::Kind::uniform ? uniform(key, index)
                                                                               : random_sign(key, index);
        memory_->write(noise.tensor, at, b * info.size() + k, value);
      }
    }
  }
}

void Sequence::check_given(const Batch& batch) const {
  if (!batch.valid.empty()) {
    if (plan_.find(Flag::counts) < 0)
      throw Error("this program takes no mask of the steps that count: compile it with ProgramSpec::valid");
    check_values("valid", batch.valid, batch.steps, batch.examples, 1);
    for (const double v : batch.valid)
      if (v != 0 && v != 1) throw Error(fmt::format("valid is {} somewhere: a step counts (1) or does not (0)", v));
  }
  for (const auto& [name, values] : batch.given) {
    const auto noise = std::find_if(noises_.begin(), noises_.end(),
                                    [&, n = name](const Noise& x) { return plan_.tensors[static_cast<std::size_t>(x.tensor)].given_as == n; });
    if (noise == noises_.end()) throw Error(fmt::format("the rule has no draw and no start {} to be given", name));
    check_values(name.c_str(), values, noise->start ? 1 : batch.steps, batch.examples,
                 plan_.tensors[static_cast<std::size_t>(noise->tensor)].size());
  }
}

// What a batch gives in place of draws, and which of its steps count.
void Sequence::take_given(const Batch& batch) {
  for (Noise& noise : noises_) {
    const auto given = batch.given.find(plan_.tensors[static_cast<std::size_t>(noise.tensor)].given_as);
    noise.given = given == batch.given.end() ? nullptr : given->second.data();
  }
  valid_ = batch.valid.empty() ? nullptr : batch.valid.data();
  if (!valid_) return;
  masked_ = batch.valid;  // a step that does not count has no loss either
  for (std::size_t i = 0; mask_ && i < masked_.size(); ++i) masked_[i] *= mask_[i];
  mask_ = masked_.data();
}

void Sequence::give_start(const Shard& shard, const Noise& noise) {
  const std::int64_t size = plan_.tensors[static_cast<std::size_t>(noise.tensor)].size();
  auto* at = memory_->slot(noise.tensor, 0, shard.number);
  for (std::int64_t k = 0; k < shard.count * size; ++k)
    memory_->write(noise.tensor, at, k, noise.given[shard.first * size + k]);
}

namespace {

// Σ x * 0 is 0 for finite numbers only.
template <class Real>
bool all_finite_as(std::span<const double> values) {
  Real sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8)
    for (std::size_t k = 0; k < 8; ++k) sums[k] += static_cast<Real>(values[i + k]) * Real{0};
  for (; i < values.size(); ++i) sums[0] += static_cast<Real>(values[i]) * Real{0};
  Real sum = 0;
  for (const Real s : sums) sum += s;
  return sum == 0;
}

}  // namespace

bool all_finite(std::span<const double> values, bool float64) {
  return float64 ? all_finite_as<double>(values) : all_finite_as<float>(values);
}

}  // namespace eligo
