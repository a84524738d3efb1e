// Partial derivatives of operations as rules, free of the form in which a compiler holds expressions.
#pragma once

#include <initializer_list>
#include <type_traits>
#include <vector>

#include "compiler/operations/op.h"

namespace eligo::compiler {

// An expression that a builder has made; only that builder knows what its number stands for.
struct PartialTerm {
  int number;
};

// A product: coefficient * Π terms. A factor 0 that `mask` has made leaves nothing, whatever the others are.
struct Factors {
  std::vector<PartialTerm> terms;
  double coefficient = 1;
};

// Makes the expressions that a rule asks for, in the order in which it asks.
class PartialBuilder {
 public:
  struct Scaled {
    PartialTerm term;
    double coefficient;
  };

  virtual ~PartialBuilder() = default;
  virtual PartialTerm operand(int i) = 0;
  virtual PartialTerm result() = 0;  // of the operation itself: usually cheaper than computing with the operands
  virtual PartialTerm number(double value) = 0;
  virtual PartialTerm apply(Op op, std::initializer_list<PartialTerm> operands) = 0;
  virtual PartialTerm sum(std::initializer_list<Scaled> terms) = 0;

  // Whether an operand has been chosen: where not, what is behind it contributes nothing, whatever its numbers.
  PartialTerm mask(PartialTerm condition) { return apply(Op::mask, {condition}); }
  PartialTerm unless(PartialTerm condition) { return mask(apply(Op::eq, {condition, number(0)})); }
};

using PartialRule = Factors (*)(PartialBuilder& build);

// The derivative by one operand. That it is zero everywhere is said, not left out.
struct Partial {
  enum class Kind { no_operand, flat, rule };
  Kind kind = Kind::no_operand;
  PartialRule rule = nullptr;

  constexpr Partial() = default;
  constexpr explicit Partial(Kind k) : kind(k) {}
  template <class Rule>
    requires std::is_convertible_v<Rule, PartialRule>
  constexpr Partial(Rule r) : kind(Kind::rule), rule(r) {}  // NOLINT: a rule stands in a row as it is
};

}  // namespace eligo::compiler
