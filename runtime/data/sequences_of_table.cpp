// Tables as sequences: a line for each step, or for each sequence.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "runtime/data/csv.h"
#include "runtime/data/sequence_forms.h"
#include "support/error.h"

namespace eligo {
namespace {

using Names = std::vector<std::string>;

// Places of the columns that `wanted` means: a list, one name, or the beginning of several. None where none is needed.
std::vector<std::size_t> columns_of(const CsvFile& file, const std::string& wanted, const char* option, bool needed) {
  Names names;
  for (std::size_t at = 0; at <= wanted.size();) {
    const std::size_t end = std::min(wanted.find(',', at), wanted.size());
    const std::size_t from = wanted.find_first_not_of(' ', at);
    std::string name = from < end ? wanted.substr(from, end - from) : "";
    while (name.ends_with(" ")) name.pop_back();
    names.push_back(name);
    at = end + 1;
  }
  std::vector<std::size_t> columns;
  for (const std::string& name : names)
    for (std::size_t i = 0; i < file.names().size(); ++i)
      if (file.names()[i] == name) columns.push_back(i);
  if (columns.size() == names.size()) return columns;
  if (names.size() > 1 && needed) {
    const auto missing = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return std::find(file.names().begin(), file.names().end(), name) == file.names().end();
    });
    throw Error(fmt::format("{}: there is no column {}{}", file.path(), missing == names.end() ? wanted : *missing,
                            nearest_of(missing == names.end() ? wanted : *missing, file.names())));
  }
  for (std::size_t i = 0; i < file.names().size(); ++i) {
    const std::string& name = file.names()[i];
    const std::string rest = name.starts_with(wanted) ? name.substr(wanted.size()) : "?";
    if (rest.find_first_not_of("_0123456789") == std::string::npos) columns.push_back(i);
  }
  if (columns.empty() && needed)
    throw Error(fmt::format("{}: there is no column {} or {}1{}; task.{} names the columns", file.path(), wanted,
                            wanted, nearest_of(wanted, file.names()), option));
  return columns;
}

std::optional<std::size_t> column_if(const CsvFile& file, const std::string& name, const std::string& usual,
                                     const char* option) {
  const auto found = std::find(file.names().begin(), file.names().end(), name);
  if (found != file.names().end()) return static_cast<std::size_t>(found - file.names().begin());
  if (name == usual) return std::nullopt;
  throw Error(fmt::format("{}: there is no column {}{}; task.{} names it", file.path(), name,
                          nearest_of(name, file.names()), option));
}

class TableReader {
 public:
  explicit TableReader(const SequenceFile& wanted)
      : wanted_(wanted),
        file_(wanted.path),
        x_(columns_of(file_, wanted.x, "x", true)),
        y_(columns_of(file_, wanted.y, "y", wanted.targets_needed)) {}

  Sequences read() {
    if (wanted_.rows == "sequences") {
      read_sequences();
    } else if (wanted_.rows == "steps") {
      read_steps();
    } else {
      throw Error(fmt::format("rows = {}: expected steps or sequences", wanted_.rows));
    }
    first_.push_back(rows_);
    for (std::size_t i = 1; i < first_.size(); ++i)
      out_.lengths.push_back(static_cast<std::int64_t>(first_[i] - first_[i - 1]));
    const bool each = wanted_.rows == "steps";
    const auto channels = each ? static_cast<std::int64_t>(x_.size()) : wanted_.channels;
    const auto named = [&](const std::string& columns) { return fmt::format("{} of {}", columns, wanted_.path); };
    out_.x = rows_of(std::move(x_values_), channels, first_, named(wanted_.x));
    const bool targets = wanted_.targets_needed || targets_are_known_;
    if (targets) finish_targets(each, named(wanted_.y));
    if (each && targets) out_.mask = rows_of(std::move(weights_), 1, first_, "targets that are there");
    return std::move(out_);
  }

