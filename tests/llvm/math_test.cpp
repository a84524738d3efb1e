// The elementary functions against long double, over the whole range: random bit patterns, where results change, and
// ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <optional>

#include "compiler/llvm/target.h"
#include "exact.h"
#include "run.h"

namespace eligo::testing {
namespace {

// The largest errors that compiler/llvm/math.h states; nothing: the result is that of `op_evaluate`, rounded.
struct Bound {
  double ulp_f32, ulp_f64;
};
std::optional<Bound> bound_of(Op op) {
  switch (op) {
    case Op::exp: return {{2, 2}};
    case Op::log: return {{2, 2}};
    case Op::tanh: return {{3, 3}};
    case Op::sigmoid: return {{3, 3}};
    case Op::softplus: return {{3, 3}};
    case Op::pow: return {{1, 2}};
    case Op::sin:
    case Op::cos: return {{1, 1}};
    case Op::atan: return {{2, 2}};
    case Op::expm1: return {{1, 1}};
    case Op::log1p: return {{2, 2}};
    case Op::erf: return {{2, 2}};
    case Op::sqrt:
    case Op::recip:
    case Op::div: return {{0.5, 0.5}};
    case Op::neg:
    case Op::abs:
    case Op::sign:
    case Op::relu:
    case Op::step:
    case Op::square:
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::max:
    case Op::min:
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge:
    case Op::eq:
    case Op::ne:
    case Op::select:
    case Op::clamp:
    case Op::mask: return {};
  }
  return {};
}

struct Case {
  Op op;
  Bound bound;
  Real exact(double x, double y) const {
    const Real operands[3] = {x, y, 0};
    return testing::exact(op, operands);
  }
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    for (int o = 0; o < compiler::op_count; ++o)
      if (const auto bound = bound_of(static_cast<Op>(o))) out.push_back({static_cast<Op>(o), *bound});
    return out;
  }();
  return all;
}

// Distance from the exact result in units of the last place of T.
template <class T>
double ulps(T got, Real exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : INFINITY;
  if (std::isnan(got)) return INFINITY;
  const T rounded = static_cast<T>(exact);
  if (got == rounded) return std::signbit(got) == std::signbit(rounded) ? 0 : INFINITY;
  if (std::isinf(got) || std::isinf(rounded)) {  // next to overflow only
    const Real finite = std::isinf(got) ? exact : static_cast<Real>(got);
    return std::fabs(finite) >
                   std::numeric_limits<T>::max() * (1 - 8 * static_cast<Real>(std::numeric_limits<T>::epsilon()))
               ? 1
               : INFINITY;
  }
  int exponent = 0;
  std::frexp(exact, &exponent);
  const int lowest = std::numeric_limits<T>::min_exponent;
  const Real unit = std::ldexp(Real{1}, std::max(exponent, lowest) - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<Real>(got) - exact) / unit);
}

template <class T>
std::vector<double> arguments(std::mt19937_64& random) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using Limits = std::numeric_limits<T>;
  std::vector<double> x = {0.0,
                           -0.0,
                           1,
                           -1,
                           2,
                           -2,
                           3,
                           -3,
                           0.5,
                           -0.5,
                           INFINITY,
                           -INFINITY,
                           NAN,
                           Limits::min(),
                           -Limits::min(),
                           Limits::denorm_min(),
                           -Limits::denorm_min(),
                           Limits::max(),
                           Limits::lowest(),
                           88.5,
                           88.8,
                           -87.3,
                           -103.9,
                           -104.1,
                           709.7,
                           709.9,
                           -708.3,
                           -745.1,
                           -745.2,
                           0.70710678,
                           0.70710680,
                           1.4142135,
                           1.4142137};
  const auto add = [&](double v) { x.push_back(static_cast<double>(static_cast<T>(v))); };
  for (int i = 0; i < 40000; ++i) x.push_back(static_cast<double>(std::bit_cast<T>(static_cast<Bits>(random()))));
  std::uniform_real_distribution<double> unit(-1, 1);
  for (const double scale : {1e-3, 0.3, 1.0, 4.0, 20.0, 110.0, 800.0})
    for (int i = 0; i < 15000; ++i) add(scale * unit(random));
  for (int i = 0; i < 15000; ++i) add(1 + 1e-2 * unit(random));
  for (const double scale : {1e-9, 1e-5, 1e3, 1e5, 1e9, 1e18, 1e30})
    for (int i = 0; i < 3000; ++i) add(scale * unit(random));
  // next to the multiples of π/2, where next to nothing is left of the sine or the cosine
  for (int i = 1; i < 6000; ++i) {
    const double multiple = (i < 3000 ? i : std::ldexp(i, i % 100)) * (std::numbers::pi / 2);
    add(multiple);
    add(-std::nextafter(multiple, 0));
  }
  // the doubles and the floats that come nearest to one: the best convergents over all exponents
  for (const double nearest : {0x1.6ac5b262ca1ffp849, 0x1.6c6cbc45dc8dep5, 0x1.b951f1572eba5p23, 0x1.f37c8ap95, 0x1.47d0fep34})
    add(nearest);
  return x;
}

Module apply_to(Op o, std::int64_t n) {
  std::vector<ValuePtr> args = {load(at(0, {1}))};
  if (compiler::op_arity(o) == 2) args.push_back(load(at(1, {1})));
  return module({{"x", Element::real, n}, {"y", Element::real, n}, {"out", Element::real, n}},
                {assign({{"i", n}}, 1, at(2, {1}), op(o, args))});
}

// Kernels run with denormal numbers taken for zero. Operations that count on it may have 0 where they would have one.
bool leaves_out_denormals(Op op) { return op == Op::sigmoid; }

