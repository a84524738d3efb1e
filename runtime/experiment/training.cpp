#include "runtime/experiment/training.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/engine/program.h"
#include "runtime/library/compile.h"
#include "support/available.h"
#include "support/bytes.h"

namespace eligo {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::optional<double> ratio(double sum, double count) { return count > 0 ? std::optional(sum / count) : std::nullopt; }

}  // namespace

std::vector<std::string> shown_for(const Variant& variant, const BatchSource& source) {
  if (source.score_name().empty() || variant.output.empty() || variant.policy) return {};
  return {variant.output};
}

void check_by_step(const Variant& variant, const Session& session) {
  if (variant.policy && variant.policy->by_step && !session.not_by_step().empty())
    throw Error(fmt::format("rule {} is not online, so policy.learn = \"steps\" is not for it; take \"episodes\"",
                            variant.program.rule));
}

TrainingLimits limits_of(const Variant& variant, const BatchSource& source, std::uint64_t seed, std::uint64_t identity) {
  return {seed, static_cast<std::uint64_t>(variant.train.epochs), source.shape().train_batches, identity};
}

namespace {

// What a training takes beside its sessions: the task's data, two batches, the parameters of the best epoch, and, in
// float64, what the cosine compares of a tensor.
std::uint64_t bytes_beside(const Program& program, const SessionOptions& options, const BatchSource& source) {
  const TaskShape shape = source.shape();
  double bytes = static_cast<double>(source.bytes());
  bytes += 2.0 * 8 * static_cast<double>(options.batch * shape.max_steps * (shape.inputs + shape.targets + 1));
  double largest = 0;
  for (const auto& tensor : program.plan->tensors) {
    if (tensor.kind != compiler::TensorKind::param) continue;
    const double count = static_cast<double>(tensor.size()) * static_cast<double>(tensor.per_step ? options.steps : 1);
    bytes += count * (program.float64 ? 8 : 4);
    largest = std::max(largest, count);
  }
  return static_cast<std::uint64_t>(bytes + 3 * 8 * largest);
}

// Where a cell has several inputs, or a readout several targets, their sizes are the user's, not taken from the task.
void check_widths(const Variant& variant, const Program& program, const TaskShape& shape) {
  const auto check = [&](const std::vector<int>& tensors, std::int64_t wanted, const char* what) {
    const std::int64_t width = compiler::width(*program.plan, tensors);
    if (width == wanted || tensors.empty()) return;
    std::string names;
    for (const int i : tensors) {
      const auto& tensor = program.plan->tensors[static_cast<std::size_t>(i)];
      names += fmt::format("{}{} with {}", names.empty() ? "" : ", ", tensor.name, tensor.size());
    }
    throw Error(fmt::format("task {} has {} {} a step, but the net takes {} ({}); change sizes of the model, or options of "
                            "the task",
                            variant.task.name, wanted, what, width, names));
  };
  check(program.plan->inputs, shape.inputs, "inputs");
  check(program.plan->targets, shape.targets, "targets");
}

SessionOptions limited(const Variant& variant, const Program& program, const BatchSource& source,
                       const TrainingPlace& place) {
  check_widths(variant, program, source.shape());
  SessionOptions options{.batch = variant.train.batch,
                         .steps = source.shape().max_steps,
                         .seed = place.seed,
                         .threads = place.threads};
  const std::uint64_t all = place.memory != 0 ? place.memory : available_memory();
  const std::uint64_t beside = bytes_beside(program, options, source);
  if (beside >= all)
    throw Error(fmt::format("{} of memory are allowed, but the task's data and the best parameters alone take {}",
                            readable_bytes(static_cast<long double>(all)),
                            readable_bytes(static_cast<long double>(beside))));
  options.memory = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(all - beside) * place.share));
  return options;
}

}  // namespace

Training::Training(const Variant& variant, std::shared_ptr<const Program> program, BatchSource& source,
                   TrainingPlace place)
    : variant_(variant),
      source_(source),
      place_(std::move(place)),
      shape_(source.shape()),
      options_(limited(variant, *program, source, place_)),
      program_(std::move(program)),
      session_(program_, options_) {
  check_by_step(variant, session_);
  for (const auto& [name, value] : variant.hypers) session_.set_hyper(name, value);
  for (const auto& [bundle, length] : variant.clips) session_.set_clip(length, bundle);
  source_.set_level(0);
  state_.outcome.option = source_.tried();
  if (variant.curriculum) state_.outcome.solved = 0;
  rates_.emplace(session_, variant.rates, static_cast<std::uint64_t>(variant.train.epochs) * shape_.train_batches);
  if (variant.train.measure > 0) make_probe();
}

