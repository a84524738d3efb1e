// The table of scalar operations as an enumeration, with their names, arities and reference meaning in double.
#pragma once

#include <string_view>

namespace eligo::compiler {

enum class Op {
#define OP(name, arity, cost) name,
#include "compiler/ir/ops.def"
#undef OP
};

inline constexpr int op_count = static_cast<int>(Op::mask) + 1;

int op_arity(Op op);
int op_cost(Op op);  // flops, for the cost model
std::string_view op_name(Op op);
bool op_from_name(std::string_view name, Op& op);
// Elementary functions whose results are worth keeping rather than computing twice.
inline bool op_is_expensive(Op op) { return op_cost(op) >= 8; }
// The reference meaning, in double. `x` holds op_arity(op) operands.
double op_evaluate(Op op, const double* x);

}  // namespace eligo::compiler
