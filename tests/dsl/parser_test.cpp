#include "dsl/parser.h"

#include <gtest/gtest.h>

#include "support.h"

namespace eligo::dsl {
namespace {

using testing::parsed;

TEST(Parser, HeaderOfARule) {
  const File file = parsed("rule r(net: cell over neurons w, L: readout, n = 5, k = all) { }").file;
  ASSERT_EQ(file.items.size(), 1u);
  const auto& h = file.items[0].header;
  ASSERT_EQ(h.size(), 4u);
  EXPECT_EQ(h[0].role, ItemKind::cell);
  EXPECT_EQ(h[0].over, "w");
  EXPECT_EQ(h[1].role, ItemKind::readout);
  EXPECT_EQ(h[2].value, 5);
  EXPECT_TRUE(h[3].all);
}

TEST(Parser, AnInitialiserServesTheNamesBeforeIt) {
  const File file = parsed("cell c(n) { param A[n], B[n] = 0, C[n], D[n] ~ normal(0, 1) in [-1, 1], E[n] }").file;
  const auto& d = file.items[0].statements[0].decls;
  ASSERT_EQ(d.size(), 5u);
  EXPECT_EQ(d[0].init.kind, InitKind::value);
  EXPECT_TRUE(d[0].init_shared);
  EXPECT_FALSE(d[1].init_shared);
  EXPECT_EQ(d[2].init.distribution, "normal");
  EXPECT_TRUE(d[2].init_shared);
  EXPECT_NE(d[2].low, nullptr);
  EXPECT_EQ(d[4].init.kind, InitKind::none);
}

TEST(Parser, LeftSides) {
  const auto s =
      parsed("rule r(net: cell) { a[t] = 1; b[end] = 1; c[t][i, j] = 1; e = 1; m := 1; record f[t] = 1; θ[k+1] = 1 }")
          .file.items[0]
          .statements;
  EXPECT_EQ(s[0].time, (TimeIndex{TimeBase::t, 0}));
  EXPECT_EQ(s[1].time, (TimeIndex{TimeBase::end, 0}));
  EXPECT_EQ(s[2].indices.size(), 2u);
  EXPECT_FALSE(s[3].time);
  EXPECT_EQ(s[4].assign, AssignKind::assign);
  EXPECT_TRUE(s[5].record);
  EXPECT_EQ(s[6].time, (TimeIndex{TimeBase::k, 1}));
}

TEST(Parser, TheFirstBracketOfASynthHoldsIndices) {
  const auto s = parsed("readout r(n) { o[k] = 1; output q[i, k] = 2 }").file.items[0].statements;
  EXPECT_FALSE(s[0].time);
  EXPECT_EQ(s[0].indices.size(), 1u);
  EXPECT_EQ(s[1].indices.size(), 2u);
}

TEST(Parser, LearnLines) {
  const auto s = parsed("rule r(net: cell) { learn g.theta += 1 for t in start..end every window\n learn ψ -= 2 }")
                     .file.items[0]
                     .statements;
  EXPECT_EQ(s[0].name, "g.θ");
  EXPECT_EQ(s[0].sign, 1);
  EXPECT_EQ(s[0].range, LearnRange::from_start);
  EXPECT_EQ(s[0].every, "window");
  EXPECT_EQ(s[1].sign, -1);
  EXPECT_EQ(s[1].range, LearnRange::steps);
}

TEST(Parser, Blocks) {
  const auto s = parsed(
                     "rule r(net: cell) { at each t, for k in start..t-1 { V[k] = 1; θ := 2 }\n per neuron w, over "
                     "batch and t { mix := 1 } }")
                     .file.items[0]
                     .statements;
  EXPECT_EQ(s[0].kind, StatementKind::at_each);
  EXPECT_EQ(s[0].running, "k");
  EXPECT_EQ(as_time_index(*s[0].high), (TimeIndex{TimeBase::t, -1}));
  EXPECT_EQ(s[0].body.size(), 2u);
  EXPECT_EQ(s[1].kind, StatementKind::per_neuron);
  EXPECT_TRUE(s[1].over_time);
}

TEST(Parser, CallsHaveAxesAndOverrides) {
  const Statement s =
      parsed("rule r(net: cell) { a[t] = g(s[k]; θ[k]) + softmax[i, j](x) }").file.items[0].statements[0];
  const Expr& call = *s.value->args[0];
  EXPECT_EQ(call.kind, ExprKind::call);
  EXPECT_EQ(call.overrides.size(), 1u);
  EXPECT_EQ(s.value->args[1]->axes, (std::vector<std::string>{"i", "j"}));
}

TEST(Parser, SpansCoverTheirText) {
  const std::string text = "rule r(net: cell) { a[t] = 1 + (b . c) * d(x[t])/d(y) }";
  const Statement s = parsed(text).file.items[0].statements[0];
  const auto cut = [&](Span span) { return text.substr(span.begin, span.end - span.begin); };
  EXPECT_EQ(cut(s.value->span), "1 + (b . c) * d(x[t])/d(y)");
  EXPECT_EQ(cut(s.value->args[1]->span), "(b . c) * d(x[t])/d(y)");
  EXPECT_EQ(cut(s.value->args[1]->args[1]->span), "d(x[t])/d(y)");
  EXPECT_EQ(cut(s.time_span), "[t]");
  EXPECT_EQ(cut(s.span), "a[t] = 1 + (b . c) * d(x[t])/d(y)");
}

TEST(Parser, DepthIsBounded) {
  const auto nested = [](int n) {
    return testing::rule_with("a[t] = " + std::string(static_cast<std::size_t>(n), '(') + "1" +
                              std::string(static_cast<std::size_t>(n), ')'));
  };
  EXPECT_TRUE(testing::codes_of(nested(150)).empty());
  EXPECT_EQ(testing::codes_of(nested(300)), std::vector<std::string>{"E0204"});
  for (const std::string piece : {"(", "[", "-", "a^", "tanh(", "d(", "1 + ", "x . ", "a * "}) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += piece;
    EXPECT_FALSE(testing::codes_of(testing::rule_with("a[t] = " + text)).empty()) << piece;
  }
}

TEST(Parser, SizeIsBounded) {
  EXPECT_EQ(testing::codes_of(std::string((1 << 20) + 1, ' ')), std::vector<std::string>{"E0102"});
  std::string lines;
  for (int i = 0; i < 2500; ++i) lines += "a" + std::to_string(i) + "[t] = 1\n";
  EXPECT_EQ(testing::codes_of(testing::rule_with(lines)), std::vector<std::string>{"E0204"});
}

TEST(Parser, FilesThatCannotBeRead) {
  Diagnostics diagnostics;
  parse_file("no/such/file.eli", diagnostics);
  parse_file(testing::rules_folder(), diagnostics);
  ASSERT_EQ(diagnostics.list().size(), 2u);
  EXPECT_EQ(code_name(diagnostics.list()[0].code), "E0101");
  EXPECT_EQ(code_name(diagnostics.list()[1].code), "E0101");
}

TEST(TimeIndex, OnlyWholeOffsets) {
  const auto of = [](const std::string& text) {
    return as_time_index(
        *parsed("rule r(net: cell) { a[t] = b[" + text + "] }").file.items[0].statements[0].value->args[1]);
  };
  EXPECT_EQ(of("t"), (TimeIndex{TimeBase::t, 0}));
  EXPECT_EQ(of("t-1"), (TimeIndex{TimeBase::t, -1}));
  EXPECT_EQ(of("k+2-1"), (TimeIndex{TimeBase::k, 1}));
  EXPECT_EQ(of("last"), (TimeIndex{TimeBase::last, 0}));
  EXPECT_FALSE(of("2*t"));
  EXPECT_FALSE(of("t-0.5"));
  EXPECT_FALSE(of("1+t"));
  EXPECT_FALSE(of("t+99999999999999999999"));
}

}  // namespace
}  // namespace eligo::dsl
