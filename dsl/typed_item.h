// An item as the checker understands it: what the compiler reads in place of the syntax tree.
//
// Every name is bound to what it stands for, every function and operator is of an enumeration, brackets are told apart
// into times and places, and equations are collected by name with the direction and look-ahead of their recurrences.
// Axes are known as far as the file tells: those of net.h or of a synthesiser's result are decided by the parts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/axes.h"
#include "dsl/functions.h"
#include "dsl/scope.h"
#include "dsl/source.h"
#include "dsl/time.h"

namespace eligo::dsl {

enum class TypedKind {
  number,    // number
  step,      // t, the number of the step
  steps,     // T, how many steps the example has
  samples,   // count, in a `per neuron` block
  size,      // symbol as a number: how long an axis is, or an integer of the rule's header
  read,      // symbol [time]: a declared tensor or the name of an equation of the item
  local,     // name [time]: an equation of the block around
  revised,   // symbol [time]: θ[k] of parameters that the block around revises
  bundle,    // role . bundle [time]: net.state[t], L.params
  member,    // role . name [time]: net.h[t]; what it is, its part tells
  loss,      // role [time]: the loss of a readout
  given,     // name: what a caller gives for the recurrence before the first step
  pick,      // args[0] . name: one member of an enumerated axis (symbol, position; symbol is null where a part tells)
  place,     // args[0] [places]
  negate,    // - args[0]
  add,       // args[0] + args[1]
  subtract,  //
  multiply,  //
  divide,    //
  power,     //
  compare,   // args[0] operation args[1]
  leads_to,  // 1 where the wiring args[0] leads to `name`, a letter, and 0 elsewhere; operation `ne`: vice versa
  contract,  // args[0] . args[1]
  derivative,  // d(args[0])/d(args[1] | args[2], ...); time is the latest that the numerator names
  before,      // args[0] before sequence
  function,    // function [axes] (args)
  draw,        // function [axes] ()
  call,        // role (args; overrides); time is the latest that the arguments name
};

// An axis that is named in brackets or in a declaration.
struct AxisRef {
  enum class Kind {
    letter,  // of the explicit form
    plain,   // a size, an enumerated axis, the neurons' axis, or the parameter of an optimiser
    bundle,  // role . bundle
  };
  Kind kind = Kind::plain;
  std::string name;  // as the file writes it
  std::string role;
  BundleKind bundle = BundleKind::member;
  Span span;
};

struct TypedExpr;
using TypedPtr = std::shared_ptr<const TypedExpr>;

// One entry of an index bracket.
struct PlaceIndex {
  enum class Kind { letter, wiring, member } kind = Kind::letter;
  std::string letter;
  TypedPtr wiring;   // a `place` of a wiring
  int position = 0;  // member: of its enumerated axis
  Span span;
};

struct TypedExpr {
  TypedKind kind = TypedKind::number;
  Span span;       // the whole expression
  Span name_span;  // without its brackets
  Shape shape;     // axes by key; in the explicit form the free letters
  double number = 0;
  const Symbol* symbol = nullptr;
  std::string name;
  std::string role;
  BundleKind bundle = BundleKind::member;
  FunctionId function = FunctionId::operation;
  const compiler::Operation* operation = nullptr;  // of a function that works at every place, and of a comparison
  int position = 0;
  std::optional<TimeIndex> time;
  std::vector<PlaceIndex> places;
  std::vector<AxisRef> axes;
  std::vector<TypedPtr> args, overrides;
};

// A line with a right side.
struct TypedLine {
  const Statement* source = nullptr;
  bool explicit_form = false;        // with indices, on the left or on the right
  std::vector<std::string> letters;  // those on the left
  TypedPtr value;
  Shape shape;  // of the right side

  Span span() const { return source->span; }
  const std::string& name() const { return source->name; }
};

// All lines that define one name.
struct TypedEquation {
  std::string name;
  TypedLine general;
  std::map<TimeBase, TypedLine> boundaries;
  Shape shape;  // of the name
  bool record = false;
  NameTime time;  // rules; of a block's names the direction alone
  bool recurrent() const { return time.direction != Direction::none; }
};

enum class UpdateClause { none, step, window, sequence };  // `every step`

struct TypedLearn {
  TypedLine line;
  TypedPtr target;  // the bundle or the parameter that it changes
  LearnTime time;
  UpdateClause every = UpdateClause::none;
  TypedPtr clip;  // a number or a hyper; null without
};

// θ[k+1] = …, θ[start] = …, θ := …
struct TypedRevision {
  TypedPtr target;
  std::optional<TypedLine> general, start, assign;
};

// at each t, for k in start+low..t+high
struct TypedBlock {
  const Statement* source = nullptr;
  int low = 0, high = 0;
  std::map<std::string, TypedEquation> equations;
  std::vector<std::vector<std::string>> groups;  // names of one cycle, or one name; after the groups that they read
  std::map<std::string, TypedRevision> revised;
};

// per neuron w, over batch [and t]
struct TypedStatistics {
  const Statement* source = nullptr;
  std::map<std::string, TypedLine> equations;
  std::vector<TypedLine> assigns;
  StatisticsTime time;
};

// `:=` of a rule's or a synthesiser's keep values and of an optimiser, in the order of the file.
struct TypedChange {
  std::optional<TypedLine> line;  // or
  std::size_t statistics = 0;     // the block with this number
};

// window n, short first
struct TypedWindow {
  Span span;
  std::int64_t steps = -1;  // -1 is all
  std::string number;       // or the integer of the header
  bool short_first = false;
};

struct TypedRole {
  const HeaderEntry* entry = nullptr;
  TypedPtr first_call;  // null if it is never called
  int block = -1;       // the `at each` block of that call
};

struct TypedDeclaration {
  const Symbol* symbol = nullptr;
  std::vector<AxisRef> axes;
  std::vector<TypedPtr> init;  // the value, or the distribution's arguments
  TypedPtr low, high;
};

struct TypedItem {
  TypedItem(SourcePtr source, std::shared_ptr<const File> file, const Item& item, Diagnostics& diagnostics);

  SourcePtr source;
  std::shared_ptr<const File> file;  // keeps the syntax alive
  const Item& syntax;
  Scope scope;

  std::vector<TypedDeclaration> declarations;      // in the order of the file
  std::map<std::string, TypedEquation> equations;  // by the name on the left
  std::vector<TypedRole> roles;                    // of a rule, in the order of its header
  std::optional<TypedLine> output;  // a cell without the line: its first state; else the line's name or equation
  std::string output_name;
  std::optional<TypedLine> loss;
  std::vector<TypedLearn> learns;
  std::vector<TypedChange> changes;
  std::vector<TypedBlock> blocks;
  std::vector<TypedStatistics> statistics;
  std::optional<TypedWindow> window;
  RuleTime time;

  ItemKind kind() const { return syntax.kind; }
  const std::string& name() const { return syntax.name; }
  // How messages call a bundle: by the last `let` that names it, else by its path.
  std::string shown(const std::string& role, BundleKind bundle) const;
};
using TypedItemPtr = std::shared_ptr<const TypedItem>;

std::string_view word_of(BundleKind bundle);  // "state"; "" of a member

// Calls `visit` for the expression and its parts but those behind a `;`, outermost first.
void for_each_part(const TypedExpr& e, const std::function<void(const TypedExpr&)>& visit);

// What `eligo dump --stage check` prints: a line for each equation, with its axes, its time and its resolved right
// side.
std::string text(const TypedItem& item);
std::string text(const TypedExpr& e);

}  // namespace eligo::dsl
