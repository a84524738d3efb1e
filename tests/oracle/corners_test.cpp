// What every operation is at and beyond the corners of its domain, and what its derivative is there: one table of
// operations on numbers, one of expressions of the language. Each row is computed by the interpreter and by kernels in
// f32 and f64 for every instruction set of this machine. docs/language.md states the conventions.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include <fmt/core.h>

#include "tests/oracle/apply_operation.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

using compiler::Op;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double any = -0x1p1023;  // an expected number that is not compared: infinite or NaN, by the order of a product

struct OpRow {
  Op op;
  std::vector<double> at;
  double value;
  std::vector<double> partials;  // by operand
};

const std::vector<OpRow> op_rows = {
    {Op::neg, {0}, 0, {-1}},
    {Op::neg, {inf}, -inf, {-1}},
    {Op::exp, {1000}, inf, {inf}},
    {Op::exp, {-1000}, 0, {0}},
    {Op::exp, {-inf}, 0, {0}},
    {Op::exp, {nan}, nan, {nan}},
    {Op::log, {0}, -inf, {inf}},
    {Op::log, {-1}, nan, {-1}},
    {Op::log, {inf}, inf, {0}},
    {Op::sqrt, {0}, 0, {inf}},
    {Op::sqrt, {4}, 2, {0.25}},
    {Op::sqrt, {-1}, nan, {nan}},
    {Op::sqrt, {inf}, inf, {0}},
    {Op::recip, {0}, inf, {-inf}},
    {Op::recip, {-inf}, 0, {0}},
    {Op::abs, {0}, 0, {0}},
    {Op::abs, {-2}, 2, {-1}},
    {Op::abs, {-inf}, inf, {-1}},
    {Op::abs, {nan}, nan, {nan}},
    {Op::sign, {0}, 0, {0}},
    {Op::sign, {-3}, -1, {0}},
    {Op::sign, {nan}, nan, {0}},
    {Op::tanh, {1e30}, 1, {0}},
    {Op::tanh, {-inf}, -1, {0}},
    {Op::tanh, {nan}, nan, {nan}},
    {Op::sigmoid, {1e30}, 1, {0}},
    {Op::sigmoid, {-1e30}, 0, {0}},
    {Op::sigmoid, {-inf}, 0, {0}},
    {Op::softplus, {1e30}, 1e30, {1}},
    {Op::softplus, {-1e30}, 0, {0}},
    {Op::softplus, {inf}, inf, {1}},
    {Op::relu, {0}, 0, {0}},
    {Op::relu, {-1}, 0, {0}},
    {Op::relu, {2}, 2, {1}},
    {Op::relu, {-inf}, 0, {0}},
    {Op::relu, {inf}, inf, {1}},
    {Op::relu, {nan}, nan, {1}},
    {Op::step, {0}, 0, {0}},
    {Op::step, {2}, 1, {0}},
    {Op::step, {nan}, 0, {0}},
    {Op::mask, {0}, 0, {0}},
    {Op::mask, {-2}, 1, {0}},
    {Op::mask, {nan}, 1, {0}},
    {Op::square, {0}, 0, {0}},
    {Op::square, {-inf}, inf, {-inf}},
    {Op::square, {1e200}, inf, {2e200}},
    {Op::add, {inf, -inf}, nan, {1, 1}},
    {Op::sub, {inf, inf}, nan, {1, -1}},
    {Op::mul, {0, inf}, nan, {inf, 0}},
    {Op::mul, {0, 3}, 0, {3, 0}},
    {Op::div, {1, 0}, inf, {inf, -inf}},
    {Op::div, {0, 0}, nan, {inf, nan}},
    {Op::div, {1, inf}, 0, {0, 0}},
    {Op::pow, {0, 0}, 1, {0, 0}},
    {Op::pow, {0, 2}, 0, {0, 0}},
    {Op::pow, {0, 1}, 0, {1, 0}},
    {Op::pow, {0, 0.5}, 0, {inf, 0}},
    {Op::pow, {0, -1}, inf, {-inf, -inf}},
    {Op::pow, {-2, 3}, -8, {12, nan}},
    {Op::pow, {-2, 2}, 4, {-4, nan}},
    {Op::pow, {-2, 0}, 1, {0, nan}},
    {Op::pow, {-2, -1}, -0.5, {-0.25, nan}},
    {Op::pow, {-2, 0.5}, nan, {nan, nan}},
    {Op::pow, {1, inf}, 1, {inf, 0}},
    {Op::pow, {inf, 0}, 1, {0, inf}},
    {Op::pow, {nan, 0}, 1, {0, nan}},
    {Op::pow, {2, 0}, 1, {0, std::numbers::ln2}},
    {Op::max, {1, 1}, 1, {0.5, 0.5}},
    {Op::max, {2, 1}, 2, {1, 0}},
    {Op::max, {-inf, 3}, 3, {0, 1}},
    {Op::max, {nan, 3}, nan, {1, 1}},
    {Op::max, {3, nan}, nan, {1, 1}},
    {Op::min, {1, 1}, 1, {0.5, 0.5}},
    {Op::min, {2, 1}, 1, {0, 1}},
    {Op::min, {inf, 3}, 3, {0, 1}},
    {Op::min, {nan, 3}, nan, {1, 1}},
    {Op::clamp, {0, 0, 1}, 0, {1, 0, 0}},
    {Op::clamp, {1, 0, 1}, 1, {1, 0, 0}},
    {Op::clamp, {-1, 0, 1}, 0, {0, 1, 0}},
    {Op::clamp, {2, 0, 1}, 1, {0, 0, 1}},
    {Op::clamp, {0.5, 1, 0}, 0, {0, 0, 1}},
    {Op::clamp, {-inf, -1, 1}, -1, {0, 1, 0}},
    {Op::clamp, {nan, 0, 1}, nan, {0, 0, 0}},
    {Op::clamp, {0.5, nan, 1}, nan, {0, 0, 0}},
    {Op::lt, {nan, 1}, 0, {0, 0}},
    {Op::lt, {-inf, 1}, 1, {0, 0}},
    {Op::le, {1, 1}, 1, {0, 0}},
    {Op::le, {nan, nan}, 0, {0, 0}},
    {Op::gt, {inf, 1}, 1, {0, 0}},
    {Op::gt, {nan, 1}, 0, {0, 0}},
    {Op::ge, {inf, inf}, 1, {0, 0}},
    {Op::ge, {1, nan}, 0, {0, 0}},
    {Op::eq, {0, -0.0}, 1, {0, 0}},
    {Op::eq, {nan, nan}, 0, {0, 0}},
    {Op::ne, {nan, nan}, 1, {0, 0}},
    {Op::ne, {inf, inf}, 0, {0, 0}},
    {Op::select, {0, nan, 3}, 3, {0, 0, 1}},
    {Op::select, {2, 4, inf}, 4, {0, 1, 0}},
    {Op::select, {nan, 4, 3}, 4, {0, 1, 0}},
    {Op::sin, {0}, 0, {1}},
    {Op::sin, {1e5}, 0.035748797972016507, {-0.99936080743821212}},
    {Op::sin, {0x1p120}, 0.37782010936075202, {-0.92587902285483782}},
    {Op::sin, {inf}, nan, {nan}},
    {Op::sin, {nan}, nan, {nan}},
    {Op::cos, {0}, 1, {0}},
    {Op::cos, {-0x1p120}, -0.92587902285483782, {0.37782010936075202}},
    {Op::cos, {-inf}, nan, {nan}},
    {Op::atan, {0}, 0, {1}},
    {Op::atan, {inf}, std::numbers::pi / 2, {0}},
    {Op::atan, {-inf}, -std::numbers::pi / 2, {0}},
    {Op::atan, {-1e10}, -std::numbers::pi / 2 + 1e-10, {1e-20}},
    {Op::atan, {nan}, nan, {nan}},
    {Op::expm1, {0}, 0, {1}},
    {Op::expm1, {-1000}, -1, {0}},
    {Op::expm1, {-inf}, -1, {0}},
    {Op::expm1, {1000}, inf, {inf}},
    {Op::expm1, {nan}, nan, {nan}},
    {Op::log1p, {0}, 0, {1}},
    {Op::log1p, {-1}, -inf, {inf}},
    {Op::log1p, {-2}, nan, {-1}},
    {Op::log1p, {inf}, inf, {0}},
    {Op::log1p, {nan}, nan, {nan}},
    {Op::erf, {0}, 0, {2 * std::numbers::inv_sqrtpi}},
    {Op::erf, {1e30}, 1, {0}},
    {Op::erf, {-inf}, -1, {0}},
    {Op::erf, {nan}, nan, {nan}},
};

