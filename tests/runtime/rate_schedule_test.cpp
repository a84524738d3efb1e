// The factors of each schedule, by hand, and what they do to a session.
#include "runtime/experiment/rate_schedule.h"

#include <cmath>

#include "runtime/library/compile.h"
#include "temporary.h"

namespace eligo::test {
namespace {

using Kind = RateSchedule::Kind;

std::vector<double> factors(const RateSchedule& schedule, std::uint64_t batches) {
  std::vector<double> all;
  for (std::uint64_t batch = 0; batch < batches; ++batch) all.push_back(schedule.factor(batch, batches));
  return all;
}

void expect_near(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-15) << i;
}

TEST(RateSchedules, HaveTheirFactors) {
  expect_near(factors({}, 3), {1, 1, 1});
  expect_near(factors({.kind = Kind::linear, .warmup = 4}, 6), {0.25, 0.5, 0.75, 1, 1, 1});
  const double root = std::sqrt(0.5);
  expect_near(factors({.kind = Kind::cosine}, 4), {1, (1 + root) / 2, 0.5, (1 - root) / 2});
  expect_near(factors({.kind = Kind::cosine, .warmup = 2, .fall_to = 0.2}, 6),
              {0.5, 1, 1, 0.2 + 0.8 * (1 + root) / 2, 0.6, 0.2 + 0.8 * (1 - root) / 2});
  expect_near(factors({.kind = Kind::step, .fall_every = 2, .fall_by = 0.5}, 6), {1, 1, 0.5, 0.5, 0.25, 0.25});
  expect_near(factors({.kind = Kind::step, .warmup = 2, .fall_every = 2, .fall_by = 0.1}, 6), {0.5, 1, 1, 1, 0.1, 0.1});
  expect_near(factors({.kind = Kind::step, .warmup = 1, .fall_every = 1, .fall_from = 2, .fall_by = 0.5}, 6),
              {1, 1, 1, 1, 0.5, 0.25});
}

// Also beyond the batches that it was made for, as `compare` may go.
TEST(RateSchedules, StayWhereTheyEnd) {
  const RateSchedule cosine{.kind = Kind::cosine, .fall_to = 0.25};
  EXPECT_NEAR(cosine.factor(10, 10), 0.25, 1e-15);
  EXPECT_NEAR(cosine.factor(1000, 10), 0.25, 1e-15);
}

constexpr const char* kOptimisers = R"(
optimiser narrow(p, grad) {
  hyper α = 0.5 in [0.1, 1]
  p := p + α*grad
}
)";

class Scheduled : public testing::Test {
 protected:
  Session session(const std::string& optimiser) const {
    ProgramSpec spec;
    spec.rule = "bptt";
    spec.cell = "rnn_tanh";
    spec.readout = "linear_mse";
    spec.optimiser = optimiser;
    spec.sizes = {{"n", 3}, {"m", 2}, {"k", 1}};
    spec.float64 = true;
    return Session(compile(spec), {.batch = 1, .steps = 2});
  }
  TemporaryFolder folder;
};

TEST_F(Scheduled, EachBundleKeepsItsOwnStepSize) {
  Session s = session("adam");
  s.set_hyper("optimiser.ψ.alpha", 0.5);
  s.set_hyper("optimiser.φ.alpha", 0.25);
  const double beta = s.hyper("optimiser.ψ.beta1");
  ScheduledRates rates(s, {.kind = Kind::linear, .warmup = 4}, 8);
  EXPECT_EQ(s.hyper("optimiser.ψ.alpha"), 0.5);
  for (const auto& [batch, factor] : {std::pair{0, 0.25}, {1, 0.5}, {6, 1.0}, {2, 0.75}}) {
    rates.set(s, static_cast<std::uint64_t>(batch));
    EXPECT_EQ(s.hyper("optimiser.ψ.alpha"), 0.5 * factor) << batch;
    EXPECT_EQ(s.hyper("optimiser.φ.alpha"), 0.25 * factor) << batch;
  }
  EXPECT_EQ(s.hyper("optimiser.ψ.beta1"), beta);
}

TEST_F(Scheduled, ConstantChangesNothing) {
  Session s = session("sgd");
  ScheduledRates rates(s, {}, 8);
  rates.set(s, 0);
  EXPECT_EQ(s.hyper("optimiser.ψ.alpha"), 1e-2);
}

TEST_F(Scheduled, AStepSizeThatIsTooSmallIsSaidBefore) {
  Session s = session(folder.write("own.eli", kOptimisers) + ":narrow");
  EXPECT_MENTIONS(error_of([&] { ScheduledRates(s, {.kind = Kind::linear, .warmup = 10}, 20); }),
                  "is outside [0.1, 1]");
  EXPECT_EQ(error_of([&] { ScheduledRates(s, {.kind = Kind::linear, .warmup = 5}, 20); }), "");
  EXPECT_MENTIONS(error_of([&] { ScheduledRates(s, {.kind = Kind::cosine}, 20); }), "is outside [0.1, 1]");
}

}  // namespace
}  // namespace eligo::test
