// SGProp by hand: what a rule's neurons receive, mix and learn, from Jacobians formed one by one.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"
#include "tests/theorems/steps.h"

namespace eligo::test {

// One step of one example.
struct Sample {
  std::vector<double> loss_gradient;  // d(L[t])/d(s[t])
  std::vector<double> to_before;      // d(s[t])/d(s[t-1]), [S, S]
  std::vector<double> to_params;      // d(s[t])/d(ψ), [S, P]
  std::vector<double> state, input;
};

class Samples {
 public:
  std::int64_t examples = 0, units = 0, params = 0;
  std::vector<std::vector<Sample>> of;  // [example][step - 1], within its length
};

// The interpreter's derivatives (dual numbers) of every step, with `from`'s parameters, wirings and initial states.
inline Samples probe(const ProgramSpec& spec, const Session& from, const Batch& batch) {
  const TemporaryFolder folder;
  ProgramSpec s = spec;
  s.rule = folder.write("probe.eli",
                        "rule probe(net: cell, L: readout) {\n  let s = net.state, x = net.input, ψ = net.params, φ = L.params\n"
                        "  C[t] = d(L[t])/d(s[t])\n  J[t] = d(s[t])/d(s[t-1])\n  D[t] = d(s[t])/d(ψ)\n  X[t] = x[t]\n"
                        "  learn φ -= d(L[t])/d(φ)\n}\n");
  s.synth.clear();
  s.header.clear();
  s.interpreter = true;
  s.show = {"C", "J", "D", "s", "X"};
  Session session(compile(s), {.batch = batch.examples, .steps = batch.steps});
  for (const TensorInfo& info : session.tensors()) session.set(info.name, from.get(info.name));
  session.set_hyper("optimiser.α", 0);
  session.run(batch);
  std::vector<Steps> shown;
  for (const std::string& name : s.show) shown.emplace_back(session.shown(name), batch.steps, batch.examples);
  Samples out;
  out.examples = batch.examples;
  out.units = shown[0].size();
  out.params = shown[2].size() / out.units;
  for (std::int64_t b = 0; b < batch.examples; ++b) {
    const std::int64_t length = batch.lengths.empty() ? batch.steps : batch.lengths[static_cast<std::size_t>(b)];
    out.of.emplace_back();
    for (std::int64_t t = 1; t <= length; ++t) {
      auto copy = [&](std::size_t i) {
        const auto part = shown[i].at(t, b);
        return std::vector<double>(part.begin(), part.end());
      };
      out.of.back().push_back({copy(0), copy(1), copy(2), copy(3), copy(4)});
    }
  }
  return out;
}

inline std::vector<double> times(const std::vector<double>& row, const std::vector<double>& matrix) {
  std::vector<double> out(matrix.size() / row.size(), 0.0);
  for (std::size_t i = 0; i < row.size(); ++i)
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += row[i] * matrix[i * out.size() + j];
  return out;
}

// What a sample's neurons receive (u), predict (H) and pass on (m), by example and step.
struct Credit {
  std::vector<double> received, predicted, mixed;
};
using Credits = std::vector<std::vector<Credit>>;
using Predictor = std::function<std::vector<double>(std::int64_t example, std::int64_t step)>;

// mix has one number per coordinate of the state, and by step where it varies.
inline Credits credits(const Samples& samples, const std::function<double(std::int64_t step, std::size_t i)>& mix,
                       const Predictor& predict) {
  Credits out;
  for (std::int64_t b = 0; b < samples.examples; ++b) {
    const auto& steps = samples.of[static_cast<std::size_t>(b)];
    out.emplace_back(steps.size());
    std::vector<double> below(static_cast<std::size_t>(samples.units), 0.0);
    for (std::size_t k = steps.size(); k-- > 0;) {
      Credit& c = out.back()[k];
      c.received = steps[k].loss_gradient;
      for (std::size_t i = 0; i < below.size(); ++i) c.received[i] += below[i];
      c.predicted = predict(b, static_cast<std::int64_t>(k) + 1);
      for (std::size_t i = 0; i < below.size(); ++i) {
        const double w = mix(static_cast<std::int64_t>(k) + 1, i);
        c.mixed.push_back(w * c.received[i] + (1 - w) * c.predicted[i]);
      }
      below = times(c.mixed, steps[k].to_before);
    }
  }
  return out;
}

// -(1/B) Σ m . d(s)/d(ψ): what `learn ψ -=` gathers.
inline std::vector<double> learned(const Samples& samples, const Credits& credits) {
  std::vector<double> sum(static_cast<std::size_t>(samples.params), 0.0);
  for (std::size_t b = 0; b < credits.size(); ++b)
    for (std::size_t k = 0; k < credits[b].size(); ++k) {
      const std::vector<double> part = times(credits[b][k].mixed, samples.of[b][k].to_params);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] -= part[i] / static_cast<double>(samples.examples);
    }
  return sum;
}

// The gradients of one neuron's parameters by two directions, example by example: nothing is summed early.
struct Directions {
  std::vector<std::vector<double>> p, q;
};
inline Directions directions(const Samples& samples, const Credits& credits,
                             const std::function<bool(std::size_t unit)>& own) {
  auto pushed = [&](std::vector<double> v, const Sample& sample) {
    double norm = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (!own(i)) v[i] = 0;
      norm += v[i] * v[i];
    }
    for (double& x : v) x /= std::max(std::sqrt(norm), 1e-12);
    return times(v, sample.to_params);
  };
  Directions out;
  for (std::size_t b = 0; b < credits.size(); ++b)
    for (std::size_t k = 0; k < credits[b].size(); ++k) {
      out.p.push_back(pushed(credits[b][k].received, samples.of[b][k]));
      out.q.push_back(pushed(credits[b][k].predicted, samples.of[b][k]));
    }
  return out;
}

inline std::vector<double> mean_of(const std::vector<std::vector<double>>& all) {
  std::vector<double> mean(all[0].size(), 0.0);
  for (const auto& one : all)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += one[i] / static_cast<double>(all.size());
  return mean;
}

// Σ <a - mean a, b - mean b> / (n - 1)
inline double covariance(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  const std::vector<double> ma = mean_of(a), mb = mean_of(b);
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k)
    for (std::size_t i = 0; i < ma.size(); ++i) sum += (a[k][i] - ma[i]) * (b[k][i] - mb[i]);
  return sum / static_cast<double>(a.size() - 1);
}

// Eq. 18 for the mean of the batch's samples, whose expectation stands for the true gradient.
inline double adapted(double before, double momentum, const Directions& d) {
  std::vector<std::vector<double>> apart = d.q;
  for (std::size_t k = 0; k < apart.size(); ++k)
    for (std::size_t i = 0; i < apart[k].size(); ++i) apart[k][i] -= d.p[k][i];
  const auto n = static_cast<double>(d.p.size());
  if (n <= 1) return before;
  const std::vector<double> bias = mean_of(apart);
  const double spread = std::max(covariance(apart, apart), n * dot(bias, bias));
  if (spread < 1e-12) return before;
  return momentum * before + (1 - momentum) * std::clamp(1 + covariance(d.p, apart) / spread, 0.0, 1.0);
}

}  // namespace eligo::test
