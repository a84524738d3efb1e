#include "dsl/names.h"

#include <gtest/gtest.h>

namespace eligo::dsl {
namespace {

TEST(Names, GreekWordsFold) {
  EXPECT_EQ(canonical("lambda"), "λ");
  EXPECT_EQ(canonical("Omega"), "Ω");
  EXPECT_EQ(canonical("beta1"), "β1");
  EXPECT_EQ(canonical("lambda_max"), "λ_max");
  EXPECT_EQ(canonical("g.theta"), "g.θ");
}

TEST(Names, WordsThatOnlyContainAGreekOneStay) {
  EXPECT_EQ(canonical("pivot"), "pivot");
  EXPECT_EQ(canonical("beta1x"), "β1x");
  EXPECT_EQ(canonical("xi2pi"), "ξ2π");
  EXPECT_EQ(canonical("metapsi"), "metapsi");
  EXPECT_EQ(canonical(""), "");
}

TEST(Names, LookAlikesFold) {
  EXPECT_EQ(canonical("\u00B5"), "\u03BC");
  EXPECT_EQ(canonical("\u03D5"), "\u03C6");
  EXPECT_EQ(canonical("\u03F5"), "\u03B5");
  EXPECT_EQ(canonical("\u03D1"), "\u03B8");
}

TEST(Names, MarksCombineWithTheirLetters) {
  EXPECT_EQ(canonical("e\u0301"), "\u00E9");
  EXPECT_EQ(canonical("net.e\u0301"), "net.\u00E9");
  EXPECT_EQ(canonical("u\u0308\u0304x"), "\u01D6x");  // one after the other
  EXPECT_EQ(canonical("o\u0304\u0328"), "\u01ED");     // in whatever order they stand
  EXPECT_EQ(canonical("\u01EB\u0304"), "\u01ED");      // one of them joined already
  EXPECT_EQ(canonical("\u03B9\u0308\u0301"), "\u0390");
  EXPECT_EQ(canonical("E\u0302\u0302"), "\u00CA\u0302");  // what does not join stays
  EXPECT_EQ(canonical("\u0301e"), "\u0301e");
  EXPECT_EQ(canonical("\xCC"), "\xCC");  // no character at all
}

TEST(Names, AsciiIsTheWayBack) {
  EXPECT_EQ(ascii("λ"), "lambda");
  EXPECT_EQ(ascii("β1"), "beta1");
  EXPECT_EQ(ascii("plain"), "plain");
  for (const char* name : {"alpha", "omega", "Gamma", "psi2", "x_mu"}) EXPECT_EQ(ascii(canonical(name)), name);
}

TEST(Names, NearestFindsTypos) {
  EXPECT_EQ(nearest("gian", {"gain", "loss"}), "gain");
  EXPECT_EQ(nearest("sigmiod", {"sigmoid", "sign"}), "sigmoid");
  EXPECT_EQ(nearest("n", {"m", "N"}), "N");
  EXPECT_EQ(nearest("θ1", {"φ1", "Θ1"}), "");
  EXPECT_EQ(nearest("completely", {"different"}), "");
  EXPECT_EQ(nearest("same", {"same"}), "");
}

}  // namespace
}  // namespace eligo::dsl
