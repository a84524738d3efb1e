#include "runtime/environments/policy_gradient.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "support/error.h"

namespace eligo {
namespace {

constexpr double kLeastDeviation = 1e-8;  // advantages that are all the same stay 0

// An action drawn from softmax(logits) by a number in [0, 1).
std::int64_t draw_action(std::span<const double> logits, double chance) {
  if (!std::all_of(logits.begin(), logits.end(), [](double o) { return std::isfinite(o); })) return 0;
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double o : logits) sum += std::exp(o - most);
  double rest = chance * sum;
  for (std::size_t a = 0; a < logits.size(); ++a) {
    rest -= std::exp(logits[a] - most);
    if (rest < 0) return static_cast<std::int64_t>(a);
  }
  return std::max_element(logits.begin(), logits.end()) - logits.begin();  // rounding has left nothing of the others
}

std::int64_t likeliest(std::span<const double> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

// Subtracts the mean of the values that count and divides by their standard deviation.
void normalise(std::vector<double>& values, const std::vector<double>& counts) {
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (counts[i] != 0) sum += values[i], count += 1;
  const double mean = count > 0 ? sum / count : 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (counts[i] != 0) squares += (values[i] - mean) * (values[i] - mean);
  const double deviation = count > 0 ? std::sqrt(squares / count) : 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = counts[i] != 0 ? (values[i] - mean) / (deviation + kLeastDeviation) : 0;
}

// Episodes as they are lived.
class Recorder {
 public:
  Recorder(Environments& worlds, const ActOptions& options) : worlds_(worlds), options_(options) {
    worlds_.begin(options.split, options.first, options.seed);
    const auto count = static_cast<std::size_t>(worlds_.count());
    out_.returns.assign(count, 0);
    out_.successes.assign(count, false);
    out_.batch.lengths.assign(count, 0);
    out_.batch.examples = worlds_.count();
    out_.steps_per_action = options.steps_per_action;
  }

  // Chooses by the net's outputs, [B][actions].
  std::span<const std::int64_t> choose(const std::vector<double>& outputs) {
    const auto actions = static_cast<std::size_t>(worlds_.shape().actions);
    if (outputs.size() != actions * static_cast<std::size_t>(worlds_.count()))
      throw Error(
          fmt::format("the readouts put out {} numbers for {} environments with {} actions; a policy has one "
                      "output for each action (ProgramSpec::outputs, readout policy)",
                      outputs.size(), worlds_.count(), actions));
    chosen_.clear();
    for (std::int64_t b = 0; b < worlds_.count(); ++b) {
      const auto logits = std::span(outputs).subspan(static_cast<std::size_t>(b) * actions, actions);
      const Key key = make_key(options_.seed, "action", static_cast<std::uint64_t>(worlds_.steps()),
                               options_.first + static_cast<std::uint64_t>(b));
      chosen_.push_back(options_.greedy
                            ? likeliest(logits)
                            : draw_action(logits, uniform(key, static_cast<std::uint64_t>(options_.split))));
    }
    return chosen_;
  }

  // A step of the net at which nothing is done.
  void wait() {
    see();
    out_.actions.insert(out_.actions.end(), out_.returns.size(), 0);
    out_.rewards.insert(out_.rewards.end(), out_.returns.size(), 0);
  }

  // Takes the step with the actions that were chosen.
  void step() {
    see();
    for (std::int64_t b = 0; b < worlds_.count(); ++b) {
      acted_.push_back(worlds_.acts(b));
      if (!worlds_.acts(b)) chosen_[static_cast<std::size_t>(b)] = 0;
    }
    worlds_.step(chosen_);
    out_.actions.insert(out_.actions.end(), chosen_.begin(), chosen_.end());
    for (std::size_t b = 0; b < out_.returns.size(); ++b) {
      const Transition& last = worlds_.last()[b];
      out_.rewards.push_back(last.reward);
      out_.returns[b] += last.reward;
      if (last.success) out_.successes[b] = true;
    }
  }

  // Of the last step with actions, [B].
  std::vector<double> last_acted() const { return last_of(acted_); }
  std::vector<double> last_rewards() const { return last_of(out_.rewards); }

  // The last step's targets, [B][actions + 1].
  std::vector<double> targets(const std::vector<double>& advantages) const {
    const auto width = static_cast<std::size_t>(worlds_.shape().actions) + 1;
    std::vector<double> y(advantages.size() * width, 0);
    const std::size_t first = out_.actions.size() - advantages.size();
    for (std::size_t b = 0; b < advantages.size(); ++b) {
      y[b * width + static_cast<std::size_t>(out_.actions[first + b])] = 1;
      y[b * width + width - 1] = advantages[b];
    }
    return y;
  }

  Episodes take() {
    const auto width = static_cast<std::size_t>(worlds_.shape().actions) + 1;
    out_.batch.y.assign(out_.actions.size() * width, 0);
    for (std::size_t row = 0; row < out_.actions.size(); ++row)
      out_.batch.y[row * width + static_cast<std::size_t>(out_.actions[row])] = 1;
    return std::move(out_);
  }

 private:
  // What the net's next step is given.
  void see() {
    Batch& batch = out_.batch;
    const auto& seen = worlds_.observations();
    batch.x.insert(batch.x.end(), seen.begin(), seen.end());
    ++batch.steps;
    for (std::int64_t b = 0; b < worlds_.count(); ++b)
      if (worlds_.acts(b)) ++batch.lengths[static_cast<std::size_t>(b)];
  }

  std::vector<double> last_of(const std::vector<double>& values) const {
    return {values.end() - static_cast<std::ptrdiff_t>(out_.returns.size()), values.end()};
  }

  Environments& worlds_;
  const ActOptions& options_;
  Episodes out_;
  std::vector<std::int64_t> chosen_;
  std::vector<double> acted_;  // [actions][B], 1 or 0
};

}  // namespace

Episodes act(Session& session, Environments& worlds, const ActOptions& options) {
  const std::uint64_t sequence = session.sequence();
  session.reset();
  Recorder recorder(worlds, options);
  while (!worlds.over()) {
    for (std::int64_t i = 1; i < options.steps_per_action; ++i) {
      session.forward(worlds.observations(), false);
      recorder.wait();
    }
    recorder.choose(session.forward(worlds.observations(), false));
    recorder.step();
  }
  session.reset();
  session.set_sequence(sequence);
  return recorder.take();
}

void credit(Episodes& episodes, const CreditOptions& options) {
  Batch& batch = episodes.batch;
  const auto examples = static_cast<std::size_t>(batch.examples), rows = episodes.rewards.size();
  const auto apart = static_cast<std::size_t>(episodes.steps_per_action);
  std::vector<double> returns(rows, 0), counts(rows, 0), later(examples, 0);
  double acted = 0;
  for (std::size_t row = rows; row-- > 0;) {
    const std::size_t b = row % examples, t = row / examples;
    if (t >= static_cast<std::size_t>(batch.lengths[b]) || (t + 1) % apart != 0) continue;
    counts[row] = 1;
    acted += 1;
    returns[row] = later[b] = episodes.rewards[row] + options.discount * later[b];
  }
  if (options.normalise) normalise(returns, counts);
  const std::size_t width = batch.y.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) batch.y[row * width + width - 1] = returns[row];
  batch.loss_mask.clear();
  if (!options.mean_over_steps && apart == 1) return;
  const double weight = options.mean_over_steps ? static_cast<double>(examples) / acted : 1;
  for (const double count : counts) batch.loss_mask.push_back(count * weight);
}

