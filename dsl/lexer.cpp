#include "dsl/lexer.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "dsl/compose.h"
#include "dsl/names.h"
#include "support/utf8.h"

namespace eligo::dsl {
namespace {

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

bool starts_name(char32_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') return true;
  if (c == 0xB5 || c == 0x2126 || c == 0x2113) return true;                   // µ, Ω (ohm), ℓ
  if (c >= 0xC0 && c <= 0x24F) return c != 0xD7 && c != 0xF7;                 // Latin letters
  return c >= 0x370 && c <= 0x3FF && c != 0x37E && c != 0x387 && c != 0x375;  // Greek
}

bool continues_name(char32_t c) { return starts_name(c) || is_digit(c); }

bool is_superscript(char32_t c) {
  return c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0x2070 && c <= 0x207F) || (c >= 0x1D2C && c <= 0x1D6A);
}
bool is_subscript(char32_t c) { return c >= 0x2080 && c <= 0x209C; }

// What a character that does not belong here probably stands for.
struct Fix {
  char32_t code;
  std::string_view name, write;
};
constexpr std::array<Fix, 14> fixes = {{
    {0x2212, "a minus sign of Unicode", "-"},
    {0x2013, "a dash", "-"},
    {0x00D7, "a multiplication sign", "*"},
    {0x2217, "an asterisk operator", "*"},
    {0x22C5, "a dot operator", "·"},
    {0x00F7, "a division sign", "/"},
    {0x2264, "a relation sign", "<="},
    {0x2265, "a relation sign", ">="},
    {0x2260, "a relation sign", "!="},
    {0x00A0, "a no-break space", "an ordinary blank"},
    {0x2026, "an ellipsis", ".."},
    {'@', "an at sign", "A . B for a matrix product"},
    {'%', "a percent sign", "# for a comment"},
    {'\'', "a quote", "names without primes, such as h1"},
}};

class Lexer {
 public:
  Lexer(const SourcePtr& source, Diagnostics& diagnostics)
      : source_(source), text_(source->text), diagnostics_(diagnostics) {}

  Tokens run() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    const std::size_t limit = diagnostics_.list().size() + 50;  // garbage is not worth more
    while (at_ < text_.size() && diagnostics_.list().size() < limit) step();
    newline();
    out_.tokens.push_back({TokenKind::end, span_from(static_cast<std::uint32_t>(text_.size())), "", line_});
    return std::move(out_);
  }

 private:
  Span span_from(std::uint32_t begin) const { return {begin, static_cast<std::uint32_t>(at_)}; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void step() {
    const char c = peek();
    if (c == '\n') {
      newline();
      ++at_;
      ++line_;
      return;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
      return;
    }
    if (c == '#') return comment();
    const Character character = decode(text_, at_);
    if (character.length == 0) return not_utf8();
    if (is_digit(character.code) || (c == '.' && is_digit(static_cast<unsigned char>(peek(1))) && !follows_operand()))
      return number();
    if (starts_name(character.code) || character.code == 0x2206) return name();
    if (character.code == 0x2202) return push(TokenKind::name, character.length, "d");  // ∂
    if (c == '.' || character.code == 0xB7) return dot(character.length);
    if (!symbol()) stray(character);
  }

  void newline() {
    if (depth_ > 0 || out_.tokens.empty()) return;
    const Token& last = out_.tokens.back();
    if (last.kind == TokenKind::newline) return;
    static constexpr std::string_view closing[] = {")", "]", "{", "}", ";"};
    if (last.kind == TokenKind::symbol) {
      bool closes = false;
      for (const std::string_view s : closing) closes = closes || last.text == s;
      if (!closes) return;
    }
    out_.tokens.push_back(
        {TokenKind::newline, {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_)}, "", line_});
  }

