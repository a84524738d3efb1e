// The syntax tree of a rule file: what the parser builds, the printer prints and every later stage reads.
//
// One struct for expressions and one for statements keep the passes over them short; which fields a kind uses is said
// beside the kind. Names are stored canonically (`lambda` is "λ", see dsl/names.h), spans are byte ranges of the
// source.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace eligo::dsl {

struct Span {
  std::uint32_t begin = 0;  // byte offset of the first character
  std::uint32_t end = 0;    // byte offset behind the last one
};

enum class ExprKind {
  number,      // number
  name,        // name                          γ, W, t, T
  member,      // args[0] . name (no blanks)    net.state, z.f
  index,       // args[0] [ args[1], ... ]      one node a bracket: h[t-1][i] is index(index(h, t-1), i)
  call,        // name[axes](args; overrides)   tanh(x), softmax[slot](k), g(s[k]; θ[k]), normal[s]()
  negate,      // - args[0]
  add,         // args[0] + args[1]
  subtract,    //
  multiply,    //
  divide,      //
  power,       // args[0] ^ args[1]
  compare,     // args[0] name args[1]          name is one of < <= > >= == !=
  contract,    // args[0] . args[1]             with blanks around the dot
  derivative,  // d(args[0])/d(args[1] | args[2], ...)   the values behind the bar are held
  before,      // args[0] before sequence
  given,       // what a caller gives in place of a boundary equation; no file says it
};

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct Expr {
  ExprKind kind = ExprKind::number;
  Span span;                      // the whole expression
  double number = 0;              // number
  std::string name;               // name, member, call, compare
  std::string spelling;           // number: the digits as written
  std::vector<std::string> axes;  // call: the axes in brackets
  std::vector<ExprPtr> args;
  std::vector<ExprPtr> overrides;  // call: behind the `;`
  int depth = 1;                   // levels of the tree, bounded by the parser so that passes may recurse
};

// A time index: base + offset. `k` is the running index of an `at each` block.
enum class TimeBase { none, t, k, start, end, last };
struct TimeIndex {
  TimeBase base = TimeBase::none;
  int offset = 0;
  bool operator==(const TimeIndex&) const = default;
};
// `t`, `t-1`, `k+1`, `start`, `end`, `last` (with an optional integer offset); nullopt for anything else.
std::optional<TimeIndex> as_time_index(const Expr& e);

enum class StatementKind {
  axis,        // axis name = {members}
  input,       // decls                       input x[m]
  state,       // decls (with initialiser)    state h[n] = 0, c[n] = 0
  param,       // decls                       param W[n, n], b[n] per step ~ uniform(..)
  keep,        // decls                       keep mix[w] = 0.9 in [0, 1]
  target,      // decls                       target y[k]
  wiring,      // decls                       wiring parent[w, r] ~ sample(w)
  hyper,       // decls (axes empty)          hyper λ = 1 in [0, 1]
  let,         // lets: name = expr
  window,      // value (the length), short_first
  equation,    // name[time][indices] = value, also `record` and boundary equations, also :=
  output,      // `output c` (value is a name, no equation) or `output y[t] = …` / `output g = …` (as equation)
  loss,        // loss value
  learn,       // learn name += value  for t in start..end  every step  clip 1
  at_each,     // at each t, for k in start..t-1 { body }
  per_neuron,  // per neuron w, over batch and t { body }
};

enum class InitKind { none, value, distribution };
struct Initialiser {
  InitKind kind = InitKind::none;
  std::string distribution;   // uniform, normal, orthogonal, sample
  std::vector<ExprPtr> args;  // the value, or the distribution's arguments
  Span span;
};

struct Declaration {
  std::string name;
  Span span;                      // the name
  std::vector<std::string> axes;  // as written: axis names, sizes of the header
  std::vector<Span> axis_spans;
  bool per_step = false;         // untied depth (param), one value per step (keep, wiring)
  bool per_step_shared = false;  // printed with a later name of the same list, not here
  Initialiser init;              // resolved: serves this name (the parser copies it to all names it serves)
  bool init_shared = false;      // printed with a later name of the same list, not here
  ExprPtr low, high;             // `in [low, high]`; null without
};

struct LetBinding {
  std::string name;
  Span span;
  ExprPtr value;
};

enum class AssignKind { define /* = */, assign /* := */ };
enum class LearnRange { steps /* 1..T, the default */, from_start /* for t in start..end */ };

struct Comment {
  std::string text;  // with its '#'
};

struct Statement {
  StatementKind kind = StatementKind::equation;
  Span span;         // the whole statement
  std::string name;  // axis, equation, output, learn (the learned bundle or parameter)
  Span name_span;
  std::vector<std::string> members;  // axis
  std::vector<Declaration> decls;
  std::vector<LetBinding> lets;
  // equation / output-as-equation
  bool has_equation = false;  // output only: `output y[t] = …` rather than `output c`
  bool record = false;
  AssignKind assign = AssignKind::define;
  std::optional<TimeIndex> time;  // the left side's time bracket; absent in synths, readouts, optimisers, keep updates
  Span time_span;
  std::vector<ExprPtr> indices;  // explicit form: the left side's index bracket
  ExprPtr value;                 // equation, output, loss, learn, window
  // window
  bool short_first = false;
  // learn
  int sign = +1;  // +1 for +=, -1 for -=
  LearnRange range = LearnRange::steps;
  std::string every;  // "", "step", "window" or "sequence"
  ExprPtr clip;       // the bound of what one step adds; null without
  // at_each: `at each t, for k in low..high`;  per_neuron: `per neuron w, over batch [and t]`
  std::string running;     // k, or the neuron axis
  ExprPtr low, high;       // at_each
  bool over_time = false;  // per_neuron
  std::vector<Statement> body;
  // layout, kept for `eligo fmt`
  std::vector<Comment> leading;  // comment lines above; an empty text is a blank line
  std::string trailing;          // comment at the end of the line (of a block: of its opening line)
  std::vector<Comment> closing;  // block: comments before its closing brace
};

enum class ItemKind { cell, synth, readout, rule, optimiser };

struct HeaderEntry {
  enum class Kind { size, role } kind = Kind::size;
  std::string name;
  Span span;
  ItemKind role = ItemKind::cell;     // role: `net: cell`
  std::string over;                   // role: `cell over neurons w`
  std::optional<std::int64_t> value;  // size with a value: n = 5
  bool all = false;                   // n = all
};

struct Item {
  ItemKind kind = ItemKind::rule;
  std::string name;
  Span span, name_span;
  std::vector<HeaderEntry> header;
  std::vector<Statement> statements;
  std::vector<Comment> leading;  // comments above the item
  std::vector<Comment> closing;  // comments before its closing brace
};

struct File {
  std::vector<Item> items;
  std::vector<Comment> closing;  // comments behind the last item
};

}  // namespace eligo::dsl
