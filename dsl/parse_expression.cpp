#include "dsl/parse_expression.h"

#include <fmt/core.h>

#include <cstdlib>

#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExprPtr comparison() {
    const Token& first = tokens_.current();
    ExprPtr left = sum();
    static constexpr std::string_view operators[] = {"<", "<=", ">", ">=", "==", "!="};
    for (const std::string_view op : operators) {
      if (!tokens_.is_symbol(op)) continue;
      tokens_.take();
      Expr e = node(ExprKind::compare, {std::move(left), sum()});
      e.name = op;
      left = make(std::move(e), first);
      for (const std::string_view again : operators) {
        if (tokens_.is_symbol(again))
          tokens_.unexpected("the end of the comparison", "comparisons do not chain: write (a < b) * (b < c)");
      }
      break;
    }
    return left;
  }

 private:
  // Parentheses, negations and exponents recurse: counted, so that the parser itself cannot overflow.
  struct Level {
    explicit Level(ExpressionParser& p) : parser(p) {
      if (++parser.level_ > max_depth) parser.too_deep(parser.tokens_.current().span);
    }
    ~Level() { --parser.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    ExpressionParser& parser;
  };

  [[noreturn]] void too_deep(Span span) {
    tokens_.fail(Code::E0204, fmt::format("this is nested more than {} levels deep", max_depth), span,
                 "give a part of it a name of its own");
  }

  static Expr node(ExprKind kind, std::vector<ExprPtr> args) {
    Expr e;
    e.kind = kind;
    e.args = std::move(args);
    return e;
  }

  ExprPtr make(Expr e, const Token& first) {
    e.span = tokens_.from(first);
    for (const ExprPtr& a : e.args) e.depth = std::max(e.depth, a->depth + 1);
    for (const ExprPtr& a : e.overrides) e.depth = std::max(e.depth, a->depth + 1);
    if (e.depth > max_depth) too_deep(e.span);
    return std::make_shared<const Expr>(std::move(e));
  }

  ExprPtr binary(ExprKind kind, const Token& first, ExprPtr left, ExprPtr right) {
    return make(node(kind, {std::move(left), std::move(right)}), first);
  }

  ExprPtr sum() {
    const Token& first = tokens_.current();
    ExprPtr left = product();
    while (tokens_.is_symbol("+") || tokens_.is_symbol("-")) {
      const ExprKind kind = tokens_.take().text == "+" ? ExprKind::add : ExprKind::subtract;
      left = binary(kind, first, left, product());
    }
    return left;
  }

  ExprPtr product() {
    const Token& first = tokens_.current();
    ExprPtr left = negation();
    while (tokens_.is_symbol("*") || tokens_.is_symbol("/")) {
      const ExprKind kind = tokens_.take().text == "*" ? ExprKind::multiply : ExprKind::divide;
      left = binary(kind, first, left, negation());
    }
    return left;
  }

  ExprPtr negation() {
    if (!tokens_.is_symbol("-")) return contraction();
    const Level level(*this);
    const Token& first = tokens_.take();
    return make(node(ExprKind::negate, {negation()}), first);
  }

  ExprPtr contraction() {
    const Token& first = tokens_.current();
    ExprPtr left = power();
    while (tokens_.is_symbol("·")) {
      tokens_.take();
      left = binary(ExprKind::contract, first, left, signed_power());
    }
    return left;
  }

  ExprPtr signed_power() {
    if (!tokens_.is_symbol("-")) return power();
    const Level level(*this);
    const Token& first = tokens_.take();
    return make(node(ExprKind::negate, {signed_power()}), first);
  }

  ExprPtr power() {
    const Token& first = tokens_.current();
    ExprPtr base = postfix();
    if (!tokens_.accept("^")) return base;
    const Level level(*this);
    return binary(ExprKind::power, first, base, signed_power());
  }

  ExprPtr postfix() {
    const Token& first = tokens_.current();
    ExprPtr e = primary();
    while (true) {
      if (tokens_.is_symbol("[")) {
        tokens_.take();
        Expr index = node(ExprKind::index, {e});
        list(index.args, "]", "an index");
        e = make(std::move(index), first);
        if (tokens_.is_symbol("(")) e = call_with_axes(first, *e);
      } else if (tokens_.is_symbol(".")) {
        tokens_.take();
        Expr member = node(ExprKind::member, {e});
        member.name = tokens_.expect_name("the name of a member behind the dot").text;
        e = make(std::move(member), first);
      } else if (tokens_.is_word("before")) {
        tokens_.take();
        tokens_.expect_word("sequence", "behind `before`");
        e = make(node(ExprKind::before, {e}), first);
      } else {
        return e;
      }
    }
  }

  // Reads `a, b, c close` behind the opening bracket.
  void list(std::vector<ExprPtr>& out, std::string_view close, std::string_view what) {
    const Level level(*this);
    const Token open = tokens_.previous();
    if (tokens_.is_symbol(close)) tokens_.unexpected(what);
    while (true) {
      out.push_back(comparison());
      if (!tokens_.accept(",")) break;
    }
    close_bracket(open, close);
  }

  void close_bracket(const Token& open, std::string_view close) {
    if (!tokens_.accept(close)) tokens_.unclosed(fmt::format("`{}`", close), open);
  }

  ExprPtr call_with_axes(const Token& first, const Expr& index) {
    Expr call;
    call.kind = ExprKind::call;
    if (index.args[0]->kind != ExprKind::name) tokens_.unexpected("an operator", "only a plain name can be called");
    call.name = index.args[0]->name;
    for (std::size_t i = 1; i < index.args.size(); ++i) {
      const Expr& axis = *index.args[i];
      if (axis.kind != ExprKind::name)
        tokens_.fail(Code::E0201, "expected the name of an axis in the brackets of a call", axis.span);
      call.axes.push_back(axis.name);
    }
    return arguments(std::move(call), first);
  }

  ExprPtr arguments(Expr call, const Token& first) {
    const Level level(*this);
    const Token open = tokens_.take();
    std::vector<ExprPtr>* out = &call.args;
    while (!tokens_.is_symbol(")")) {
      if (out == &call.args && tokens_.accept(";")) {
        out = &call.overrides;
        continue;
      }
      out->push_back(comparison());
      if (tokens_.is_symbol(";") && out == &call.args) continue;
      if (!tokens_.accept(",")) break;
      if (tokens_.is_symbol(")")) tokens_.unexpected("an argument");
    }
    close_bracket(open, ")");
    return make(std::move(call), first);
  }

  ExprPtr derivative(const Token& first) {
    static constexpr const char* form = "a derivative is written d(a)/d(b), or d(a)/d(b | c) with c held";
    Expr e;
    e.kind = ExprKind::derivative;
    tokens_.take();
    e.args.push_back(in_parentheses());
    if (!tokens_.is_symbol("/") || tokens_.ahead(1).text != "d" || tokens_.ahead(2).text != "(") {
      tokens_.fail(Code::E0206, fmt::format("expected `/d(` behind `d(…)`, found {}", tokens_.found()),
                   tokens_.current().span, form);
    }
    tokens_.take();
    tokens_.take();
    denominator(e);
    return make(std::move(e), first);
  }

  // (b), or (b | c, ...)
  void denominator(Expr& derivative) {
    const Level level(*this);
    const Token open = tokens_.expect("(", "to open the denominator");
    derivative.args.push_back(comparison());
    if (tokens_.is_symbol("|")) {
      do {
        tokens_.take();
        derivative.args.push_back(comparison());
      } while (tokens_.is_symbol(","));
    }
    close_bracket(open, ")");
  }

  ExprPtr in_parentheses() {
    const Level level(*this);
    const Token open = tokens_.expect("(", "to open a group");
    ExprPtr e = comparison();
    close_bracket(open, ")");
    return e;
  }

  ExprPtr primary() {
    const Token& first = tokens_.current();
    if (tokens_.is(TokenKind::number)) {
      Expr e;
      e.kind = ExprKind::number;
      e.spelling = tokens_.take().text;
      e.number = std::strtod(e.spelling.c_str(), nullptr);
      return make(std::move(e), first);
    }
    if (tokens_.is(TokenKind::name)) {
      const bool called = tokens_.ahead(1).kind == TokenKind::symbol && tokens_.ahead(1).text == "(";
      if (called && tokens_.current().text == "d") return derivative(first);
      Expr e;
      e.name = tokens_.take().text;
      e.kind = called ? ExprKind::call : ExprKind::name;
      return called ? arguments(std::move(e), first) : make(std::move(e), first);
    }
    if (tokens_.is_symbol("(")) return in_parentheses();
    tokens_.unexpected("a number, a name or a bracket");
  }

  TokenStream& tokens_;
  int level_ = 0;
};

}  // namespace

ExprPtr parse_expression(TokenStream& tokens) { return ExpressionParser(tokens).comparison(); }

}  // namespace eligo::dsl
