#include "runtime/training.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <limits>

namespace eligo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSaveEvery = 5;  // seconds between checkpoints of short epochs
constexpr const char* kProgress = "progress.";

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::optional<double> ratio(double sum, double count) { return count > 0 ? std::optional(sum / count) : std::nullopt; }

// Empty values are written as NaN.
double or_nan(const std::optional<double>& value) { return value.value_or(std::numeric_limits<double>::quiet_NaN()); }
std::optional<double> from_nan(double value) { return std::isnan(value) ? std::nullopt : std::optional(value); }

double number_of(const Archive& archive, const std::string& name, const std::string& path) {
  const auto found = archive.find(kProgress + name);
  if (found == archive.end() || found->second.values.size() != 1) {
    throw Error(fmt::format("{}: {}{} is missing; this is not the checkpoint of a run", path, kProgress, name));
  }
  return found->second.values[0];
}

}  // namespace

std::vector<std::string> shown_for(const Variant& variant, const Task& task) {
  if (task.score_name().empty() || variant.output.empty()) return {};
  return {variant.output};
}

Training::Training(const Variant& variant, std::shared_ptr<const Program> program, const Task& task,
                   TrainingPlace place)
    : variant_(variant),
      task_(task),
      place_(std::move(place)),
      shape_(task.shape()),
      options_{.batch = variant.train.batch,
               .steps = shape_.max_steps,
               .seed = place_.seed,
               .threads = place_.threads,
               .memory = place_.memory},
      program_(std::move(program)),
      session_(program_, options_) {
  for (const auto& [name, value] : variant.hypers) session_.set_hyper(name, value);
}

bool Training::run() {
  saved_ = begun_ = Clock::now();
  begun_batches_ = outcome_.batches;
  const auto epochs = static_cast<std::uint64_t>(variant_.train.epochs);
  while (outcome_.epochs < epochs && !outcome_.diverged) {
    if (!train_epoch() || (!outcome_.diverged && !finish_epoch())) {
      save();
      return false;
    }
  }
  if (outcome_.complete) return true;
  if (finish()) return true;
  save();
  return false;
}

// --- batches --------------------------------------------------------------------------------------------------------

bool Training::train_epoch() {
  while (index_ < shape_.train_batches) {
    if (place_.interrupted()) return false;
    train_batch();
    if (outcome_.diverged) return true;
    show(false);
  }
  return true;
}

void Training::train_batch() {
  const Batch batch = task_.batch(Split::train, outcome_.epochs, index_);
  check_finite(batch, fmt::format("task {}, epoch {}, batch {}", variant_.task.name, outcome_.epochs + 1, index_ + 1));
  const auto begin = Clock::now();
  const RunResult result = session_.run(batch);
  const double seconds = seconds_since(begin);
  ++index_;
  ++outcome_.batches;
  const auto examples = static_cast<double>(batch.examples);
  sums_.loss += result.loss * examples;
  sums_.examples += examples;
  sums_.seconds += seconds;
  sums_.batches += 1;
  seconds_ += seconds;
  outcome_.milliseconds = 1000 * seconds_ / static_cast<double>(outcome_.batches);
  add_score(batch, sums_);
  if (!std::isfinite(result.loss)) {
    outcome_.diverged = true;
    outcome_.final_loss = result.loss;
    log_training();
    place_.progress->line(
        fmt::format("{}: the loss is {} at batch {} of epoch {}; this training ends here, lower its rate",
                    variant_.name, result.loss, index_, outcome_.epochs + 1));
  } else if (index_ % variant_.train.log_every == 0 || index_ == shape_.train_batches) {
    log_training();
  }
}

void Training::add_score(const Batch& batch, Sums& sums) const {
  if (task_.score_name().empty() || variant_.output.empty()) return;
  const Session::Shown shown = session_.shown(variant_.output);
  std::vector<double> outputs = shown.values;
  if (shown.rows > batch.steps) {  // the row at start comes first
    outputs.erase(outputs.begin(),
                  outputs.end() - static_cast<std::ptrdiff_t>(outputs.size()) / shown.rows * batch.steps);
  }
  const Score score = task_.score(batch, outputs);
  sums.score += score.sum;
  sums.counted += static_cast<double>(score.count);
}

