// Clipping by the norm: what the optimiser takes is what was gathered, scaled to the bound where it is longer.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

using Values = std::map<std::string, std::vector<double>>;

constexpr double kRate = 0.5;
const Shape shape{.steps = 6, .examples = 3, .unequal = true};

Session trained(const std::string& rule, Update update, bool float64) {
  ProgramSpec s = exact(net(rule, "gru"));
  s.float64 = float64;
  s.update = update;
  if (update == Update::window) s.header["n"] = 2;
  Session session = make_session(s, shape);
  session.set_hyper("optimiser.α", kRate);
  return session;
}

// What a batch moves each parameter by, over the rate.
Values moved(Session& session) {
  Values before, out;
  for (const std::string& name : parameters(session)) before[name] = session.get(name);
  session.run(make_batch(shape));
  for (const auto& [name, old] : before) {
    const std::vector<double> now = session.get(name);
    for (std::size_t i = 0; i < now.size(); ++i) out[name].push_back((now[i] - old[i]) / kRate);
  }
  return out;
}

double length(const Values& values, const std::string& prefix = "") {
  double sum = 0;
  for (const auto& [name, v] : values)
    if (name.starts_with(prefix)) sum += dot(v, v);
  return std::sqrt(sum);
}

void expect_scaled(const Values& got, const Values& whole, double net, double readout, double tolerance) {
  for (const auto& [name, values] : whole) {
    std::vector<double> wanted = values;
    for (double& x : wanted) x *= name.starts_with("net.") ? net : readout;
    EXPECT_LE(difference(got.at(name), wanted), tolerance) << name;
  }
}

TEST(NormBounds, ScaleAllTogether) {
  for (const bool float64 : {true, false}) {
    const double tolerance = float64 ? 1e-9 : 1e-4;
    Session plain = trained("bptt", Update::sequence, float64);
    const Values whole = moved(plain);
    for (const double part : {0.1, 0.7, 1.5}) {
      Session session = trained("bptt", Update::sequence, float64);
      session.set_clip(part * length(whole));
      const Values got = moved(session);
      EXPECT_NEAR(length(got), std::min(part, 1.0) * length(whole), 10 * tolerance * length(whole));
      expect_scaled(got, whole, std::min(part, 1.0), std::min(part, 1.0), tolerance);
    }
  }
}

TEST(NormBounds, LeaveOutBundlesWithTheirOwn) {
  Session plain = trained("bptt", Update::sequence, true);
  const Values whole = moved(plain);
  Session session = trained("bptt", Update::sequence, true);
  session.set_clip(0.25 * length(whole, "L."));
  session.set_clip(0.5 * length(whole, "net."), "ψ");
  expect_scaled(moved(session), whole, 0.5, 0.25, 1e-9);
  Session own = trained("bptt", Update::sequence, true);
  own.set_clip(0.5 * length(whole, "net."), "psi");  // ASCII too
  expect_scaled(moved(own), whole, 0.5, 1, 1e-9);
  Session off = trained("bptt", Update::sequence, true);
  off.set_clip(1e-3);
  off.set_clip(0);
  EXPECT_EQ(moved(off), whole);
}

// Updates within a sequence are bounded one by one.
TEST(NormBounds, HoldForEachUpdate) {
  for (const auto& [rule, update, updates] : {std::tuple{"rtrl", Update::step, 6.0}, {"bptt", Update::window, 3.0}}) {
    Session session = trained(rule, update, true);
    session.set_clip(1e-4);
    session.keep_updates("net.Wx");
    const std::vector<double> start = session.get("net.Wx");
    const Values got = moved(session);
    const auto after = session.after_updates("net.Wx");
    EXPECT_EQ(static_cast<double>(after.size()), updates) << rule;
    EXPECT_LE(length(got), updates * 1e-4 * (1 + 1e-9));
    EXPECT_GT(length(got), 0.3 * updates * 1e-4);  // each is as long as the bound, and they point alike
    std::vector<double> before = start;
    for (const std::vector<double>& now : after) {
      double sum = 0;
      for (std::size_t i = 0; i < now.size(); ++i) sum += (now[i] - before[i]) * (now[i] - before[i]);
      EXPECT_LE(std::sqrt(sum) / kRate, 1e-4 * (1 + 1e-9)) << rule;
      before = now;
    }
  }
}

TEST(NormBounds, HugeGradientsKeepTheirDirection) {
  Session plain = trained("bptt", Update::sequence, true);
  const Values whole = moved(plain);
  Session session = trained("bptt", Update::sequence, true);
  session.set_hyper("L.weight", 1e200);  // whose squares float64 does not hold
  session.set_clip(1);
  expect_scaled(moved(session), whole, 1 / length(whole), 1 / length(whole), 1e-9);
}

TEST(NormBounds, SayWhatIsWrong) {
  Session session = trained("bptt", Update::sequence, true);
  EXPECT_EQ(error_of([&] { session.set_clip(1, "θ"); }),
            "nothing is learned as θ, so its gradient has no length to be bounded");
  EXPECT_EQ(error_of([&] { session.set_clip(-1); }),
            "a bound on a gradient's length is -1, expected a number above 0, or 0 for none");
  EXPECT_NE(error_of([&] { session.set_clip(NAN); }), "");
}

}  // namespace
}  // namespace eligo::test
