// The readout `external`: a gradient from outside drives a rule. Held against differences of an outside loss, with what
// a rule gives back for its inputs.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// An outside loss of all outputs o, [T][B][n], and its derivative by each.
double outside(const std::vector<double>& o) {
  double sum = 0;
  for (std::size_t i = 0; i < o.size(); ++i) sum += std::sin(static_cast<double>(i)) * o[i] + 0.3 * o[i] * o[i];
  return sum;
}
std::vector<double> outside_gradient(const std::vector<double>& o) {
  std::vector<double> c(o.size());
  for (std::size_t i = 0; i < o.size(); ++i) c[i] = std::sin(static_cast<double>(i)) + 0.6 * o[i];
  return c;
}

constexpr const char* kRule = R"(
rule through(net: cell, L: readout) {
  let s = net.state, x = net.input, ψ = net.params
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  gx[t] = r[t] . d(s[t])/d(x[t]) + d(L[t])/d(x[t] | s[t])
  learn ψ += r[t] . d(s[t])/d(ψ) + d(L[t])/d(ψ | s[t])
}
)";

class External : public testing::TestWithParam<std::string> {
 protected:
  External() {
    folder_.write("through.eli", kRule);
    ProgramSpec spec = exact(net(folder_ / "through.eli:through", GetParam(), "external"));
    const std::int64_t outputs = GetParam() == "rnn_projected" ? 4 : 5;
    spec.sizes = {{"net.n", 5}, {"net.m", 3}, {"L.n", outputs}};
    if (GetParam() == "rnn_projected") spec.sizes["net.p"] = outputs;
    spec.optimiser = "sgd";
    spec.outputs = true;
    spec.show = {"gx"};
    session_ = std::make_unique<Session>(compile(spec), SessionOptions{.batch = 2, .steps = 4, .seed = 1});
    session_->set_hyper("optimiser.α", 0);
    batch_ = make_batch({.steps = 4, .examples = 2});
    batch_.y.assign(static_cast<std::size_t>(4 * 2 * outputs), 0);
  }
  double loss() {
    session_->run(batch_, false);
    return outside(session_->shown("L.output").values);
  }
  // Of the outside loss, by what `move` moves.
  template <class Move>
  double slope(const Move& move) {
    constexpr double h = 1e-5;
    move(h);
    const double up = loss();
    move(-2 * h);
    const double down = loss();
    move(h);
    return (up - down) / (2 * h);
  }
  TemporaryFolder folder_;
  std::unique_ptr<Session> session_;
  Batch batch_;
};

TEST_P(External, DrivesTheRuleAndGivesBackTheGradientByItsInput) {
  loss();
  batch_.y = outside_gradient(session_->shown("L.output").values);
  session_->run(batch_);
  const std::vector<double> gx = session_->shown("gx").values;
  std::map<std::string, std::vector<double>> all;
  for (const std::string& name : parameters(*session_)) all[name] = session_->gathered(name);
  for (const auto& [name, got] : all) {
    const std::vector<double> start = session_->get(name);
    std::vector<double> want, values = start;
    for (double& value : values)
      want.push_back(slope([&](double by) {
                       value += by;
                       session_->set(name, values);
                     }) /
                     2);  // a rule gathers the mean over the two examples
    session_->set(name, start);
    EXPECT_LE(difference(got, want), 1e-7) << name;
  }
  std::vector<double> want;
  for (double& x : batch_.x) want.push_back(slope([&](double by) { x += by; }));
  EXPECT_LE(difference(gx, want), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Cells, External, testing::Values("gru", "lstm", "rnn_projected"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace eligo::test