bool Training::evaluate(Split split, std::uint64_t count, Sums& sums) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (place_.interrupted()) return false;
    const Batch batch = task_.batch(split, 0, i);
    check_finite(batch, fmt::format("task {}, {} batch {}", variant_.task.name, split_name(split), i + 1));
    const auto examples = static_cast<double>(batch.examples);
    sums.loss += session_.run(batch, false).loss * examples;
    sums.examples += examples;
    add_score(batch, sums);
    if (place_.progress->due()) {
      place_.progress->update(fmt::format("{}  {} {} of {}", state_text(), split_name(split), i + 1, count));
    }
  }
  return true;
}

bool Training::finish_epoch() {
  Sums sums;
  if (!evaluate(Split::validation, shape_.validation_batches, sums)) return false;
  ++outcome_.epochs;
  measure_alignment();
  index_ = 0;
  outcome_.final_loss = train_loss_;
  if (sums.examples > 0) {
    outcome_.final_loss = sums.loss / sums.examples;
    outcome_.final_score = ratio(sums.score, sums.counted);
    MetricsRow validation = row(Split::validation, sums);
    validation.cosine = epoch_cosine_;
    place_.metrics->append(validation);
    if (best_epoch_ == 0 || outcome_.final_loss < best_loss_) {
      best_loss_ = outcome_.final_loss;
      best_epoch_ = outcome_.epochs;
      best_ = parameters();
      best_saved_ = false;
    }
  }
  if (seconds_since(saved_) > kSaveEvery) save();
  show(false);
  return true;
}

// How what the rule adds to the cell points after an epoch, on batches of the next one.
void Training::measure_alignment() {
  epoch_cosine_.reset();
  if (variant_.train.measure == 0) return;
  if (!probe_) probe_ = std::make_unique<AlignmentProbe>(variant_, options_);
  const Score score = probe_->measure(session_, task_, outcome_.epochs, variant_.train.measure);
  epoch_cosine_ = ratio(score.sum, static_cast<double>(score.count));
  if (!epoch_cosine_) return;
  cosine_sum_ += *epoch_cosine_;
  cosine_count_ += 1;
  outcome_.cosine = cosine_sum_ / cosine_count_;
}

// The end: the test with the best parameters.
bool Training::finish() {
  save();
  if (!outcome_.diverged && shape_.test_batches > 0 && best_epoch_ > 0) {
    const auto last = session_.state();
    for (const auto& [name, tensor] : best_) session_.set(name, tensor.values);
    Sums sums;
    const bool done = evaluate(Split::test, shape_.test_batches, sums);
    session_.restore(last);
    if (!done) return false;
    outcome_.test_loss = sums.loss / sums.examples;
    outcome_.test_score = ratio(sums.score, sums.counted);
    place_.metrics->append(row(Split::test, sums));
  }
  outcome_.complete = true;
  save();
  show(true);
  return true;
}

// --- what is written ------------------------------------------------------------------------------------------------

MetricsRow Training::row(Split split, const Sums& sums) const {
  MetricsRow r;
  r.variant = variant_.name;
  r.seed = place_.seed;
  r.epoch = outcome_.epochs + (split == Split::train && index_ > 0 ? 1 : 0);
  r.batch = outcome_.batches;
  r.split = split_name(split);
  r.loss = sums.examples > 0 ? sums.loss / sums.examples : 0;
  r.score = ratio(sums.score, sums.counted);
  r.milliseconds = ratio(1000 * sums.seconds, sums.batches);
  return r;
}

void Training::log_training() {
  const MetricsRow r = row(Split::train, sums_);
  place_.metrics->append(r);
  train_loss_ = r.loss;
  sums_ = {};
}

Archive Training::parameters() const {
  Archive archive;
  for (const auto& info : session_.tensors()) {
    if (info.parameter) archive[info.name] = {info.shape, session_.get(info.name)};
  }
  return archive;
}

