// Stochastic estimates of RTRL's gradient: right on average over their signs, each parameter by a test of its mean.
//
// A batch of one sequence, many times over, draws other signs for each example. What a batch gathers is a mean of many
// draws, so nearly normal; over batches its mean is compared with RTRL's gradient in units of its standard error. For
// an unbiased rule these z are Student's t with 63 degrees of freedom: |z| > 5.5 has probability 7e-7, below 1e-4 for
// all the parameters of a test together. Signs have fixed seeds.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/runtime/temporary.h"
#include "tests/theorems/gradients.h"

namespace eligo::test {
namespace {

constexpr std::int64_t draws = 384, steps = 5;
constexpr int batches = 64;
const Shape one{.steps = steps, .examples = 1, .masked = true};

// Every example the same, with the same initial state.
Batch repeated(const Batch& batch) {
  Batch many = batch;
  many.examples = draws;
  many.x.clear();
  many.y.clear();
  many.loss_mask.clear();
  const std::size_t inputs = batch.x.size() / steps, targets = batch.y.size() / steps;
  for (std::size_t t = 0; t < steps; ++t)
    for (std::int64_t b = 0; b < draws; ++b) {
      many.x.insert(many.x.end(), batch.x.begin() + static_cast<std::ptrdiff_t>(t * inputs),
                    batch.x.begin() + static_cast<std::ptrdiff_t>((t + 1) * inputs));
      many.y.insert(many.y.end(), batch.y.begin() + static_cast<std::ptrdiff_t>(t * targets),
                    batch.y.begin() + static_cast<std::ptrdiff_t>((t + 1) * targets));
      many.loss_mask.push_back(batch.loss_mask[t]);
    }
  return many;
}

void same_start(Session& session) {
  for (const TensorInfo& info : session.tensors())
    if (info.name.ends_with("[start]")) {
      std::vector<double> all;
      const std::vector<double> first = numbers(info.name, info.shape.back(), 0.5);
      for (std::int64_t b = 0; b < info.shape.front(); ++b) all.insert(all.end(), first.begin(), first.end());
      session.set(info.name, all);
    }
}

struct Scores {
  double largest = 0;
};

Scores scores(ProgramSpec spec, const std::string& cell) {
  ProgramSpec exactly = online("rtrl", cell);
  spec.sizes["n"] = exactly.sizes["n"] = 3;
  Session truth = make_session(exactly, one);
  same_start(truth);
  truth.run(make_batch(one));
  const Gathered want = gathered(truth, "net.");
  Session session = make_session(spec, {.steps = steps, .examples = draws});
  same_start(session);
  session.set_hyper("optimiser.α", 0);
  const Batch batch = repeated(make_batch(one));
  std::vector<double> sum, square;
  for (int i = 0; i < batches; ++i) {
    session.run(batch);
    std::size_t at = 0;
    for (const auto& [name, values] : want)
      for (const double x : session.gathered(name)) {
        if (i == 0) sum.push_back(0), square.push_back(0);
        sum[at] += x;
        square[at] += x * x;
        ++at;
      }
  }
  Scores result;
  std::size_t at = 0;
  for (const auto& [name, values] : want)
    for (const double x : values) {
      const double mean = sum[at] / batches;
      const double variance = std::max(square[at] / batches - mean * mean, 1e-30) * batches / (batches - 1);
      const double z = (mean - x) / std::sqrt(variance / batches);
      result.largest = std::max(result.largest, std::abs(z));
      ++at;
    }
  return result;
}

void expect_unbiased(const std::string& rule, const std::vector<std::string>& cells) {
  for (const std::string& cell : cells) {
    const Scores s = scores(online(rule, cell), cell);
    EXPECT_LE(s.largest, 5.5) << cell;
    EXPECT_GE(s.largest, 0.1) << cell;  // draws do differ
  }
}

TEST(Unbiased, UoroOverManyDraws) { expect_unbiased("uoro", {"rnn_tanh", "rnn_linear", "lstm"}); }
TEST(Unbiased, KfRtrlOverManyDraws) { expect_unbiased("kf_rtrl", {"rnn_tanh", "rnn_leaky", "lstm"}); }
TEST(Unbiased, ReverseKfRtrlOverManyDraws) { expect_unbiased("r_kf_rtrl", {"rnn_tanh", "rnn_linear"}); }

// The same test on the same rules with a part of what they remember lost at each step.
TEST(Unbiased, ADampedNeighbourIsRejected) {
  TemporaryFolder folder;
  folder.write("uoro_damped.eli", changed_rule("uoro", "uoro_damped", "B[t-1]/ρ0[t]", "0.7*B[t-1]/ρ0[t]"));
  folder.write("kf_damped.eli", changed_rule("kf_rtrl", "kf_damped", "n0[t]/ρ0[t]*H[t]", "0.7*n0[t]/ρ0[t]*H[t]"));
  folder.write("rkf_damped.eli", changed_rule("r_kf_rtrl", "rkf_damped", "A[t]  = ρ0[t]*A[t-1]", "A[t]  = 0.7*ρ0[t]*A[t-1]"));
  for (const char* rule : {"uoro_damped", "kf_damped", "rkf_damped"})
    EXPECT_GE(scores(online(rule, "rnn_tanh", folder.path()), "rnn_tanh").largest, 6.5) << rule;
}

// One set of signs is not the mean.
TEST(Unbiased, ASingleDrawIsFarFromTheMean) {
  for (const char* rule : {"uoro", "kf_rtrl", "r_kf_rtrl"}) {
    Session truth = make_session(online("rtrl", "rnn_tanh"), one), session = make_session(online(rule, "rnn_tanh"), one);
    truth.run(make_batch(one));
    session.run(make_batch(one));
    EXPECT_GE(apart(gathered(session, "net."), gathered(truth, "net.")), 0.05) << rule;
  }
}

}  // namespace
}  // namespace eligo::test
