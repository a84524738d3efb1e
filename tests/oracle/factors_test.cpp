// Statistics of neurons come from factors: no tensor of an example is as large as a parameter.
#include <gtest/gtest.h>

#include "compiler/driver/pipeline.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// The largest value that is computed for single examples. Sums over the batch are none of these.
std::int64_t largest_of_an_example(const ProgramSpec& spec) {
  const auto program = instantiate(spec);
  compiler::run_passes(*program, {.batch = spec.batch_hint}, compiler::PassId::contraction_order);
  std::int64_t most = 0;
  for (const auto& phase : program->phases)
    for (const auto& root : phase.roots)
      for (compiler::Ref node : compiler::postorder({root.node}))
        if (node->batched && !node->sum_batch) most = std::max<std::int64_t>(most, node->size());
  return most;
}

ProgramSpec spec_of(const std::string& rule, const std::string& cell, std::map<std::string, std::int64_t> sizes) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell;
  spec.readout = "linear_mse";
  spec.synth = "local";
  spec.sizes = std::move(sizes);
  return exact(spec);
}

const std::map<std::string, std::int64_t> plain = {{"n", 9}, {"m", 8}, {"k", 2}};
const std::map<std::string, std::int64_t> sparse = {{"w", 6}, {"q", 2}, {"slot", 2}, {"r", 4}, {"m", 9}, {"k", 2}};

TEST(Factors, StatisticsOfNeuronsFormNoGradientOfAnExample) {
  EXPECT_LT(largest_of_an_example(spec_of("sgprop", "rnn_tanh", plain)), 9 * 8);
  EXPECT_LT(largest_of_an_example(spec_of("sgprop", "lstm", plain)), 9 * 8);
  // Its smallest matrix is K[w, slot, r, q]; what a neuron reads is [w, r, q].
  EXPECT_LT(largest_of_an_example(spec_of("sgprop", "sparsenet", sparse)), 6 * 2 * 4 * 2);
  EXPECT_LT(largest_of_an_example(spec_of("sgprop_temporal", "sparsenet", sparse)), 6 * 2 * 4 * 2);
  // Predictions pulled back through the wiring are kept for themselves.
  EXPECT_LT(largest_of_an_example(spec_of("sgprop_child", "sparsenet", sparse)), 6 * 2 * 4 * 2);
}

// A matrix that is read twice has a gradient that is a sum of outer products.
TEST(Factors, SumsOfOuterProductsAreNotFormedEither) {
  const TemporaryFolder folder;
  const std::string cell = folder.write("twice.eli",
                                        "cell twice(n, m) {\n  input x[m]\n  state h[n] = 0\n"
                                        "  param W[n, n], U[n, m] ~ normal(0, 1)\n"
                                        "  h[t] = tanh(W . h[t-1] + U . x[t]) * (W . tanh(h[t-1]))\n}\n");
  EXPECT_LT(largest_of_an_example(spec_of("sgprop", cell, plain)), 9 * 8);
}

// What is no sum of products has to be formed.
TEST(Factors, AbsoluteValuesHaveToBeFormed) {
  const TemporaryFolder folder;
  const std::string rule = folder.write("absolute.eli",
                                        "rule absolute(net: cell over neurons w, L: readout) {\n"
                                        "  let s = net.state, ψ = net.params, φ = L.params\n  keep c[w] = 0\n"
                                        "  learn φ -= d(L[t])/d(φ)\n  per neuron w, over batch and t {\n"
                                        "    p = d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n    c := var(abs(p) + tanh(p))\n  }\n}\n");
  EXPECT_GE(largest_of_an_example(spec_of(rule, "rnn_tanh", plain)), 9 * 8);
}

}  // namespace
}  // namespace eligo::test
