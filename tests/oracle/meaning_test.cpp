// Lines that say the same in two ways: the explicit form against dots and reductions, members of a part's own axes,
// numbers in initialisers. And what has no meaning is refused rather than taken for something else.
#include <gtest/gtest.h>

#include "dsl/diagnostic.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr const char* gated_cell = R"(
cell gated(n, m) {
  axis gate = {i, f}
  input x[m]
  state h[n] = 0
  param W[gate, n, n], U[gate, n, m], b[n] ~ normal(0, tanh(1)/sqrt(n))
  z[t] = W . h[t-1] + U . x[t]
  r[t][k] = W[f, k, i]*h[t-1][i]
  q[t] = W.f . h[t-1]
  f[t] = W.f . h[t-1] + U.f . x[t]
  h[t] = tanh(z[t].i*sigmoid(z[t].f) + b)
}
)";

class Meaning : public ::testing::Test {
 protected:
  ProgramSpec spec(const std::string& body, const std::vector<std::string>& show) const {
    folder_.write("r.eli", "rule r(net: cell, L: readout, n = 4) {\n  let s = net.state, ψ = net.params\n" + body +
                               "\n  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n}\n" + gated_cell);
    const std::string file = folder_ / "r.eli";
    ProgramSpec s = exact(net(file + ":r", file + ":gated", "linear_mse", "", 3));
    s.synth.clear();
    s.show = show;
    return s;
  }
  std::string refusal(const std::string& body) const {
    try {
      instantiate(spec(body, {"b"}));
    } catch (const dsl::SourceError& error) {
      return error.what();
    }
    return "";
  }
  void same(const std::string& body, const std::string& left, const std::string& right) const {
    Session session = make_session(spec(body, {left, right}), shape_);
    session.run(make_batch(shape_));
    const auto a = session.shown(left).values, b = session.shown(right).values;
    EXPECT_GE(difference(a, std::vector<double>(a.size(), 0)), 1e-3) << body;
    EXPECT_LE(difference(a, b), 1e-12) << body;
  }

  const TemporaryFolder folder_;
  const Shape shape_{.steps = 4, .examples = 2};
};

TEST_F(Meaning, LettersAreSummedOverTheirProduct) {
  same("  a[t] = s[t][i]*s[t][i]\n  b[t] = s[t] . s[t]", "a", "b");
  same(
      "  J[t] = d(s[t])/d(s[t-1])\n  a[t] = J[t][i, j]*J[t][j, i]\n  b[t] = sum(c[t])\n"
      "  P[t] = J[t] . J[t]\n  c[t] = P[t][i, i]",
      "a", "b");
}

// In `r` the letter i bears the name of a gate; it is a place of another axis all the same.
TEST_F(Meaning, ALetterIsAMemberOnlyOnTheMembersAxis) { same("", "net.r", "net.q"); }

TEST_F(Meaning, ARuleReadsMembersOfAPartsAxes) { same("  a[t] = net.z.f[t]", "a", "net.f"); }

TEST_F(Meaning, NumbersOfTheHeaderBeginKeepValues) {
  Session session = make_session(spec("  keep a = sqrt(n)", {}), shape_);
  EXPECT_EQ(session.get("a"), std::vector<double>{2});
}

TEST_F(Meaning, OnlyAVariableIsDifferentiatedBy) {
  EXPECT_EQ(refusal("  a[t] = s[t]\n  b[t] = d(L[t])/d(a[t])"), "");
  for (const char* product : {"s[t]*s[t]", "2*s[t]", "s[t]*s[t-1]"})
    EXPECT_NE(
        refusal(std::string("  a[t] = ") + product + "\n  b[t] = d(L[t])/d(a[t])").find("stands for an expression"),
        std::string::npos)
        << product;
}

}  // namespace
}  // namespace eligo::test