// Before the first batch, so that what is wrong with it is said then.
void Training::make_probe() {
  const auto held = static_cast<std::uint64_t>(session_.bytes()), beside = bytes_beside(*program_, options_, source_);
  // What is available has become less by what is held.
  const std::uint64_t left =
      place_.memory != 0 ? place_.memory - std::min(place_.memory, held + beside) : available_memory();
  SessionOptions options = options_;
  options.memory = std::max<std::uint64_t>(1, left / 2);  // it has two sessions
  try {
    probe_ = std::make_unique<AlignmentProbe>(variant_, options);
  } catch (const Error& error) {
    throw Error(fmt::format("to measure the cosine beside the training, which takes {}: {}; train.measure=0 "
                            "leaves it out",
                            readable_bytes(static_cast<long double>(held + beside)), error.what()));
  }
}

void Training::put_into(MetricsFile& metrics, std::string last_path, std::string best_path, std::uint64_t identity) {
  place_.metrics = &metrics;
  place_.last_path = std::move(last_path);
  place_.best_path = std::move(best_path);
  place_.identity = identity;
}

std::uint64_t Training::parameters() const {
  std::uint64_t count = 0;
  for (const auto& info : session_.tensors()) {
    if (!info.parameter) continue;
    std::uint64_t size = 1;
    for (const auto extent : info.shape) size *= static_cast<std::uint64_t>(extent);
    count += size;
  }
  return count;
}

bool Training::run() {
  saved_ = begun_ = Clock::now();
  begun_batches_ = state_.outcome.batches;
  while (!has_ended()) {
    if (!train_epoch() || (!state_.outcome.diverged && !finish_epoch())) {
      save();
      return false;
    }
  }
  if (finish()) return true;
  save();
  return false;
}

bool Training::has_ended() const {
  const Outcome& outcome = state_.outcome;
  return outcome.diverged || outcome.epochs >= static_cast<std::uint64_t>(variant_.train.epochs) || out_of_patience();
}

// A function of what the checkpoint holds, so that a resumed training stops where it would have stopped.
bool Training::out_of_patience() const {
  const Outcome& outcome = state_.outcome;
  return variant_.train.patience > 0 && outcome.best_epoch > 0 &&
         outcome.epochs - outcome.best_epoch >= variant_.train.patience;
}

// --- batches --------------------------------------------------------------------------------------------------------

bool Training::train_epoch() {
  while (state_.index < shape_.train_batches) {
    if (place_.interrupted()) return false;
    train_batch();
    if (state_.outcome.diverged) return true;
    if (seconds_since(saved_) > save_every_) save();
    show(false);
  }
  return true;
}

void Training::train_batch() {
  Outcome& outcome = state_.outcome;
  rates_->set(session_, outcome.batches);
  const auto [batch, result, seconds] =
      source_.learn(outcome.epochs, state_.index, session_,
                    fmt::format("task {}, epoch {}, batch {}", variant_.task.name, outcome.epochs + 1, state_.index + 1));
  ++state_.index;
  ++outcome.batches;
  const auto examples = static_cast<double>(batch.examples);
  state_.sums.loss += result.loss * examples;
  state_.sums.examples += examples;
  state_.sums.seconds += seconds;
  state_.sums.batches += 1;
  state_.seconds += seconds;
  outcome.milliseconds = 1000 * state_.seconds / static_cast<double>(outcome.batches);
  if (result.not_finite) {
    outcome.final_loss = result.loss;
    log_training();
    diverge(result.not_finite, fmt::format("at batch {} of epoch {}", state_.index, outcome.epochs + 1));
    return;
  }
  Sums own;
  add_score(batch, own);
  state_.sums.add(own);
  if (state_.index % variant_.train.log_every == 0 || state_.index == shape_.train_batches) log_training();
  rise(true, result.loss, ratio(own.score, own.counted));
}

// The end of this training alone; what comes after it in the experiment goes on.
void Training::diverge(const std::optional<NonFinite>& found, const std::string& when) {
  state_.outcome.diverged = true;
  state_.outcome.divergence = fmt::format("{}: {}", when, found ? found->text() : "the loss is not finite");
  place_.progress->line(fmt::format("{}, seed {}: diverged {}; this training ends here, lower its rate", variant_.name,
                                    place_.seed, state_.outcome.divergence));
}

Session::Shown shown_steps(const Session& session, const std::string& name, std::int64_t steps) {
  Session::Shown shown = session.shown(name);
  if (shown.rows > steps) {  // the row at start comes first
    const auto size = static_cast<std::ptrdiff_t>(shown.values.size());
    shown.values.erase(shown.values.begin(), shown.values.end() - size / shown.rows * steps);
    shown.rows = steps;
  }
  return shown;
}

