#include "runtime/tasks/expert_partition.h"

#include <fmt/core.h>

#include <cmath>

#include "support/random.h"

namespace eligo {
namespace {

// What a step shows of each expert is as wide for all d and k, so that one net serves a list of them.
constexpr std::size_t kDimensions = 12;  // d at most: columns of an expert's Jacobian; those beyond d are zero
constexpr std::size_t kCoordinates = 4;  // k at most
constexpr std::size_t kCodes = std::size_t{1} << kCoordinates;  // entries of a table; those beyond 2^k are zero

enum class Noise { noisy, activation, partial };

// Linear, and trained towards a linear target: y = a.u + b, t = β.u + γ, so what it sends back is (a - β).u + b - γ.
struct Expert {
  std::vector<std::uint64_t> coordinates;  // k of the d
  std::vector<double> weight, slope;       // a; a - β
  double offset = 0;                       // b - γ
  double sees_hidden = 0;                  // α: how much of the variable that it does not see is in its loss
};

// Which entry of the expert's table the state belongs to: the signs of the coordinates that it sees.
std::size_t code_of(const Expert& expert, std::uint64_t state) {
  std::size_t code = 0;
  for (std::size_t i = 0; i < expert.coordinates.size(); ++i)
    code |= static_cast<std::size_t>(state >> expert.coordinates[i] & 1) << i;
  return code;
}

// Its exact signal g at a state: the derivative of its loss by its output.
double signal_of(const Expert& expert, std::uint64_t state) {
  double g = expert.offset;
  for (std::size_t i = 0; i < expert.coordinates.size(); ++i)
    g += expert.slope[i] * ((state >> expert.coordinates[i] & 1) != 0 ? 1 : -1);
  return g;
}

class ExpertPartition final : public Task {
 public:
  explicit ExpertPartition(const TaskSpec& spec)
      : d_(static_cast<std::size_t>(spec.numbers.at("d"))),
        k_(static_cast<std::size_t>(spec.numbers.at("k"))),
        states_(std::size_t{1} << d_),
        visits_(spec.batch),
        batches_(spec.batches_per_epoch == 0 ? 1 : spec.batches_per_epoch),
        noise_(noise_of(spec.texts.at("noise"))),
        sigma_(spec.numbers.at("sigma")),
        p_(spec.numbers.at("p")),
        tau_(spec.numbers.at("tau")),
        seed_(spec.seed) {
    if (k_ > d_)
      throw Error(fmt::format("task expert_partition: an expert sees k = {} of d = {} coordinates; lower k", k_, d_));
    const auto experts = static_cast<std::size_t>(spec.numbers.at("experts"));
    for (std::size_t j = 0; j < experts; ++j) experts_.push_back(draw_expert(j));
  }

  TaskShape shape() const override {
    const auto steps = static_cast<std::int64_t>(states_), experts = static_cast<std::int64_t>(experts_.size());
    return {static_cast<std::int64_t>(width()), experts, steps, steps, batches_, probes(), 0};
  }

  // The same visits in every epoch. Validation reads the node's parameters back, as many as there are experts in one
  // batch.
  Batch batch(Split split, std::uint64_t, std::uint64_t index) const override {
    return split == Split::train ? visits(index) : probe(static_cast<std::size_t>(index));
  }

  std::string score_name() const override { return "squared error"; }
  bool score_is_share() const override { return false; }

  // |ĝ - g|² by the parameters of a state, mean over states, where -ĝ is what they have moved by and y holds g. (The
  // paper's norm over all states is this over their number.) What a training batch puts out is no parameter.
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    Score score;
    if (batch.loss_mask.empty()) return score;
    for (std::size_t i = 0; i < outputs.size(); ++i) score.sum += (outputs[i] + batch.y[i]) * (outputs[i] + batch.y[i]);
    score.count = static_cast<double>(states_) / static_cast<double>(probes());
    return score;
  }

  std::string description() const override {
    return fmt::format("{} states of a node, of whose {} coordinates {} experts see {} each, {}; the node's gradient is "
                       "wanted",
                       states_, d_, experts_.size(), k_, noise_text());
  }

 private:
  static Noise noise_of(const std::string& name) {
    if (name == "noisy") return Noise::noisy;
    if (name == "activation") return Noise::activation;
    if (name == "partial") return Noise::partial;
    throw Error(
        fmt::format("task expert_partition: noise = \"{}\" is none; there are noisy, activation, partial", name));
  }

  std::string noise_text() const {
    switch (noise_) {
      case Noise::noisy: return fmt::format("with noise of deviation {}", sigma_);
      case Noise::activation: return fmt::format("each active with probability {}", p_);
      case Noise::partial: return fmt::format("with a hidden variable of deviation {}", tau_);
    }
    return "";
  }

  // a and β have the deviation 1/√k, b and γ 0.1.
  Expert draw_expert(std::size_t j) const {
    Expert e;
    e.coordinates = permutation(make_key(seed_, "expert_partition coordinates", d_, j), d_);
    e.coordinates.resize(k_);
    const Key key = make_key(seed_, "expert_partition experts", d_, j);
    std::uint64_t next = 0;
    const auto gauss = [&](double deviation) { return deviation * normal(key, next++); };
    const double deviation = 1 / std::sqrt(static_cast<double>(k_));
    e.sees_hidden = gauss(1);
    e.offset = gauss(0.1);
    e.offset -= gauss(0.1);
    for (std::size_t i = 0; i < k_; ++i) {
      e.weight.push_back(gauss(deviation));
      e.slope.push_back(e.weight.back() - gauss(deviation));
    }
    return e;
  }

