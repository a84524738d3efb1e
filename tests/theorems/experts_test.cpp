// The statistics behind SGProp (Zhang et al. 2026): Lemma 1's split of an estimator's error, and Theorem 5's network of
// experts, whose synthetic gradients pool 2^(d-k) states.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "runtime/tasks/task.h"
#include "support/random.h"
#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

using Vector = std::vector<double>;

double distance2(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// A finite world: what a neuron sees (z), and for each z outcomes of its gradient, all equally likely. Expectations are
// sums over all of it, those of a mean of n samples over all n-tuples.
struct World {
  std::vector<std::vector<Vector>> estimate, exact;  // [z][outcome]
};

World world_of(const std::string& key, double bias) {
  World w;
  for (int z = 0; z < 3; ++z) {
    w.estimate.emplace_back();
    w.exact.emplace_back();
    for (int o = 0; o < 2; ++o) {
      const std::string place = key + std::to_string(z) + "." + std::to_string(o);
      w.exact.back().push_back(numbers(place, 2));
      Vector mixed = w.exact.back().back();
      const Vector away = numbers(place + ".away", 2, bias);
      for (std::size_t i = 0; i < mixed.size(); ++i) mixed[i] = 0.4 * mixed[i] + away[i];
      w.estimate.back().push_back(bias == 0 ? w.exact.back().back() : mixed);
    }
  }
  return w;
}

Vector mean_of(const std::vector<Vector>& all) {
  Vector mean(all[0].size(), 0.0);
  for (const Vector& v : all)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += v[i] / static_cast<double>(all.size());
  return mean;
}

std::vector<Vector> flat(const std::vector<std::vector<Vector>>& by_z) {
  std::vector<Vector> all;
  for (const auto& outcomes : by_z) all.insert(all.end(), outcomes.begin(), outcomes.end());
  return all;
}

// E |mean of n samples - target|^2, over all tuples.
double error_of_mean(const std::vector<Vector>& samples, int n, const Vector& target) {
  std::vector<std::size_t> at(static_cast<std::size_t>(n), 0);
  double sum = 0, tuples = 0;
  for (;;) {
    std::vector<Vector> chosen;
    for (std::size_t i : at) chosen.push_back(samples[i]);
    sum += distance2(mean_of(chosen), target);
    tuples += 1;
    std::size_t place = 0;
    while (place < at.size() && ++at[place] == samples.size()) at[place++] = 0;
    if (place == at.size()) return sum / tuples;
  }
}

TEST(GradientEstimators, ErrorIsVarianceOverSamplesPlusBias) {
  for (const double bias : {0.0, 0.7}) {
    const World w = world_of("lemma", bias);
    const std::vector<Vector> all = flat(w.estimate);
    const Vector target = mean_of(flat(w.exact)), centre = mean_of(all);
    double rho = 0, nu = 0;
    for (const auto& outcomes : w.estimate) {
      const Vector given = mean_of(outcomes);  // E[g | z]
      for (const Vector& g : outcomes) rho += distance2(g, given) / static_cast<double>(all.size());
      nu += distance2(given, centre) / static_cast<double>(w.estimate.size());
    }
    const double b = distance2(centre, target);
    EXPECT_EQ(b < 1e-30, bias == 0);
    for (const int n : {1, 2, 4}) {
      const double error = error_of_mean(all, n, target);
      EXPECT_NEAR(error, (rho + nu) / n + b, 1e-13) << n;   // eq. 9
      EXPECT_GT(std::abs(error - (rho / n + b)), 1e-3) << n;  // the conditional means vary too
      if (bias == 0) continue;
      EXPECT_GT(std::abs(error - (rho + nu) / n), 1e-3) << n;
    }
  }
}

// Theorem 5's network: 2^d states of one node that feeds experts; expert j sees k coordinates of the state.
class Experts {
 public:
  Experts(int d, int k, int experts, std::uint64_t seed) : d_(d), k_(k), states_(1 << d) {
    const Key key = make_key(seed, "experts", static_cast<std::uint64_t>(d * 16 + k), 0);
    std::uint64_t next = 0;
    auto gauss = [&](double deviation) { return deviation * normal(key, next++); };
    for (int r = 0; r < states_; ++r) {
      jacobian_.emplace_back();
      for (int i = 0; i < d * d; ++i) jacobian_.back().push_back(gauss(1 / std::sqrt(d)));
    }
    for (int j = 0; j < experts; ++j) {
      std::vector<int> coordinates(static_cast<std::size_t>(d));
      std::iota(coordinates.begin(), coordinates.end(), 0);
      for (int i = d - 1; i > 0; --i)
        std::swap(coordinates[static_cast<std::size_t>(i)],
                  coordinates[static_cast<std::size_t>(uniform(key, next++) * (i + 1))]);
      coordinates.resize(static_cast<std::size_t>(k));
      Expert e{coordinates, {}, {}, gauss(0.1) - gauss(0.1)};
      for (int i = 0; i < k; ++i) {
        e.a.push_back(gauss(1 / std::sqrt(k)));
        e.beta.push_back(gauss(1 / std::sqrt(k)));
      }
      experts_.push_back(e);
    }
    for (const Expert& e : experts_) {
      gradient_.emplace_back();
      pool_.emplace_back();
      for (int r = 0; r < states_; ++r) {
        double g = e.offset;  // a.u + b - (beta.u + gamma)
        int seen = 0;
        for (int i = 0; i < k; ++i) {
          const int bit = r >> e.coordinates[static_cast<std::size_t>(i)] & 1;
          g += (e.a[static_cast<std::size_t>(i)] - e.beta[static_cast<std::size_t>(i)]) * (2 * bit - 1);
          seen |= bit << i;
        }
        gradient_.back().push_back(g);
        pool_.back().push_back(seen);
      }
    }
  }

  int states() const { return states_; }
  std::size_t experts() const { return experts_.size(); }
  double gradient(std::size_t j, int r) const { return gradient_[j][static_cast<std::size_t>(r)]; }
  int pool(std::size_t j, int r) const { return pool_[j][static_cast<std::size_t>(r)]; }
  // Jθ Jʲ: what a unit of expert j's gradient does to the parameters of state r.
  Vector direction(std::size_t j, int r) const {
    Vector out(static_cast<std::size_t>(d_), 0.0);
    for (int row = 0; row < d_; ++row)
      for (int i = 0; i < k_; ++i)
        out[static_cast<std::size_t>(row)] +=
            jacobian_[static_cast<std::size_t>(r)][static_cast<std::size_t>(
                row * d_ + experts_[j].coordinates[static_cast<std::size_t>(i)])] *
            experts_[j].a[static_cast<std::size_t>(i)];
    return out;
  }
  double size2(std::size_t j, int r) const {
    const Vector v = direction(j, r);
    return dot(v, v);
  }

  // |estimate - exact|^2 of all states for one draw of feedback errors, [expert][state].
  double error(const std::vector<Vector>& feedback_error) const {
    double sum = 0;
    for (int r = 0; r < states_; ++r) {
      Vector away(static_cast<std::size_t>(d_), 0.0);
      for (std::size_t j = 0; j < experts_.size(); ++j) {
        const Vector v = direction(j, r);
        for (std::size_t i = 0; i < away.size(); ++i) away[i] += v[i] * feedback_error[j][static_cast<std::size_t>(r)];
      }
      sum += dot(away, away);
    }
    return sum;
  }
  // What a table by expert and seen coordinates says, in place of each state's own feedback.
  std::vector<Vector> pooled(const std::vector<Vector>& feedback_error) const {
    std::vector<Vector> out;
    for (std::size_t j = 0; j < experts_.size(); ++j) {
      Vector total(std::size_t{1} << k_, 0.0), count = total;
      for (int r = 0; r < states_; ++r) {
        total[static_cast<std::size_t>(pool(j, r))] += feedback_error[j][static_cast<std::size_t>(r)];
        count[static_cast<std::size_t>(pool(j, r))] += 1;
      }
      out.emplace_back();
      for (int r = 0; r < states_; ++r)
        out.back().push_back(total[static_cast<std::size_t>(pool(j, r))] / count[static_cast<std::size_t>(pool(j, r))]);
    }
    return out;
  }

 private:
  struct Expert {
    std::vector<int> coordinates;
    Vector a, beta;
    double offset;
  };
  int d_, k_, states_;
  std::vector<Vector> jacobian_;
  std::vector<Expert> experts_;
  std::vector<Vector> gradient_;
  std::vector<std::vector<int>> pool_;
};

struct Size {
  int d, k;
};
constexpr Size sizes[] = {{4, 2}, {5, 3}, {6, 2}, {7, 4}};

// The expectations of the errors squared, exactly: errors of different states and experts are independent, so a state's
// own feedback has the variance v, and a pool the mean of its states' variances over their number.
TEST(Experts, PoolingDividesTheErrorByTwoToTheCoordinatesNotSeen) {
  for (const auto [d, k] : sizes) {
    const Experts net(d, k, 5, 1);
    for (const bool uneven : {false, true}) {  // of all experts alike, or of the second kind: p(1-p)/p² g²
      double own = 0, pooled = 0;
      std::vector<int> members(std::size_t{1} << k, 0);
      for (int r = 0; r < net.states(); ++r) members[static_cast<std::size_t>(net.pool(0, r))] += 1;
      for (const int count : members) EXPECT_EQ(count, 1 << (d - k));
      for (int r = 0; r < net.states(); ++r)
        for (std::size_t j = 0; j < net.experts(); ++j) {
          const double g = net.gradient(j, r), variance = uneven ? g * g : 0.25;
          own += net.size2(j, r) * variance;
          double pool = 0;
          int count = 0;
          for (int s = 0; s < net.states(); ++s) {
            if (net.pool(j, s) != net.pool(j, r)) continue;
            EXPECT_NEAR(net.gradient(j, s), g, 1e-12);  // one expert, one input, one gradient
            pool += uneven ? net.gradient(j, s) * net.gradient(j, s) : 0.25;
            ++count;
          }
          pooled += net.size2(j, r) * pool / (count * count);
        }
      EXPECT_NEAR(own / pooled, std::pow(2, d - k), 1e-9) << d << " " << k;
      EXPECT_GT(std::abs(own / pooled - std::pow(2, k)) + (d == 2 * k), 0.5);  // not of the coordinates seen
    }
  }
}

// The three sources of noise of the paper, drawn: means of the errors within four of their standard errors.
TEST(Experts, SimulationsAgreeWithTheRatio) {
  constexpr double sigma = 0.5, p = 0.5, tau = 0.5;
  for (const char* noise : {"noisy feedback", "stochastic activation", "partial observation"})
    for (const auto [d, k] : {Size{4, 2}, Size{6, 2}}) {
      SCOPED_TRACE(std::string(noise) + " " + std::to_string(d));
      double own = 0, pooled = 0, own2 = 0, pooled2 = 0, both = 0;
      constexpr int trials = 400;
      for (int trial = 0; trial < trials; ++trial) {
        const Experts net(d, k, 5, static_cast<std::uint64_t>(trial + 10));
        const Key key = make_key(static_cast<std::uint64_t>(trial), noise, static_cast<std::uint64_t>(d), 1);
        std::uint64_t next = 0;
        std::vector<Vector> errors;
        for (std::size_t j = 0; j < net.experts(); ++j) {
          errors.emplace_back();
          const double alpha = normal(key, next++);
          for (int r = 0; r < net.states(); ++r) {
            double e = sigma * normal(key, next++);
            if (noise[0] == 's') e = ((uniform(key, next++) < p ? 1 / p : 0) - 1) * net.gradient(j, r);
            if (noise[0] == 'p') e = -alpha * tau * normal(key, next++);
            errors.back().push_back(e);
          }
        }
        const double x = net.error(errors), y = net.error(net.pooled(errors));
        own += x / trials;
        pooled += y / trials;
        own2 += x * x / trials;
        pooled2 += y * y / trials;
        both += x * y / trials;
      }
      const double ratio = own / pooled, want = std::pow(2, d - k);
      // The error of a ratio of means, to first order.
      const double vx = own2 - own * own, vy = pooled2 - pooled * pooled, c = both - own * pooled;
      const double deviation = std::sqrt((vx - 2 * ratio * c + ratio * ratio * vy) / trials) / pooled;
      EXPECT_NEAR(ratio, want, 4 * deviation);
      EXPECT_LT(4 * deviation, want / 3);  // the bar says something
    }
}

// The task `expert_partition` on the cell `experts`, with what its batches say of themselves, [T][B][experts] each.
struct Partition {
  std::size_t d = 5, experts = 3, visits = 2, codes = 16, columns = 12;
  std::unique_ptr<Task> task;
  Batch batch;
  double code(std::size_t row, std::size_t j, std::size_t c) const { return batch.x[row * width() + j * codes + c]; }
  double jacobian(std::size_t row, std::size_t j, std::size_t i) const {
    return batch.x[row * width() + experts * codes + j * columns + i];
  }
  std::size_t width() const { return experts * (codes + columns); }
  std::size_t states() const { return std::size_t{1} << d; }

  explicit Partition(double noise = 0.5) {
    task = make_task({.name = "expert_partition",
                      .numbers = {{"d", 5}, {"k", 2}, {"experts", 3}, {"sigma", noise}},
                      .batch = visits,
                      .seed = 4});
    batch = task->batch(Split::train, 0, 0);
  }
  // Σ_j F_j s_j of each state, [states][columns], of signals [states][experts].
  Vector pulled_back(const Vector& signals) const {
    Vector out(states() * columns, 0.0);
    for (std::size_t r = 0; r < states(); ++r)
      for (std::size_t j = 0; j < experts; ++j)
        for (std::size_t i = 0; i < columns; ++i)
          out[r * columns + i] += jacobian(r * visits, j, i) * signals[r * experts + j];
    return out;
  }
  // Means over the visits.
  Vector received() const {
    Vector out(states() * experts, 0.0);
    for (std::size_t r = 0; r < states(); ++r)
      for (std::size_t v = 0; v < visits; ++v)
        for (std::size_t j = 0; j < experts; ++j)
          out[r * experts + j] += batch.y[(r * visits + v) * experts + j] / static_cast<double>(visits);
    return out;
  }
  // Means over the states that share an expert's code.
  Vector pooled() const {
    const Vector own = received();
    Vector out(own.size(), 0.0);
    for (std::size_t j = 0; j < experts; ++j)
      for (std::size_t r = 0; r < states(); ++r) {
        double sum = 0, count = 0;
        for (std::size_t s = 0; s < states(); ++s) {
          bool same = true;
          for (std::size_t c = 0; c < codes; ++c) same = same && code(s * visits, j, c) == code(r * visits, j, c);
          if (same) sum += own[s * experts + j];
          count += same ? 1 : 0;
        }
        EXPECT_EQ(count, 8);
        out[r * experts + j] = sum / count;
      }
    return out;
  }
  // The task's score of a net whose only learning was this.
  double score(Session& session) const {
    Score sum;
    for (std::uint64_t i = 0; i < task->shape().validation_batches; ++i) {
      const Batch probe = task->batch(Split::validation, 0, i);
      session.run(probe, false);
      const Score one = task->score(probe, session.shown("L.o").values);
      sum.sum += one.sum;
      sum.count += one.count;
    }
    return sum.sum / sum.count;
  }
  Session session(const std::string& rule) const {
    ProgramSpec spec = exact(net(rule, "experts", "external", rule == "bptt" ? "" : "table"));
    spec.sizes = {{"w", 3}, {"c", 16}, {"d", 12}};
    spec.show = {"L.o"};
    Session session(compile(spec), {.batch = 2, .steps = 32, .seed = 1});
    session.set_hyper("optimiser.α", 1);
    return session;
  }
};

TEST(Experts, OfTheCellAreThoseOfTheTheorem) {
  const Partition noisy, exact_world(0);
  const Vector exact_gradient = exact_world.pulled_back(exact_world.received());
  Session backprop = noisy.session("bptt"), synthetic = noisy.session("sgprop_experts");
  backprop.run(noisy.batch);
  synthetic.run(noisy.batch);  // of the tables, which are zero at first: no parameter moves
  EXPECT_EQ(difference(synthetic.get("net.p"), Vector(32 * 12, 0.0)), 0);
  synthetic.run(noisy.batch);
  for (const auto& [session, signals] : {std::pair{&backprop, noisy.received()}, {&synthetic, noisy.pooled()}}) {
    const Vector estimate = noisy.pulled_back(signals);
    Vector moved = session->get("net.p");
    for (double& v : moved) v = -v;
    EXPECT_LE(difference(moved, estimate), 1e-12);
    EXPECT_NEAR(noisy.score(*session), distance2(estimate, exact_gradient) / 32, 1e-12);
  }
  EXPECT_GT(noisy.score(backprop), 3 * noisy.score(synthetic));
  Session mixed = noisy.session("sgprop_experts");  // with λ = 1 what is received
  mixed.set_hyper("λ", 1);
  mixed.run(noisy.batch);
  EXPECT_LE(difference(mixed.get("net.p"), backprop.get("net.p")), 1e-12);
}

TEST(Experts, WithoutNoiseBothAreExact) {
  const Partition world(0);
  for (const char* rule : {"bptt", "sgprop_experts"}) {
    Session session = world.session(rule);
    EXPECT_GT(world.score(session), 0.1);
    for (int run = 0; run < (rule[0] == 'b' ? 1 : 2); ++run) session.run(world.batch);
    EXPECT_LE(world.score(session), 1e-20) << rule;
  }
}

}  // namespace
}  // namespace eligo::test