void Training::add_score(const Batch& batch, Sums& sums) const {
  if (source_.score_name().empty() || variant_.output.empty()) return;
  const bool acted = variant_.policy.has_value();
  const Scores scores =
      source_.scores(batch, acted ? std::vector<double>() : shown_steps(session_, variant_.output, batch.steps).values);
  sums.score += scores.score.sum;
  sums.counted += scores.score.count;
  if (scores.success) sums.successes += scores.success->sum;
  if (scores.length) sums.lengths += scores.length->sum;
}

bool Training::evaluate(Split split, std::uint64_t count, Sums& sums) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (place_.interrupted()) return false;
    const Batch batch = source_.batch(split, 0, i, session_);
    check_finite(batch, fmt::format("task {}, {} batch {}", variant_.task.name, split_name(split), i + 1));
    const auto examples = static_cast<double>(batch.examples);
    const double loss = session_.run(batch, false).loss;
    sums.loss += loss * examples;
    sums.examples += examples;
    add_score(batch, sums);
    if (!std::isfinite(loss) && split == Split::validation) {
      diverge(session_.find_not_finite(batch),
              fmt::format("at {} batch {} after epoch {}", split_name(split), i + 1, state_.outcome.epochs + 1));
      return true;
    }
    if (place_.progress->due()) {
      place_.progress->update(fmt::format("{}  {} {} of {}", state_text(), split_name(split), i + 1, count));
    }
  }
  return true;
}

bool Training::finish_epoch() {
  Outcome& outcome = state_.outcome;
  const std::uint64_t sequence = session_.sequence();
  Sums sums;
  if (!evaluate(Split::validation, shape_.validation_batches, sums)) {
    session_.set_sequence(sequence);  // all of it runs again, with the same draws
    return false;
  }
  if (outcome.diverged) {
    outcome.final_loss = sums.loss / sums.examples;
    return true;
  }
  ++outcome.epochs;
  measure_alignment();
  state_.index = 0;
  outcome.final_loss = state_.train_loss;
  if (sums.examples > 0) {
    outcome.final_loss = sums.loss / sums.examples;
    outcome.final_score = ratio(sums.score, sums.counted);
    if (variant_.policy) outcome.final_success = ratio(sums.successes, sums.counted);
    MetricsRow validation = row(Split::validation, sums);
    validation.cosine = epoch_cosine_;
    place_.metrics->append(validation);
    keep_if_best(sums);
    rise(false, outcome.final_loss, outcome.final_score);
  }
  if (seconds_since(saved_) > save_every_) save();
  show(false);
  return true;
}

void Training::keep_if_best(const Sums& validation) {
  Outcome& outcome = state_.outcome;
  const double loss = validation.loss / validation.examples;
  const std::optional<double> score = ratio(validation.score, validation.counted);
  // The loss of a policy gradient says nothing of how good the policy is.
  const bool better =
      variant_.policy ? score && *score > outcome.best_score.value_or(-HUGE_VAL) : loss < outcome.best_loss;
  if (outcome.best_epoch == 0 || better) {
    outcome.best_loss = loss;
    outcome.best_score = score;
    outcome.best_epoch = outcome.epochs;
    take_best();
  }
  if (out_of_patience() && outcome.epochs < static_cast<std::uint64_t>(variant_.train.epochs))
    place_.progress->line(fmt::format("{}, seed {}: stops after epoch {}, since no validation {} that of epoch {}",
                                      variant_.name, place_.seed, outcome.epochs,
                                      variant_.policy ? "return was above" : "loss was below", outcome.best_epoch));
}

// What was best at an easier level is not to be compared with what comes.
void Training::rise(bool batch, double loss, const std::optional<double>& score) {
  if (!source_.passes(batch, loss, score)) return;
  Outcome& outcome = state_.outcome;
  outcome.solved = source_.tried();
  if (!batch && has_ended()) return;  // nothing comes
  if (!source_.rise()) return;
  outcome.level = source_.level();
  outcome.option = source_.tried();
  outcome.best_epoch = 0;
  outcome.best_loss = 0;
  outcome.best_score.reset();
}

// How what the rule adds to the cell points after an epoch, on batches of the next one.
void Training::measure_alignment() {
  epoch_cosine_.reset();
  if (variant_.train.measure == 0) return;
  const Score score = probe_->measure(session_, source_, state_.outcome.epochs, variant_.train.measure);
  epoch_cosine_ = ratio(score.sum, static_cast<double>(score.count));
  if (!epoch_cosine_) return;
  state_.cosine_sum += *epoch_cosine_;
  state_.cosine_count += 1;
  state_.outcome.cosine = state_.cosine_sum / state_.cosine_count;
}

