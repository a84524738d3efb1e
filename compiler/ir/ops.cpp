#include "compiler/ir/ops.h"

#include <array>
#include <cmath>

namespace eligo::compiler {
namespace {
struct Row {
  std::string_view name;
  int arity;
  int cost;
};
constexpr std::array rows = {
#define OP(name, arity, cost) Row{#name, arity, cost},
#include "compiler/ir/ops.def"
#undef OP
};
const Row& row(Op op) { return rows[static_cast<std::size_t>(op)]; }
}  // namespace

int op_arity(Op op) { return row(op).arity; }
int op_cost(Op op) { return row(op).cost; }
std::string_view op_name(Op op) { return row(op).name; }

bool op_from_name(std::string_view name, Op& op) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) {
      op = static_cast<Op>(i);
      return true;
    }
  return false;
}

double op_evaluate(Op op, const double* x) {
  switch (op) {
    case Op::neg: return -x[0];
    case Op::exp: return std::exp(x[0]);
    case Op::log: return std::log(x[0]);
    case Op::sqrt: return std::sqrt(x[0]);
    case Op::recip: return 1 / x[0];
    case Op::abs: return std::fabs(x[0]);
    case Op::sign: return std::isnan(x[0]) ? x[0] : static_cast<double>((x[0] > 0) - (x[0] < 0));
    case Op::tanh: return std::tanh(x[0]);
    case Op::sigmoid: {
      if (x[0] >= 0) return 1 / (1 + std::exp(-x[0]));
      const double e = std::exp(x[0]);
      return e / (1 + e);
    }
    case Op::softplus:
      if (std::isnan(x[0])) return x[0];
      return (x[0] > 0 ? x[0] : 0) + std::log1p(std::exp(-std::fabs(x[0])));
    case Op::relu: return x[0] > 0 ? x[0] : (std::isnan(x[0]) ? x[0] : 0);
    case Op::step: return x[0] > 0;
    case Op::mask: return x[0] != 0;
    case Op::square: return x[0] * x[0];
    case Op::add: return x[0] + x[1];
    case Op::sub: return x[0] - x[1];
    case Op::mul: return x[0] * x[1];
    case Op::div: return x[0] / x[1];
    case Op::pow: return std::pow(x[0], x[1]);
    case Op::max: return std::isnan(x[0]) || std::isnan(x[1]) ? NAN : (x[0] > x[1] ? x[0] : x[1]);
    case Op::min: return std::isnan(x[0]) || std::isnan(x[1]) ? NAN : (x[0] < x[1] ? x[0] : x[1]);
    case Op::clamp: {
      const double raised[2] = {op_evaluate(Op::max, x), x[2]};
      return op_evaluate(Op::min, raised);
    }
    case Op::lt: return x[0] < x[1];
    case Op::le: return x[0] <= x[1];
    case Op::gt: return x[0] > x[1];
    case Op::ge: return x[0] >= x[1];
    case Op::eq: return x[0] == x[1];
    case Op::ne: return x[0] != x[1];
    case Op::select: return x[0] != 0 ? x[1] : x[2];
  }
  return NAN;
}

}  // namespace eligo::compiler