bool same(double got, double want, double tolerance) {
  if (want == any) return !std::isfinite(got);
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want)) return got == want;
  return std::abs(got - want) <= tolerance * std::abs(want);
}

class Corners : public testing::TestWithParam<Backend> {};

// One operation on all of its rows at once.
void check_operation(Op op, const Backend& backend) {
  std::vector<const OpRow*> rows;
  std::vector<std::vector<double>> points;
  for (const OpRow& row : op_rows)
    if (row.op == op) rows.push_back(&row), points.push_back(row.at);
  ASSERT_FALSE(rows.empty()) << "no corner of " << compiler::op_name(op);
  const Applied got = apply_operation(op, points, backend);
  const double tolerance = backend.float64 ? 1e-14 : 1e-6;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::string call;
    bool fits = true;  // into the format
    for (double x : rows[k]->at) {
      call += fmt::format("{}{}", call.empty() ? "" : ", ", x);
      fits = fits && (backend.float64 || !std::isfinite(x) || std::abs(x) < 1e38);
    }
    if (!fits) continue;
    call = fmt::format("{}({})", compiler::op_name(op), call);
    EXPECT_TRUE(same(got.values[k], rows[k]->value, tolerance))
        << call << " is " << got.values[k] << ", not " << rows[k]->value;
    for (std::size_t i = 0; i < got.partials.size(); ++i)
      EXPECT_TRUE(same(got.partials[i][k], rows[k]->partials[i], tolerance))
          << "d " << call << " by operand " << i + 1 << " is " << got.partials[i][k] << ", not "
          << rows[k]->partials[i];
  }
}

