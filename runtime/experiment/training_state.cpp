#include "runtime/experiment/training_state.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/error.h"

namespace eligo {
namespace {

constexpr const char* kProgress = "progress.";
constexpr const char* kSequence = "sequence";
constexpr double kMost = 9007199254740992.0;  // 2^53: from here on whole numbers are not counted one by one
constexpr std::size_t kLongestText = 4096;

// Empty values are written as NaN.
double or_nan(const std::optional<double>& value) { return value.value_or(std::numeric_limits<double>::quiet_NaN()); }
std::optional<double> from_nan(double value) { return std::isnan(value) ? std::nullopt : std::optional(value); }

class Fields {
 public:
  explicit Fields(const NpzReader& from) : from_(from) {}
  double number(const char* name) const { return from_.number(std::string(kProgress) + name); }
  // A whole number from 0 to `most`.
  std::uint64_t count(const std::string& name, std::uint64_t most) const {
    const double value = from_.number(name);
    if (!(value >= 0 && value <= kMost && value == std::floor(value)) || static_cast<std::uint64_t>(value) > most)
      throw Error(fmt::format("{}: {} is {}, expected a whole number from 0 to {}; this checkpoint is damaged or "
                              "another training's",
                              from_.path(), name, value, most));
    return static_cast<std::uint64_t>(value);
  }
  std::uint64_t progress(const char* name, std::uint64_t most) const {
    return count(std::string(kProgress) + name, most);
  }
  // Not negative and no NaN.
  double amount(const char* name) const { return checked(name, number(name)); }
  double checked(const std::string& name, double value) const {
    if (value >= 0) return value;
    throw Error(fmt::format("{}: {}{} is {}, expected a number from 0 on; this checkpoint is damaged", from_.path(),
                            kProgress, name, value));
  }
  std::vector<double> all(const char* name, std::size_t most) const {
    const std::string full = std::string(kProgress) + name;
    const auto* array = from_.find(full);
    if (array == nullptr || array->count > most)
      throw Error(fmt::format("{}: {} is missing or too long; this is not the checkpoint of a run", from_.path(), full));
    std::vector<double> values;
    from_.read(full, [&](std::uint64_t, std::span<const double> some) {
      values.insert(values.end(), some.begin(), some.end());
    });
    return values;
  }

