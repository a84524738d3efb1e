// The text form of the time-series archive (.ts): lines beginning with @ describe the data, then each line is a series,
// its dimensions separated by ':', the values of a dimension by ',', and the class label or the target last.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "runtime/data/mapped_file.h"
#include "runtime/data/sequence_forms.h"
#include "support/error.h"

namespace eligo {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\t')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(trimmed(text.substr(at, end - at)));
    at = end + 1;
  }
  return parts;
}

class SeriesReader {
 public:
  explicit SeriesReader(const SequenceFile& wanted) : path_(wanted.path), file_(wanted.path) {}

  Sequences read() {
    const std::string_view text(file_.data() == nullptr ? "" : file_.data(), file_.size());
    bool in_data = false;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = trimmed(text.substr(at, end - at));
      at = end + 1;
      ++line_;
      if (line.empty() || line.starts_with("#")) continue;
      if (in_data) read_series(line);
      else in_data = read_attribute(line);
    }
    if (!in_data) fail("there is no line @data; is it a file of the time-series archive?");
    first_.push_back(rows_);
    for (std::size_t i = 1; i < first_.size(); ++i)
      out_.lengths.push_back(static_cast<std::int64_t>(first_[i] - first_[i - 1]));
    if (labelled_) names_.finish(targets_, out_);
    out_.x = rows_of(std::move(values_), std::max<std::int64_t>(1, static_cast<std::int64_t>(dimensions_)), first_,
                     "the series of " + path_);
    out_.y = value_each(std::move(targets_), 1, fmt::format("the {} of {}", labelled_ ? "labels" : "targets", path_));
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(fmt::format("{}:{}: {}", path_, line_, what)); }

  // True for @data.
  bool read_attribute(std::string_view line) {
    std::vector<std::string> words;
    for (const auto part : parts_of(line, ' '))
      if (!part.empty()) words.emplace_back(part);
    std::string name = words[0];
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const bool yes = words.size() > 1 && (words[1] == "true" || words[1] == "True");
    if (!name.starts_with("@")) fail(fmt::format("\"{}\" before @data, expected a line that begins with @", words[0]));
    if (name == "@timestamps" && yes) fail("the series have time stamps; write them with values alone");
    if (name == "@classlabel") labelled_ = yes;
    if (name == "@targetlabel") has_target_ = yes;
    if (name == "@data" && !labelled_ && !has_target_)
      fail("neither @classLabel nor @targetLabel is true: the series have no targets");
    return name == "@data";
  }

  void read_series(std::string_view line) {
    std::vector<std::string_view> parts = parts_of(line, ':');
    if (parts.size() < 2) fail("one part, expected a series, ':' and its target");
    if (dimensions_ == 0) dimensions_ = parts.size() - 1;
    if (parts.size() - 1 != dimensions_)
      fail(fmt::format("{} dimensions, but the series before have {}", parts.size() - 1, dimensions_));
    std::size_t steps = 0;
    const std::size_t base = values_.size();
    for (std::size_t d = 0; d < dimensions_; ++d) {
      const auto numbers = parts_of(parts[d], ',');
      if (d == 0) {
        steps = numbers.size();
        values_.resize(base + steps * dimensions_);
      }
      if (numbers.size() != steps)
        fail(fmt::format("dimension {} has {} values, the first has {}", d + 1, numbers.size(), steps));
      for (std::size_t t = 0; t < steps; ++t)
        values_[base + t * dimensions_ + d] = number(numbers[t], fmt::format("value {} of dimension {}", t + 1, d + 1));
    }
    first_.push_back(rows_);
    rows_ += steps;
    targets_.push_back(labelled_ ? names_.number(std::string(parts.back())) : number(parts.back(), "the target"));
  }

  double number(std::string_view text, const std::string& what) const {
    double value = 0;
    if (text == "?") fail(fmt::format("{} is missing (?); fill it in or leave the series out", what));
    if (!read_number(std::string(text), value)) fail(fmt::format("{} is \"{}\", expected a number", what, text));
    return value;
  }

  std::string path_;
  MappedFile file_;
  std::uint64_t line_ = 0, rows_ = 0;
  std::size_t dimensions_ = 0;
  bool labelled_ = false, has_target_ = false;
  std::vector<double> values_, targets_;
  std::vector<std::uint64_t> first_;
  LabelNames names_;
  Sequences out_;
};

}  // namespace

Sequences sequences_of_time_series(const SequenceFile& file) { return SeriesReader(file).read(); }

}  // namespace eligo
