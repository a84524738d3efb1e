#include "compiler/operations/operation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

// A row without one of its fields does not compile.
#pragma GCC diagnostic error "-Wmissing-field-initializers"

namespace eligo::compiler {
namespace {

using Numbers = const double*;
using Build = PartialBuilder;

constexpr Spelling internal{Spelling::Form::none, "", ""};
constexpr Spelling prefix(std::string_view word) { return {Spelling::Form::prefix, word, ""}; }
constexpr Spelling infix(std::string_view word) { return {Spelling::Form::infix, word, ""}; }
constexpr Spelling function(std::string_view word, std::string_view operands = "a") {
  return {Spelling::Form::function, word, operands};
}
constexpr std::string_view undocumented;  // internal
constexpr Partial flat{Partial::Kind::flat};

double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}
double softplus(double x) { return std::isnan(x) ? x : (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))); }
double larger(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : (x > y ? x : y); }
double smaller(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : (x < y ? x : y); }

// Of max or min, by operand i, which loses where `loses(it, the other)`. Where both are equal each gets half; NaN
// loses to nothing.
Factors extremum(Build& d, int i, Op loses) {
  const PartialTerm tie =
      d.apply(Op::select, {d.apply(Op::eq, {d.operand(0), d.operand(1)}), d.number(0.5), d.number(1)});
  return {{d.unless(d.apply(loses, {d.operand(i), d.operand(1 - i)})), tie}};
}