TEST_P(Corners, OfOperations) {
  for (int op = 0; op < compiler::op_count; ++op) check_operation(static_cast<Op>(op), GetParam());
}

enum class In { both, f64, f32 };

// An equation of the four-vectors a, b and c, and what it and the gradient of its sum are.
struct Row {
  std::string equation;
  std::vector<double> a, b, c;      // one number stands for all
  std::vector<double> value;        //
  std::vector<double> da, db, dc;   // empty: not read
  In in = In::both;
};

const std::vector<Row> rows = {
    // what is not chosen contributes nothing
    {"where(a > 0, sqrt(a), 0)", {-1, 0, 4, -4}, {}, {}, {0, 0, 2, 0}, {0, 0, 0.25, 0}, {}, {}},
    {"where(a > 0, log(a), b)", {0, -1, 1, 1}, {7}, {}, {7, 7, 0, 0}, {0, 0, 1, 1}, {1, 1, 0, 0}, {}},
    {"where(a > 0, a*log(a), 0)", {0, 1, -1, 0}, {}, {}, {0}, {0, 1, 0, 0}, {}, {}},
    {"where(b == 0, 0, a/b)", {1, 6, 0, 1}, {0, 2, 0, 1}, {}, {0, 3, 0, 1}, {0, 0.5, 0, 1}, {0, -1.5, 0, -1}, {}},
    {"where(b > 0, a^b, c)", {0, 0, -1, 2}, {0, -1, -0.5, 2}, {5}, {5, 5, 5, 4}, {0, 0, 0, 4}, {0, 0, 0, 4*std::numbers::ln2}, {1, 1, 1, 0}},
    {"where(a > 0, where(a > 1, log(a - 1), a), 0)", {1, 0, 2, 0.5}, {}, {}, {1, 0, 0, 0.5}, {1, 0, 1, 1}, {}, {}},
    {"where(a > 0, b/a, where(b > 0, sqrt(b), c/b))", {0, 0, 2, 0}, {4, 0, 6, 1}, {0, 1, 9, 9},
     {2, inf, 3, 1}, {0, 0, -1.5, 0}, {0.25, -inf, 0.5, 0.5}, {0, inf, 0, 0}},
    {"log(where(a > 0, a, b))", {-1, 1, -1, 2}, {0, 0, 1, 0}, {}, {-inf, 0, 0, std::numbers::ln2}, {0, 1, 0, 0.5}, {inf, 0, 1, 0}, {}},
    {"where(b > 0, sqrt(a), 0) + where(c > 0, 2*sqrt(a), 0)", {0, 4, 4, 0}, {-1, 1, -1, -1}, {-1, -1, 1, -1},
     {0, 2, 4, 0}, {0, 0.25, 0.5, 0}, {0}, {0}},
    {"b * where(a > 0, 1/a, 0)", {0, 2, 0, -1}, {2}, {}, {0, 1, 0, 0}, {0, -0.5, 0, 0}, {0, 0.5, 0, 0}, {}},
    {"max(sqrt(a), b)", {0, 0, 4, 0}, {1, 2, 1, 3}, {}, {1, 2, 2, 3}, {0, 0, 0.25, 0}, {1, 1, 0, 1}, {}},
    {"min(1/a, b)", {0, 0, 4, 0}, {1, 2, 1, 3}, {}, {1, 2, 0.25, 3}, {0, 0, -0.0625, 0}, {1, 1, 0, 1}, {}},
    {"b / max(a, 0.01)", {0, 0.01, 0.02, -1}, {1}, {}, {100, 100, 50, 100}, {0, -5000, -2500, 0}, {100, 100, 50, 100}, {}},
    {"clamp(log(a), b, c)", {0, 1, -1, 0}, {-10}, {10}, {-10, 0, nan, -10}, {0, 1, 0, 0}, {1, 0, 0, 1}, {0}},
    {"relu(log(a))", {0, 0, 0.5, 0}, {}, {}, {0}, {0}, {}, {}},
    {"relu(a) / relu(b)", {1}, {0, 2, 0, 0}, {}, {inf, 0.5, inf, inf}, {inf, 0.5, inf, inf}, {0, -0.25, 0, 0}, {}},
    {"abs(sqrt(a))", {0, 4, 0, 0}, {}, {}, {0, 2, 0, 0}, {0, 0.25, 0, 0}, {}, {}},
    {"relu(b) * (a > 0) + where(a > 0, a, 1e30*b)", {-1, 1, 0, -1}, {0}, {}, {0, 1, 0, 0}, {0, 1, 0, 0}, {1e30, 0, 1e30, 1e30}, {}},
    // what the rule's own text multiplies is multiplied
    {"0 * log(a)", {0, 1, 0, 2}, {}, {}, {nan, 0, nan, 0}, {nan, 0, nan, 0}, {}, {}},
    {"(b > 0) * sqrt(a)", {-1, 4, 0, 4}, {0, 1, 0, 0}, {}, {nan, 2, 0, 0}, {nan, 0.25, nan, 0}, {0}, {}},
    {"log(a) - log(a)", {0, 2, -1, 1}, {}, {}, {nan, 0, nan, 0}, {nan, 0, 0, 0}, {}, {}},
    // powers with a whole exponent
    {"a^2", {0, -3, 1e10, 0}, {}, {}, {0, 9, 1e20, 0}, {0, -6, 2e10, 0}, {}, {}},
    {"a^3", {0, -2, 0, 1}, {}, {}, {0, -8, 0, 1}, {0, 12, 0, 3}, {}, {}},
    {"a^0", {0, -2, 5, 0}, {}, {}, {1}, {0}, {}, {}},
    {"a^-1", {0, -2, 0.5, 1}, {}, {}, {inf, -0.5, 2, 1}, {-inf, -0.25, -4, -1}, {}, {}},
    {"a^0.5", {0, 4, -1, 1}, {}, {}, {0, 2, nan, 1}, {inf, 0.25, nan, 0.5}, {}, {}},
    // norms
    {"unit(a)", {0}, {}, {}, {0}, {1e12}, {}, {}},
    {"unit(a)", {3e200, 4e200, 0, 0}, {}, {}, {0.6, 0.8, 0, 0}, {3.2e-202, -2.4e-202, 2e-201, 2e-201}, {}, {}, In::f64},
    {"unit(a)", {3e-200, 4e-200, 0, 0}, {}, {}, {3e-188, 4e-188, 0, 0}, {1e12}, {}, {}, In::f64},
    {"unit(a)", {3e30, 4e30, 0, 0}, {}, {}, {0.6, 0.8, 0, 0}, {3.2e-32, -2.4e-32, 2e-31, 2e-31}, {}, {}, In::f32},
    {"unit(a)", {2e38, 0, 0, 2e38}, {}, {}, {0.70710678, 0, 0, 0.70710678}, {}, {}, {}, In::f32},
    {"unit(a)", {3e-30, 4e-30, 0, 0}, {}, {}, {3e-18, 4e-18, 0, 0}, {1e12}, {}, {}, In::f32},
    {"unit(a)", {3, 4, 0, 0}, {}, {}, {0.6, 0.8, 0, 0}, {0.032, -0.024, 0.2, 0.2}, {}, {}},
    {"b * sqrt(norm2(a))", {0}, {1}, {}, {0}, {0}, {0}, {}},
    {"b * sqrt(norm2(a))", {3, 4, 0, 0}, {1}, {}, {5}, {2.4, 3.2, 0, 0}, {5}, {}},
    {"b * norm2(a)^0.5", {3e200, 4e200, 0, 0}, {1}, {}, {5e200}, {2.4, 3.2, 0, 0}, {5e200}, {}, In::f64},
    {"b * sqrt(norm2(a))", {3e-200, 4e-200, 0, 0}, {1}, {}, {5e-200}, {2.4, 3.2, 0, 0}, {5e-200}, {}, In::f64},
    {"b * sqrt(norm2(a))", {3e30, 4e30, 0, 0}, {1}, {}, {5e30}, {2.4, 3.2, 0, 0}, {5e30}, {}, In::f32},
    {"b * sqrt(norm2(a))", {3e-30, 4e-30, 0, 0}, {1}, {}, {5e-30}, {2.4, 3.2, 0, 0}, {5e-30}, {}, In::f32},
    {"b * norm2(a)", {1e200, 1, 0, 0}, {1}, {}, {inf}, {8e200, 8, 0, 0}, {inf}, {}, In::f64},
    // over an axis
    {"softmax(a)", {1e37, -1e37, 0, 0}, {}, {}, {1, 0, 0, 0}, {0}, {}, {}},
    {"b * softmax(a)", {1e300, 1e300, -1e300, 0}, {1, 3, 1, 1}, {}, {0.5, 1.5, 0, 0}, {-0.5, 0.5, 0, 0}, {0.5, 0.5, 0, 0}, {}, In::f64},
    {"softmax(where(a > 0, a, log(0)))", {1, 1, -1, 0}, {}, {}, {0.5, 0.5, 0, 0}, {0}, {}, {}},
    {"b * logsumexp(a)", {1e37, -1e37, 0, 0}, {1}, {}, {1e37}, {4, 0, 0, 0}, {1e37}, {}},
    {"b * logsumexp(where(a > 0, a, log(0)))", {-1, 0, -1, 0}, {1}, {}, {-inf}, {0}, {-inf}, {}},
    {"b * logsumexp(where(a > 0, a, log(0)))", {-1, 2, -1, 0}, {1}, {}, {2}, {0, 4, 0, 0}, {2}, {}},
    {"b * logsumexp(1/a)", {0, 1, 1, 1}, {1}, {}, {inf}, {nan, 0, 0, 0}, {inf}, {}},
    {"b * max(a)", {1, 1, 0, 0}, {1}, {}, {1}, {2, 2, 0, 0}, {1}, {}},
    {"b * max(log(a))", {0, 1, 0, 0}, {1}, {}, {0}, {0, 4, 0, 0}, {0}, {}},
    {"b * min(a)", {1e300, -1e300, 0, 0}, {1}, {}, {-1e300}, {0, 4, 0, 0}, {-1e300}, {}, In::f64},
};