 private:
  const NpzReader& from_;
};

std::string text_of(const std::vector<double>& codes) {
  std::string text;
  for (const double code : codes)
    if (code >= 1 && code < 256) text += static_cast<char>(static_cast<unsigned char>(code));
  return text;
}

TrainingState::Sums sums_of(const Fields& fields) {
  auto v = fields.all("sums", 8);
  if (v.size() == 6) v.resize(8);  // of a version without episodes
  if (v.size() != 8) throw Error("progress.sums has not its eight values; this is not the checkpoint of a run");
  for (const std::size_t i : {1, 3, 4, 5, 6, 7}) fields.checked("sums", v[i]);
  return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
}

}  // namespace

void TrainingState::Sums::add(const Sums& more) {
  loss += more.loss;
  examples += more.examples;
  score += more.score;
  counted += more.counted;
  seconds += more.seconds;
  batches += more.batches;
  successes += more.successes;
  lengths += more.lengths;
}

bool is_of_state(const std::string& name) { return name.starts_with(kProgress) || name == kSequence; }

void write_state(NpzWriter& to, const TrainingState& state, const TrainingLimits& limits) {
  const Outcome& o = state.outcome;
  const auto put = [&](const char* name, double value) { to.add(std::string(kProgress) + name, value); };
  const auto put_all = [&](const char* name, const std::vector<double>& values) {
    to.add(std::string(kProgress) + name, {static_cast<std::int64_t>(values.size())},
           {Stored::Type::f64, values.data(), values.size()});
  };
  to.add(kSequence, static_cast<double>(state.sequence));
  put("seed", static_cast<double>(limits.seed));
  put("identity", static_cast<double>(limits.identity));
  put("complete", o.complete ? 1 : 0);
  put("diverged", o.diverged ? 1 : 0);
  put("epochs", static_cast<double>(o.epochs));
  put("batches", static_cast<double>(o.batches));
  put("index", static_cast<double>(state.index));
  put("final_loss", o.final_loss);
  put("final_score", or_nan(o.final_score));
  put("test_loss", or_nan(o.test_loss));
  put("test_score", or_nan(o.test_score));
  put("final_success", or_nan(o.final_success));
  put("test_success", or_nan(o.test_success));
  put("cosine_sum", state.cosine_sum);
  put("cosine_count", state.cosine_count);
  put("level", static_cast<double>(o.level));
  put("option", or_nan(o.option));
  put("solved", or_nan(o.solved));
  put("seconds", state.seconds);
  put("train_loss", state.train_loss);
  put("best_loss", o.best_loss);
  put("best_score", or_nan(o.best_score));
  put("best_epoch", static_cast<double>(o.best_epoch));
  const TrainingState::Sums& s = state.sums;
  put_all("sums", {s.loss, s.examples, s.score, s.counted, s.seconds, s.batches, s.successes, s.lengths});
  std::vector<double> codes;
  for (const char c : o.divergence.substr(0, kLongestText)) codes.push_back(static_cast<unsigned char>(c));
  put_all("divergence", codes);
}

TrainingState read_state(const NpzReader& from, const TrainingLimits& limits) {
  const Fields fields(from);
  TrainingState state;
  Outcome& o = state.outcome;
  constexpr auto any = static_cast<std::uint64_t>(kMost);
  if (from.find("progress.seed") != nullptr && fields.progress("seed", any) != limits.seed)
    throw Error(fmt::format("{}: is the checkpoint of another seed, {}; take another checkpoint", from.path(),
                            fields.progress("seed", any)));
  if (from.find("progress.identity") != nullptr && fields.progress("identity", any) != limits.identity)
    throw Error(fmt::format("{}: belongs to another variant, or experiment.toml or the copies in rules have changed "
                            "since it was written: put them back, or begin a new run with --out",
                            from.path()));
  o.complete = fields.progress("complete", 1) != 0;
  o.diverged = fields.progress("diverged", 1) != 0;
  if (from.find("progress.divergence") != nullptr) o.divergence = text_of(fields.all("divergence", kLongestText));
  o.epochs = fields.progress("epochs", limits.epochs);
  state.index = fields.progress("index", limits.batches_per_epoch);
  o.batches = fields.progress("batches", any);
  if (o.batches != o.epochs * limits.batches_per_epoch + state.index)
    throw Error(fmt::format("{}: progress.batches is {}, but {} epochs of {} and {} more have been trained; this "
                            "checkpoint is damaged or another training's",
                            from.path(), o.batches, o.epochs, limits.batches_per_epoch, state.index));
  o.final_loss = fields.number("final_loss");
  o.final_score = from_nan(fields.number("final_score"));
  o.test_loss = from_nan(fields.number("test_loss"));
  o.test_score = from_nan(fields.number("test_score"));
  if (from.find("progress.final_success") != nullptr) o.final_success = from_nan(fields.number("final_success"));
  if (from.find("progress.test_success") != nullptr) o.test_success = from_nan(fields.number("test_success"));
  if (from.find("progress.level") != nullptr) o.level = fields.progress("level", any);
  if (from.find("progress.option") != nullptr) o.option = from_nan(fields.number("option"));
  if (from.find("progress.solved") != nullptr) o.solved = from_nan(fields.number("solved"));
  state.cosine_sum = fields.number("cosine_sum");
  state.cosine_count = static_cast<double>(fields.progress("cosine_count", o.epochs));
  if (state.cosine_count > 0) o.cosine = state.cosine_sum / state.cosine_count;
  state.seconds = fields.amount("seconds");
  state.train_loss = fields.number("train_loss");
  o.best_loss = fields.number("best_loss");
  if (from.find("progress.best_score") != nullptr) o.best_score = from_nan(fields.number("best_score"));
  o.best_epoch = fields.progress("best_epoch", o.epochs);
  state.sequence = fields.count(kSequence, any);
  if (o.batches > 0) o.milliseconds = 1000 * state.seconds / static_cast<double>(o.batches);
  state.sums = sums_of(fields);
  return state;
}

}  // namespace eligo