void credit_by_step(Episodes& episodes, bool normalised) {
  Batch& batch = episodes.batch;
  const auto examples = static_cast<std::size_t>(batch.examples);
  const std::size_t width = batch.y.size() / episodes.rewards.size();
  for (std::size_t t = 0; t < static_cast<std::size_t>(batch.steps); ++t) {
    std::vector<double> advantages, acted;
    for (std::size_t b = 0; b < examples; ++b) {
      advantages.push_back(episodes.rewards[t * examples + b]);
      acted.push_back(t < static_cast<std::size_t>(batch.lengths[b]) ? 1 : 0);
    }
    if (normalised) normalise(advantages, acted);
    for (std::size_t b = 0; b < examples; ++b) batch.y[(t * examples + b) * width + width - 1] = advantages[b];
  }
}

RunResult act_and_learn(Session& session, Environments& worlds, const ActOptions& options, bool normalised,
                        Episodes& episodes) {
  session.reset();
  Recorder recorder(worlds, options);
  RunResult result;
  while (!worlds.over() && !result.not_finite) {
    recorder.choose(session.forward(worlds.observations()));
    recorder.step();
    const std::vector<double> acted = recorder.last_acted();
    std::vector<double> advantages = recorder.last_rewards();
    if (normalised) normalise(advantages, acted);
    const RunResult step = session.learn(recorder.targets(advantages), acted);
    result.loss += step.loss;
    result.loss_steps += step.loss_steps;
    if (!std::isfinite(step.loss)) result.not_finite = NonFinite{.step = worlds.steps(), .value = step.loss};
  }
  session.reset();
  episodes = recorder.take();
  return result;
}

}  // namespace eligo