double number_at(const std::vector<double>& all, std::size_t i) { return all.size() == 1 ? all[0] : all[i]; }

TEST_P(Corners, OfExpressions) {
  const Backend backend = GetParam();
  std::string cell = "cell corners(n) {\n";
  std::vector<const Row*> used;
  for (const Row& row : rows) {
    if (row.in == (backend.float64 ? In::f32 : In::f64)) continue;
    const std::size_t k = used.size();
    used.push_back(&row);
    std::string equation;
    for (const char c : row.equation + " ") {  // its letters become parameters of its own
      const bool letter = !equation.empty() && std::strchr("abc", equation.back()) &&
                          (equation.size() == 1 || !std::isalpha(equation[equation.size() - 2])) && !std::isalnum(c);
      if (letter) equation += std::to_string(k);
      equation += c;
    }
    cell += fmt::format("  state h{0}[n] = 0\n  param a{0}[n], b{0}[n], c{0}[n] ~ normal(0, 1)\n  h{0}[t] = {1}\n", k, equation);
  }
  cell += "}\n";
  TemporaryFolder folder;
  folder.write("corners.eli", cell + "rule ascend(net: cell) {\n  let s = net.state, ψ = net.params\n"
                                     "  learn ψ += d(sum(s[t]))/d(ψ)\n}\n");
  ProgramSpec spec;
  spec.rule = folder / "corners.eli:ascend";
  spec.cell = folder / "corners.eli:corners";
  spec.sizes = {{"n", 4}};
  spec.float64 = backend.float64;
  spec.interpreter = backend.cpu.empty();
  if (!spec.interpreter) spec.cpu = backend.cpu;
  for (std::size_t k = 0; k < used.size(); ++k) spec.show.push_back(fmt::format("net.h{}", k));
  Session session(compile(spec), {.batch = 1, .steps = 1});
  for (std::size_t k = 0; k < used.size(); ++k)
    for (const auto& [letter, given] : {std::pair{'a', used[k]->a}, {'b', used[k]->b}, {'c', used[k]->c}}) {
      std::vector<double> values;
      for (std::size_t i = 0; i < 4; ++i) values.push_back(given.empty() ? 1 : number_at(given, i));
      session.set(fmt::format("net.{}{}", letter, k), values);
    }
  Batch batch;
  batch.steps = batch.examples = 1;
  session.run(batch);
  const double tolerance = backend.float64 ? 1e-13 : 2e-6;
  for (std::size_t k = 0; k < used.size(); ++k) {
    const Row& row = *used[k];
    const auto expect = [&](const std::string& what, const std::vector<double>& got, const std::vector<double>& want) {
      for (std::size_t i = 0; i < 4 && !want.empty(); ++i) {
        const double w = number_at(want, i);
        const double scale = std::isfinite(w) && w == 0 ? 1e-9 : 0;  // what rounding leaves of a difference
        EXPECT_TRUE(same(got[i], w, tolerance) || std::abs(got[i]) < scale)
            << what << " of " << row.equation << " at " << i << " is " << got[i] << ", not " << w;
      }
    };
    const std::vector<double> shown = session.shown(fmt::format("net.h{}", k)).values;
    expect("value", {shown.end() - 4, shown.end()}, row.value);
    expect("da", session.gathered(fmt::format("net.a{}", k)), row.da);
    expect("db", session.gathered(fmt::format("net.b{}", k)), row.db);
    expect("dc", session.gathered(fmt::format("net.c{}", k)), row.dc);
  }
}