 private:
  void read_steps() {
    const auto sequence = column_if(file_, wanted_.sequence, "sequence", "sequence");
    const auto step = column_if(file_, wanted_.step, "step", "step");
    const auto mask = column_if(file_, wanted_.mask, "mask", "mask");
    std::set<std::string> seen;
    std::string before;
    double last = 0;
    while (file_.next(cells_)) {
      const bool begins = rows_ == 0 || (sequence && cells_[*sequence] != before);
      if (begins) begin_sequence(sequence ? cells_[*sequence] : "", sequence.value_or(0), seen);
      if (sequence) before = cells_[*sequence];
      if (step) {
        const double now = number(*step);
        if (!begins && now <= last)
          file_.fail(*step, fmt::format("{} follows {}; sort the steps of a sequence", now, last));
        last = now;
      }
      for (const std::size_t column : x_) x_values_.push_back(number(column));
      const bool has_target = read_target();
      weights_.push_back(!has_target ? 0 : mask ? number(*mask) : 1);
      ++rows_;
    }
  }

  void begin_sequence(const std::string& name, std::size_t column, std::set<std::string>& seen) {
    if (!seen.insert(name).second)
      file_.fail(column, fmt::format("sequence {} goes on after another; sort the lines by sequence", name));
    first_.push_back(rows_);
  }

  void read_sequences() {
    const auto channels = static_cast<std::size_t>(wanted_.channels);
    if (x_.size() % channels != 0)
      throw Error(
          fmt::format("{}: {} input columns are no multiple of channels = {}", wanted_.path, x_.size(), channels));
    while (file_.next(cells_)) {
      first_.push_back(rows_);
      std::size_t given = x_.size();
      while (given > 0 && cells_[x_[given - 1]].empty()) --given;  // a shorter sequence
      if (given == 0) file_.fail(x_[0], "is empty, as are all that follow; a sequence has at least one step");
      if (given % channels != 0)
        file_.fail(x_[given],
                   fmt::format("is empty, but the other inputs of this step are there ({} channels)", channels));
      for (std::size_t i = 0; i < given; ++i) x_values_.push_back(number(x_[i]));
      rows_ += given / channels;
      if (!read_target() && wanted_.targets_needed) file_.fail(y_[0], "is empty, expected the sequence's target");
    }
  }

  // The line's targets; false where they are all empty, as at steps that do not count.
  bool read_target() {
    std::size_t empty = 0;
    for (const std::size_t column : y_) empty += cells_[column].empty() ? 1 : 0;
    if (empty != 0 && empty != y_.size())
      file_.fail(*std::find_if(y_.begin(), y_.end(), [&](std::size_t c) { return cells_[c].empty(); }),
                 "is empty, but another target of this line is there");
    for (const std::size_t column : y_) y_values_.push_back(empty == 0 ? target(column) : 0);
    return empty == 0 && !y_.empty();
  }

  // The first target that is there tells numbers from labels, where the user does not.
  double target(std::size_t column) {
    const std::string& text = cells_[column];
    double value = 0;
    const bool is_number = read_number(text, value);
    if (!targets_are_known_) {
      labels_ = y_.size() == 1 && (wanted_.targets == "label" || (wanted_.targets == "auto" && !is_number));
      targets_are_known_ = true;
    }
    if (labels_) return names_.number(text);
    if (!is_number)
      file_.fail(column, fmt::format("\"{}\" is no number; targets = \"label\" takes texts, in one column", text));
    return value;
  }

  void finish_targets(bool each, const std::string& name) {
    if (!targets_are_known_) throw Error(fmt::format("{}: no line has a target", name));
    if (labels_) names_.finish(y_values_, out_);
    const auto channels = static_cast<std::int64_t>(y_.size());
    out_.y =
        each ? rows_of(std::move(y_values_), channels, first_, name) : value_each(std::move(y_values_), channels, name);
  }

  double number(std::size_t column) const {
    double value = 0;
    if (cells_[column].empty()) file_.fail(column, "is empty, expected a number");
    if (!read_number(cells_[column], value)) file_.fail(column, fmt::format("\"{}\" is no number", cells_[column]));
    return value;
  }

  const SequenceFile& wanted_;
  CsvFile file_;
  std::vector<std::size_t> x_, y_;
  Names cells_;
  LabelNames names_;
  std::vector<double> x_values_, y_values_, weights_;
  std::vector<std::uint64_t> first_;
  std::uint64_t rows_ = 0;
  bool labels_ = false, targets_are_known_ = false;
  Sequences out_;
};

}  // namespace

Sequences sequences_of_table(const SequenceFile& file) { return TableReader(file).read(); }

}  // namespace eligo
