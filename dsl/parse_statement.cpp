#include "dsl/parse_statement.h"

#include <fmt/core.h>

#include "dsl/names.h"
#include "dsl/parse_expression.h"
#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

struct Word {
  std::string_view word;
  StatementKind kind;
};
constexpr Word words[] = {
    {"axis", StatementKind::axis},       {"input", StatementKind::input},   {"state", StatementKind::state},
    {"param", StatementKind::param},     {"keep", StatementKind::keep},     {"target", StatementKind::target},
    {"wiring", StatementKind::wiring},   {"hyper", StatementKind::hyper},   {"let", StatementKind::let},
    {"window", StatementKind::window},   {"output", StatementKind::output}, {"loss", StatementKind::loss},
    {"learn", StatementKind::learn},     {"at", StatementKind::at_each},    {"per", StatementKind::per_neuron},
    {"record", StatementKind::equation},
};

const Word* find_word(const Token& token) {
  if (token.kind != TokenKind::name) return nullptr;
  for (const Word& w : words) {
    if (w.word == token.text) return &w;
  }
  return nullptr;
}

}  // namespace

const std::vector<std::string>& statement_words() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> out;
    for (const Word& w : words) out.emplace_back(w.word);
    return out;
  }();
  return list;
}

std::string_view word_of(StatementKind kind) {
  for (const Word& w : words) {
    if (w.kind == kind && w.word != "record") return w.word;
  }
  return "equation";
}

std::optional<Statement> StatementParser::read(ItemKind item, std::vector<Comment> leading) {
  item_ = item;
  Statement s;
  s.leading = std::move(leading);
  const Token& first = tokens_.current();
  try {
    read_line(s);
    s.span = tokens_.from(first);
    end_line(s);
    return s;
  } catch (const ParseFailure&) {
    in_block_ = false;
    skip_line();
    return std::nullopt;
  }
}

void StatementParser::read_line(Statement& s) {
  const Word* word = find_word(tokens_.current());
  if (word == nullptr) return equation(s);
  const Token& first = tokens_.take();
  switch (word->kind) {
    case StatementKind::axis: return axis(s);
    case StatementKind::let: return let(s);
    case StatementKind::window: return window(s);
    case StatementKind::output: return output(s);
    case StatementKind::learn: return learn(s);
    case StatementKind::at_each:
    case StatementKind::per_neuron:
      if (in_block_)
        tokens_.fail(Code::E0210, "a block cannot stand inside a block", first.span, "close the outer block first");
      return word->kind == StatementKind::at_each ? at_each(s) : per_neuron(s);
    case StatementKind::loss:
      s.kind = StatementKind::loss;
      s.value = parse_expression(tokens_);
      return;
    case StatementKind::equation: s.record = true; return equation(s);
    default: return declarations(s, word->kind);
  }
}

// `a = 1; b = 2  # both` gives the comment to b.
void StatementParser::end_line(Statement& s) {
  if (!tokens_.is(TokenKind::newline) && !tokens_.is_symbol(";") && !tokens_.is_symbol("}") && !tokens_.at_end()) {
    const std::string_view help =
        tokens_.is_symbol("=") ? "one equation a line; lines are parted by a line break or `;`" : "";
    tokens_.unexpected("an operator or the end of the line", std::string(help));
  }
  if (s.span.end > s.span.begin) layout_.take_inside(s.span.end, s.leading);
  tokens_.accept(";");
  std::string trailing = layout_.take_behind(tokens_.previous(), tokens_.current());
  if (s.trailing.empty() && s.body.empty()) s.trailing = std::move(trailing);
  else if (!trailing.empty()) s.leading.push_back({std::move(trailing)});
  layout_.passed(tokens_.previous());
}

void StatementParser::skip_line() {
  int braces = 0;
  while (!tokens_.at_end()) {
    if (braces == 0 && (tokens_.is(TokenKind::newline) || tokens_.is_symbol(";") || tokens_.is_symbol("}"))) return;
    if (tokens_.is_symbol("{")) ++braces;
    if (tokens_.is_symbol("}")) --braces;
    tokens_.take();
  }
}

