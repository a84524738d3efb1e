// Inputs that once ended a process, hung it or were taken for something else.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include <nlohmann/json.hpp>

#include "dsl/diagnostic.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/settings.h"
#include "runtime/library/compile.h"
#include "runtime/library/library.h"
#include "runtime/tools/evaluate_case.h"
#include "runtime/tools/explain.h"
#include "support/text_file.h"
#include "temporary.h"

namespace eligo::test {
namespace {

using nlohmann::json;

// The message of what a case is refused with, or "".
std::string refusal(const json& input, const std::vector<std::string>& folders = {}) {
  try {
    evaluate_case(input, folders);
  } catch (const Error& e) {
    return e.what();
  } catch (const dsl::SourceError& e) {
    return e.what();
  }
  return "";
}

json small_case() {
  return json::parse(R"({"rule": "bptt", "cell": "rnn_tanh", "readout": "linear_mse", "sizes": {"n": 2, "m": 1, "k": 1},
                         "x": [[[1]], [[0]]], "y": [[[0]], [[1]]]})");
}

json with(const char* at, const json& value) {
  json changed = small_case();
  changed[json::json_pointer(at)] = value;
  return changed;
}

TEST(Inputs, NumbersOutOfRangeAreErrors) {
  const std::uint64_t wide = ~std::uint64_t{0};
  struct Fault {
    const char* at;
    json value;
  };
  for (const Fault& fault : std::vector<Fault>{
           {"/threads", wide}, {"/threads", std::int64_t{4294967297}}, {"/threads", 0}, {"/threads", -1},
           {"/threads", 2000}, {"/seed", -1}, {"/seed", wide}, {"/seed", 1e30}, {"/sizes/n", wide}, {"/sizes/n", 0},
           {"/sizes/n", -3}, {"/sizes/n", 1e20}, {"/sizes/m", std::int64_t{4294967296}}, {"/window", wide},
           {"/window", std::int64_t{4294967297}}, {"/window", INT64_MAX}, {"/window", 0}, {"/window", -2},
           {"/lengths", {wide}}, {"/lengths", {1e300}}, {"/lengths", json{{"a", 1}}}, {"/memory", -1}, {"/memory", 1e40}}) {
    const std::string said = refusal(with(fault.at, fault.value));
    const bool range = said.find("range") != std::string::npos || said.find("expected") != std::string::npos ||
                       said.find("must be") != std::string::npos;
    EXPECT_TRUE(range) << fault.at << " = " << fault.value.dump() << ": " << said;
  }
}

TEST(Inputs, EmptyBatchesAreErrorsOfTheCase) {
  EXPECT_MENTIONS(refusal(with("/x", json::parse("[[], []]"))), "here are no examples");
  EXPECT_MENTIONS(refusal(with("/x", json::array())), "here are no steps");
  EXPECT_MENTIONS(refusal(with("/x", 3)), "\"x\" must be [T][B][m]");
  EXPECT_MENTIONS(refusal(with("/x", json::parse("[[[]], [[]]]"))), "x has 0 values");
  EXPECT_MENTIONS(refusal(with("/y", json::parse("[[], []]"))), "\"y\"");
}

TEST(Inputs, ALossThatIsNotFiniteIsNamed) {
  json large = with("/y", json::parse("[[[1e200]], [[1]]]"));
  large["show"] = {"L"};
  const json out = evaluate_case(large, {});
  EXPECT_EQ(out["loss"], "inf");
  EXPECT_EQ(out["steps"]["L"][0][0], "inf");
  EXPECT_EQ(evaluate_case(small_case(), {})["loss"].type(), json::value_t::number_float);
}

TEST(Inputs, LongListsOfValuesToShowAreRefused) {
  EXPECT_EQ(refusal(with("/show", {"s", "L"})), "");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_MENTIONS(refusal(with("/show", std::vector<std::string>(100'000, "s"))), "names 100000 values, expected 256");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

// Each is refused in words, or its code runs here: no name ends the process, in LLVM or by an instruction that this
// machine lacks.
TEST(Inputs, EveryProcessorIsRefusedOrRuns) {
  for (const char* cpu : {"i386", "i486", "i586", "i686", "pentium", "pentium-m", "pentium2", "pentium3", "pentium4",
                          "prescott", "yonah", "lakemont", "geode", "athlon", "athlon-xp", "k6", "k6-2", "c3", "c3-2", "winchip2"}) {
    const std::string said = refusal(with("/cpu", cpu));
    EXPECT_MENTIONS(said, fmt::format("no processor '{}': it is native, avx512, avx2, baseline", cpu));
  }
  for (const char* cpu : {"apple-m1", "cortex-a72", "neoverse-n1"}) EXPECT_NE(refusal(with("/cpu", cpu)), "") << cpu;
  for (const char* cpu : {"help", "x86-64-v5", "i386 ", "", "native,+avx512f", "\xff", "-mavx"})
    EXPECT_MENTIONS(refusal(with("/cpu", cpu)), "no processor") << cpu;
  int runs = 0;
  for (const char* cpu : {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "generic", "nocona", "core2", "penryn", "nehalem", "bdver1",
                          "bdver4", "btver2", "haswell", "knl", "skylake", "skylake-avx512", "cannonlake", "icelake-server", "sapphirerapids",
                          "graniterapids", "sierraforest", "clearwaterforest", "lunarlake", "arrowlake", "znver1", "znver2", "znver3", "znver4",
                          "znver5", "k8", "barcelona", "tremont", "alderlake", "native", "baseline", "avx2", "avx512"}) {
    json input = with("/cpu", cpu);
    input["dtype"] = "f32";
    const std::string said = refusal(input);
    if (!said.empty()) {
      EXPECT_MENTIONS(said, "this machine lacks") << cpu;
    }
    runs += said.empty();
  }
  EXPECT_GE(runs, 3);  // native, baseline and x86-64 at least
}

ProgramSpec without_parameters(const TemporaryFolder& folder, const std::string& rule) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = folder / "bare.eli";
  spec.readout = "linear_mse";
  spec.synth = "linear";
  spec.sizes = {{"n", 3}, {"k", 1}};
  spec.cache = "none";
  return spec;
}

// There is nothing to learn in the net; its readout learns.
TEST(Inputs, ACellWithoutParametersRuns) {
  TemporaryFolder folder;
  folder.write("bare.eli", "cell c(n) {\n  state h[n] = 0.5\n  h[t] = tanh(h[t-1])\n}\n");
  for (const char* rule : {"rtrl", "uoro", "snap1", "snap", "bptt", "bp_lambda", "dni", "backprop", "no_bptt"}) {
    for (const bool interpreter : {false, true}) {
      ProgramSpec spec = without_parameters(folder, rule);
      spec.interpreter = interpreter;
      const auto program = compile(spec);
      Session session(program, {.batch = 2, .steps = 3});
      Batch batch;
      batch.steps = 3;
      batch.examples = 2;
      batch.y.assign(6, 1.0);
      EXPECT_TRUE(std::isfinite(session.run(batch).loss)) << rule;
      double moved = 0;
      for (const TensorInfo& info : session.tensors())
        if (info.bundle == "φ")
          for (const double g : session.gathered(info.name)) moved += std::abs(g);
      EXPECT_GT(moved, 0) << rule;
    }
  }
}

// An error of the rule itself is said at once, not after every combination of parts was tried.
TEST(Inputs, ExplainSaysAnErrorOfTheRuleAtOnce) {
  TemporaryFolder folder;
  const auto explained = [&](const std::string& line) {
    ExplainOptions o;
    o.spec.rule = folder.write("mine.eli",
                               "rule r(net: cell, L: readout, g: synth, f: synth) {\n  let s = net.state, ψ = net.params, "
                               "φ = L.params, θ = g.params\n  " + line + "\n  learn φ -= d(L[t])/d(φ)\n}\n");
    const auto begin = std::chrono::steady_clock::now();
    std::string said;
    try {
      explain(o);
    } catch (const dsl::SourceError& e) {
      said = e.what();
    } catch (const Error& e) {
      said = e.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2)) << said;
    return said;
  };
  EXPECT_MENTIONS(explained("r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1e-400])/d(s[t])"), "too small");
  EXPECT_MENTIONS(explained("r[t] = d(L[t])/d(s[t+0.5])"), "`t + 0.5` is no time index");
  EXPECT_MENTIONS(explained("r[t] = d(L[t])/d(s[t])"), "the synthesiser g is never called");
  EXPECT_MENTIONS(explained("r[t] = g(s[t])"), "the synthesiser f is never called");
  EXPECT_MENTIONS(explained("r[t] = qq[t]"), "qq");
}

// Nothing takes a time that grows with the numbers it is asked about.
TEST(Inputs, ExplainOfHugeNumbersIsQuick) {
  for (const char* rule : {"bptt", "rtrl", "bp_lambda"}) {
    const auto begin = std::chrono::steady_clock::now();
    ExplainOptions o;
    o.spec.rule = rule;
    o.steps = std::int64_t{1} << 40;
    o.batch = std::int64_t{1} << 30;
    EXPECT_GT(explain(o).memory, 1e14) << rule;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << rule;
  }
}

TEST(Inputs, EquationsThatDoubleAreCompiledOrRefused) {
  TemporaryFolder folder;
  const auto tried = [&](const std::string& step, int length) {
    std::string text = "rule r(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n  w0[t] = d(L[t])/d(s[t])\n";
    for (int i = 1; i < length; ++i) text += fmt::format("  w{}[t] = {}\n", i, fmt::format(fmt::runtime(step), fmt::arg("v", fmt::format("w{}", i - 1))));
    folder.write("double.eli", text + fmt::format("  learn ψ -= w{}[t] . d(s[t])/d(ψ)\n}}\n", length - 1));
    json input = small_case();
    input["rule"] = folder / "double.eli";
    const auto begin = std::chrono::steady_clock::now();
    const std::string said = refusal(input);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60)) << step;
    return said;
  };
  EXPECT_EQ(tried("{v}[t]*{v}[t] + {v}[t]", 20), "");
  EXPECT_EQ(tried("tanh({v}[t] + tanh({v}[t]))", 22), "");
  EXPECT_EQ(tried("-tanh(-{v}[t])", 150), "");  // deep: near the bound of a chain
}

TEST(Inputs, NumbersTooLargeForFloatsAreRefused) {
  TemporaryFolder folder;
  const auto tried = [&](const std::string& line, const std::string& dtype) {
    json input = with("/dtype", dtype);
    input["rule"] = folder.write("large.eli", "rule r(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n  " + line +
                                                  "\n  learn ψ -= a[t] . d(s[t])/d(ψ)\n}\n");
    return refusal(input);
  };
  for (const char* line : {"a[t] = 1e300 * d(L[t])/d(s[t])", "a[t] = d(L[t])/d(s[t]) - 1e39", "a[t] = min(1e200, d(L[t])/d(s[t]))",
                           "hyper ρ = 1e39\n  a[t] = ρ * d(L[t])/d(s[t])"}) {
    EXPECT_MENTIONS(tried(line, "f32"), "too large for float32") << line;
    EXPECT_EQ(tried(line, "f64"), "") << line;
  }
  EXPECT_EQ(tried("a[t] = 1e38 * d(L[t])/d(s[t])", "f32"), "");
}

TEST(Inputs, IndicesAreNoNumbers) {
  TemporaryFolder folder;
  json input = small_case();
  for (const char* index : {"0.5", "1e-30", "1e30", "2"}) {
    input["cell"] = folder.write("c.eli", fmt::format("cell c(n, m) {{\n  input x[m]\n  state h[n] = 0\n  param W[n, n] ~ "
                                                      "uniform(-1, 1)\n  h[t][i] = tanh(W[{}, i] + x[t][0])\n}}\n", index));
    EXPECT_MENTIONS(refusal(input), "is no index") << index;
  }
}

TEST(Inputs, InitialisersThatComeToNoNumber) {
  TemporaryFolder folder;
  json input = small_case();
  input["cell"] = folder.write("c.eli", "cell c(n, m) {\n  input x[m]\n  state h[n] = 0\n  param W[n, m] ~ uniform(0, 1/(n-2))\n"
                                        "  h[t] = tanh(W . x[t])\n}\n");
  EXPECT_MENTIONS(refusal(input), "the initialiser of W comes to inf");
  input["sizes"]["n"] = 3;
  EXPECT_EQ(refusal(input), "");
}

TEST(Inputs, SettingsAreBounded) {
  const auto fault = [](const std::string& text) { return error_of([&] { parse_settings(text, "e.toml"); }); };
  std::string dotted = "a", list, tables, inline_tables;
  for (int i = 0; i < 100'000; ++i) dotted += ".a";
  for (int i = 0; i < 100'000; ++i) list += "[";
  for (int i = 0; i < 100'000; ++i) inline_tables += "{a=";
  EXPECT_MENTIONS(fault("x = 1\n" + dotted + " = 1"), "e.toml:2: a key has more than 200 parts");
  EXPECT_MENTIONS(fault("[" + dotted + "]\nx = 1"), "e.toml:1: a key has more than 200 parts");
  EXPECT_MENTIONS(fault("[[" + dotted + "]]\nx = 1"), "a key has more than 200 parts");
  EXPECT_MENTIONS(fault("x = {" + dotted + " = 1}"), "a key has more than 200 parts");
  EXPECT_MENTIONS(fault("x = " + list), "not TOML");
  EXPECT_MENTIONS(fault("x = " + inline_tables), "not TOML");
  EXPECT_MENTIONS(fault("x = 99999999999999999999"), "not TOML");
  EXPECT_MENTIONS(fault("x = 1e400"), "not TOML");
  EXPECT_EQ(fault("x = \"" + dotted + "\"\ny = [" + std::string(1000, ' ') + "1.5, 2.5]"), "");
  EXPECT_MENTIONS(error_of([] { read_settings("/dev/zero"); }), "larger than 4 MiB");
  for (const char* number : {"99999999999999999999", "1e400", "-1e400", "-99999999999999999999", "+9223372036854775808"})
    EXPECT_MENTIONS(error_of([&] { parse_override(std::string("train.batch=") + number); }), "is out of range") << number;
  for (const char* word : {"1.2.3", "rtrl", "2e", "e5", "-", "4_", "0x", "1e5e5"})
    EXPECT_EQ(error_of([&] { parse_override(std::string("name=") + word); }), "") << word;
  EXPECT_MENTIONS(error_of([&] { parse_override(dotted + "=1"); }) + error_of([&] { parse_override("x={" + dotted + "=1}"); }),
                  "a key has more than 200 parts");
}

TEST(Inputs, ManyFaultsOfAnExperimentAreNotAllListed) {
  TemporaryFolder folder;
  std::string text = read_text_file(find_experiment("quick_start", {}), 1 << 20) + "\n";
  for (int i = 0; i < 5000; ++i) text += fmt::format("[q{}]\ny = 1\n", i);
  const std::string path = folder.write("e.toml", text);
  const std::string said = error_of([&] { load_experiment(path, {}); });
  EXPECT_MENTIONS(said, "and more");
  EXPECT_LT(said.size(), 10'000u);
}

}  // namespace
}  // namespace eligo::test
