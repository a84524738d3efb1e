// Compiled kernels against the interpreter, through the public interface: every equation that can be shown, what the
// learn lines gather, and the values after the update.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

struct Outcome {
  double loss = 0;
  std::vector<std::pair<std::string, std::vector<double>>> values;
};

struct Setting {
  std::string rule, cell, readout = "linear_mse", synth = "linear";
  Update update = Update::sequence;
  bool show = true;
  Shape shape = {};
  std::int64_t window = 3;  // of the rules that have one; -1: all
  std::string cpu = "native";
  std::int64_t units = 5;
};

bool has_synth(const Setting& s) { return s.rule == "n_step_sg" || s.rule == "bp_lambda"; }
bool has_window(const Setting& s) { return s.rule == "n_step_sg" || s.rule == "bptt"; }

std::string name_of(const Setting& s) {
  static const char* const every[] = {"step", "window", "sequence"};
  std::string name = s.rule + "_" + s.cell + "_" + s.readout + (has_synth(s) ? "_" + s.synth : "") + "_every_" +
                     every[static_cast<int>(s.update)];
  if (s.shape.unequal) name += "_unequal";
  if (s.shape.masked) name += "_masked";
  if (has_window(s)) name += s.window < 0 ? "_all" : "_window" + std::to_string(s.window);
  if (s.shape.examples != 3) name += "_batch" + std::to_string(s.shape.examples);
  if (!s.show) name += "_hidden";
  if (s.units != 5) name += "_units" + std::to_string(s.units);
  if (s.cpu != "native") name += "_" + s.cpu;
  return name;
}

void PrintTo(const Setting& s, std::ostream* out) { *out << name_of(s); }

ProgramSpec specification(const Setting& s) {
  ProgramSpec spec = net(s.rule, s.cell, s.readout, s.synth, s.units);
  spec.update = s.update;
  spec.cpu = s.cpu;
  spec.batch_hint = s.shape.examples;
  if (has_window(s)) spec.header["n"] = s.window;
  if (!s.show) return spec;
  spec.show = states(s.cell);
  for (const char* name : {"L", "L.o"}) spec.show.emplace_back(name);
  if (s.rule == "bptt") spec.show.insert(spec.show.end(), {"s", "r"});
  if (s.rule == "n_step_sg") spec.show.insert(spec.show.end(), {"G", "r", "v"});
  if (s.rule == "bp_lambda") spec.show.insert(spec.show.end(), {"G", "J", "e", "δ"});
  if (s.rule == "rtrl") spec.show.insert(spec.show.end(), {"P"});
  return spec;
}

// Two sequences, so that what one leaves behind meets the next.
Outcome outcome(const ProgramSpec& spec, const Setting& s) {
  Session session = make_session(spec, s.shape);
  session.set_hyper("optimiser.α", 0.05);
  if (has_synth(s)) {
    session.set_hyper("γ", 0.9);
    session.set_hyper("κ", 0.3);
  }
  if (s.rule == "bp_lambda") session.set_hyper("λ", 0.6);
  session.run(make_batch(s.shape, "first"));
  Outcome out;
  out.loss = session.run(make_batch(s.shape, "second")).loss;
  for (const std::string& name : spec.show) out.values.emplace_back(name, session.shown(name).values);
  for (const std::string& name : parameters(session)) out.values.emplace_back("learn " + name, session.gathered(name));
  for (const std::string& name : parameters(session)) out.values.emplace_back(name, session.get(name));
  return out;
}

Outcome oracle(const Setting& s) {
  ProgramSpec spec = specification(s);
  spec.interpreter = true;
  spec.float64 = true;
  return outcome(spec, s);
}

void expect_close(const Outcome& got, const Outcome& want, double tolerance) {
  EXPECT_NEAR(got.loss, want.loss, tolerance * std::max(1.0, std::abs(want.loss)));
  ASSERT_EQ(got.values.size(), want.values.size());
  for (std::size_t i = 0; i < got.values.size(); ++i)
    EXPECT_LE(difference(got.values[i].second, want.values[i].second), tolerance) << got.values[i].first;
}

// Rounding of float32: half a unit in the last place for each addition along the longest way to a value, which leads
// through the sums of a step (units of all gates, inputs), all steps, and the sum over steps and examples; twice over, for
// the first sequence's update. Random signs keep the real error far below.
double float32_tolerance(const Setting& s) {
  const auto step = static_cast<double>(4 * s.units + 3);
  const auto steps = static_cast<double>(s.shape.steps), examples = static_cast<double>(s.shape.examples);
  return 0x1p-24 * 2 * steps * (step + examples);
}

class Kernels : public testing::TestWithParam<Setting> {};