std::string StatementParser::path(std::string_view what) {
  std::string name = tokens_.expect_name(what).text;
  while (tokens_.accept(".")) name += "." + tokens_.expect_name("the name of a member behind the dot").text;
  return name;
}

// axis gate = {i, f, g, o}
void StatementParser::axis(Statement& s) {
  s.kind = StatementKind::axis;
  const Token& name = tokens_.expect_name("the name of the axis");
  s.name = name.text;
  s.name_span = name.span;
  tokens_.expect("=", "behind the name of the axis");
  tokens_.expect("{", "before the members of the axis");
  do {
    while (tokens_.is(TokenKind::newline)) tokens_.take();
    s.members.push_back(tokens_.expect_name("the name of a member of the axis").text);
  } while (tokens_.accept(","));
  while (tokens_.is(TokenKind::newline)) tokens_.take();
  tokens_.expect("}", "or `,` behind a member of the axis");
}

// An initialiser serves all names since the one before it.
void StatementParser::declarations(Statement& s, StatementKind kind) {
  s.kind = kind;
  std::size_t unserved = 0, tied = 0;
  do {
    s.decls.push_back(declaration(kind));
    const Declaration last = s.decls.back();
    // `per step` serves all names since the last that had one or an initialiser.
    for (; last.per_step && tied + 1 < s.decls.size(); ++tied)
      s.decls[tied].per_step = s.decls[tied].per_step_shared = true;
    if (last.per_step || last.init.kind != InitKind::none) tied = s.decls.size();
    if (last.init.kind == InitKind::none) continue;
    for (; unserved + 1 < s.decls.size(); ++unserved) {
      Declaration& earlier = s.decls[unserved];
      earlier.init = last.init;
      earlier.low = last.low;
      earlier.high = last.high;
      earlier.init_shared = true;
    }
    unserved = s.decls.size();
  } while (tokens_.accept(","));
}

// name[axes] per step ~ distribution(args) in [low, high]
Declaration StatementParser::declaration(StatementKind kind) {
  Declaration d;
  const Token& name = tokens_.expect_name(fmt::format("a name behind `{}`", word_of(kind)));
  d.name = name.text;
  d.span = name.span;
  if (tokens_.accept("[")) {
    do {
      const Token& axis = tokens_.expect_name("the name of an axis");
      d.axes.push_back(axis.text);
      d.axis_spans.push_back(axis.span);
    } while (tokens_.accept(","));
    tokens_.expect("]", "or `,` behind the name of an axis");
  }
  if (tokens_.accept_word("per")) {
    tokens_.expect_word("step", "behind `per`");
    d.per_step = true;
  }
  if (initialiser(d) && tokens_.accept_word("in")) {
    tokens_.expect("[", "behind `in`");
    d.low = parse_expression(tokens_);
    tokens_.expect(",", "between the bounds");
    d.high = parse_expression(tokens_);
    tokens_.expect("]", "behind the bounds");
  }
  return d;
}

bool StatementParser::initialiser(Declaration& d) {
  const Token& first = tokens_.current();
  if (tokens_.accept("=")) {
    d.init.kind = InitKind::value;
    d.init.args.push_back(parse_expression(tokens_));
  } else if (tokens_.accept("~")) {
    d.init.kind = InitKind::distribution;
    d.init.distribution = tokens_.expect_name("a distribution such as uniform(-1, 1)").text;
    tokens_.expect("(", "behind the name of the distribution");
    if (!tokens_.is_symbol(")")) {
      do d.init.args.push_back(parse_expression(tokens_));
      while (tokens_.accept(","));
    }
    tokens_.expect(")", "behind the distribution's arguments");
  } else {
    return false;
  }
  d.init.span = tokens_.from(first);
  return true;
}

