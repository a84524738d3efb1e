// The canonical text of a file: two blanks of indentation, one blank around operators, comments where they were.
#include <fmt/format.h>

#include "dsl/file.h"
#include "dsl/parse_statement.h"
#include "dsl/parser.h"

namespace eligo::dsl {
namespace {

// How tightly a kind binds; a looser operand gets parentheses.
enum Level { comparison, sum, product, negation, contraction, power, postfix };

Level level_of(const Expr& e) {
  switch (e.kind) {
    case ExprKind::compare: return comparison;
    case ExprKind::add:
    case ExprKind::subtract: return sum;
    case ExprKind::multiply:
    case ExprKind::divide: return product;
    case ExprKind::negate: return negation;
    case ExprKind::contract: return contraction;
    case ExprKind::power: return power;
    default: return postfix;
  }
}

std::string at_level(const Expr& e, Level level) {
  const std::string text = print(e);
  return level_of(e) < level ? "(" + text + ")" : text;
}

std::string list(const std::vector<ExprPtr>& args) {
  std::string out;
  for (const ExprPtr& a : args) out += (out.empty() ? "" : ", ") + print(*a);
  return out;
}

// Time is written tightly: t-1.
std::string time_or_expression(const Expr& e) {
  const auto time = as_time_index(e);
  return time ? print(*time) : print(e);
}

std::string index(const Expr& e) {
  std::string entries;
  for (std::size_t i = 1; i < e.args.size(); ++i) entries += (i == 1 ? "" : ", ") + time_or_expression(*e.args[i]);
  return fmt::format("{}[{}]", at_level(*e.args[0], postfix), entries);
}

std::string list(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string call(const Expr& e) {
  std::string out = e.name;
  if (!e.axes.empty()) out += "[" + list(e.axes) + "]";
  out += "(" + list(e.args);
  if (!e.overrides.empty()) out += "; " + list(e.overrides);
  return out + ")";
}

std::string binary(const Expr& e, std::string_view op, Level left, Level right) {
  return fmt::format("{}{}{}", at_level(*e.args[0], left), op, at_level(*e.args[1], right));
}

std::string exponent(const Expr& e) {
  // The exponent may be negated without parentheses: x^-1.
  if (e.kind == ExprKind::negate && level_of(*e.args[0]) >= power) return "-" + at_level(*e.args[0], power);
  return at_level(e, power);
}

class FilePrinter {
 public:
  std::string run(const File& file) {
    for (std::size_t i = 0; i < file.items.size(); ++i) {
      comments(file.items[i].leading, "");
      item(file.items[i]);
    }
    comments(file.closing, "");
    return std::move(out_);
  }

 private:
  void comments(const std::vector<Comment>& list, const std::string& indent) {
    for (const Comment& c : list) out_ += c.text.empty() ? "\n" : indent + c.text + "\n";
  }

  void item(const Item& item) {
    out_ += fmt::format("{} {}", word_of(item.kind), item.name);
    std::string header;
    for (const HeaderEntry& h : item.header) header += (header.empty() ? "" : ", ") + header_entry(h);
    if (!header.empty()) out_ += "(" + header + ")";
    out_ += " {\n";
    for (const Statement& s : item.statements) statement(s, "  ");
    comments(item.closing, "  ");
    out_ += "}\n";
  }

  static std::string header_entry(const HeaderEntry& h) {
    std::string out = h.name;
    if (h.kind == HeaderEntry::Kind::role) {
      out += fmt::format(": {}", word_of(h.role));
      if (!h.over.empty()) out += " over neurons " + h.over;
    } else if (h.all) {
      out += " = all";
    } else if (h.value) {
      out += fmt::format(" = {}", *h.value);
    }
    return out;
  }

  void statement(const Statement& s, const std::string& indent) {
    comments(s.leading, indent);
    out_ += indent + line(s);
    const bool block = s.kind == StatementKind::at_each || s.kind == StatementKind::per_neuron;
    if (block) out_ += " {";
    if (!s.trailing.empty()) out_ += "  " + s.trailing;
    out_ += "\n";
    if (!block) return;
    for (const Statement& inner : s.body) statement(inner, indent + "  ");
    comments(s.closing, indent + "  ");
    out_ += indent + "}\n";
  }

  static std::string left_side(const Statement& s) {
    std::string out = s.name;
    if (s.time) out += "[" + print(*s.time) + "]";
    if (!s.indices.empty()) out += "[" + list(s.indices) + "]";
    return out;
  }

  static std::string declaration(const Declaration& d) {
    std::string out = d.name;
    if (!d.axes.empty()) out += "[" + list(d.axes) + "]";
    if (d.per_step && !d.per_step_shared) out += " per step";
    if (d.init_shared) return out;
    if (d.init.kind == InitKind::value) out += " = " + print(*d.init.args[0]);
    if (d.init.kind == InitKind::distribution) out += fmt::format(" ~ {}({})", d.init.distribution, list(d.init.args));
    if (d.low) out += fmt::format(" in [{}, {}]", print(*d.low), print(*d.high));
    return out;
  }

  static std::string line(const Statement& s) {
    switch (s.kind) {
      case StatementKind::axis: return fmt::format("axis {} = {{{}}}", s.name, list(s.members));
      case StatementKind::let: {
        std::string out;
        for (const LetBinding& b : s.lets)
          out += fmt::format("{}{} = {}", out.empty() ? "let " : ", ", b.name, print(*b.value));
        return out;
      }
      case StatementKind::window:
        return fmt::format("window {}{}", print(*s.value), s.short_first ? ", short first" : "");
      case StatementKind::output:
        return fmt::format("output {}{}", left_side(s), s.has_equation ? " = " + print(*s.value) : "");
      case StatementKind::loss: return "loss " + print(*s.value);
      case StatementKind::learn: return learn(s);
      case StatementKind::at_each:
        return fmt::format("at each t, for {} in {}..{}", s.running, time_or_expression(*s.low),
                           time_or_expression(*s.high));
      case StatementKind::per_neuron:
        return fmt::format("per neuron {}, over batch{}", s.running, s.over_time ? " and t" : "");
      case StatementKind::equation:
        return fmt::format("{}{} {} {}", s.record ? "record " : "", left_side(s),
                           s.assign == AssignKind::define ? "=" : ":=", print(*s.value));
      default: {
        std::string out;
        for (const Declaration& d : s.decls)
          out += (out.empty() ? std::string(word_of(s.kind)) + " " : ", ") + declaration(d);
        return out;
      }
    }
  }

  static std::string learn(const Statement& s) {
    std::string out = fmt::format("learn {} {} {}", s.name, s.sign > 0 ? "+=" : "-=", print(*s.value));
    if (s.range == LearnRange::from_start) out += " for t in start..end";
    if (!s.every.empty()) out += " every " + s.every;
    if (s.clip) out += " clip " + print(*s.clip);
    return out;
  }

  std::string out_;
};

}  // namespace

std::string print(const Expr& e) {
  switch (e.kind) {
    case ExprKind::number: return e.spelling.empty() ? fmt::format("{}", e.number) : e.spelling;
    case ExprKind::name: return e.name;
    case ExprKind::member: return at_level(*e.args[0], postfix) + "." + e.name;
    case ExprKind::index: return index(e);
    case ExprKind::call: return call(e);
    case ExprKind::negate: return "-" + at_level(*e.args[0], negation);
    case ExprKind::add: return binary(e, " + ", sum, product);
    case ExprKind::subtract: return binary(e, " - ", sum, product);
    case ExprKind::multiply: return binary(e, "*", product, negation);
    case ExprKind::divide: return binary(e, "/", product, negation);
    case ExprKind::power: return at_level(*e.args[0], postfix) + "^" + exponent(*e.args[1]);
    case ExprKind::compare: return binary(e, " " + e.name + " ", sum, sum);
    case ExprKind::contract: return binary(e, " . ", contraction, power);
    case ExprKind::derivative: {
      std::string held;
      for (std::size_t i = 2; i < e.args.size(); ++i) held += (i == 2 ? " | " : ", ") + print(*e.args[i]);
      return fmt::format("d({})/d({}{})", print(*e.args[0]), print(*e.args[1]), held);
    }
    case ExprKind::before: return at_level(*e.args[0], postfix) + " before sequence";
    case ExprKind::given: return "given";
  }
  return "";
}

std::string print(const TimeIndex& time) {
  static constexpr std::string_view bases[] = {"", "t", "k", "start", "end", "last"};
  std::string out(bases[static_cast<std::size_t>(time.base)]);
  if (time.offset != 0) out += fmt::format("{:+}", time.offset);
  return out;
}

std::string print(const File& file) { return FilePrinter().run(file); }

}  // namespace eligo::dsl