  void comment() {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    for (std::size_t i = at_; i < end;) {
      const Character c = decode(text_, i);
      if (c.length == 0) {
        at_ = i;
        report_byte();
        at_ = end;
        return;
      }
      i += c.length;
    }
    std::string_view text = text_.substr(at_, end - at_);
    while (text.ends_with('\r') || text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    out_.comments.push_back({std::string(text), static_cast<std::uint32_t>(at_), line_});
    at_ = end;
  }

  void not_utf8() {
    const Span span = report_byte();
    out_.tokens.push_back({TokenKind::invalid, span, "", line_});
  }

  Span report_byte() {
    const auto begin = static_cast<std::uint32_t>(at_);
    const unsigned value = static_cast<unsigned char>(text_[at_]);
    while (at_ < text_.size() && (text_[at_] & 0x80) != 0 && decode(text_, at_).length == 0) ++at_;
    diagnostics_
        .error(Code::E0103, fmt::format("this is not UTF-8: the byte 0x{:02X} starts no character", value), source_,
               span_from(begin))
        .help.push_back("save the file as UTF-8");
    return span_from(begin);
  }

  bool follows_operand() const {
    if (out_.tokens.empty()) return false;
    const Token& last = out_.tokens.back();
    if (last.span.end != at_) return false;
    return last.kind == TokenKind::name || last.kind == TokenKind::number || last.text == "]" || last.text == ")";
  }

  void digits() {
    while (is_digit(static_cast<unsigned char>(peek()))) ++at_;
  }

  void number() {
    const auto begin = static_cast<std::uint32_t>(at_);
    digits();
    if (peek() == '.' && is_digit(static_cast<unsigned char>(peek(1)))) {
      ++at_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      const bool sign = peek(1) == '+' || peek(1) == '-';
      if (is_digit(static_cast<unsigned char>(peek(sign ? 2 : 1)))) {
        at_ += sign ? 2 : 1;
        digits();
      }
    }
    const std::string text(text_.substr(begin, at_ - begin));
    const Character next = at_ < text_.size() ? decode(text_, at_) : Character{};
    if (next.length != 0 && starts_name(next.code)) {
      const std::size_t end_of_number = at_;
      while (at_ < text_.size()) {
        const Character c = decode(text_, at_);
        if (c.length == 0 || !continues_name(c.code)) break;
        at_ += c.length;
      }
      const std::string rest(text_.substr(end_of_number, at_ - end_of_number));
      diagnostics_
          .error(Code::E0107, fmt::format("`{}{}` is neither a number nor a name", text, rest), source_,
                 span_from(begin))
          .help.push_back(fmt::format("a product is written with a star: {} * {}", text, rest));
    } else if (const std::string fault = out_of_range(text); !fault.empty()) {
      diagnostics_.error(Code::E0107, fault, source_, span_from(begin));
      out_.tokens.push_back({TokenKind::number, span_from(begin), "0", line_});
      return;
    }
    out_.tokens.push_back({TokenKind::number, span_from(begin), text, line_});
  }

  // Numbers are those that a double holds: what would become infinite or zero is not what was written.
  static std::string out_of_range(const std::string& text) {
    if (text.size() > 40) return "this number has more than 40 characters";
    const double value = std::strtod(text.c_str(), nullptr);
    if (std::isinf(value)) return fmt::format("the number {} is too large: the largest is about 1.8e308", text);
    const bool zero = text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == std::string::npos;
    if (value == 0 && !zero) return fmt::format("the number {} is too small: the smallest is about 4.9e-324", text);
    return "";
  }

  void name() {
    const auto begin = static_cast<std::uint32_t>(at_);
    while (at_ < text_.size()) {
      const Character c = decode(text_, at_);
      if (c.length == 0 || !(continues_name(c.code) || c.code == 0x2206 || is_combining_mark(c.code))) break;
      at_ += c.length;
    }
    std::string text = canonical(text_.substr(begin, at_ - begin));
    for (std::size_t i = 0; i < text.size(); i += decode(text, i).length)
      if (const char32_t mark = decode(text, i).code; is_combining_mark(mark)) {
        diagnostics_
            .error(Code::E0104,
                   fmt::format("a combining mark, U+{:04X}, and the letter before it are no letter of the language",
                               static_cast<unsigned>(mark)),
                   source_, span_from(begin))
            .help.push_back("names are made of Latin and Greek letters, digits and underscores");
        out_.tokens.push_back({TokenKind::invalid, span_from(begin), "", line_});
        return;
      }
    if (text.size() > 200) {
      diagnostics_.error(Code::E0108, "this name has more than 200 bytes", source_, span_from(begin));
      text.resize(1);
    }
    out_.tokens.push_back({TokenKind::name, span_from(begin), std::move(text), line_});
  }

  void push(TokenKind kind, std::size_t length, std::string text) {
    const auto begin = static_cast<std::uint32_t>(at_);
    at_ += length;
    out_.tokens.push_back({kind, span_from(begin), std::move(text), line_});
  }

  void dot(std::size_t length) {
    if (peek() == '.' && peek(1) == '.') return push(TokenKind::symbol, 2, "..");
    const auto blank = [&](std::size_t i) {
      return i >= text_.size() || text_[i] == ' ' || text_[i] == '\t' || text_[i] == '\n' || text_[i] == '\r';
    };
    const bool before = at_ == 0 || blank(at_ - 1), after = blank(at_ + length);
    if (before != after) {
      const auto begin = static_cast<std::uint32_t>(at_);
      auto& d = diagnostics_.error(Code::E0106, "a dot with a blank on one side only", source_,
                                   {begin, begin + static_cast<std::uint32_t>(length)});
      d.help.push_back("with blanks on both sides it contracts: A . B; without blanks it takes a member: z.f");
    }
    push(TokenKind::symbol, length, before || after ? "·" : ".");
  }

  bool symbol() {
    static constexpr std::string_view symbols[] = {":=", "+=", "-=", "==", "!=", "<=", ">=", "(", ")",
                                                   "[",  "]",  "{",  "}",  ",",  ";",  ":",  "=", "<",
                                                   ">",  "+",  "-",  "*",  "/",  "^",  "~", "|"};
    for (const std::string_view s : symbols) {
      if (!text_.substr(at_).starts_with(s)) continue;
      if (s == "(" || s == "[") ++depth_;
      if ((s == ")" || s == "]") && depth_ > 0) --depth_;
      if (s == "{" || s == "}") depth_ = 0;  // an unclosed bracket does not swallow the rest of the file
      push(TokenKind::symbol, s.size(), std::string(s));
      return true;
    }
    return false;
  }

  void stray(Character character) {
    const auto begin = static_cast<std::uint32_t>(at_);
    at_ += character.length;
    const Span span = span_from(begin);
    out_.tokens.push_back({TokenKind::invalid, span, "", line_});
    const std::string shown(text_.substr(begin, character.length));
    if (is_superscript(character.code)) {
      diagnostics_.error(Code::E0105, fmt::format("`{}` is a superscript", shown), source_, span)
          .help.push_back("write powers with ^: x^2");
      return;
    }
    if (is_subscript(character.code)) {
      diagnostics_.error(Code::E0105, fmt::format("`{}` is a subscript", shown), source_, span)
          .help.push_back("write time in brackets, h[t-1], and other subscripts as part of the name, h1");
      return;
    }
    for (const Fix& fix : fixes) {
      if (fix.code != character.code) continue;
      diagnostics_
          .error(Code::E0104, fmt::format("`{}`, {}, is no part of the language", shown, fix.name), source_, span)
          .help.push_back(fmt::format("write {}", fix.write));
      return;
    }
    if (is_combining_mark(character.code)) {
      diagnostics_.error(Code::E0104,
                         fmt::format("a combining mark, U+{:04X}, stands behind no letter",
                                     static_cast<unsigned>(character.code)),
                         source_, span);
      return;
    }
    const bool printable = character.code >= 0x20 && character.code != 0x7F;
    const std::string what = printable
                                 ? fmt::format("`{}`", shown)
                                 : fmt::format("the control character 0x{:02X}", static_cast<unsigned>(character.code));
    diagnostics_.error(Code::E0104, fmt::format("{} is no part of the language", what), source_, span);
  }

  const SourcePtr& source_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;  // of ( and [
  Tokens out_;
};

}  // namespace

Tokens lex(const SourcePtr& source, Diagnostics& diagnostics) { return Lexer(source, diagnostics).run(); }

}  // namespace eligo::dsl
