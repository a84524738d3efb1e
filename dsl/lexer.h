// Text to tokens. Names come out canonical, line ends only where they end an equation, comments on the side.
//
// A line ends an equation except inside ( ) or [ ] and after an operator or a comma: there no `newline` token is made.
// A dot with blanks on both sides is the contraction, spelled "·" in the tokens; without blanks it is a member's ".".
#pragma once

#include <string>
#include <vector>

#include "dsl/diagnostic.h"

namespace eligo::dsl {

enum class TokenKind {
  name,
  number,
  symbol,
  newline,
  invalid,  // reported by the lexer; the parser fails there without another word
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  Span span;
  std::string text;  // name: canonical; number: as written; symbol: its ASCII spelling
  int line = 1;
};

struct SourceComment {
  std::string text;  // with its '#', without blanks at its end
  std::uint32_t begin = 0;
  int line = 1;
};

struct Tokens {
  std::vector<Token> tokens;  // the last one is `end`
  std::vector<SourceComment> comments;
};

Tokens lex(const SourcePtr& source, Diagnostics& diagnostics);

}  // namespace eligo::dsl