void StatementParser::let(Statement& s) {
  s.kind = StatementKind::let;
  do {
    LetBinding b;
    const Token& name = tokens_.expect_name("a name behind `let`");
    b.name = name.text;
    b.span = name.span;
    tokens_.expect("=", "behind the name");
    b.value = parse_expression(tokens_);
    s.lets.push_back(std::move(b));
  } while (tokens_.accept(","));
}

// window n, short first
void StatementParser::window(Statement& s) {
  s.kind = StatementKind::window;
  s.value = parse_expression(tokens_);
  if (tokens_.accept(",")) {
    tokens_.expect_word("short", "behind the comma");
    tokens_.expect_word("first", "behind `short`");
    s.short_first = true;
  }
}

// `output c`, `output g = …`, `output y[t] = …`
void StatementParser::output(Statement& s) {
  s.kind = StatementKind::output;
  left_side(s);
  s.has_equation = tokens_.accept("=");
  if (s.has_equation) {
    s.value = parse_expression(tokens_);
  } else {
    Expr name;
    name.name = s.name;
    name.kind = ExprKind::name;
    name.span = s.name_span;
    s.value = std::make_shared<const Expr>(std::move(name));
  }
}

// learn θ += …  for t in start..end  every step  clip 1
void StatementParser::learn(Statement& s) {
  s.kind = StatementKind::learn;
  const Token& first = tokens_.current();
  s.name = path("the name of what is learned");
  s.name_span = tokens_.from(first);
  if (tokens_.accept("-=")) {
    s.sign = -1;
  } else if (!tokens_.accept("+=")) {
    tokens_.fail(Code::E0208, fmt::format("expected `+=` or `-=` behind `learn {}`, found {}", s.name, tokens_.found()),
                 tokens_.current().span, "`+=` goes up along the right side, `-=` goes down");
  }
  s.value = parse_expression(tokens_);
  learn_clauses(s);
}

void StatementParser::learn_clauses(Statement& s) {
  while (true) {
    const Token& first = tokens_.current();
    if (tokens_.accept_word("for")) {
      const bool right = tokens_.accept_word("t") && tokens_.accept_word("in") && tokens_.accept_word("start") &&
                         tokens_.accept("..") && tokens_.accept_word("end");
      if (!right) {
        tokens_.fail(Code::E0209, fmt::format("expected `for t in start..end`, found {}", tokens_.found()),
                     tokens_.current().span, "without it a line counts for the steps; with it for the start as well");
      }
      s.range = LearnRange::from_start;
    } else if (tokens_.accept_word("every")) {
      if (!tokens_.is_word("step") && !tokens_.is_word("window") && !tokens_.is_word("sequence"))
        tokens_.unexpected("`step`, `window` or `sequence`");
      if (!s.every.empty()) tokens_.fail(Code::E0201, "a line has one `every` only", tokens_.from(first));
      s.every = tokens_.take().text;
    } else if (tokens_.accept_word("clip")) {
      if (s.clip) tokens_.fail(Code::E0201, "a line has one `clip` only", tokens_.from(first));
      s.clip = parse_expression(tokens_);
    } else {
      return;
    }
  }
}

// at each t, for k in start..t-1 { … }
void StatementParser::at_each(Statement& s) {
  s.kind = StatementKind::at_each;
  tokens_.expect_word("each", "behind `at`");
  tokens_.expect_word("t", "behind `at each`");
  tokens_.expect(",", "behind `at each t`");
  tokens_.expect_word("for", "behind the comma");
  const Token& running = tokens_.expect_name("the running index k");
  s.running = running.text;
  s.name_span = running.span;
  if (s.running != "k")
    tokens_.fail(Code::E0403, fmt::format("the running index is called k, not `{}`", s.running), running.span);
  tokens_.expect_word("in", "behind the running index");
  s.low = parse_expression(tokens_);
  tokens_.expect("..", "between the first and the last index");
  s.high = parse_expression(tokens_);
  body(s);
}