// What a clipped line adds of a gradient whose squares overflow, vanish or are not finite.
TEST_P(Corners, OfClips) {
  const Backend backend = GetParam();
  TemporaryFolder folder;
  folder.write("clips.eli", "cell clips(n) {\n  input x[n]\n  state h[n] = 0\n  param a[n], b[n] ~ normal(0, 1)\n"
                            "  h[t] = b*log(a)*x[t]\n}\n"
                            "rule clipped(net: cell) {\n  let s = net.state, ψ = net.params\n"
                            "  learn ψ += d(sum(s[t]))/d(ψ)  clip 1\n}\n");
  ProgramSpec spec;
  spec.rule = folder / "clips.eli:clipped";
  spec.cell = folder / "clips.eli:clips";
  spec.sizes = {{"n", 3}};
  spec.float64 = backend.float64;
  spec.interpreter = backend.cpu.empty();
  if (!spec.interpreter) spec.cpu = backend.cpu;
  Session session(compile(spec), {.batch = 1, .steps = 1});
  Batch batch;
  batch.steps = batch.examples = 1;
  batch.x = {1, 1, 1};
  const double big = backend.float64 ? 1e200 : 1e30, largest = backend.float64 ? 1.5e308 : 3e38;
  struct Case {
    std::vector<double> a, b, added;  // to a, of b/a
  };
  for (const Case& c : {Case{{1, 1, 1}, {3 * big, -4 * big, 0}, {0.6, -0.8, 0}},
                        Case{{1, 1, 1}, {3 / big, 4 / big, 0}, {3 / big, 4 / big, 0}},
                        Case{{1, 1, 1}, {largest, largest, 0}, {std::sqrt(0.5), std::sqrt(0.5), 0}},
                        Case{{1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, Case{{0, 1, 1}, {1, 2, 0}, {nan, 0, 0}},
                        Case{{0, 1, 1}, {0, 2, 0}, {nan, nan, nan}}}) {
    session.set("net.a", c.a);
    session.set("net.b", c.b);
    session.run(batch);
    const std::vector<double> added = session.gathered("net.a");
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_TRUE(same(added[i], c.added[i], backend.float64 ? 1e-14 : 1e-6))
          << "of " << c.b[i] << '/' << c.a[i] << ' ' << added[i] << " is added, not " << c.added[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Corners, testing::ValuesIn(backends()),
                         [](const auto& each) { return testing::PrintToString(each.param); });

}  // namespace
}  // namespace eligo::test
