// The scalar operations: one row each, which holds all that is known of an operation but for code generation
// (compiler/llvm) and its dual number (compiler/reference, written independently so that the two check each other).
//
// Meaning is in IEEE arithmetic: comparisons, `step` and `mask` give 1 or 0; NaN propagates except through them.
#pragma once

#include <array>
#include <string_view>

#include "compiler/operations/partial.h"

namespace eligo::compiler {

// How rule files write an operation. The word of a function is also its name there; an operation that only the
// compiler makes has none.
struct Spelling {
  enum class Form { none, function, infix, prefix };
  Form form;
  std::string_view word;
  std::string_view operands;  // of a function: their names, as documented, with commas between
};

// What a derivative of an operation depends on discontinuously; the interpreter notes on which side each is.
enum class Kink {
  none,
  at_zero,      // of the first operand
  where_equal,  // the first two operands
  at_bounds,    // the first operand and the second, the first and the third
};

struct Operation {
  Op op;
  std::string_view name;  // in dumps: the enumerator
  Spelling spelling;
  int arity;                            // 1 to 3
  int cost;                             // in multiply-adds, for the cost model
  double (*evaluate)(const double* x);  // the reference meaning; x holds `arity` operands
  std::array<Partial, 3> partials;      // by operand: `flat` or a rule
  bool may_leave_finite;                // makes an infinity or NaN of finite operands of moderate size
  bool zero_or_one;                     // has no other results
  Kink kink;
  std::string_view doc;  // of spelled operations, what docs/language.md says
};

const Operation& operation(Op op);

// nullptr: the language has no such operator.
const Operation* operation_of_infix(std::string_view word);

// What most callers ask.
inline std::string_view op_name(Op op) { return operation(op).name; }
inline int op_arity(Op op) { return operation(op).arity; }
inline int op_cost(Op op) { return operation(op).cost; }
inline double op_evaluate(Op op, const double* x) { return operation(op).evaluate(x); }
// Elementary functions whose results are worth keeping rather than computing twice.
inline bool op_is_expensive(Op op) { return op_cost(op) >= 8; }

}  // namespace eligo::compiler