// A cost is an operation's time per value in a vector kernel, where exp's is 20 (kernels_bench measures map/NAME of all):
// the mean of float32 and float64 on a Zen 5. What is done in less than it takes to load and store a value counts 1.
// clang-format off
constexpr std::array rows = {
    Operation{.op = Op::neg, .name = "neg", .spelling = prefix("-"), .arity = 1, .cost = 1,
              .evaluate = [](Numbers x) { return -x[0]; },
              .partials = {[](Build&) { return Factors{{}, -1}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "negation"},
    Operation{.op = Op::exp, .name = "exp", .spelling = function("exp"), .arity = 1, .cost = 20,
              .evaluate = [](Numbers x) { return std::exp(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.result()}}; }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "e to the power of `a`"},
    Operation{.op = Op::log, .name = "log", .spelling = function("log"), .arity = 1, .cost = 30,
              .evaluate = [](Numbers x) { return std::log(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::recip, {d.operand(0)})}}; }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "natural logarithm"},
    Operation{.op = Op::sqrt, .name = "sqrt", .spelling = function("sqrt"), .arity = 1, .cost = 8,
              .evaluate = [](Numbers x) { return std::sqrt(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::recip, {d.result()})}, 0.5}; }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "square root"},
    Operation{.op = Op::recip, .name = "recip", .spelling = internal, .arity = 1, .cost = 8,
              .evaluate = [](Numbers x) { return 1 / x[0]; },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::square, {d.result()})}, -1}; }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = undocumented},
    Operation{.op = Op::abs, .name = "abs", .spelling = function("abs"), .arity = 1, .cost = 1,
              .evaluate = [](Numbers x) { return std::fabs(x[0]); },
              .partials = {[](Build& d) {
                return Factors{{d.mask(d.operand(0)), d.apply(Op::sign, {d.operand(0)})}};
              }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::at_zero,
              .doc = "absolute value"},
    Operation{.op = Op::sign, .name = "sign", .spelling = function("sign"), .arity = 1, .cost = 2,
              .evaluate = [](Numbers x) {
                return std::isnan(x[0]) ? x[0] : static_cast<double>((x[0] > 0) - (x[0] < 0));
              },
              .partials = {flat},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::at_zero,
              .doc = "-1, 0 or 1"},
    Operation{.op = Op::tanh, .name = "tanh", .spelling = function("tanh"), .arity = 1, .cost = 25,
              .evaluate = [](Numbers x) { return std::tanh(x[0]); },
              .partials = {[](Build& d) {
                return Factors{{d.sum({{d.number(1), 1}, {d.apply(Op::square, {d.result()}), -1}})}};
              }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "hyperbolic tangent"},
    Operation{.op = Op::sigmoid, .name = "sigmoid", .spelling = function("sigmoid"), .arity = 1, .cost = 22,
              .evaluate = [](Numbers x) { return sigmoid(x[0]); },
              .partials = {[](Build& d) {
                return Factors{{d.sum({{d.result(), 1}, {d.apply(Op::square, {d.result()}), -1}})}};
              }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "`1/(1 + exp(-a))`, without overflow"},
    Operation{.op = Op::softplus, .name = "softplus", .spelling = function("softplus"), .arity = 1, .cost = 40,
              .evaluate = [](Numbers x) { return softplus(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::sigmoid, {d.operand(0)})}}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "`log(1 + exp(a))`, without overflow"},
    Operation{.op = Op::relu, .name = "relu", .spelling = function("relu"), .arity = 1, .cost = 1,
              .evaluate = [](Numbers x) { return x[0] > 0 ? x[0] : (std::isnan(x[0]) ? x[0] : 0); },
              .partials = {[](Build& d) { return Factors{{d.mask(d.result())}}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::at_zero,
              .doc = "`max(a, 0)`, with the derivative 0 at 0"},
    Operation{.op = Op::step, .name = "step", .spelling = internal, .arity = 1, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] > 0; },
              .partials = {flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::at_zero,
              .doc = undocumented},
    Operation{.op = Op::square, .name = "square", .spelling = internal, .arity = 1, .cost = 1,
              .evaluate = [](Numbers x) { return x[0] * x[0]; },
              .partials = {[](Build& d) { return Factors{{d.operand(0)}, 2}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = undocumented},
    Operation{.op = Op::add, .name = "add", .spelling = infix("+"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) { return x[0] + x[1]; },
              .partials = {[](Build&) { return Factors{}; }, [](Build&) { return Factors{}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "sum"},
    Operation{.op = Op::sub, .name = "sub", .spelling = infix("-"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) { return x[0] - x[1]; },
              .partials = {[](Build&) { return Factors{}; }, [](Build&) { return Factors{{}, -1}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "difference"},
    Operation{.op = Op::mul, .name = "mul", .spelling = infix("*"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) { return x[0] * x[1]; },
              .partials = {[](Build& d) { return Factors{{d.operand(1)}}; },
                           [](Build& d) { return Factors{{d.operand(0)}}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "product"},
    Operation{.op = Op::div, .name = "div", .spelling = infix("/"), .arity = 2, .cost = 8,
              .evaluate = [](Numbers x) { return x[0] / x[1]; },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::recip, {d.operand(1)})}}; },
                           [](Build& d) {
                             const PartialTerm inverse = d.apply(Op::recip, {d.operand(1)});
                             return Factors{{d.result(), inverse}, -1};
                           }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "quotient"},
    // Nothing by the base where the exponent is 0, and by the exponent where the power stays 0.
    Operation{.op = Op::pow, .name = "pow", .spelling = infix("^"), .arity = 2, .cost = 220,
              .evaluate = [](Numbers x) { return std::pow(x[0], x[1]); },
              .partials = {[](Build& d) {
                             const PartialTerm less = d.sum({{d.operand(1), 1}, {d.number(1), -1}});
                             return Factors{
                                 {d.mask(d.operand(1)), d.operand(1), d.apply(Op::pow, {d.operand(0), less})}};
                           },
                           [](Build& d) {
                             const PartialTerm stays = d.apply(Op::mul, {d.apply(Op::eq, {d.operand(0), d.number(0)}),
                                                                  d.apply(Op::ge, {d.operand(1), d.number(0)})});
                             return Factors{{d.unless(stays), d.result(), d.apply(Op::log, {d.operand(0)})}};
                           }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "power"},
    Operation{.op = Op::max, .name = "max", .spelling = function("max", "a, b"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) { return larger(x[0], x[1]); },
              .partials = {[](Build& d) { return extremum(d, 0, Op::lt); },
                           [](Build& d) { return extremum(d, 1, Op::lt); }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::where_equal,
              .doc = "the larger one"},
    Operation{.op = Op::min, .name = "min", .spelling = function("min", "a, b"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) { return smaller(x[0], x[1]); },
              .partials = {[](Build& d) { return extremum(d, 0, Op::gt); },
                           [](Build& d) { return extremum(d, 1, Op::gt); }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::where_equal,
              .doc = "the smaller one"},
    Operation{.op = Op::lt, .name = "lt", .spelling = infix("<"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] < x[1]; },
              .partials = {flat, flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::where_equal,
              .doc = "1 if less, else 0"},
    Operation{.op = Op::le, .name = "le", .spelling = infix("<="), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] <= x[1]; },
              .partials = {flat, flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::where_equal,
              .doc = "1 if less or equal, else 0"},
    Operation{.op = Op::gt, .name = "gt", .spelling = infix(">"), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] > x[1]; },
              .partials = {flat, flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::where_equal,
              .doc = "1 if greater, else 0"},
    Operation{.op = Op::ge, .name = "ge", .spelling = infix(">="), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] >= x[1]; },
              .partials = {flat, flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::where_equal,
              .doc = "1 if greater or equal, else 0"},
    Operation{.op = Op::eq, .name = "eq", .spelling = infix("=="), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] == x[1]; },
              .partials = {flat, flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::where_equal,
              .doc = "1 if equal, else 0"},
    Operation{.op = Op::ne, .name = "ne", .spelling = infix("!="), .arity = 2, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] != x[1]; },
              .partials = {flat, flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::where_equal,
              .doc = "1 if not equal, else 0"},
    Operation{.op = Op::select, .name = "select", .spelling = function("where", "c, a, b"), .arity = 3, .cost = 1,
              .evaluate = [](Numbers x) { return x[0] != 0 ? x[1] : x[2]; },
              .partials = {flat, [](Build& d) { return Factors{{d.mask(d.operand(0))}}; },
                           [](Build& d) { return Factors{{d.unless(d.operand(0))}}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::at_zero,
              .doc = "`a` where `c` is not 0, else `b`"},
    // Inside, bounds included, it is the operand; beyond, the bound. The upper one counts if they are the wrong way
    // round.
    Operation{.op = Op::clamp, .name = "clamp", .spelling = function("clamp", "a, low, high"), .arity = 3, .cost = 2,
              .evaluate = [](Numbers x) { return smaller(larger(x[0], x[1]), x[2]); },
              .partials = {[](Build& d) {
                             return Factors{{d.mask(d.apply(Op::ge, {d.operand(0), d.operand(1)})),
                                             d.mask(d.apply(Op::le, {d.operand(0), d.operand(2)}))}};
                           },
                           [](Build& d) {
                             return Factors{{d.mask(d.apply(Op::lt, {d.operand(1), d.operand(2)})),
                                             d.mask(d.apply(Op::lt, {d.operand(0), d.operand(1)}))}};
                           },
                           [](Build& d) {
                             return Factors{{d.mask(d.apply(Op::max, {d.apply(Op::gt, {d.operand(0), d.operand(2)}),
                                                                      d.apply(Op::lt, {d.operand(2), d.operand(1)})}))}};
                           }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::at_bounds,
              .doc = "`min(max(a, low), high)`"},
    // x != 0; as a factor of a product it decides whether there is a product at all: compiler/ir/masks.h.
    Operation{.op = Op::mask, .name = "mask", .spelling = internal, .arity = 1, .cost = 1,
              .evaluate = [](Numbers x) -> double { return x[0] != 0; },
              .partials = {flat},
              .may_leave_finite = false, .zero_or_one = true, .kink = Kink::at_zero,
              .doc = undocumented},
    Operation{.op = Op::sin, .name = "sin", .spelling = function("sin"), .arity = 1, .cost = 150,
              .evaluate = [](Numbers x) { return std::sin(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::cos, {d.operand(0)})}}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "sine"},
    Operation{.op = Op::cos, .name = "cos", .spelling = function("cos"), .arity = 1, .cost = 150,
              .evaluate = [](Numbers x) { return std::cos(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::sin, {d.operand(0)})}, -1}; }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "cosine"},
    Operation{.op = Op::atan, .name = "atan", .spelling = function("atan"), .arity = 1, .cost = 27,
              .evaluate = [](Numbers x) { return std::atan(x[0]); },
              .partials = {[](Build& d) {
                const PartialTerm square = d.apply(Op::square, {d.operand(0)});
                return Factors{{d.apply(Op::recip, {d.sum({{d.number(1), 1}, {square, 1}})})}};
              }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "inverse tangent"},
    // The derivative is not the result plus 1, of which nothing would be left far below 0.
    Operation{.op = Op::expm1, .name = "expm1", .spelling = function("expm1"), .arity = 1, .cost = 28,
              .evaluate = [](Numbers x) { return std::expm1(x[0]); },
              .partials = {[](Build& d) { return Factors{{d.apply(Op::exp, {d.operand(0)})}}; }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "`exp(a) - 1`, precise near 0"},
    Operation{.op = Op::log1p, .name = "log1p", .spelling = function("log1p"), .arity = 1, .cost = 40,
              .evaluate = [](Numbers x) { return std::log1p(x[0]); },
              .partials = {[](Build& d) {
                return Factors{{d.apply(Op::recip, {d.sum({{d.number(1), 1}, {d.operand(0), 1}})})}};
              }},
              .may_leave_finite = true, .zero_or_one = false, .kink = Kink::none,
              .doc = "`log(1 + a)`, precise near 0"},
    Operation{.op = Op::erf, .name = "erf", .spelling = function("erf"), .arity = 1, .cost = 55,
              .evaluate = [](Numbers x) { return std::erf(x[0]); },
              .partials = {[](Build& d) {
                const PartialTerm square = d.apply(Op::square, {d.operand(0)});
                return Factors{{d.apply(Op::exp, {d.apply(Op::neg, {square})})}, 2 * std::numbers::inv_sqrtpi};
              }},
              .may_leave_finite = false, .zero_or_one = false, .kink = Kink::none,
              .doc = "error function"},
};
// clang-format on

constexpr std::string_view enumerators[] = {
#define ELIGO_NAME(name) #name,
    ELIGO_OPERATIONS(ELIGO_NAME)
#undef ELIGO_NAME
};

static_assert(rows.size() == op_count, "an operation without a row, or with two");

constexpr bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].op != static_cast<Op>(i) || rows[i].name != enumerators[i]) return false;
  return true;
}
static_assert(in_order(), "the rows stand in the order of the enumeration, each under its name");

constexpr bool has_partials(const Operation& o) {
  if (o.arity < 1 || o.arity > static_cast<int>(o.partials.size())) return false;
  for (int i = 0; i < static_cast<int>(o.partials.size()); ++i)
    if ((o.partials[static_cast<std::size_t>(i)].kind == Partial::Kind::no_operand) != (i >= o.arity)) return false;
  return true;
}
static_assert(std::all_of(rows.begin(), rows.end(), has_partials), "a partial derivative for each operand");

constexpr bool is_spelled(const Operation& o) {
  const int named = static_cast<int>(std::count(o.spelling.operands.begin(), o.spelling.operands.end(), ',')) + 1;
  switch (o.spelling.form) {
    case Spelling::Form::none: return o.spelling.word.empty() && o.doc.empty();
    case Spelling::Form::function: return !o.spelling.word.empty() && named == o.arity && !o.doc.empty();
    case Spelling::Form::infix: return !o.spelling.word.empty() && o.arity == 2 && !o.doc.empty();
    case Spelling::Form::prefix: return !o.spelling.word.empty() && o.arity == 1 && !o.doc.empty();
  }
  return false;
}
static_assert(std::all_of(rows.begin(), rows.end(), is_spelled), "operands for the spelling, a line for the docs");

}  // namespace

const Operation& operation(Op op) { return rows[static_cast<std::size_t>(op)]; }

const Operation* operation_of_infix(std::string_view word) {
  for (const Operation& row : rows)
    if (row.spelling.form == Spelling::Form::infix && row.spelling.word == word) return &row;
  return nullptr;
}

}  // namespace eligo::compiler