  std::size_t width() const { return experts_.size() * (kCodes + kDimensions); }
  std::uint64_t probes() const { return (d_ + experts_.size() - 1) / experts_.size(); }

  // Where a row of x has expert j's code, and its Jacobian.
  std::size_t code_at(std::size_t j) const { return j * kCodes; }
  std::size_t jacobian_at(std::size_t j) const { return experts_.size() * kCodes + j * kDimensions; }

  // [experts][d]: what expert j's output changes by with the state's parameters. The node is x = A θ of the state, with
  // entries of A of deviation 1/√d, and the expert reads k of x's coordinates.
  std::vector<double> jacobian(std::uint64_t state) const {
    std::vector<double> a(d_ * d_), rows(experts_.size() * d_, 0);
    normal(make_key(seed_, "expert_partition maps", d_, state), 0, a);
    const double deviation = 1 / std::sqrt(static_cast<double>(d_));
    for (std::size_t j = 0; j < experts_.size(); ++j)
      for (std::size_t c = 0; c < k_; ++c)
        for (std::size_t i = 0; i < d_; ++i)
          rows[j * d_ + i] += experts_[j].weight[c] * deviation * a[experts_[j].coordinates[c] * d_ + i];
    return rows;
  }

  // What expert j receives at a visit of a state: unbiased, with an error of its own.
  double received(std::size_t j, std::uint64_t visit, std::uint64_t state) const {
    const double g = signal_of(experts_[j], state);
    const Key key = make_key(seed_, "expert_partition feedback", visit, state);
    switch (noise_) {
      case Noise::noisy: return g + sigma_ * normal(key, j);
      case Noise::activation: return uniform(key, j) < p_ ? g / p_ : 0;
      case Noise::partial: return g + experts_[j].sees_hidden * tau_ * normal(key, j);
    }
    return g;
  }

  // Steps are states, examples are visits. An expert's code is one-hot, scaled so that the codes of a table are
  // orthonormal over the states: one step of size 1 of a table that was zero then is its least-squares solution, the
  // mean over the states that share an entry.
  Batch visits(std::uint64_t index) const {
    Batch batch = empty(visits_);
    const double entry = 1 / std::sqrt(static_cast<double>(std::size_t{1} << (d_ - k_)));
    for (std::size_t state = 0; state < states_; ++state) {
      const std::vector<double> rows = jacobian(state);
      for (std::size_t visit = 0; visit < visits_; ++visit) {
        const std::size_t row = state * visits_ + visit;
        double* x = &batch.x[row * width()];
        for (std::size_t j = 0; j < experts_.size(); ++j) {
          x[code_at(j) + code_of(experts_[j], state)] = entry;
          for (std::size_t i = 0; i < d_; ++i) x[jacobian_at(j) + i] = rows[j * d_ + i];
          batch.y[row * experts_.size() + j] = received(j, index * visits_ + visit, state);
        }
      }
    }
    return batch;
  }

  // One visit in which expert j's Jacobian is a unit vector, so that its output is one of the state's parameters,
  // beside the exact gradient by that parameter.
  Batch probe(std::size_t index) const {
    Batch batch = empty(1);
    batch.loss_mask.assign(states_, 1);
    for (std::size_t state = 0; state < states_; ++state) {
      const std::vector<double> rows = jacobian(state);
      for (std::size_t j = 0; j < experts_.size(); ++j) {
        const std::size_t i = index * experts_.size() + j;
        if (i >= d_) break;
        batch.x[state * width() + jacobian_at(j) + i] = 1;
        double& exact = batch.y[state * experts_.size() + j];
        for (std::size_t e = 0; e < experts_.size(); ++e) exact += rows[e * d_ + i] * signal_of(experts_[e], state);
      }
    }
    return batch;
  }

  Batch empty(std::size_t examples) const {
    Batch batch;
    batch.steps = static_cast<std::int64_t>(states_);
    batch.examples = static_cast<std::int64_t>(examples);
    batch.x.assign(states_ * examples * width(), 0);
    batch.y.assign(states_ * examples * experts_.size(), 0);
    return batch;
  }

  std::size_t d_, k_, states_, visits_;
  std::uint64_t batches_;
  Noise noise_;
  double sigma_, p_, tau_;
  std::uint64_t seed_;
  std::vector<Expert> experts_;
};

}  // namespace

TaskKind expert_partition_kind() {
  return {"expert_partition",
          "a node's gradient from noisy experts that see parts of its 2^d states (cell experts, readout external)",
          {{.name = "d",
            .help = "coordinates of a state; there are 2^d states, each a step",
            .value = 4,
            .low = 1,
            .high = kDimensions},
           {.name = "k", .help = "coordinates that an expert sees", .value = 2, .low = 1, .high = kCoordinates},
           {.name = "experts", .help = "as many as the cell has: model.w", .value = 5, .low = 1, .high = 64},
           {.name = "noise",
            .help = "of what experts receive: noisy (sigma), activation (p) or partial (tau)",
            .text = true,
            .text_value = "noisy"},
           {.name = "sigma", .help = "deviation of the noise", .whole = false, .value = 0.5, .low = 0, .high = 1e6},
           {.name = "p", .help = "that an expert is active", .whole = false, .value = 0.5, .low = 1e-6, .high = 1},
           {.name = "tau",
            .help = "deviation of the variable that experts do not see",
            .whole = false,
            .value = 0.5,
            .low = 0,
            .high = 1e6}},
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<ExpertPartition>(spec); }};
}

}  // namespace eligo
