// The axes of expressions: what each equation's right side has, and every way in which axes fail to meet.
//
// Inference runs twice: silently, until the axes of all names are known, then once reporting errors. In the explicit
// form, the axes of an expression are its free index letters.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dsl/axes.h"
#include "dsl/functions.h"
#include "dsl/scope.h"

namespace eligo::dsl {

// Where the line that is looked at stands.
enum class Region { item, at_each, per_neuron, samples /* `:=` of a synthesiser's keep values */ };

class Inference {
 public:
  Inference(const Scope& scope, Diagnostics& diagnostics) : scope_(scope), diagnostics_(diagnostics) {}

  // Names of equations, with the equation that gives them their axes.
  struct Name {
    Shape shape = Shape::bottom();
    const Statement* statement = nullptr;
  };
  std::map<std::string, Name> names;   // of the item
  std::map<std::string, Name> locals;  // of the block that is looked at; they hide those of the item
  std::set<std::string> revised;       // bundles that an `at each` block defines: θ[k] has a meaning there
  Region region = Region::item;
  bool reporting = false;
  std::map<const Expr*, Shape> shapes;  // of every expression, once errors are reported

  // The right side of an equation whose left side is `s`, in the pointwise or the explicit form.
  Shape of_equation(const Statement& s);
  Shape of(const Expr& e);

  const Scope& scope() const { return scope_; }
  const Symbol* symbol(const std::string& name) const;
  bool is_explicit(const Statement& s) const;
  // Whether the first bracket behind `base` is one of time; whether `e` is a bracket of indices.
  bool takes_time(const Expr& base) const;
  bool is_indexed(const Expr& e) const;
  // parent[j, r] == i: whether a wiring leads to the place i.
  bool compares_places(const Expr& e) const;
  // Of an index on an enumerated axis: the member that it names, or -1.
  int member_of(const std::string& index, const std::string& axis) const;

 private:
  struct Letter {
    std::string axis;
    Span span;
  };

  Shape of_kind(const Expr& e);
  Shape read(const Expr& e);
  Shape of_name(const Expr& e, bool timed);
  Shape of_symbol(const Symbol& s, bool timed, const Expr& e);
  Shape of_bundle(const Symbol& s, bool timed, const Expr& e);
  Shape own_part(Shape shape) const;
  Shape with_time(const Expr& base);
  void time_index(const Expr& e, const TimeIndex& time);
  Shape member(const Expr& e);
  Shape enumerated(const Shape& inner, const std::string& name, const Expr& e);
  Shape index(const Expr& e);
  Shape contraction(const Expr& e);
  Shape pointwise(const Expr& e, const std::vector<ExprPtr>& args);
  Shape meet(const Shape& left, const Expr& left_part, const Shape& right, const Expr& right_part);
  Shape call(const Expr& e);
  Shape synth(const Expr& e);
  Shape net_or_readout(const Expr& e, const Symbol& role);
  Shape function(const Expr& e, const Function& f);
  Shape over_axes(const Expr& e, const Function& f, const Shape& argument);
  Shape reach(const Expr& e);
  void products(const Expr& e);
  Shape statistic(const Expr& e, const Function& f, const Shape& argument);
  Shape derivative(const Expr& e);
  void held(const Expr& e);
  Shape varied(const Expr& e);
  Shape before(const Expr& e);
  void steps_apart(const Expr& e);

  Shape explicit_of(const Expr& e);
  Shape explicit_of_kind(const Expr& e);
  Shape explicit_read(const Expr& base, const Expr& bracket);
  Shape compared_places(const Expr& e);
  void place_index(const Expr& index, const std::string& axis, std::vector<std::string>& letters);
  void place_letter(const Expr& index, const std::string& axis, std::vector<std::string>& letters);
  bool varies(const Name& name) const;
  bool in_time() const;
  void declared_letters(const Statement& s);
  Shape left_axes(const Statement& s);

  Diagnostic* error(Code code, std::string message, Span span, std::string label = "");
  std::string described(const Expr& e, const Shape& shape);
  const Expr* origin(const std::string& name);

  const Scope& scope_;
  Diagnostics& diagnostics_;
  std::map<std::string, Letter> letters_;
  bool letters_in_use_ = false;
  const Statement* equation_ = nullptr;  // whose right side is looked at
};

}  // namespace eligo::dsl