void Training::save() {
  if (!best_saved_) write_npz(place_.best_path, best_);
  best_saved_ = true;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& info : session_.tensors()) shapes[info.name] = info.shape;
  Archive archive;
  for (auto& [name, values] : session_.state()) {
    const auto shape = shapes.find(name);
    std::int64_t count = 1;
    if (shape != shapes.end()) {
      for (const auto size : shape->second) count *= size;
    }
    const bool fits = shape != shapes.end() && count == static_cast<std::int64_t>(values.size());
    archive[name] = {fits ? shape->second : std::vector{static_cast<std::int64_t>(values.size())}, values};
  }
  const auto put = [&](const char* name, double value) { archive[std::string(kProgress) + name] = {{}, {value}}; };
  put("complete", outcome_.complete ? 1 : 0);
  put("diverged", outcome_.diverged ? 1 : 0);
  put("epochs", static_cast<double>(outcome_.epochs));
  put("batches", static_cast<double>(outcome_.batches));
  put("index", static_cast<double>(index_));
  put("final_loss", outcome_.final_loss);
  put("final_score", or_nan(outcome_.final_score));
  put("test_loss", or_nan(outcome_.test_loss));
  put("test_score", or_nan(outcome_.test_score));
  put("cosine_sum", cosine_sum_);
  put("cosine_count", cosine_count_);
  put("seconds", seconds_);
  put("train_loss", train_loss_);
  put("best_loss", best_loss_);
  put("best_epoch", static_cast<double>(best_epoch_));
  archive[std::string(kProgress) + "sums"] = {
      {6}, {sums_.loss, sums_.examples, sums_.score, sums_.counted, sums_.seconds, sums_.batches}};
  write_npz(place_.last_path, archive);
  saved_ = Clock::now();
}

void Training::resume() {
  std::error_code error;
  if (!std::filesystem::exists(place_.last_path, error)) return;
  Archive archive = read_npz(place_.last_path);
  const auto number = [&](const char* name) { return number_of(archive, name, place_.last_path); };
  const auto count = [&](const char* name) { return static_cast<std::uint64_t>(number(name)); };
  outcome_.complete = number("complete") != 0;
  outcome_.diverged = number("diverged") != 0;
  outcome_.epochs = count("epochs");
  outcome_.batches = count("batches");
  index_ = count("index");
  outcome_.final_loss = number("final_loss");
  outcome_.final_score = from_nan(number("final_score"));
  outcome_.test_loss = from_nan(number("test_loss"));
  outcome_.test_score = from_nan(number("test_score"));
  cosine_sum_ = number("cosine_sum");
  cosine_count_ = number("cosine_count");
  outcome_.cosine = ratio(cosine_sum_, cosine_count_);
  seconds_ = number("seconds");
  train_loss_ = number("train_loss");
  best_loss_ = number("best_loss");
  best_epoch_ = count("best_epoch");
  outcome_.milliseconds = outcome_.batches > 0 ? 1000 * seconds_ / static_cast<double>(outcome_.batches) : 0;
  const auto& sums = archive[std::string(kProgress) + "sums"].values;
  if (sums.size() == 6) sums_ = {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]};
  std::map<std::string, std::vector<double>> state;
  for (auto& [name, tensor] : archive) {
    if (!name.starts_with(kProgress)) state[name] = std::move(tensor.values);
  }
  session_.restore(state);
  if (best_epoch_ > 0) best_ = read_npz(place_.best_path);
}

// --- what is shown --------------------------------------------------------------------------------------------------

std::string Training::state_text() const {
  const double all = static_cast<double>(variant_.train.epochs) * static_cast<double>(shape_.train_batches);
  constexpr int kCells = 20;
  const int filled = static_cast<int>(kCells * static_cast<double>(outcome_.batches) / std::max(1.0, all));
  std::string bar;
  for (int i = 0; i < kCells; ++i) bar += i < filled ? "#" : ".";
  return fmt::format("{}  seed {}  [{}] epoch {}/{}", variant_.name, place_.seed, bar,
                     std::min<std::uint64_t>(outcome_.epochs + 1, static_cast<std::uint64_t>(variant_.train.epochs)),
                     variant_.train.epochs);
}

void Training::show(bool always) {
  if (!always && !place_.progress->due()) return;
  const double loss = sums_.examples > 0 ? sums_.loss / sums_.examples : train_loss_;
  std::string text = state_text();
  if (index_ > 0) text += fmt::format(" batch {}/{}", index_, shape_.train_batches);
  text += fmt::format("  loss {:.4g}", loss);
  if (outcome_.epochs > 0 && shape_.validation_batches > 0)
    text += fmt::format("  validation {:.4g}", outcome_.final_loss);
  if (outcome_.final_score) text += fmt::format("  {} {:.2f} %", task_.score_name(), 100 * *outcome_.final_score);
  text += fmt::format("  {:.3g} ms/batch", outcome_.milliseconds);
  const double all = static_cast<double>(variant_.train.epochs) * static_cast<double>(shape_.train_batches);
  const auto now = static_cast<double>(outcome_.batches - begun_batches_);
  if (!always && now > 0) {
    text += "  " + duration_text(seconds_since(begun_) / now * (all - static_cast<double>(outcome_.batches))) + " left";
  }
  if (always) place_.progress->line(text);
  else place_.progress->update(text);
}

}  // namespace eligo
