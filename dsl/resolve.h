// From a checked line to its resolved form (dsl/typed_item.h).
#pragma once

#include "dsl/infer.h"
#include "dsl/typed_item.h"

namespace eligo::dsl {

// Resolves the lines of one item. Each line is resolved while the inference stands at it, since what a name means
// depends on the block around it.
class Resolver {
 public:
  Resolver(const Scope& scope, const Inference& inference) : scope_(scope), inference_(inference) {}

  TypedLine line(const Statement& s, const Shape& shape);
  TypedPtr expression(const Expr& e);
  // The parameters that `learn name` or `name := …` changes.
  TypedPtr target(const std::string& path, Span span);
  AxisRef axis(const std::string& name, Span span) const;
  // A name, or a member of a role or of an enumerated axis, with the time behind it.
  TypedPtr named(const Expr& base, std::optional<TimeIndex> time, const Expr& whole);

  // The first call of each role, outermost first.
  std::map<std::string, TypedPtr> calls;

 private:
  using Made = std::shared_ptr<TypedExpr>;
  static Made make(TypedKind kind, const Expr& e);
  void parts(TypedExpr& out, const Expr& e);
  TypedPtr of_symbol(const Symbol& s, std::optional<TimeIndex> time, const Expr& base, const Expr& whole);
  TypedPtr of_role(const Symbol& s, std::optional<TimeIndex> time, const Expr& base, const Expr& whole);
  TypedPtr member(const Expr& base, std::optional<TimeIndex> time, const Expr& whole);
  TypedPtr index(const Expr& e);
  TypedPtr call(const Expr& e);
  TypedPtr places_compared(const Expr& e);
  std::vector<PlaceIndex> places(const Expr& bracket, const Shape& base);
  AxisRef of_function(const std::string& name, const Expr& e) const;
  Shape shape_of(const Expr& e) const;

  const Scope& scope_;
  const Inference& inference_;
  bool explicit_form_ = false;
};

// A name, or a member of a role, that a caller gives as a text ("G", "net.h"), read at a time; null if it is none.
TypedPtr read_of(const TypedItem& item, const std::string& path, TimeIndex time, Span span);

}  // namespace eligo::dsl
