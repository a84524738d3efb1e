#include <gtest/gtest.h>

#include "support.h"

namespace eligo::dsl {
namespace {

// print is a fixed point, and the tree survives it.
void expect_round_trip(const std::string& text) {
  Diagnostics first, second;
  const ParsedFile before = parse_text("before", text, first);
  ASSERT_TRUE(first.empty()) << render(first);
  const std::string printed = print(before.file);
  const ParsedFile after = parse_text("after", printed, second);
  ASSERT_TRUE(second.empty()) << render(second) << printed;
  EXPECT_EQ(testing::skeleton(before.file), testing::skeleton(after.file));
  EXPECT_EQ(print(after.file), printed);
}

TEST(Printer, ShippedFilesSurvive) {
  const auto files = testing::shipped_files();
  EXPECT_GE(files.size(), 20u);
  for (const std::string& path : files) {
    SCOPED_TRACE(path);
    expect_round_trip(testing::contents(path));
  }
}

TEST(Printer, OperatorsSurvive) {
  for (const std::string e : {"-(-a)",        "-a^2",         "(-a)^2",      "(-a)^-b",    "a^(-b)^c",
                              "a^b^c",        "(a^b)^c",      "-(a . b)",    "(-a) . b",   "a . (-b)",
                              "a . (b . c)",  "(a*b) . c",    "a - (b - c)", "a/(b/c)",    "a/b/c",
                              "(a < b) == c", "a + (b < c)",  "-(a + b)",    "(a + b)[i]", "(a . b).f",
                              "d(a)/d(b)[i]", "d(a)/d(b | c[t], s[t-1])", "a[t][i, j].f", "-a*b",        "a*(-b)",     "(θ before sequence) . a",
                              "f()",          "f(; p)",       "a^f(b)",      "(a < b)^2"}) {
    SCOPED_TRACE(e);
    expect_round_trip("synth g(n) { a = " + e + " }");
  }
}

TEST(Printer, NumbersKeepTheirDigits) {
  EXPECT_EQ(print(testing::parsed("synth g(n) { a = 1e-3 + 0.50 }").file), "synth g(n) {\n  a = 1e-3 + 0.50\n}\n");
}

}  // namespace
}  // namespace eligo::dsl
