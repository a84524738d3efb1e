// Nets whose single example is long enough for threads to share it.
#include <gtest/gtest.h>

#include "compiler/driver/pipeline.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/split_wide_loops.h"
#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

constexpr std::int64_t units = 48;
const Shape shape = {.steps = 3, .examples = 1, .inputs = 3, .targets = 2};

ProgramSpec wide(const std::string& rule) {
  ProgramSpec spec = exact(net(rule, "rnn_tanh", "linear_mse", "linear", units));
  spec.batch_hint = 1;
  if (rule == "rtrl") spec.schedule["P"] = "dense";
  if (rule == "bptt") spec.header["n"] = -1;
  return spec;
}

std::vector<std::vector<double>> learned(const ProgramSpec& spec, int threads) {
  Session session = make_session(spec, shape, threads);
  fill(session, 0.2);
  session.set_hyper("optimiser.α", 0.1);
  std::vector<std::vector<double>> out;
  for (const char* batch : {"first", "second"}) {
    session.run(make_batch(shape, batch));
    for (const char* name : {"net.W", "net.U", "net.b"}) out.push_back(session.gathered(name));
  }
  return out;
}

TEST(WideWork, IsCutIntoPiecesOfTheWhole) {
  const auto program = instantiate(wide("rtrl"));
  compiler::run_passes(*program, {.float64 = true, .batch = 1}, compiler::PassId::contraction_order);
  compiler::Lowered lowered = compiler::lower(*program, 1);
  const std::size_t functions = lowered.module.functions.size();
  compiler::split_wide_loops(lowered);
  std::size_t shared = 0;
  for (const auto& stages : lowered.stages)
    for (const auto& stage : stages) shared += stage.size() > 1;
  EXPECT_GT(shared, 0u);
  EXPECT_GT(lowered.module.functions.size(), functions);
}

TEST(WideWork, OfASmallNetIsNotCut) {
  ProgramSpec spec = wide("rtrl");
  spec.sizes["n"] = 20;
  const auto program = instantiate(spec);
  compiler::run_passes(*program, {.float64 = true, .batch = 1}, compiler::PassId::contraction_order);
  compiler::Lowered lowered = compiler::lower(*program, 1);
  compiler::split_wide_loops(lowered);
  for (const auto& stages : lowered.stages) EXPECT_TRUE(stages.empty());
}

TEST(WideWork, IsTheTrueGradient) {
  const auto got = learned(wide("rtrl"), 1), want = learned(wide("bptt"), 1);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_LE(difference(got[i], want[i]), 1e-9) << i;
}

TEST(WideWork, IsTheSameForAnyNumberOfThreads) {
  for (const bool float64 : {true, false}) {
    ProgramSpec spec = wide("rtrl");
    spec.float64 = float64;
    const auto want = learned(spec, 1);
    for (const int threads : {2, 3}) EXPECT_EQ(learned(spec, threads), want) << threads;
  }
}

}  // namespace
}  // namespace eligo::test
