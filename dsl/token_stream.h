// A cursor over tokens with the parser's way of failing: report, throw, resume at the next line.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "dsl/diagnostic.h"
#include "dsl/lexer.h"

namespace eligo::dsl {

struct ParseFailure {};  // thrown after the fault has been reported

class TokenStream {
 public:
  TokenStream(const SourcePtr& source, const Tokens& tokens, Diagnostics& diagnostics)
      : source_(source), tokens_(tokens.tokens), diagnostics_(diagnostics) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead(std::size_t n) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }
  const Token& previous() const { return tokens_[at_ == 0 ? 0 : at_ - 1]; }
  std::size_t position() const { return at_; }

  bool at_end() const { return current().kind == TokenKind::end; }
  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_symbol(std::string_view s) const { return is(TokenKind::symbol) && current().text == s; }
  bool is_word(std::string_view s) const { return is(TokenKind::name) && current().text == s; }

  const Token& take() {
    const Token& token = current();
    if (!at_end()) ++at_;
    return token;
  }
  bool accept(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    take();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!is_word(word)) return false;
    take();
    return true;
  }
  const Token& expect(std::string_view symbol, std::string_view where);
  void expect_word(std::string_view word, std::string_view where);
  const Token& expect_name(std::string_view what);

  // How the current token is called in a message.
  std::string found() const;
  [[noreturn]] void fail(Code code, std::string message, Span span, std::string help = "");
  // The current token where a closing bracket should be.
  [[noreturn]] void unclosed(std::string_view expected, const Token& open);
  [[noreturn]] void unexpected(std::string_view expected, std::string help = "");

  Span from(const Token& first) const { return {first.span.begin, std::max(first.span.end, previous().span.end)}; }
  Diagnostics& diagnostics() { return diagnostics_; }
  const SourcePtr& source() const { return source_; }

 private:
  const SourcePtr& source_;
  const std::vector<Token>& tokens_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
};

}  // namespace eligo::dsl
