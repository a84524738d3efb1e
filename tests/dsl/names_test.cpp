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
