#include "runtime/sweep/samples.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "runtime/experiment/experiment_fields.h"
#include "runtime/sweep/sobol.h"
#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

using Names = std::vector<std::string>;

constexpr std::uint64_t kMostSamples = 1000000;
constexpr double kLargestWhole = 9e15;  // a double holds all below
const Names kKeys = {"from", "to", "log", "whole"};

class Reader {
 public:
  Reader(const Settings& sweep, const std::string& file) : sweep_(sweep), file_(file) {}

  Sampling read() {
    std::map<std::string, std::map<std::string, Setting>> ranges;  // by path, then by key
    for (const auto& [path, value] : sweep_) {
      const std::size_t dot = path.rfind('.');
      const std::string key = dot == std::string::npos ? "" : path.substr(dot + 1);
      if (dot == std::string::npos) read_own(path, value);
      else if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) ranges[path.substr(0, dot)][key] = value;
      else no_range(path, value);
    }
    for (const auto& [path, keys] : ranges) read_range(path, keys);
    check();
    if (!problems_.empty()) throw Error(fmt::format("{}", fmt::join(problems_, "\nerror: ")));
    return sampling_;
  }

 private:
  void problem(const Setting& at, const std::string& what) { problems_.push_back(at.place + ": " + what); }

  void no_range(const std::string& path, const Setting& value) {
    const bool list = value.entries().has_value();
    problem(value, fmt::format("sweep.{} is {}, expected a range such as {{ from = 0.1, to = 1 }}{}", path,
                               value.described(), list ? "; a list of values stands outside of [sweep]" : ""));
  }

  std::uint64_t whole(const std::string& path, const Setting& value, std::uint64_t low, std::uint64_t high) {
    const auto* number = std::get_if<std::int64_t>(&value.data);
    if (number != nullptr && *number >= static_cast<std::int64_t>(low) && *number <= static_cast<std::int64_t>(high))
      return static_cast<std::uint64_t>(*number);
    problem(value,
            fmt::format("sweep.{} is {}, expected a whole number of {} to {}", path, value.described(), low, high));
    return low;
  }

  void read_own(const std::string& path, const Setting& value) {
    if (path == "samples") {
      sampling_.samples = whole(path, value, 1, kMostSamples);
    } else if (path == "seed") {
      sampling_.seed = whole(path, value, 0, static_cast<std::uint64_t>(kLargestWhole));
    } else if (path == "sampling") {
      const auto* text = std::get_if<std::string>(&value.data);
      if (text != nullptr && *text == "random") sampling_.kind = Sampling::Kind::random;
      else if (text == nullptr || *text != "sobol")
        problem(value, fmt::format("sweep.sampling is {}, expected \"sobol\" or \"random\"", value.described()));
    } else {
      problem(value, fmt::format("there is nothing called sweep.{}{}; ranges are of settings by their paths, such as "
                                 "optimiser.alpha",
                                 path, suggestion(path, {"samples", "sampling", "seed"})));
    }
  }

  double number(const std::string& path, const Setting& value) {
    double x = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&value.data)) x = static_cast<double>(*whole);
    else if (const auto* real = std::get_if<double>(&value.data)) x = *real;
    else problem(value, fmt::format("sweep.{} is {}, expected a number", path, value.described()));
    if (!std::isfinite(x)) problem(value, fmt::format("sweep.{} = {} is not finite", path, x));
    return x;
  }

  bool flag(const std::string& path, const Setting& value) {
    if (const auto* on = std::get_if<bool>(&value.data)) return *on;
    problem(value, fmt::format("sweep.{} is {}, expected true or false", path, value.described()));
    return false;
  }

  void read_range(const std::string& path, const std::map<std::string, Setting>& keys) {
    Range range{path, keys.begin()->second.place};
    const std::size_t before = problems_.size();
    for (const auto& [key, value] : keys) {
      const std::string name = path + "." + key;
      if (key == "from") range.from = number(name, value);
      if (key == "to") range.to = number(name, value);
      if (key == "log") range.log = flag(name, value);
      if (key == "whole") range.whole = flag(name, value);
    }
    const Setting& any = keys.begin()->second;
    for (const char* key : {"from", "to"})
      if (!keys.contains(key)) problem(any, fmt::format("sweep.{}.{} is missing", path, key));
    if (problems_.size() == before) check_range(range, any);
    sampling_.ranges.push_back(std::move(range));
  }

  void check_range(const Range& r, const Setting& at) {
    const auto is_whole = [](double x) { return x == std::floor(x) && std::abs(x) < kLargestWhole; };
    if (!(r.from < r.to)) problem(at, fmt::format("sweep.{}: from = {} is not below to = {}", r.path, r.from, r.to));
    else if (!std::isfinite(r.to - r.from))
      problem(at, fmt::format("sweep.{}: from {} to {} is too wide a range", r.path, r.from, r.to));
    if (r.log && !(r.from > 0))
      problem(at, fmt::format("sweep.{}: from = {} has no logarithm; begin above 0, or leave out log", r.path, r.from));
    if (r.whole && !(is_whole(r.from) && is_whole(r.to)))
      problem(at, fmt::format("sweep.{}: from = {} and to = {} are not both whole numbers", r.path, r.from, r.to));
    const Field* field = find_field(r.path);
    if (field != nullptr && field->common)
      problem(at,
              fmt::format("sweep.{}: {} is the same for all variants; a list of seeds is `seeds = [0, 1]` at the top "
                          "of the file",
                          r.path, r.path));
  }

  void check() {
    if (sampling_.ranges.empty() && sampling_.samples > 0)
      problems_.push_back(
          fmt::format("{}: sweep.samples = {}, but [sweep] has no range to draw from, such as "
                      "optimiser.alpha = {{ from = 1e-4, to = 1e-2, log = true }}",
                      sweep_.at("samples").place, sampling_.samples));
    if (!sampling_.ranges.empty() && !sweep_.contains("samples"))
      problems_.push_back(fmt::format("{}: sweep.samples is missing: how many values of the ranges to draw", file_));
    if (sampling_.kind == Sampling::Kind::sobol && sampling_.ranges.size() > Sobol::most_dimensions)
      problems_.push_back(
          fmt::format("{}: [sweep] has {} ranges, and Sobol's points at most {} dimensions; write "
                      "sampling = \"random\"",
                      file_, sampling_.ranges.size(), Sobol::most_dimensions));
  }

  const Settings& sweep_;
  std::string file_;
  Sampling sampling_;
  Names problems_;
};

}  // namespace

Setting Range::at(double u) const {
  const double end = whole ? to + 1 : to;  // the last whole number has a share like the others
  double x = log ? std::exp(std::log(from) + u * (std::log(end) - std::log(from))) : from + u * (end - from);
  if (whole) return {static_cast<std::int64_t>(std::clamp(std::floor(x), from, to)), place};
  const std::string digits = fmt::format("{:.6g}", x);
  std::from_chars(digits.data(), digits.data() + digits.size(), x);
  return {std::clamp(x, from, to), place};
}

std::vector<Setting> Sampling::values(std::uint64_t index) const {
  std::vector<Setting> list;
  std::vector<double> at;
  if (kind == Kind::sobol && !ranges.empty()) at = Sobol(ranges.size(), seed).point(index);
  for (std::size_t i = 0; i < ranges.size(); ++i)
    list.push_back(ranges[i].at(kind == Kind::sobol ? at[i] : uniform(make_key(seed, "sweep", index), i)));
  return list;
}

Sampling read_sampling(const Settings& sweep, const std::string& file) { return Reader(sweep, file).read(); }

}  // namespace eligo
