// The online relatives of RTRL: compiled kernels against the interpreter, every equation shown.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

struct Setting {
  const char* rule;
  const char* cell;
  std::vector<std::string> show;
  std::int64_t n = 0;  // of the rule's header
};

void PrintTo(const Setting& s, std::ostream* out) { *out << s.rule << " on " << s.cell; }

const std::vector<Setting> settings = {
    {"no_bptt", "gru", {"L"}},
    {"uoro", "rnn_tanh", {"ν", "a", "b", "ρ0", "ρ1", "A", "B"}},
    {"uoro", "lstm", {"A", "B"}},
    {"uoro", "few", {"A", "B"}},
    {"kf_rtrl", "rnn_leaky", {"n0", "n1", "a", "D", "H", "ρ0", "ρ1", "A", "B"}},
    {"kf_rtrl", "lstm", {"A", "B"}},
    {"r_kf_rtrl", "rnn_tanh", {"ν", "v", "vh", "vx", "a", "b", "A", "X", "Y", "Z", "G"}},
    {"rflo", "rnn_leaky", {"e", "P"}},
    {"eprop", "lstm", {"ε", "e"}},
    {"snap", "rnn_tanh", {"J", "I", "P"}, 2},
    {"snap", "few", {"P"}, 1},
    {"snap", "few", {"P"}, 2},
    {"snap", "few", {"P"}, -1},
    {"snap1", "few", {"P"}},
    {"snap1", "sparsenet", {"P"}},
    {"snap1", "lstm", {"P"}},
};

ProgramSpec specification(const Setting& s, const std::string& folder) {
  const std::string cell = s.cell;
  ProgramSpec spec = exact(net(s.rule, cell, "linear_softmax", "linear", cell == "lstm" ? 2 : 4));
  if (cell == "few") spec.sizes["r"] = 2;
  if (cell == "sparsenet") spec.sizes = {{"w", 4}, {"q", 1}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}};
  if (s.rule == std::string("rflo")) spec.synth = "feedback";
  if (s.n != 0) spec.header["n"] = s.n;
  spec.rule_paths = {folder};
  return spec;
}

class OnlineKernels : public testing::TestWithParam<Setting> {};

TEST_P(OnlineKernels, AgreeWithTheInterpreter) {
  TemporaryFolder folder;
  folder.write("few.eli", few_cell);
  for (const bool show : {true, false}) {
    const Shape shape{.steps = 4, .examples = 3, .unequal = show, .masked = show};
    ProgramSpec spec = specification(GetParam(), folder.path());
    spec.update = show ? Update::sequence : Update::step;
    if (show) spec.show = GetParam().show;
    const auto outcome = [&](bool interpreter) {
      spec.interpreter = interpreter;
      Session session = make_session(spec, shape);
      session.set_hyper("optimiser.α", 0.05);
      session.run(make_batch(shape, "first"));
      session.run(make_batch(shape, "second"));
      return session;
    };
    const Session fast = outcome(false), oracle = outcome(true);
    for (const std::string& name : spec.show)
      EXPECT_LE(difference(fast.shown(name).values, oracle.shown(name).values), 1e-11) << name;
    for (const std::string& name : parameters(oracle)) {
      EXPECT_LE(difference(fast.gathered(name), oracle.gathered(name)), 1e-11) << name;
      EXPECT_LE(difference(fast.get(name), oracle.get(name)), 1e-11) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, OnlineKernels, testing::ValuesIn(settings), [](const auto& each) {
  std::string name = std::string(each.param.rule) + "_" + each.param.cell;
  if (each.param.n != 0) name += each.param.n < 0 ? "_all" : "_" + std::to_string(each.param.n);
  return name;
});

}  // namespace
}  // namespace eligo::test