// per neuron w, over batch and t { … }
void StatementParser::per_neuron(Statement& s) {
  s.kind = StatementKind::per_neuron;
  tokens_.expect_word("neuron", "behind `per`");
  const Token& running = tokens_.expect_name("the name of the neurons' axis");
  s.running = running.text;
  s.name_span = running.span;
  tokens_.expect(",", "behind the axis");
  tokens_.expect_word("over", "behind the comma");
  tokens_.expect_word("batch", "behind `over`");
  if (tokens_.accept_word("and")) {
    tokens_.expect_word("t", "behind `and`");
    s.over_time = true;
  }
  body(s);
}

void StatementParser::body(Statement& s) {
  const Token open = tokens_.expect("{", "to open the block");
  s.trailing = layout_.take_behind(open, tokens_.current());
  layout_.passed(open);
  in_block_ = true;
  while (true) {
    while (tokens_.is(TokenKind::newline) || tokens_.is_symbol(";")) tokens_.take();
    std::vector<Comment> leading = layout_.take_before(tokens_.current());
    if (s.body.empty()) Layout::drop_first_blank(leading);
    if (tokens_.is_symbol("}") || tokens_.at_end()) {
      Layout::drop_last_blank(leading);
      s.closing = std::move(leading);
      break;
    }
    if (auto line = read(item_, std::move(leading))) s.body.push_back(std::move(*line));
    in_block_ = true;
  }
  in_block_ = false;
  if (!tokens_.accept("}")) tokens_.unclosed("`}` to close the block", open);
}

void StatementParser::equation(Statement& s) {
  s.kind = StatementKind::equation;
  if (!tokens_.is(TokenKind::name)) {
    const bool operation = tokens_.is_symbol("+") || tokens_.is_symbol("-") || tokens_.is_symbol("*") ||
                           tokens_.is_symbol("/") || tokens_.is_symbol("·");
    tokens_.fail(
        Code::E0205, fmt::format("a line begins with a name, not with {}", tokens_.found()), tokens_.current().span,
        operation ? "to continue an equation on the next line, put the operator at the end of the line before" : "");
  }
  left_side(s);
  if (tokens_.accept(":=")) {
    s.assign = AssignKind::assign;
  } else if (tokens_.is_symbol("+=") || tokens_.is_symbol("-=")) {
    tokens_.unexpected("`=`", fmt::format("what is learned is marked: learn {} {} …", s.name, tokens_.current().text));
  } else if (!tokens_.accept("=")) {
    const std::string near = s.time || !s.indices.empty() ? "" : nearest(s.name, statement_words());
    tokens_.fail(Code::E0205, fmt::format("expected `=` behind `{}`, found {}", s.name, tokens_.found()),
                 tokens_.current().span,
                 near.empty() ? "a line is an equation, `name[t] = …`, or begins with a word such as `param` or `learn`"
                              : fmt::format("did you mean `{}`?", near));
  }
  s.value = parse_expression(tokens_);
}

// name[time][indices]: synths, readouts and optimisers have no time, so that their first bracket holds the indices.
void StatementParser::left_side(Statement& s) {
  const Token& name = tokens_.expect_name("a name");
  s.name = name.text;
  s.name_span = name.span;
  const bool timed = item_ == ItemKind::rule || item_ == ItemKind::cell;
  while (tokens_.is_symbol("[")) {
    const Token& open = tokens_.take();
    std::vector<ExprPtr> entries;
    do entries.push_back(parse_expression(tokens_));
    while (tokens_.accept(","));
    tokens_.expect("]", "or `,` behind an index");
    const auto time = as_time_index(*entries[0]);
    const bool names_time = time && (time->base != TimeBase::k || timed);
    if (!s.time && s.indices.empty() && entries.size() == 1 && names_time && (timed || time->base == TimeBase::t)) {
      s.time = time;
      s.time_span = tokens_.from(open);
    } else if (s.indices.empty()) {
      s.indices = std::move(entries);
    } else {
      tokens_.fail(Code::E0201, "a left side has at most two brackets, time and indices", tokens_.from(open));
    }
  }
}

}  // namespace eligo::dsl
