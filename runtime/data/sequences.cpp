#include "runtime/data/sequences.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <set>

#include "dsl/names.h"
#include "runtime/data/sequence_forms.h"
#include "support/error.h"

namespace eligo {
namespace {

constexpr std::size_t most_classes = 1 << 16;

// "sequence 3, step 7, channel 2", counted from 1 on.
std::string place_of(const StepValues& values, std::uint64_t sequence, std::int64_t step, std::int64_t channel) {
  std::string text = fmt::format("sequence {}", sequence + 1);
  if (values.each_step) text += fmt::format(", step {}", step + 1);
  if (values.channels > 1) text += fmt::format(", channel {}", channel + 1);
  return text;
}

// Calls visit(value, sequence, step, channel) for each value of steps that are there.
template <class Visit>
void for_each_value(const Sequences& data, const StepValues& values, const Visit& visit) {
  for (std::uint64_t i = 0; i < data.lengths.size(); ++i)
    for (std::int64_t t = 0; t < (values.each_step ? data.lengths[i] : 1); ++t)
      for (std::int64_t c = 0; c < values.channels; ++c) visit(values(i, t, c), i, t, c);
}

void check_finite(const Sequences& data, const StepValues& values) {
  for_each_value(data, values, [&](double value, std::uint64_t i, std::int64_t t, std::int64_t c) {
    if (!std::isfinite(value))
      throw Error(fmt::format("{}: {} is {}; correct the value or leave the sequence out", values.array.name,
                              place_of(values, i, t, c), value));
  });
}

void check_mask(const Sequences& data) {
  if (!data.mask.given()) return;
  bool any = false;
  for_each_value(data, data.mask, [&](double value, std::uint64_t i, std::int64_t t, std::int64_t c) {
    if (!(value >= 0) || !std::isfinite(value))
      throw Error(fmt::format("{}: {} is {}, expected a weight of 0 or more", data.mask.array.name,
                              place_of(data.mask, i, t, c), value));
    any = any || value > 0;
  });
  if (!any) throw Error(fmt::format("{}: all values are 0: no step would count", data.mask.array.name));
}

TargetKind kind_of(const std::string& asked, const Sequences& data) {
  if (asked == "real") return TargetKind::real;
  if (asked == "binary") return TargetKind::binary;
  if (asked == "label") return TargetKind::label;
  if (asked != "auto") throw Error(fmt::format("targets = {}: expected auto, real, binary or label", asked));
  if (!data.class_names.empty()) return TargetKind::label;
  if (data.y.array.type == NumberArray::Type::boolean) return TargetKind::binary;
  return data.y.array.whole() ? TargetKind::label : TargetKind::real;
}

void check_binary(const Sequences& data) {
  for_each_value(data, data.y, [&](double value, std::uint64_t i, std::int64_t t, std::int64_t c) {
    if (value != 0 && value != 1)
      throw Error(fmt::format("{}: {} is {}, expected 0 or 1; targets = \"real\" takes any number", data.y.array.name,
                              place_of(data.y, i, t, c), value));
  });
}

// The classes are the different values, in order.
void find_classes(Sequences& data) {
  if (data.y.channels != 1)
    throw Error(
        fmt::format("{}: {} values for each target, expected one label; targets = \"real\" or \"binary\" takes "
                    "several",
                    data.y.array.name, data.y.channels));
  if (!data.class_names.empty()) return;
  std::set<double> found;
  for_each_value(data, data.y, [&](double value, std::uint64_t i, std::int64_t t, std::int64_t c) {
    found.insert(value);
    if (found.size() > most_classes)
      throw Error(fmt::format("{}: more than {} different labels up to {}; targets = \"real\" is for numbers",
                              data.y.array.name, most_classes, place_of(data.y, i, t, c)));
  });
  for (const double value : found) {
    data.class_values.push_back(value);
    data.class_names.push_back(fmt::format("{}", value));
  }
}

// The classes of `like` take the place of its own, if they hold them all.
void take_classes(Sequences& data, const Sequences& like) {
  for (std::size_t i = 0; i < data.class_names.size(); ++i) {
    const auto at = std::find(like.class_names.begin(), like.class_names.end(), data.class_names[i]);
    if (at == like.class_names.end())
      throw Error(
          fmt::format("{}: the label {} is not one of {} ({}); leave its sequences out, or add some to the "
                      "training data",
                      data.y.array.name, data.class_names[i], like.path, fmt::join(like.class_names, ", ")));
  }
  if (data.class_values == like.class_values && data.class_names == like.class_names) return;
  // Ranks of texts are renamed in place; numbers stand for themselves.
  std::vector<double> values;
  for_each_value(data, data.y, [&](double value, std::uint64_t, std::int64_t, std::int64_t) {
    const auto own = std::lower_bound(data.class_values.begin(), data.class_values.end(), value);
    const std::string& name = data.class_names[static_cast<std::size_t>(own - data.class_values.begin())];
    const auto at = std::find(like.class_names.begin(), like.class_names.end(), name) - like.class_names.begin();
    values.push_back(like.class_values[static_cast<std::size_t>(at)]);
  });
  std::vector<std::uint64_t> first{0};
  for (const std::int64_t length : data.lengths) first.push_back(first.back() + static_cast<std::uint64_t>(length));
  const std::string name = data.y.array.name;
  data.y =
      data.y.each_step ? rows_of(std::move(values), 1, std::move(first), name) : value_each(std::move(values), 1, name);
  data.class_values = like.class_values;
  data.class_names = like.class_names;
}

void take_targets_of(Sequences& data, const Sequences& like) {
  data.kind = like.kind;
  data.target_channels = like.target_channels;
  data.class_values = like.class_values;
  data.class_names = like.class_names;
  data.y.each_step = like.y.each_step;
}

void check_like(Sequences& data, const Sequences& like) {
  const auto differ = [&](const std::string& what, const auto& here, const auto& there) {
    throw Error(fmt::format("{}: {} {}, but {} has {}; the files must be of one kind", data.path, here, what, like.path,
                            there));
  };
  if (data.x.channels != like.x.channels) differ("inputs a step", data.x.channels, like.x.channels);
  if (!data.y.given()) return take_targets_of(data, like);
  if (data.y.channels != like.y.channels) differ("targets", data.y.channels, like.y.channels);
  if (data.kind == TargetKind::label) take_classes(data, like);
}

}  // namespace

double StepValues::operator()(std::uint64_t sequence, std::int64_t step, std::int64_t channel) const {
  const auto& s = array.strides;
  const auto i =
      static_cast<std::int64_t>(first.empty() ? sequence : first[sequence] + static_cast<std::uint64_t>(step));
  if (!first.empty() || s.size() < 3) {
    // [row][channel], or [sequence][channel] of values that hold for all steps, or [sequence][step] of one channel
    const bool by_step = first.empty() && each_step;
    const std::int64_t second = by_step ? step : channel;
    return array.at(i * s[0] + (s.size() > 1 ? second * s[1] : 0));
  }
  return array.at(i * s[0] + (each_step ? step : 0) * s[1] + channel * s[2]);
}

std::uint64_t Sequences::bytes() const {
  std::uint64_t sum = lengths.size() * 8;
  for (const StepValues* values : {&x, &y, &mask})
    if (values->given()) sum += values->array.bytes() + values->first.size() * 8;
  return sum;
}

std::int64_t Sequences::targets() const {
  return kind == TargetKind::label ? static_cast<std::int64_t>(class_names.size()) : target_channels;
}

StepValues rows_of(std::vector<double> values, std::int64_t channels, std::vector<std::uint64_t> first,
                   std::string name) {
  StepValues out;
  const auto owner = std::make_shared<std::vector<double>>(std::move(values));
  out.array.shape = {static_cast<std::int64_t>(owner->size()) / channels, channels};
  out.array.strides = {8 * channels, 8};
  out.array.data = reinterpret_cast<const char*>(owner->data());
  out.array.owner = owner;
  out.array.name = std::move(name);
  out.first = std::move(first);
  out.channels = channels;
  return out;
}

StepValues value_each(std::vector<double> values, std::int64_t channels, std::string name) {
  StepValues out = rows_of(std::move(values), channels, {}, std::move(name));
  out.each_step = false;
  return out;
}

std::string nearest_of(const std::string& name, const std::vector<std::string>& names) {
  const std::string near = dsl::nearest(name, names);
  if (!near.empty()) return fmt::format("; did you mean {}?", near);
  return names.empty() ? "; there are none" : fmt::format("; there are {}", fmt::join(names, ", "));
}

bool read_number(const std::string& text, double& value) {
  const char* begin = text.data() + (text.starts_with("+") ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  return begin != end && error == std::errc() && stop == end;
}

void LabelNames::finish(std::vector<double>& numbers, Sequences& out) const {
  std::vector<double> rank(numbers_.size());
  for (const auto& [name, number] : numbers_) {
    rank[static_cast<std::size_t>(number)] = static_cast<double>(out.class_names.size());
    out.class_values.push_back(static_cast<double>(out.class_names.size()));
    out.class_names.push_back(name);
  }
  for (double& number : numbers) number = rank[static_cast<std::size_t>(number)];
}

Sequences read_sequences(const SequenceFile& file, const Sequences* like) {
  std::string ending = std::filesystem::path(file.path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool table = ending == ".csv" || ending == ".tsv";
  Sequences data = table             ? sequences_of_table(file)
                   : ending == ".ts" ? sequences_of_time_series(file)
                                     : sequences_of_arrays(file);
  data.path = file.path;
  if (data.lengths.empty()) throw Error(fmt::format("{}: there are no sequences in it", file.path));
  check_finite(data, data.x);
  check_finite(data, data.y);
  check_mask(data);
  data.kind = kind_of(file.targets, data);
  data.target_channels = data.y.channels;
  if (data.kind != TargetKind::label && !data.class_names.empty())
    throw Error(fmt::format("{}: the targets are texts ({}, ...); targets = \"label\" is for them", data.y.array.name,
                            data.class_names[0]));
  if (data.kind == TargetKind::binary) check_binary(data);
  if (data.kind == TargetKind::label && data.y.given()) find_classes(data);
  if (like != nullptr) check_like(data, *like);
  return data;
}

}  // namespace eligo
