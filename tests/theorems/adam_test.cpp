// The optimiser Adam against published numbers: five steps from given gradients, two settings.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// The gradient of the loss over p is the input.
constexpr const char* kGiven = R"(
cell given(m) {
  input x[m]
  state h[m] = 0
  param p[m] = 0
  h[t] = p * x[t]
}
readout total(m) {
  input h[m]
  loss sum(h)
}
rule follow(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
}
)";

struct Published {
  double beta2, epsilon;
  std::vector<std::vector<double>> after;
};
const std::vector<std::vector<double>> gradients = {
    {0.6613521715704522, 0.2669240982925188, 0.061677258237348306},
    {0.6213173286854216, -0.45190596470388295, -0.16613023453557194},
    {-1.5227684840130555, 0.38168390241818895, -1.0276085758313882},
    {-0.5630527986537884, -0.8922905087810341, -0.05825017908369636},
    {-0.19550957739962468, -0.9656359311683427, 0.42241532118215536}};
const std::vector<Published> published = {
    {0.98, 1e-9,
     {{0.49000000001512056, -1.2099999999625362, 1.9900000001621343},
      {0.48001814244530655, -1.207005404848902, 1.994628648795183},
      {0.4815516326111736, -1.2088849009599585, 2.001470465018101},
      {0.4845097400815536, -1.205121618321207, 2.0074160782800767},
      {0.4875801747340622, -1.1991759765338743, 2.0100415477343296}}},
    {0.999, 1e-8,
     {{0.4900000001512054, -1.2099999996253616, 1.9900000016213428},
      {0.4800211315156936, -1.2069984752464131, 1.9946454492070609},
      {0.4815634388379536, -1.2088811281976355, 2.001550681726293},
      {0.4845278186266485, -1.2050864380870225, 2.0075224982112068},
      {0.4875905401572601, -1.19907953399376, 2.010154039688146}}}};

TEST(Adam, FollowsThePublishedNumbers) {
  TemporaryFolder folder;
  folder.write("given.eli", kGiven);
  for (const bool interpreter : {false, true}) {
    for (const Published& setting : published) {
      ProgramSpec spec;
      spec.rule = "follow";
      spec.cell = "given";
      spec.readout = "total";
      spec.optimiser = "adam";
      spec.sizes = {{"m", 3}};
      spec.rule_paths = {folder.path()};
      spec.interpreter = interpreter;
      Session session(compile(exact(spec)), {.batch = 1, .steps = 1});
      session.set("net.p", std::vector<double>{0.5, -1.2, 2.0});
      session.set_hyper("optimiser.α", 0.01);
      session.set_hyper("optimiser.β1", 0.9);
      session.set_hyper("optimiser.β2", setting.beta2);
      session.set_hyper("optimiser.ε", setting.epsilon);
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        Batch batch;
        batch.steps = batch.examples = 1;
        batch.x = gradients[i];
        session.run(batch);
        EXPECT_LE(difference(session.get("net.p"), setting.after[i]), 1e-14) << "step " << i + 1;
      }
    }
  }
}

}  // namespace
}  // namespace eligo::test
