// Recurrences with structure: what is stored is what can be other than zero, what is shown is the whole, and the
// interpreter, which knows nothing of it, agrees. Recurrences without stay as they are.
#include <gtest/gtest.h>

#include "compiler/ir/program.h"
#include "runtime/engine/program.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr const char* kRules = R"(
rule two_traces(net: cell, L: readout) {            # the second reads the first, both keep to the own unit
  let s = net.state, ψ = net.params, φ = L.params
  hyper a = 0.5, b = 0.9
  P[t] = a*P[t-1] + d(s[t])/d(ψ)
  Q[t] = b*Q[t-1] + P[t-1] - 0.1*P[t]
  learn ψ -= d(L[t])/d(s[t]) . Q[t]
  learn φ -= d(L[t])/d(φ)
}
rule spoilt(net: cell, L: readout) {                # so would these, if the second did not mix the units
  let s = net.state, ψ = net.params, φ = L.params
  hyper a = 0.5
  P[t] = a*P[t-1] + d(s[t])/d(ψ) + 0.1*Q[t-1]
  Q[t] = d(s[t])/d(s[t-1]) . P[t-1]
  learn ψ -= d(L[t])/d(s[t]) . P[t]
  learn φ -= d(L[t])/d(φ)
}
rule late(net: cell, L: readout) {                  # structure in the general equation, none at the first step
  let s = net.state, ψ = net.params, φ = L.params
  hyper a = 0.5
  P[t] = a*P[t-1] + d(s[t])/d(ψ) + where(t == 2, 1, 0) * (d(s[t])/d(s[t-1]) . P[t-1])
  learn ψ -= d(L[t])/d(s[t]) . P[t]
  learn φ -= d(L[t])/d(φ)
}
rule half_zero(net: cell, L: readout) {             # nothing ever comes into an LSTM's slow state
  let s = net.state, ψ = net.params, φ = L.params
  hyper a = 0.5
  F[t] = a*F[t-1] + d(L[t])/d(s[t])
  learn ψ -= F[t] . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule squares(net: cell, L: readout) {               # a function of a trace that is zero where the trace is, and one that is not
  let s = net.state, ψ = net.params, φ = L.params
  hyper a = 0.5
  P[t] = a*tanh(P[t-1]) + d(s[t])/d(ψ)
  R[t] = a*sigmoid(R[t-1]) + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . (P[t] + R[t])
  learn φ -= d(L[t])/d(φ)
}
)";

struct Carried {
  const char* rule;
  const char* cell;
  std::int64_t numbers;  // an example carries in all
  std::vector<std::string> show;
};

// 3 inputs; 32 parameters of a simple net with 4 units, 108 of a GRU with 4, 48 of an LSTM with 2.
const std::vector<Carried> cases = {
    {"rflo", "rnn_leaky", 32, {"P"}},
    {"snap1", "rnn_tanh", 32, {"P"}},
    {"snap1", "gru", 108, {"P"}},
    {"snap1", "lstm", 2 * 48, {"P"}},
    {"eprop", "lstm", 48, {"ε", "e"}},
    {"two_traces", "rnn_tanh", 2 * 32, {"P", "Q"}},
    {"squares", "rnn_tanh", 32 + 4 * 32, {"P", "R"}},
    {"half_zero", "lstm", 2, {"F"}},
    {"rtrl", "rnn_tanh", 4 * 32, {"P"}},
    {"rtrl", "lstm", 4 * 48, {"P"}},
    {"bp_lambda", "rnn_linear", 4 * 20, {"e"}},
    {"spoilt", "rnn_tanh", 2 * 4 * 32, {"P", "Q"}},
    {"late", "rnn_tanh", 4 * 32, {"P"}},
};

ProgramSpec specification(const Carried& c, const std::string& folder) {
  ProgramSpec spec = exact(net(c.rule, c.cell, "linear_mse", "linear", std::string(c.cell) == "lstm" ? 2 : 4));
  if (std::string(c.rule) == "rflo") spec.synth = "feedback";
  spec.rule_paths = {folder};
  spec.schedule[""] = "dense";
  return spec;
}

void PrintTo(const Carried& c, std::ostream* out) { *out << c.rule << " on " << c.cell; }

std::int64_t carried(const ProgramSpec& spec) {
  std::int64_t numbers = 0;
  const auto program = compile(spec);
  for (const auto& t : program->plan->tensors)
    if (t.kind == compiler::TensorKind::forward) numbers += t.size();
  return numbers;
}

class Structure : public testing::TestWithParam<Carried> {
 protected:
  Structure() { folder_.write("rules.eli", kRules); }
  TemporaryFolder folder_;
};

TEST_P(Structure, CarriesWhatCanBeOtherThanZero) {
  ProgramSpec spec = specification(GetParam(), folder_.path());
  spec.schedule[""] = "dense";
  EXPECT_EQ(carried(spec), GetParam().numbers);
  ProgramSpec shown = spec;
  shown.show = GetParam().show;
  EXPECT_EQ(carried(shown), GetParam().numbers);
}

TEST_P(Structure, AgreesWithTheInterpreter) {
  for (const bool show : {true, false}) {
    const Shape shape{.steps = 5, .examples = 3, .unequal = show, .masked = show};
    ProgramSpec spec = specification(GetParam(), folder_.path());
    spec.update = show ? Update::sequence : Update::step;
    if (show) spec.show = GetParam().show;
    ProgramSpec slow = spec;
    slow.interpreter = true;
    Session fast = make_session(spec, shape), oracle = make_session(slow, shape);
    for (const char* key : {"first", "second"})
      for (Session* each : {&fast, &oracle}) {
        each->set_hyper("optimiser.α", 0.05);
        each->run(make_batch(shape, key));
      }
    for (const std::string& name : spec.show)
      EXPECT_LE(difference(fast.shown(name).values, oracle.shown(name).values), 1e-12) << name;
    for (const std::string& name : parameters(oracle)) {
      EXPECT_LE(difference(fast.gathered(name), oracle.gathered(name)), 1e-11) << name;
      EXPECT_LE(difference(fast.get(name), oracle.get(name)), 1e-11) << name;
    }
  }
}

// Sizes are refused by what a recurrence really carries.
TEST(LargeNets, StructureNeedsNoMemoryForTheWhole) {
  ProgramSpec spec = exact(net("snap1", "rnn_tanh", "linear_mse", "linear", 20000));
  EXPECT_NO_THROW(compile(spec));
  spec.rule = "rtrl";
  EXPECT_NO_THROW(compile(spec));  // walked back, it carries nothing
  spec.schedule["P"] = "dense";
  EXPECT_MENTIONS(error_of([&] { compile(spec); }), "P alone would take");
}

INSTANTIATE_TEST_SUITE_P(Traces, Structure, testing::ValuesIn(cases),
                         [](const auto& each) { return std::string(each.param.rule) + "_" + each.param.cell; });

}  // namespace
}  // namespace eligo::test