template <class T>
void check_accuracy(DType dtype) {
  std::mt19937_64 random(7);
  std::vector<Contents> memory(3);
  memory[0].real = arguments<T>(random);
  memory[1].real = arguments<T>(random);
  const std::size_t n = memory[0].real.size();
  memory[2].real.assign(n, 0);
  // pairs of ordinary size, too: random bits overflow nearly always
  for (std::size_t i = 33; i < n; i += 2)
    memory[1].real[i] =
        static_cast<double>(static_cast<T>(std::ldexp(memory[1].real[i], -(std::ilogb(memory[1].real[i]) % 1000))));
  for (std::size_t i = 0; i < 33 * 33; ++i) {  // all pairs of special values
    memory[0].real[n - 1 - i] = memory[0].real[i % 33];
    memory[1].real[n - 1 - i] = memory[1].real[i / 33];
  }
  for (const std::string& target : targets_here())
    for (const Case& c : cases()) {
      const Module m = apply_to(c.op, static_cast<std::int64_t>(n));
      const auto kernels = compiler::llvm_backend().functions(m, {dtype, target});
      run_kernel(*kernels, m, dtype, memory, 1);
      double worst = 0;
      std::size_t where = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const Real exact = c.exact(memory[0].real[i], memory[1].real[i]);
        if (leaves_out_denormals(c.op) && memory[2].real[i] == 0 && std::fabs(exact) < std::numeric_limits<T>::min()) continue;
        const double error = ulps(static_cast<T>(memory[2].real[i]), exact);
        if (error > worst) worst = error, where = i;
      }
      EXPECT_LE(worst, dtype == DType::f32 ? c.bound.ulp_f32 : c.bound.ulp_f64)
          << target << ' ' << compiler::op_name(c.op) << '(' << memory[0].real[where] << ", " << memory[1].real[where]
          << ") is " << memory[2].real[where] << ", not "
          << static_cast<double>(c.exact(memory[0].real[where], memory[1].real[where]));
      ::testing::Test::RecordProperty(target + "_" + std::string(compiler::op_name(c.op)), std::to_string(worst));
    }
}

TEST(Math, AccuracyOfFloat) { check_accuracy<float>(DType::f32); }
TEST(Math, AccuracyOfDouble) { check_accuracy<double>(DType::f64); }

// Scalars, every width and every target with fused multiply-add: the same bits.
TEST(Math, SameBitsForEveryWidth) {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const Case& c : cases()) {
      std::mt19937_64 random(3);
      const Module many = apply_to(c.op, 1000), one = apply_to(c.op, 1);
      std::vector<Contents> memory = random_memory(many, 1, dtype, random), first;
      for (double& x : memory[0].real) x = static_cast<double>(static_cast<float>(x * 20));
      for (const std::string& target : targets_here()) {
        if (!compiler::Target::named(target).fma) continue;
        run_kernel(*compiler::llvm_backend().functions(many, {dtype, target}), many, dtype, memory, 1);
        if (first.empty()) first = memory;
        EXPECT_EQ(std::memcmp(first[2].real.data(), memory[2].real.data(), 1000 * sizeof(double)), 0)
            << target << compiler::op_name(c.op);
      }
      if (first.empty()) continue;
      const auto scalar = compiler::llvm_backend().functions(one, {dtype});
      for (std::size_t i = 0; i < 1000; ++i) {
        std::vector<Contents> single = {{{memory[0].real[i]}, {}}, {{memory[1].real[i]}, {}}, {{0}, {}}};
        run_kernel(*scalar, one, dtype, single, 1);
        ASSERT_EQ(std::memcmp(&single[2].real[0], &first[2].real[i], sizeof(double)), 0)
            << compiler::op_name(c.op) << memory[0].real[i];
      }
    }
}

// The operations that are exact, on all pairs of special values.
TEST(Math, ExactOperations) {
  const std::vector<double> values = {0.0, -0.0, 1, -1, 2.5, -2.5, INFINITY, -INFINITY, NAN, 0.25};
  const std::int64_t n = static_cast<std::int64_t>(values.size() * values.size() * 2);
  for (int o = 0; o < compiler::op_count; ++o) {
    const Op which = static_cast<Op>(o);
    if (std::any_of(cases().begin(), cases().end(), [&](const Case& c) { return c.op == which; })) continue;
    Module m = module(
        {{"x", Element::real, n}, {"y", Element::real, n}, {"z", Element::real, n}, {"out", Element::real, n}}, {});
    std::vector<ValuePtr> args;
    for (int i = 0; i < compiler::op_arity(which); ++i) args.push_back(load(at(i, {1})));
    m.functions[0].statements = {assign({{"i", n}}, 1, at(3, {1}), op(which, args))};
    std::vector<Contents> memory(4);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      memory[0].real.push_back(values[i % values.size()]);
      memory[1].real.push_back(values[i / values.size() % values.size()]);
      memory[2].real.push_back(static_cast<double>(i));
      memory[3].real.push_back(0);
    }
    for (const std::string& target : targets_here())
      for (const DType dtype : {DType::f32, DType::f64}) {
        run_kernel(*compiler::llvm_backend().functions(m, {dtype, target}), m, dtype, memory, 1);
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
          const double x[3] = {memory[0].real[i], memory[1].real[i], memory[2].real[i]};
          const double want = compiler::op_evaluate(which, x), got = memory[3].real[i];
          EXPECT_TRUE(want == got || (std::isnan(want) && std::isnan(got)))
              << target << ' ' << compiler::op_name(which) << '(' << x[0] << ", " << x[1] << ") is " << got << ", not "
              << want;
        }
      }
  }
}

}  // namespace
}  // namespace eligo::testing
