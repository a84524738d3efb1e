// Small nets with numbers of their own, the same on every machine: what the oracle, theorem and fuzz tests run on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/library/compile.h"

namespace eligo::test {

// Numbers in [-1, 1), a function of the key alone.
std::vector<double> numbers(std::string_view key, std::int64_t count, double scale = 1);

struct Shape {
  std::int64_t steps = 7, examples = 3, inputs = 3, targets = 2;
  bool unequal = false;  // lengths from 1 to `steps`
  bool masked = false;   // some steps without loss, some with a part of it
};
// Targets lie in [0, 1], so that every readout takes them. `key` draws another batch.
Batch make_batch(const Shape& shape, const std::string& key = "batch");
// One example of a batch: its own length of steps, or all of them.
Batch only(const Batch& batch, std::int64_t example, std::int64_t inputs, std::int64_t targets);

// n = 5 units unless said otherwise; sizes that the parts do not have are left out.
ProgramSpec net(const std::string& rule, const std::string& cell, const std::string& readout = "linear_mse",
                const std::string& synth = "linear", std::int64_t units = 5);
// float64, without the object cache.
ProgramSpec exact(ProgramSpec spec);

// A sparse net: each unit reads r others, without slots or gates.
constexpr const char* few_cell = R"(
cell few(n, r, m) {
  input x[m]
  state h[n] = 0
  wiring parent[n, r] ~ sample(n)
  param V[n, r], U[n, m], b[n] ~ uniform(-1/sqrt(r), 1/sqrt(r))
  h[t][n] = tanh(V[n, r]*h[t-1][parent[n, r]] + U[n, m]*x[t][m] + b[n])
}
)";

// Draws every parameter and every initial state.
void fill(Session& session, double scale = 0.5);
Session make_session(const ProgramSpec& spec, const Shape& shape, int threads = 1);

std::vector<std::string> parameters(const Session& session);
std::vector<std::string> states(const std::string& cell);

// Largest absolute difference over the largest absolute value of `want` (at least `floor`). Infinite if sizes differ.
double difference(const std::vector<double>& got, const std::vector<double>& want, double floor = 1e-3);
double dot(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace eligo::test