// The end: the test, with the best parameters; without a validation set there are no best ones, only the last.
bool Training::finish() {
  save();
  if (!state_.outcome.diverged && shape_.test_batches > 0) {
    const std::uint64_t sequence = session_.sequence();
    const bool best = state_.outcome.best_epoch > 0;
    if (best) exchange_best();
    Sums sums;
    const bool done = evaluate(Split::test, shape_.test_batches, sums);
    if (best) exchange_best();
    session_.set_sequence(sequence);
    if (!done) return false;
    state_.outcome.test_loss = sums.loss / sums.examples;
    state_.outcome.test_score = ratio(sums.score, sums.counted);
    if (variant_.policy) state_.outcome.test_success = ratio(sums.successes, sums.counted);
    place_.metrics->append(row(Split::test, sums));
  }
  state_.outcome.complete = true;
  save();
  show(true);
  return true;
}

// --- what is written ------------------------------------------------------------------------------------------------

MetricsRow Training::row(Split split, const Sums& sums) const {
  MetricsRow r;
  r.variant = variant_.name;
  r.seed = place_.seed;
  r.epoch = state_.outcome.epochs + (split == Split::train && state_.index > 0 ? 1 : 0);
  r.batch = state_.outcome.batches;
  r.split = split_name(split);
  r.loss = sums.examples > 0 ? sums.loss / sums.examples : 0;
  r.score = ratio(sums.score, sums.counted);
  r.milliseconds = ratio(1000 * sums.seconds, sums.batches);
  r.option = state_.outcome.option;
  r.solved = state_.outcome.solved;
  if (variant_.policy) {
    r.success = ratio(sums.successes, sums.counted);
    r.length = ratio(sums.lengths, sums.counted);
  }
  return r;
}

void Training::log_training() {
  const MetricsRow r = row(Split::train, state_.sums);
  place_.metrics->append(r);
  state_.train_loss = r.loss;
  state_.sums = {};
}

// --- what is shown --------------------------------------------------------------------------------------------------

std::string Training::state_text() const {
  const double all = static_cast<double>(variant_.train.epochs) * static_cast<double>(shape_.train_batches);
  constexpr int kCells = 20;
  const int filled = static_cast<int>(kCells * static_cast<double>(state_.outcome.batches) / std::max(1.0, all));
  std::string bar;
  for (int i = 0; i < kCells; ++i) bar += i < filled ? "#" : ".";
  return fmt::format("{}  seed {}  [{}] epoch {}/{}", variant_.name, place_.seed, bar,
                     std::min<std::uint64_t>(state_.outcome.epochs + 1, static_cast<std::uint64_t>(variant_.train.epochs)),
                     variant_.train.epochs);
}

void Training::show(bool always) {
  if (!always && !place_.progress->due()) return;
  const double loss = state_.sums.examples > 0 ? state_.sums.loss / state_.sums.examples : state_.train_loss;
  std::string text = state_text();
  if (state_.index > 0) text += fmt::format(" batch {}/{}", state_.index, shape_.train_batches);
  if (variant_.curriculum) text += fmt::format("  {} {}", source_.level_name(), *state_.outcome.option);
  text += fmt::format("  loss {:.4g}", loss);
  if (state_.outcome.epochs > 0 && shape_.validation_batches > 0)
    text += fmt::format("  validation {:.4g}", state_.outcome.final_loss);
  if (state_.outcome.final_success) text += fmt::format("  success {:.1f} %", 100 * *state_.outcome.final_success);
  if (state_.outcome.final_score)
    text += source_.score_is_share()
                ? fmt::format("  {} {:.2f} %", source_.score_name(), 100 * *state_.outcome.final_score)
                : fmt::format("  {} {:.3f}", source_.score_name(), *state_.outcome.final_score);
  text += fmt::format("  {:.3g} ms/batch", state_.outcome.milliseconds);
  const double all = static_cast<double>(variant_.train.epochs) * static_cast<double>(shape_.train_batches);
  const auto now = static_cast<double>(state_.outcome.batches - begun_batches_);
  if (!always && now > 0) {
    text += "  " + duration_text(seconds_since(begun_) / now * (all - static_cast<double>(state_.outcome.batches))) + " left";
  }
  if (always) place_.progress->line(text);
  else place_.progress->update(text);
}

}  // namespace eligo
