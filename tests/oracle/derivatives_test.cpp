// Every function of the language against central differences: a cell that uses it, the gradients of full
// backpropagation through time, compiled and interpreted, and those of RTRL, which takes the same derivatives from the
// other side.
#include <gtest/gtest.h>

#include <map>
#include <ostream>

#include "compiler/operations/operation.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// A cell's lines after its declarations; z[t] is an affine function of the past state and the input.
struct Probe {
  std::string name, lines;
};
void PrintTo(const Probe& probe, std::ostream* out) { *out << probe.name; }

const std::vector<Probe> probes = {
    {"identity", "h[t] = z[t]"},
    {"exp", "h[t] = exp(0.4*z[t])"},
    {"log", "h[t] = log(1.5 + z[t]^2)"},
    {"sqrt", "h[t] = sqrt(1 + z[t]^2) - 1"},
    {"abs", "h[t] = abs(z[t])"},
    {"sign", "h[t] = z[t] + 0.3*sign(z[t])"},
    {"tanh", "h[t] = tanh(z[t])"},
    {"sigmoid", "h[t] = sigmoid(z[t])"},
    {"relu", "h[t] = relu(z[t])"},
    {"softplus", "h[t] = softplus(z[t])"},
    {"softmax", "h[t] = softmax(z[t])"},
    {"softmax_of_products", "h[t] = softmax(z[t] * b) * z[t]"},
    {"logsumexp", "h[t] = 0.5*z[t] * logsumexp(z[t])"},
    {"sum", "h[t] = 0.3*z[t] * sum(z[t] * b)"},
    {"mean", "h[t] = z[t] - mean(z[t]^2)"},
    {"max_of_two", "h[t] = max(z[t], 0.4*h[t-1] + 0.1)"},
    {"min_of_two", "h[t] = min(z[t], b)"},
    {"max_over", "h[t] = 0.5*z[t] * max(z[t])"},
    {"min_over", "h[t] = tanh(z[t]) + min[n](z[t] * b)"},
    {"where", "h[t] = where(z[t] > 0.1, z[t]^2, tanh(2*z[t]))"},
    {"where_and", "h[t] = where(t <= 2, z[t], sigmoid(z[t]))"},
    {"clamp", "h[t] = clamp(z[t], -0.3, 0.4)"},
    {"cube", "h[t] = z[t]^3"},
    {"power_of_minus_one", "h[t] = (1.5 + z[t]^2)^-1"},
    {"power_of_a_fraction", "h[t] = (1.5 + z[t]^2)^0.7"},
    {"power_of_a_value", "h[t] = (1.5 + z[t]^2)^(0.5*b)"},
    {"power_of_two", "h[t] = 2^z[t]"},
    {"division", "h[t] = z[t] / (1.5 + z[t]^2)"},
    {"division_by_a_sum", "h[t] = exp(z[t]) / (1 + sum(exp(z[t])))"},
    {"unit", "h[t] = unit(z[t])"},
    {"norm2", "h[t] = 0.5*tanh(z[t]) * norm2(z[t])"},
    {"inner", "h[t] = z[t] * inner(z[t], b)"},
    {"inner_of_states", "h[t] = tanh(z[t]) + inner(h[t-1], z[t])"},
    {"negation", "h[t] = -z[t]^2 + b"},
    {"transposed", "h[t] = tanh(z[t] + h[t-1] . W)"},
    {"twice_a_matrix", "h[t] = tanh(W . (W . h[t-1]) + z[t])"},
    {"explicit", "h[t][i] = tanh(z[t][i] + 0.5*W[j, i]*h[t-1][j]*b[i])"},
    {"diagonal", "h[t][i] = tanh(z[t][i] + W[i, i]*h[t-1][i])"},
    {"outer", "y[t][i, j] = z[t][i]*tanh(z[t][j])\n  h[t][i] = y[t][i, j]*b[j]"},
    {"chain", "y[t] = tanh(z[t])\n  u[t] = y[t] * sigmoid(z[t] + y[t])\n  h[t] = u[t] + 0.5*y[t]"},
    {"residual", "y[t] = h[t-1] + tanh(W . h[t-1] + U . x[t])\n  h[t] = y[t] + 0.3*tanh(W . y[t] + b)"},
};

