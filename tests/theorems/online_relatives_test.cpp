// RTRL and the rules that leave something out of it, against BPTT and against what exactly they leave out.
#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/theorems/gradients.h"

namespace eligo::test {
namespace {

const Shape uneven{.steps = 6, .examples = 3, .unequal = true, .masked = true};
const Shape plain{.steps = 6, .examples = 3};

Gathered learn(const ProgramSpec& spec, const Shape& shape, double alpha = 0.4) {
  Session session = make_session(spec, shape);
  if (spec.cell == "rnn_leaky") session.set_hyper("net.α", alpha);
  session.run(make_batch(shape));
  return gathered(session, "net.");
}

class OnlineRelatives : public testing::TestWithParam<std::string> {};

TEST_P(OnlineRelatives, RtrlIsBptt) {
  for (const Shape& shape : {uneven, plain})
    EXPECT_LE(apart(learn(online("rtrl", GetParam()), shape), learn(online("bptt", GetParam()), shape)), 1e-11);
}

TEST_P(OnlineRelatives, NoBpttIsBpttOverWindowsOfOneStep) {
  ProgramSpec windows = online("bptt", GetParam());
  const Gathered none = learn(online("no_bptt", GetParam()), uneven);
  windows.header["n"] = 1;
  EXPECT_LE(apart(none, learn(windows, uneven)), 1e-12);
  windows.header["n"] = 2;
  EXPECT_GE(apart(none, learn(windows, uneven)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Cells, OnlineRelatives,
                         testing::Values("rnn_linear", "rnn_tanh", "rnn_leaky", "lstm", "gru", "sparsenet"),
                         [](const auto& each) { return each.param; });

// RTRL whose Jacobian is the leak alone.
constexpr const char* kLeakOnly = R"(
rule leak_only(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  J[t] = (1 - net.α) * nonzero(d(s[t])/d(s[t]))
  P[t] = J[t] . P[t-1] + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . P[t]
  learn φ -= d(L[t])/d(φ)
}
)";

// RFLO with the readout's own weights for its errors.
Gathered rflo(const Shape& shape, double alpha, double scale) {
  Session session = make_session(online("rflo", "rnn_leaky"), shape);
  const std::vector<double> v = session.get("L.V");  // [k, n]
  const std::size_t units = v.size() / 2;
  std::vector<double> a(v.size());
  for (std::size_t i = 0; i < units; ++i)
    for (std::size_t k = 0; k < 2; ++k) a[i * 2 + k] = scale * v[k * units + i];
  session.set("fb.A", a);
  session.set_hyper("net.α", alpha);
  session.run(make_batch(shape));
  return gathered(session, "net.");
}

TEST(OnlineRelatives, RfloIsRtrlWithItsJacobianReplaced) {
  TemporaryFolder folder;
  folder.write("leak_only.eli", kLeakOnly);
  for (const Shape& shape : {uneven, plain}) {
    const Gathered replaced = learn(online("leak_only", "rnn_leaky", folder.path()), shape);
    EXPECT_LE(apart(rflo(shape, 0.4, 1), replaced), 1e-12);
    EXPECT_GE(apart(rflo(shape, 0.4, 1.1), replaced), 1e-2);  // other weights, other errors
    EXPECT_GE(apart(rflo(shape, 0.5, 1), replaced), 1e-2);
    EXPECT_GE(apart(learn(online("rtrl", "rnn_leaky"), shape), replaced), 1e-2);
    // Without a leak nothing is remembered.
    EXPECT_LE(apart(rflo(shape, 1, 1), learn(online("no_bptt", "rnn_leaky"), shape, 1)), 1e-12);
  }
}

// An LSTM whose output reaches the next step for nobody to differentiate, and the credit that so is lost.
constexpr const char* kCut = R"(
cell lstm_cut(n, m) {
  axis gate = {i, f, g, o}
  input x[m]
  state h[n] = 0, c[n] = 0
  param Wh[gate, n, n], Wx[gate, n, m], b[gate, n] ~ uniform(-1/sqrt(n), 1/sqrt(n))
  z[t] = Wh . stop(h[t-1]) + Wx . x[t] + b
  c[t] = sigmoid(z.f[t]) * c[t-1] + sigmoid(z.i[t]) * tanh(z.g[t])
  h[t] = sigmoid(z.o[t]) * tanh(c[t])
}
rule through_output(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  ε[t] = d(net.c[t])/d(net.c[t-1]) . ε[t-1] + d(net.c[t])/d(ψ)
  e[t] = d(net.h[t])/d(net.c[t-1]) . ε[t-1] + d(net.h[t])/d(ψ)
  learn ψ -= (r[t+1] . d(s[t+1])/d(net.h[t])) . e[t]
}
)";

TEST(OnlineRelatives, EpropLacksExactlyThePathsThroughTheOutput) {
  TemporaryFolder folder;
  folder.write("cut.eli", kCut);
  for (const Shape& shape : {uneven, plain}) {
    const Gathered eprop = learn(online("eprop", "lstm"), shape), bptt = learn(online("bptt", "lstm"), shape);
    EXPECT_LE(apart(eprop, learn(online("bptt", "lstm_cut", folder.path()), shape)), 1e-12);
    EXPECT_LE(apart(plus(eprop, learn(online("through_output", "lstm", folder.path()), shape)), bptt), 1e-12);
    EXPECT_GE(apart(eprop, bptt), 1e-3);
  }
}

TEST(OnlineRelatives, EpropIsBpttOnOneStep) {
  for (const std::int64_t steps : {1, 2}) {
    const Shape shape{.steps = steps, .examples = 3};
    const double difference = apart(learn(online("eprop", "lstm"), shape), learn(online("bptt", "lstm"), shape));
    if (steps == 1) EXPECT_LE(difference, 1e-12);
    else EXPECT_GE(difference, 1e-4);
  }
}

// The past of what is no state is nothing that a derivative could be taken by.
TEST(OnlineRelatives, EpropNeedsASlowState) {
  try {
    compile(online("eprop", "gru"));
    FAIL() << "gru has no slow state";
  } catch (const std::exception& error) {
    EXPECT_MENTIONS(std::string(error.what()), "net.c is no state");
  }
}

}  // namespace
}  // namespace eligo::test
