#include "dsl/lexer.h"

#include <gtest/gtest.h>

namespace eligo::dsl {
namespace {

std::string spelled(const std::string& text) {
  Diagnostics diagnostics;
  const auto source = std::make_shared<const Source>(Source{"test.eli", text});
  std::string out;
  for (const Token& t : lex(source, diagnostics).tokens) {
    if (t.kind == TokenKind::end) break;
    out += (out.empty() ? "" : " ") + (t.kind == TokenKind::newline   ? "|"
                                       : t.kind == TokenKind::invalid ? "?"
                                                                      : t.text);
  }
  return out;
}

TEST(Lexer, NamesAndNumbers) {
  EXPECT_EQ(spelled("a_1 beta1 ψ 12 1.5 2e-3 .5 0..3"), "a_1 β1 ψ 12 1.5 2e-3 .5 0 .. 3 |");
  EXPECT_EQ(spelled("1.e"), "1 . e |");
  EXPECT_EQ(spelled("x.f"), "x . f |");
}

TEST(Lexer, DotsByTheirBlanks) {
  EXPECT_EQ(spelled("A . B"), "A · B |");
  EXPECT_EQ(spelled("A · B"), "A · B |");
  EXPECT_EQ(spelled("z.f[t]"), "z . f [ t ] |");
  EXPECT_EQ(spelled("A .\nB"), "A · B |");
}

TEST(Lexer, LineEndsEndEquations) {
  EXPECT_EQ(spelled("a = b\nc = d"), "a = b | c = d |");
  EXPECT_EQ(spelled("a = b +\nc,\nd"), "a = b + c , d |");
  EXPECT_EQ(spelled("f(a\n,b\n)\nc"), "f ( a , b ) | c |");
  EXPECT_EQ(spelled("a[1\n]\n\n\nb"), "a [ 1 ] | b |");
  EXPECT_EQ(spelled("x = (a\n}\ny"), "x = ( a } | y |");
  EXPECT_EQ(spelled("a =  # comment\n b"), "a = b |");
}

TEST(Lexer, Symbols) {
  EXPECT_EQ(spelled("a:=b+=c-=d==e!=f<=g>=h<i>j"), "a := b += c -= d == e != f <= g >= h < i > j |");
  EXPECT_EQ(spelled("\xEF\xBB\xBF"
                    "a\r\nb"),
            "a | b |");
  EXPECT_EQ(spelled("∂(a)"), "d ( a ) |");
}

TEST(Lexer, FaultyCharactersBecomeInvalidTokens) {
  EXPECT_EQ(spelled("a \xFF b"), "a ? b |");
  EXPECT_EQ(spelled("a \xC0\xAF b"), "a ? b |");      // overlong
  EXPECT_EQ(spelled("a \xED\xA0\x80 b"), "a ? b |");  // surrogate
  EXPECT_EQ(spelled("a\xE2\x88"), "a ? |");           // cut short
  EXPECT_EQ(spelled(std::string("a\0b", 3)), "a ? b |");
}

TEST(Lexer, CommentsStandAside) {
  Diagnostics diagnostics;
  const auto source = std::make_shared<const Source>(Source{"test.eli", "# one  \na # two\n#"});
  const Tokens tokens = lex(source, diagnostics);
  ASSERT_EQ(tokens.comments.size(), 3u);
  EXPECT_EQ(tokens.comments[0].text, "# one");
  EXPECT_EQ(tokens.comments[1].text, "# two");
  EXPECT_EQ(tokens.comments[1].line, 2);
  EXPECT_EQ(tokens.comments[2].text, "#");
}

TEST(Lexer, GarbageIsNotReportedWithoutEnd) {
  Diagnostics diagnostics;
  const auto source = std::make_shared<const Source>(Source{"test.eli", std::string(100000, '$')});
  lex(source, diagnostics);
  EXPECT_LE(diagnostics.list().size(), 50u);
}

}  // namespace
}  // namespace eligo::dsl
