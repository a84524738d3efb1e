#include "runtime/engine/feed.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/engine/reals.h"
#include "support/random.h"

namespace eligo {

using compiler::Flag;
using compiler::TensorKind;

namespace {

template <class From, class Real>
void convert_strided(const From* from, std::int64_t stride, Real* to, std::int64_t count) {
  if (stride == 1) return convert(from, to, count);
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<Real>(from[i * stride]);
}

template <class Real>
Real* reals(std::byte* at) {
  return reinterpret_cast<Real*>(at);
}

double flag_value(const Course& course, Flag flag, std::int64_t step, std::int64_t example) {
  const std::int64_t t = course.local(step, example);
  const std::int64_t length = course.length(example);
  const bool taken = t >= 1 && t <= length, within = t >= 1 && t <= course.steps;
  switch (flag) {
    case Flag::valid: return taken;
    case Flag::exists: return t >= 0 && t <= length;
    case Flag::end: return taken && !course.online && t == std::min(course.windows.of(t).end, length);
    case Flag::first: return t == 0;
    case Flag::window_end: return within && !course.online && t == course.windows.of(t).end;
    case Flag::last: return t == length;
    case Flag::loss_mask: return within && course.mask ? course.mask.at(course.place(t), example, 0) : 1;
    case Flag::time: return static_cast<double>(t);
    case Flag::counts:  // the start does where the first step does
      return t >= 0 && t <= course.steps && course.valid
                 ? course.valid.at(std::max<std::int64_t>(t - 1, 0), example, 0)
                 : 1;
    case Flag::steps: return course.online ? 0 : static_cast<double>(length);
    case Flag::none:
    case Flag::active:
    case Flag::within:
    case Flag::now:
    case Flag::begin: break;  // set where they are read
  }
  return 0;
}

// Whether a flag is the same for all examples.
bool is_common(const Course& course, Flag flag) {
  return course.even && course.begun.empty() && (flag != Flag::loss_mask || !course.mask) &&
         (flag != Flag::counts || !course.valid);
}

}  // namespace

bool is_of_start(const compiler::Tensor& noise) { return noise.given_as.ends_with("[start]"); }

Feed::Feed(const Memory& memory, const std::vector<int>& flags, const std::vector<int>& boundary_flags,
           std::uint64_t seed)
    : memory_(memory),
      plan_(memory.program()),
      seed_(seed),
      inputs_(columns(plan_.inputs)),
      targets_(columns(plan_.targets)) {
  for (const int flag : flags) flags_.push_back({flag, tensor(flag).flag});
  for (const FlagTensor& flag : flags_)
    if (flag.flag == Flag::loss_mask) masks_.push_back(flag);
  for (const FlagTensor& flag : flags_)
    if (flag.flag == Flag::loss_mask || flag.flag == Flag::counts) given_.push_back(flag);
  for (const int flag : boundary_flags) boundary_flags_.push_back({flag, tensor(flag).flag});
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
    if (const compiler::Tensor& t = plan_.tensors[i]; t.kind == TensorKind::noise)
      noises_.push_back({static_cast<int>(i), purpose_hash(t.name), is_of_start(t)});
}

void Feed::give(const std::map<std::string, std::vector<double>>& given) {
  for (Noise& noise : noises_) {
    const auto found = given.find(tensor(noise.tensor).given_as);
    noise.given = found == given.end() ? nullptr : found->second.data();
  }
}

template <class Real>
void Feed::fill_as(const FlagTensor& flag, const Course& course, int shard, std::int64_t from, std::int64_t to) const {
  const std::int64_t first = memory_.first(shard), count = memory_.count(shard);
  const bool common = is_common(course, flag.flag);
  const ValuesView& mask = course.mask;
  const bool is_mask = flag.flag == Flag::loss_mask && mask && mask.float64 && course.begun.empty();
  if (is_mask && from >= 1 && to <= course.steps && mask.example == 1 && mask.step == count &&
      memory_.together(flag.tensor, from, to, shard))
    return convert(static_cast<const double*>(mask.from(course.place(from), first).data),
                   reals<Real>(memory_.slot(flag.tensor, from, shard)), (to - from + 1) * count);
  for (std::int64_t t = from; t <= to; ++t) {
    Real* at = reals<Real>(memory_.slot(flag.tensor, t, shard));
    if (common) {
      if (count > 0) std::fill_n(at, count, static_cast<Real>(flag_value(course, flag.flag, t, first)));
    } else if (is_mask && t >= 1 && t <= course.steps) {
      convert_strided(static_cast<const double*>(mask.from(course.place(t), first).data), mask.example, at, count);
    } else {
      for (std::int64_t b = 0; b < count; ++b) at[b] = static_cast<Real>(flag_value(course, flag.flag, t, first + b));
    }
  }
}

void Feed::fill(const std::vector<FlagTensor>& flags, const Course& course, int shard, std::int64_t from,
                std::int64_t to) const {
  for (const FlagTensor& flag : flags)
    if (memory_.float64()) fill_as<double>(flag, course, shard, from, to);
    else fill_as<float>(flag, course, shard, from, to);
}

void Feed::flags(const Course& course, int shard, std::int64_t from, std::int64_t to, bool known) const {
  if (!known) return fill(flags_, course, shard, from, to);
  if (!course.mask && !course.valid) return;
  fill(given_, course, shard, std::max<std::int64_t>(from, 0), std::min(to, course.steps));
}

void Feed::boundary_flags(const Course& course, int shard, std::int64_t start) const {
  fill(boundary_flags_, course, shard, start, start);
}

Feed::Columns Feed::columns(const std::vector<int>& tensors) const {
  Columns columns;
  for (const int number : tensors) {
    columns.tensors.emplace_back(number, tensor(number).size());
    columns.width += columns.tensors.back().second;
  }
  return columns;
}

// Columns of x or y to their tensors; where an example has ended, zeros.
template <class From, class Real>
void Feed::load_as(const Course& course, int shard, Steps steps, const Columns& columns, const ValuesView& from) const {
  const std::int64_t begin = memory_.first(shard), count = memory_.count(shard);
  const bool dense = course.even && from.channel == 1 && from.example == columns.width;
  const auto* source = static_cast<const From*>(from.from(course.place(steps.from), begin).data);
  const std::int64_t row = count * columns.width;
  if (columns.tensors.empty()) return;
  if (const auto& [only, size] = columns.tensors.front(); dense && size == columns.width && from.step == row &&
                                                          memory_.together(only, steps.from, steps.to, shard))
    return convert(source, reals<Real>(memory_.slot(only, steps.from, shard)), (steps.to - steps.from + 1) * row);
  for (std::int64_t t = steps.from; t <= steps.to; ++t, source += from.step) {
    const From* first = source;
    for (const auto& [number, size] : columns.tensors) {
      Real* to = reals<Real>(memory_.slot(number, t, shard));
      if (size == columns.width && dense) {
        convert(first, to, size * count);
      } else {
        for (std::int64_t b = 0; b < count; ++b)
          if (course.takes(t, begin + b)) convert_strided(first + b * from.example, from.channel, to + b * size, size);
          else std::fill_n(to + b * size, size, Real{0});
      }
      first += size * from.channel;
    }
  }
}

void Feed::load(const Course& course, int shard, Steps steps, const Columns& columns, const ValuesView& from) const {
  if (!from) {
    for (std::int64_t t = steps.from; t <= steps.to; ++t)
      for (const auto& each : columns.tensors) memory_.zero_slot(each.first, t, shard);
  } else if (from.float64) {
    if (memory_.float64()) load_as<double, double>(course, shard, steps, columns, from);
    else load_as<double, float>(course, shard, steps, columns, from);
  } else {
    if (memory_.float64()) load_as<float, double>(course, shard, steps, columns, from);
    else load_as<float, float>(course, shard, steps, columns, from);
  }
}

void Feed::load(const Course& course, int shard, std::int64_t from, std::int64_t to) const {
  if (from > to) return;
  load(course, shard, {from, to}, inputs_, course.x);
  load(course, shard, {from, to}, targets_, course.y);
  for (const Noise& noise : noises_)
    for (std::int64_t t = from; t <= to; ++t) draw(course, shard, t, noise);
}

void Feed::load_targets(const Course& course, int shard, std::int64_t from, std::int64_t to) const {
  if (from > to) return;
  load(course, shard, {from, to}, targets_, course.y);
  fill(masks_, course, shard, from, to);
}

void Feed::restart(const Course& course, int shard, const std::vector<std::int64_t>& examples, std::int64_t from,
                   std::int64_t to) const {
  const std::int64_t first = memory_.first(shard), count = memory_.count(shard);
  for (const FlagTensor& flag : flags_)
    for (std::int64_t t = from; t <= to; ++t)
      for (const std::int64_t example : examples)
        if (example >= first && example < first + count)
          memory_.write(flag.tensor, memory_.slot(flag.tensor, t, shard), example - first,
                        flag_value(course, flag.flag, t, example));
}

void Feed::draw(const Course& course, int shard, std::int64_t t, const Noise& noise) const {
  const compiler::Tensor& info = tensor(noise.tensor);
  const std::int64_t first = memory_.first(shard), count = memory_.count(shard), size = info.size();
  auto* at = memory_.slot(noise.tensor, t, shard);
  if (noise.start) {
    memory_.zero_slot(noise.tensor, t, shard);
    return;
  }
  if (noise.given) {
    const double* from = noise.given + ((t - 1) * course.examples + first) * size;
    memory_.write_reals(at, {from, static_cast<std::size_t>(count * size)});
    return;
  }
  for (std::int64_t b = 0; b < count; ++b) {
    // The step's key joins the sequence and the step within it.
    const Key key = {seed_, noise.purpose, course.number * 0x100000000ull + static_cast<std::uint64_t>(t),
                     static_cast<std::uint64_t>(first + b)};
    if (memory_.float64()) draw_as(info.init.kind, key, reals<double>(at) + b * size, size);
    else draw_as(info.init.kind, key, reals<float>(at) + b * size, size);
  }
}

template <class Real>
void Feed::draw_as(compiler::Init::Kind kind, const Key& key, Real* to, std::int64_t size) {
  std::array<double, 64> draws;
  for (std::int64_t k = 0; k < size; k += static_cast<std::int64_t>(draws.size())) {
    const std::span<double> some(draws.data(), std::min(draws.size(), static_cast<std::size_t>(size - k)));
    const auto index = static_cast<std::uint64_t>(k);
    if (kind == compiler::Init::Kind::normal) normal(key, index, some);
    else if (kind == compiler::Init::Kind::uniform) uniform(key, index, 0, 1, some);
    else random_sign(key, index, some);
    convert(some.data(), to + k, static_cast<std::int64_t>(some.size()));
  }
}

void Feed::start(int shard) const {
  const std::int64_t first = memory_.first(shard), count = memory_.count(shard);
  for (const Noise& noise : noises_) {
    if (!noise.start || !noise.given) continue;
    const std::int64_t size = tensor(noise.tensor).size();
    auto* at = memory_.slot(noise.tensor, 0, shard);
    for (std::int64_t k = 0; k < count * size; ++k) memory_.write(noise.tensor, at, k, noise.given[first * size + k]);
  }
}

}  // namespace eligo