TEST_P(Kernels, AgreeWithTheInterpreter) {
  const Setting& s = GetParam();
  const Outcome want = oracle(s);
  ProgramSpec spec = specification(s);
  spec.float64 = true;
  {
    SCOPED_TRACE("float64");
    expect_close(outcome(spec, s), want, 1e-11);
  }
  SCOPED_TRACE("float32");
  spec.float64 = false;
  expect_close(outcome(spec, s), want, float32_tolerance(s));
}

const std::vector<std::string> rules = {"bptt", "n_step_sg", "bp_lambda", "rtrl"};
const std::vector<std::string> cells = {"rnn_linear", "rnn_tanh", "lstm", "gru"};

std::vector<Update> updates(const std::string& rule) {
  if (rule == "bptt" || rule == "n_step_sg") return {Update::sequence, Update::window};
  return {Update::sequence, Update::step};
}

// Each rule on each cell, twice: all shown on unequal lengths with a mask, nothing shown and the other update interval.
// Readouts, synths and windows go round, so that every pair of neighbours occurs.
std::vector<Setting> settings() {
  const std::vector<std::string> readouts = {"linear_mse", "linear_softmax", "linear_bernoulli"};
  const std::vector<std::string> synths = {"linear", "mlp"};
  std::vector<Setting> all;
  std::size_t k = 0;
  for (const std::string& rule : rules) {
    for (const std::string& cell : cells) {
      for (std::size_t i = 0; i < 2; ++i, ++k) {
        Setting s{rule, cell, readouts[k % 3], synths[(k / 2 + i) % 2], updates(rule)[i]};
        s.show = i == 0;
        if (cell == "lstm" || cell == "gru") s.units = 3;
        if (rule == "rtrl" || rule == "bp_lambda") s.shape.steps = 5;
        s.shape.unequal = i == 0 || k % 4 == 1;
        s.shape.masked = i == 0 || k % 4 == 3;
        s.window = i == 1 || k % 4 == 0 ? 3 : -1;
        if (s.update == Update::window) s.window = 2 + static_cast<std::int64_t>(k / 2 % 2);
        all.push_back(s);
      }
      ++k;
    }
  }
  return all;
}

// Two and four shards, one step, one example, windows longer than the sequence.
std::vector<Setting> edges() {
  std::vector<Setting> all;
  for (const std::string& rule : rules) {
    Setting wide{rule, "rnn_tanh"};
    wide.shape.examples = rule == "rtrl" ? 9 : 33;
    wide.units = 3;
    wide.shape.steps = 3;
    wide.shape.unequal = true;
    wide.window = 2;
    Setting shortest{rule, "lstm", "linear_mse", "mlp"};
    shortest.shape.steps = 1;
    shortest.shape.examples = 1;
    Setting beyond{rule, "gru"};
    beyond.shape.steps = 4;
    beyond.units = 3;
    beyond.window = 9;
    Setting steps{rule, "rnn_tanh"};
    steps.window = 1;
    steps.update = updates(rule)[1];
    all.insert(all.end(), {wide, shortest, beyond, steps});
  }
  return all;
}

// Code paths of other processors; one that the host lacks is left out.
std::vector<std::string> processors() {
  std::vector<std::string> cpus = {"baseline"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) cpus.emplace_back("avx2");
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    cpus.emplace_back("avx512");
#endif
  return cpus;
}

std::vector<Setting> on_processors(std::int64_t units, std::int64_t examples, const std::string& gated) {
  std::vector<Setting> all;
  for (const std::string& cpu : processors()) {
    for (const std::string& rule : rules) {
      Setting s{rule, rule == "rtrl" || rule == "bp_lambda" ? "rnn_tanh" : gated, "linear_softmax", "mlp"};
      s.cpu = cpu;
      s.units = units;
      s.shape.steps = 4;
      s.shape.examples = examples;
      s.show = false;
      all.push_back(s);
    }
  }
  return all;
}

// More units than a vector has lanes, with a rest, are too many for the interpreter: the kernels for the host stand in.
class WideKernels : public Kernels {};

TEST_P(WideKernels, AgreeWithTheHostsKernels) {
  const Setting& s = GetParam();
  ProgramSpec spec = specification(s);
  spec.float64 = true;
  spec.cpu = "native";
  const Outcome want = outcome(spec, s);
  spec.cpu = s.cpu;
  expect_close(outcome(spec, s), want, 1e-11);
  spec.float64 = false;
  expect_close(outcome(spec, s), want, float32_tolerance(s));
}

const auto named = [](const auto& each) { return name_of(each.param); };
INSTANTIATE_TEST_SUITE_P(Rules, Kernels, testing::ValuesIn(settings()), named);
INSTANTIATE_TEST_SUITE_P(Edges, Kernels, testing::ValuesIn(edges()), named);
INSTANTIATE_TEST_SUITE_P(Processors, Kernels, testing::ValuesIn(on_processors(3, 9, "lstm")), named);
INSTANTIATE_TEST_SUITE_P(Processors, WideKernels, testing::ValuesIn(on_processors(19, 5, "gru")), named);

}  // namespace
}  // namespace eligo::test
