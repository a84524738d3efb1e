// A case for `eligo eval` on small rules and a noisy cell, and what the tests of it share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "dsl/diagnostic.h"
#include "runtime/tools/evaluate_case.h"
#include "runtime/tools/task_case.h"
#include "support/random.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {

using json = nlohmann::json;

constexpr const char* kRules = R"(
cell noisy(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  ξ[t] = normal[n]()
  h[t] = tanh(W . h[t-1] + U . x[t] + ξ[t])
}
rule noisy_signal(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  ν[t] = normal[s]()
  learn ψ -= (d(L[t])/d(s[t]) + ν[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule scaled_noise(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  ν[t] = 2*normal[s]()
  learn ψ -= (d(L[t])/d(s[t]) + ν[t]) . d(s[t])/d(ψ)
}
rule kept_per_step(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  keep c[s] per step = 0
  r[t] = c * d(L[t])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)
}
rule counting(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  a[t] = 0.5*a[t-1] + 1
  e[t] = 0.5*e[t-1] + s[t]
  learn ψ -= a[t]*e[t] . d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  learn ψ -= 0.01*ψ
  learn φ -= d(L[t])/d(φ)
}
rule means(net: cell over neurons w, L: readout) {
  let s = net.state, ψ = net.params
  keep m[w] = 0
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  per neuron w, over batch and t {
    q = s[t]
    m := sum(mean(q))
  }
}
)";

// Numbers of any shape, from -1 to 1.
inline json drawn(const std::string& key, const std::vector<std::int64_t>& shape, std::size_t level = 0) {
  if (level == shape.size()) return uniform(make_key(7, key), 0, -1, 1);
  json out = json::array();
  for (std::int64_t i = 0; i < shape[level]; ++i) out.push_back(drawn(key + "." + std::to_string(i), shape, level + 1));
  return out;
}

inline std::vector<double> flat(const json& value) {
  if (value.is_number()) return {value.get<double>()};
  std::vector<double> out;
  for (const json& item : value)
    for (const double x : flat(item)) out.push_back(x);
  return out;
}

inline double apart(const json& a, const json& b) {
  const std::vector<double> x = flat(a), y = flat(b);
  if (x.size() != y.size() || x.empty()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

class Eval : public testing::Test {
 protected:
  static constexpr std::int64_t n = 3, m = 2, k = 2;
  std::int64_t steps = 4, examples = 3;

  json a_case(const std::string& rule, const std::string& cell = "rnn_tanh") const {
    const bool own = std::string(kRules).find("rule " + rule + "(") != std::string::npos;
    json c;
    c["rule"] = own ? file_ + ":" + rule : rule;
    c["cell"] = cell == "noisy" ? file_ + ":noisy" : cell;
    c["readout"] = "linear_mse";
    c["synth"] = "linear";
    c["sizes"] = {{"n", n}, {"m", m}, {"k", k}};
    c["seed"] = 3;
    c["x"] = drawn("x", {steps, examples, m});
    c["y"] = drawn("y", {steps, examples, k});
    return c;
  }
  static json run(json c, const char* field = nullptr, const json& value = nullptr) {
    if (field) c[field] = value;
    return evaluate_case(c, {});
  }
  static std::string refusal(const json& c) {
    try {
      evaluate_case(c, {});
    } catch (const Error& e) {
      return e.what();
    } catch (const dsl::SourceError& e) {
      return e.what();
    }
    return "";
  }
  // One example of a case alone.
  static json only(json c, std::size_t example) {
    for (const char* field : {"x", "y", "loss_mask", "valid"})
      if (c.contains(field))
        for (json& step : c[field]) step = json::array({step[example]});
    if (c.contains("lengths")) c["lengths"] = json::array({c["lengths"][example]});
    return c;
  }

  const TemporaryFolder folder_;
  const std::string file_ = folder_.write("rules.eli", kRules);
};

}  // namespace eligo::test