// Cells with declarations of their own.
const std::vector<Probe> cells = {
    {"gather", R"(cell gather(n, r, m) {
  input x[m]
  state h[n] = 0
  wiring parent[n, r] ~ sample(n)
  param K[n, r], U[n, m], b[n] ~ uniform(-1, 1)
  u[t][i, r] = h[t-1][parent[i, r]]
  h[t][i] = tanh(K[i, r]*u[t][i, r] + U[i, m]*x[t][m] + b[i])
})"},
    {"gather_of_vectors", R"(cell gather_of_vectors(n, q, r, m) {
  input x[m]
  state h[n, q] = 0
  wiring parent[n, r] ~ sample(n)
  param K[n, q, r, q], U[n, q, m] ~ uniform(-1, 1)
  u[t][i, r, q] = h[t-1][parent[i, r], q]
  h[t][i, p] = sigmoid(K[i, p, r, q]*u[t][i, r, q] + U[i, p, m]*x[t][m])
  output o[t][n] = h[t][n, q]
})"},
    {"enumerated", R"(cell enumerated(n, m) {
  axis gate = {a, b, c}
  input x[m]
  state h[n] = 0
  param W[gate, n, n], U[gate, n, m] ~ uniform(-1, 1)
  z[t] = W . h[t-1] + U . x[t]
  p[t] = softmax[gate](z[t])
  h[t] = p.a[t]*tanh(z.b[t]) + p.c[t]*h[t-1]
})"},
    {"two_states", R"(cell two_states(n, m) {
  input x[m]
  state h[n] = 0, c[n] = 0
  param W[n, n], V[n, n], U[n, m] ~ uniform(-1, 1)
  c[t] = 0.5*c[t-1] + tanh(W . h[t-1] + U . x[t])
  h[t] = tanh(V . c[t]) * c[t-1]
})"},
    {"matrix_state", R"(cell matrix_state(n, q, m) {
  input x[m]
  state F[n, q] = 0
  param W[n, n], U[n, m], K[q, m] ~ uniform(-1, 1)
  k[t] = tanh(K . x[t])
  v[t] = U . x[t]
  F[t][n, q] = 0.7*F[t-1][n, q] + (v[t][n] - F[t-1][n, p]*k[t][p])*k[t][q]
  output h[t] = sum[q](F[t]) - max[q](F[t])
})"},
};

std::string source_of(const Probe& probe) {
  if (probe.lines.rfind("cell ", 0) == 0) return probe.lines;
  return "cell " + probe.name + R"((n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m], b[n] ~ uniform(-1, 1)
  z[t] = W . h[t-1] + U . x[t] + b
  )" + probe.lines +
         "\n}\n";
}

class Derivatives : public testing::TestWithParam<Probe> {
 protected:
  void SetUp() override { folder_.write("probe_cell.eli", source_of(GetParam())); }

  ProgramSpec spec(const std::string& rule) const {
    ProgramSpec s = exact(net(rule, GetParam().name, "linear_mse", "", 3));
    s.rule_paths = {folder_.path()};
    s.sizes["m"] = 2;
    const std::string& lines = GetParam().lines;
    if (lines.find(", q, ") != std::string::npos) s.sizes["q"] = 2;
    if (lines.find(", r, ") != std::string::npos) s.sizes["r"] = 2;
    return s;
  }
  TemporaryFolder folder_;
  const Shape shape_{.steps = 4, .examples = 2, .inputs = 2, .targets = 2, .unequal = true, .masked = true};
};

