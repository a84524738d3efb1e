// No file exhausts the stack or the time: what is nested too deeply is an error with a place, in expressions, and in
// equations that build on each other.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include <chrono>

#include "dsl/file.h"
#include "dsl/parser.h"
#include "dsl/report.h"
#include "support.h"

namespace eligo::dsl {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string first_error(const std::string& text) {
  Diagnostics diagnostics;
  const ParsedFile file = parse_text("test.eli", text, diagnostics);
  std::vector<TypedItemPtr> items;
  if (diagnostics.empty()) items = check(file, diagnostics);
  if (diagnostics.empty()) report(items);
  return diagnostics.empty()
             ? ""
             : fmt::format("{} {}", code_name(diagnostics.list()[0].code), diagnostics.list()[0].message);
}

TEST(Limits, NestedExpressions) {
  const std::string x = "d(L[t])/d(s[t])";
  for (const std::string& deep :
       {repeated("(", 100'000) + x + repeated(")", 100'000), repeated("-", 100'000) + x,
        repeated("tanh(", 100'000) + x + repeated(")", 100'000), x + repeated(" ^ 2", 100'000),
        x + repeated("[t]", 100'000), "s" + repeated(".s", 100'000), x + repeated(" + 1", 100'000),
        x + repeated(" * -1", 100'000), x + " . " + repeated("-", 100'000) + "1", repeated("d(", 100'000),
        repeated("sum[n](", 100'000), "g(" + repeated("g(; ", 100'000), repeated("a < (", 100'000)})
    EXPECT_TRUE(first_error(testing::rule_with("a[t] = " + deep)).starts_with("E0204")) << deep.substr(0, 40);
}

// w1[t] = …w0[t]…, w2[t] = …w1[t]…, …
std::string chain(int length, const std::string& before, const std::string& behind) {
  std::string text = "w0[t] = d(L[t])/d(s[t])\n";
  for (int i = 1; i < length; ++i) text += fmt::format("  w{}[t] = {}w{}[t]{}\n", i, before, i - 1, behind);
  return testing::rule_with(text + fmt::format("  learn ψ -= w{}[t] . d(s[t])/d(ψ)", length - 1));
}

TEST(Limits, EquationsThatBuildOnEachOther) {
  EXPECT_EQ(first_error(chain(200, "", " + 1")), "");
  EXPECT_EQ(first_error(chain(6, repeated("-", 150), "")), "");
  EXPECT_TRUE(first_error(chain(1900, "", " + 1")).starts_with("E0204"));
  EXPECT_TRUE(first_error(chain(1900, repeated("-", 150), "")).starts_with("E0204"));
  EXPECT_TRUE(first_error(chain(8, repeated("-", 150), "")).starts_with("E0204"));
  const std::string said = first_error(chain(700, "", ""));
  EXPECT_NE(said.find("`w49"), std::string::npos) << said;  // two levels each: the first beyond the bound
}

TEST(Limits, ChainsOfACellAndOfAFeedbackAreBoundedToo) {
  std::string cell = "cell c(n) {\n  state h[n] = 0\n  w0[t] = h[t-1]\n";
  for (int i = 1; i < 1900; ++i) cell += fmt::format("  w{}[t] = tanh(-w{}[t])\n", i, i - 1);
  EXPECT_TRUE(first_error(cell + "  h[t] = w1899[t]\n}\n").starts_with("E0204"));
  // A recurrence through many equations is a circle, and as long as they are together.
  std::string rule = "w0[t] = w1899[t-1] + d(L[t])/d(s[t])\n";
  for (int i = 1; i < 1900; ++i) rule += fmt::format("  w{}[t] = -w{}[t]\n", i, i - 1);
  EXPECT_TRUE(first_error(testing::rule_with(rule + "  learn ψ -= w1[t] . d(s[t])/d(ψ)")).starts_with("E0204"));
}

// Each equation reads the one before several times: the walk over names must not multiply.
TEST(Limits, EquationsThatDouble) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(first_error(chain(150, "tanh(w0[t]) * w0[t] + ", "")), "");
  std::string text = "w0[t] = d(L[t])/d(s[t])\n";
  for (int i = 1; i < 150; ++i) text += fmt::format("  w{0}[t] = w{1}[t]*w{1}[t] + w{1}[t-1]\n", i, i - 1);
  EXPECT_EQ(first_error(testing::rule_with(text + "  learn ψ -= w149[t] . d(s[t])/d(ψ)")), "");
  // The same where the names read a recurrence that runs backward, and in a block's statistics.
  const std::string doubled = text.substr(text.find('\n'));
  const std::string backward = "w0[t] = d(L[t])/d(s[t]) + w0[t+1] . d(s[t+1])/d(s[t])" + doubled;
  EXPECT_EQ(first_error(testing::rule_with(backward + "  learn ψ -= w149[t] . d(s[t])/d(ψ)")), "");
  std::string block = "per neuron w, over batch and t {\n  w0 = d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n";
  for (int i = 1; i < 150; ++i) block += fmt::format("  w{0} = w{1}*w{1} + w{1}\n", i, i - 1);
  EXPECT_EQ(first_error("rule r(net: cell over neurons w, L: readout) {\n  let s = net.state, ψ = net.params\n"
                        "  keep mix[w] = 0\n" +
                        block + "  mix := norm2(mean(w149))\n}\n}\n"),
            "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Limits, ConstantsThatAreNoNumbers) {
  for (const char* line : {"hyper ρ = 1e300*1e300", "hyper ρ = 1 in [0, 1e300*1e300]", "hyper ρ = 1/0",
                           "hyper ρ = 1 in [-1e200^2, 0]", "hyper ρ = sqrt(-1)", "window 1e30", "window 99999999999"})
    EXPECT_TRUE(first_error(testing::rule_with(std::string(line) + "\n  learn φ -= d(L[t])/d(φ)")).starts_with("E0507"))
        << line;
}

}  // namespace
}  // namespace eligo::dsl
