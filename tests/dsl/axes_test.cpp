#include "dsl/axes.h"

#include <gtest/gtest.h>

#include "dsl/check.h"
#include "support.h"

namespace eligo::dsl {
namespace {

using Axes = std::vector<std::string>;

TEST(Axes, TheShortestRunContracts) {
  EXPECT_EQ(contract({"s"}, {"s", "θ"}), Axes{"θ"});
  EXPECT_EQ(contract({"s", "s"}, {"s", "s"}), (Axes{"s", "s"}));
  EXPECT_EQ(contract({"a", "b", "c"}, {"b", "c", "d"}), (Axes{"a", "d"}));
  EXPECT_EQ(contract({"s"}, {"s"}), Axes{});
  EXPECT_FALSE(contract({"s", "θ"}, {"s", "s"}));
  EXPECT_FALSE(contract({}, {"s"}));
}

TEST(Axes, AlignmentGoesByName) {
  EXPECT_EQ(align({"n", "m"}, {"m"}, ""), (Axes{"n", "m"}));
  EXPECT_EQ(align({"n", "m"}, {"m", "n"}, ""), (Axes{"n", "m"}));
  EXPECT_EQ(align({"n", "n"}, {"n", "n"}, ""), (Axes{"n", "n"}));
  EXPECT_EQ(align({}, {"n"}, ""), Axes{"n"});
  EXPECT_FALSE(align({"n", "n"}, {"n"}, ""));
  EXPECT_FALSE(align({"n"}, {"m"}, ""));
  EXPECT_TRUE(is_ambiguous({"n", "n"}, {"n"}));
  EXPECT_FALSE(is_ambiguous({"n"}, {"m"}));
}

TEST(Axes, NeuronsLieWithinBundlesOfTheCell) {
  EXPECT_EQ(align({"w"}, {"net.state"}, "w"), Axes{"net.state"});
  EXPECT_EQ(align({"net.state", "net.params"}, {"w"}, "w"), (Axes{"net.state", "net.params"}));
  EXPECT_FALSE(align({"w"}, {"n"}, "w"));
  EXPECT_FALSE(align({"net.state", "net.state"}, {"w"}, "w"));
  EXPECT_FALSE(align({"v"}, {"net.state"}, "w"));
}

std::string shape_of(const std::string& body, const std::string& name) {
  const ParsedFile file = testing::parsed(testing::rule_with(body));
  Diagnostics diagnostics;
  diagnostics.current = file.source;
  const Scope scope(file.file.items[0], diagnostics);
  const Inference inference = infer_axes(scope, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << render(diagnostics);
  const Shape shape = inference.names.at(name).shape;
  return shape.is_known() ? scope.shown(shape.axes) : "?";
}

TEST(Inference, RecurrencesTakeTheAxesOfTheirOtherTerms) {
  EXPECT_EQ(shape_of("J[t] = d(s[t])/d(s[t-1])\ne[t] = 0.5*J[t] . e[t-1] + d(g(s[t]))/d(θ)", "e"), "[s, θ]");
  EXPECT_EQ(shape_of("r[t] = r[t+1] . d(s[t+1])/d(s[t]) + d(L[t])/d(s[t])", "r"), "[s]");
  EXPECT_EQ(shape_of("a[t] = 1 + b[t-1]\nb[t] = a[t]*d(L[t])/d(s[t])", "a"), "[s]");
  EXPECT_EQ(shape_of("v[t] = (d(L[t+1])/d(s[t+1]) + 0.9*v[t+1]) . d(s[t+1])/d(s[t])\nv[end] = g(s[end])", "v"), "[s]");
  EXPECT_EQ(shape_of("a[t] = a[t-1]", "a"), "?");
}

TEST(Inference, CallsHaveTheAxesOfTheirInput) {
  EXPECT_EQ(shape_of("G[t] = g(s[t])", "G"), "[s]");
  EXPECT_EQ(shape_of("G[t] = g(x[t])", "G"), "[x]");
  EXPECT_EQ(shape_of("G[t] = g(x[t], s[t-1])", "G"), "[s]");
  EXPECT_EQ(shape_of("G[t] = d(g(s[t]; θ))/d(θ)", "G"), "[s, θ]");
}

TEST(Inference, AGuessCausesNoErrors) {
  EXPECT_TRUE(
      testing::codes_of(testing::rule_with("H[t] = g(x[t], s[t-1])\na[t] = H[t] + x[t]\nb[t] = x[t] . H[t]")).empty());
  EXPECT_EQ(testing::codes_of(testing::rule_with("H[t] = g(s[t-1])\na[t] = H[t] + x[t]")),
            std::vector<std::string>{"E0305"});
}

}  // namespace
}  // namespace eligo::dsl
