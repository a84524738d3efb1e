#include "dsl/token_stream.h"

#include <fmt/core.h>

namespace eligo::dsl {

std::string TokenStream::found() const {
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::end: return "the end of the file";
    case TokenKind::newline: return "the end of the line";
    case TokenKind::invalid: return "a faulty character";
    case TokenKind::symbol:
      if (token.text == "·") return "a dot with blanks";
      if (token.text == ".") return "a dot without blanks";
      [[fallthrough]];
    default: return fmt::format("`{}`", token.text);
  }
}

void TokenStream::fail(Code code, std::string message, Span span, std::string help) {
  if (is(TokenKind::invalid)) throw ParseFailure{};  // reported already
  Diagnostic& d = diagnostics_.error(code, std::move(message), source_, span);
  if (!help.empty()) d.help.push_back(std::move(help));
  throw ParseFailure{};
}

void TokenStream::unclosed(std::string_view expected, const Token& open) {
  if (!is(TokenKind::invalid)) {
    const std::string_view what = open.text == "{" ? "brace" : "bracket";
    diagnostics_.error(Code::E0203, fmt::format("expected {}, found {}", expected, found()), source_, current().span)
        .labels.push_back({source_, open.span, fmt::format("the {} opened here", what)});
  }
  throw ParseFailure{};
}

void TokenStream::unexpected(std::string_view expected, std::string help) {
  fail(Code::E0201, fmt::format("expected {}, found {}", expected, found()), current().span, std::move(help));
}

const Token& TokenStream::expect(std::string_view symbol, std::string_view where) {
  if (!is_symbol(symbol)) unexpected(fmt::format("`{}` {}", symbol, where));
  return take();
}

void TokenStream::expect_word(std::string_view word, std::string_view where) {
  if (!accept_word(word)) unexpected(fmt::format("`{}` {}", word, where));
}

const Token& TokenStream::expect_name(std::string_view what) {
  if (!is(TokenKind::name)) unexpected(what);
  return take();
}

}  // namespace eligo::dsl