TEST_P(Derivatives, AgreeWithDifferences) {
  const Batch batch = make_batch(shape_);
  Session session = make_session(spec("bptt"), shape_);
  session.set_hyper("optimiser.α", 0);
  session.run(batch);

  ProgramSpec interpreted = spec("bptt");
  interpreted.interpreter = true;
  Session oracle = make_session(interpreted, shape_);
  oracle.set_hyper("optimiser.α", 0);
  oracle.run(batch);

  Session forward = make_session(spec("rtrl"), shape_);
  forward.set_hyper("optimiser.α", 0);
  forward.run(batch);

  std::map<std::string, std::vector<double>> gathered;  // a run without learning clears what was gathered
  for (const std::string& name : parameters(session)) gathered[name] = session.gathered(name);
  for (const auto& [name, gradient] : gathered) {
    EXPECT_LE(difference(gradient, oracle.gathered(name)), 1e-11) << name;
    EXPECT_LE(difference(forward.gathered(name), gradient), 1e-11) << name << " by RTRL";
    const std::vector<double> at = session.get(name);
    std::vector<double> differences;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double step = 1e-5;
      std::vector<double> moved = at;
      moved[i] = at[i] + step;
      session.set(name, moved);
      const double above = session.run(batch, false).loss;
      moved[i] = at[i] - step;
      session.set(name, moved);
      const double below = session.run(batch, false).loss;
      differences.push_back(-(above - below) / (2 * step));  // the rule descends
    }
    session.set(name, at);
    EXPECT_LE(difference(gradient, differences), 1e-7) << name;
  }
}

// One for each function of one argument that the table of operations has, where all of them are finite and smooth.
std::vector<Probe> functions_of_one() {
  std::vector<Probe> all;
  for (int i = 0; i < compiler::op_count; ++i) {
    const compiler::Operation& row = compiler::operation(static_cast<compiler::Op>(i));
    if (row.spelling.form != compiler::Spelling::Form::function || row.arity != 1) continue;
    const std::string word(row.spelling.word);
    all.push_back({"function_" + word, "h[t] = z[t] * " + word + "(1.2 + 0.5*tanh(z[t]))"});
  }
  return all;
}

const auto named = [](const auto& each) { return each.param.name; };
INSTANTIATE_TEST_SUITE_P(Table, Derivatives, testing::ValuesIn(functions_of_one()), named);
INSTANTIATE_TEST_SUITE_P(Functions, Derivatives, testing::ValuesIn(probes), named);
INSTANTIATE_TEST_SUITE_P(Cells, Derivatives, testing::ValuesIn(cells), named);

// `stop` has no differences to agree with: nothing flows through it.
TEST(DerivativeOfStop, IsZero) {
  TemporaryFolder folder;
  folder.write("probe_cell.eli", source_of({"stopped", "h[t] = stop(tanh(z[t])) + 0.5*b"}));
  const Shape shape{.steps = 3, .examples = 2};
  for (const bool interpreter : {false, true}) {
    ProgramSpec spec = exact(net("bptt", "stopped"));
    spec.rule_paths = {folder.path()};
    spec.interpreter = interpreter;
    Session session = make_session(spec, shape);
    session.run(make_batch(shape));
    for (const char* name : {"net.W", "net.U"})
      for (const double g : session.gathered(name)) EXPECT_EQ(g, 0) << name;
    EXPECT_GT(dot(session.gathered("net.b"), session.gathered("net.b")), 0);
  }
}

// A recurrence is kept, not followed: a derivative that would have to go through its equation is an error, not a zero.
TEST(DerivativeByARecurrence, IsFollowedOnlyWhereItIsRead) {
  const std::string head =
      "rule kept(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n  e[t] = 0.5*e[t-1] + s[t]\n";
  const std::string tail = " . d(s[t])/d(ψ)\n}\n";
  const Shape shape{.steps = 4, .examples = 2};
  auto run = [&](const std::string& line) {
    TemporaryFolder folder;
    folder.write("kept.eli", head + "  learn ψ -= " + line + tail);
    ProgramSpec spec = exact(net("kept", "rnn_tanh"));
    spec.rule_paths = {folder.path()};
    Session session = make_session(spec, shape);
    session.run(make_batch(shape));
    return session.gathered("net.W");
  };
  EXPECT_LE(difference(run("d(inner(e[t-1], s[t]))/d(e[t-1])"), run("s[t]")), 1e-12);
  EXPECT_ANY_THROW(run("d(inner(e[t], s[t]))/d(e[t-1])"));
}

}  // namespace
}  // namespace eligo::test
