// Every operation of the table, at ordinary points and on both sides of its kinks: its value against an independent
// formula, and its derivatives by every operand three ways: central differences, dual numbers, and the partial
// derivatives of its row, as kernels compute them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/llvm/exact.h"
#include "tests/oracle/apply_operation.h"

namespace eligo::test {
namespace {

using compiler::Kink;
using compiler::Op;
using compiler::Operation;
using testing::Real;
using Point = std::vector<double>;

Real exact_at(const Operation& row, const Point& at) {
  Real x[3] = {};
  std::copy(at.begin(), at.end(), x);
  return testing::exact(row.op, x);
}

// The distance from the nearest place where the operation or its derivative jumps.
double from_kink(Kink kink, const Point& at) {
  switch (kink) {
    case Kink::none: return INFINITY;
    case Kink::at_zero: return std::abs(at[0]);
    case Kink::where_equal: return std::abs(at[0] - at[1]);
    case Kink::at_bounds: return std::min({std::abs(at[0] - at[1]), std::abs(at[0] - at[2]), std::abs(at[1] - at[2])});
  }
  return 0;
}

constexpr double step = 1e-5;

// All combinations of some numbers, and of each operand beside the others and beside 0, at which the operation is
// smooth.
std::vector<Point> points_of(const Operation& row) {
  std::vector<Point> grid = {{}};
  const double numbers[] = {-2.3, -1.1, -0.7, -0.2, 0.4, 0.9, 1.6, 2.8};
  for (int i = 0; i < row.arity; ++i) {
    std::vector<Point> longer;
    for (const Point& point : grid)
      for (const double x : numbers) {
        Point next = point;
        next.push_back(x + 0.03 * i);
        longer.push_back(next);
      }
    grid = longer;
  }
  std::vector<Point> beside;
  for (std::size_t k = 0; k < grid.size(); k += 3)
    for (const double side : {-0.01, 0.01}) {
      for (std::size_t other = 0; other < grid[k].size(); ++other) {
        Point point = grid[k];
        point[0] = (other == 0 ? 0 : point[other]) + side;
        beside.push_back(point);
      }
    }
  grid.insert(grid.end(), beside.begin(), beside.end());
  std::sort(grid.begin(), grid.end());
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  std::erase_if(grid, [&](const Point& at) {
    if (from_kink(row.kink, at) < 3 * step) return true;
    for (std::size_t i = 0; i < at.size(); ++i)
      for (const double by : {-2 * step, 0.0, 2 * step}) {
        Point moved = at;
        moved[i] += by;
        if (!std::isfinite(static_cast<double>(exact_at(row, moved)))) return true;
      }
    return false;
  });
  return grid;
}

// Central differences of two widths, from which the error of second order is taken out.
double difference(const Operation& row, const Point& at, std::size_t i) {
  const auto slope = [&](Real width) {
    Real x[3] = {};
    std::copy(at.begin(), at.end(), x);
    const Real middle = x[i];
    x[i] = middle + width;
    const Real above = testing::exact(row.op, x);
    x[i] = middle - width;
    return (above - testing::exact(row.op, x)) / (2 * width);
  };
  return static_cast<double>((4 * slope(step / 2) - slope(step)) / 3);
}

class Operations : public ::testing::TestWithParam<Op> {};

TEST_P(Operations, ValueDifferenceDualNumberAndPartialAgree) {
  const Operation& row = compiler::operation(GetParam());
  const std::vector<Point> points = points_of(row);
  ASSERT_GE(points.size(), 4u);
  const Applied dual = apply_operation(row.op, points, {"", true}),
                kernel = apply_operation(row.op, points, {"native"});
  for (std::size_t k = 0; k < points.size(); ++k) {
    const std::string call = fmt::format("{}({})", row.name, fmt::join(points[k], ", "));
    const auto value = static_cast<double>(exact_at(row, points[k]));
    const double tolerance = 1e-14 * std::max(1.0, std::abs(value));
    EXPECT_NEAR(row.evaluate(points[k].data()), value, tolerance) << call;
    EXPECT_NEAR(kernel.values[k], value, tolerance) << call;
    EXPECT_EQ(dual.values[k], row.evaluate(points[k].data())) << call;
    for (std::size_t i = 0; i < points[k].size(); ++i) {
      const double slope = difference(row, points[k], i), d = dual.partials[i][k];
      EXPECT_NEAR(d, slope, 1e-9 * std::max(1.0, std::abs(slope))) << "dual number of " << call << " by " << i + 1;
      const bool undefined = row.op == Op::pow && points[k][0] < 0 && i == 1;  // by the exponent, of a negative base
      if (undefined) continue;
      EXPECT_NEAR(kernel.partials[i][k], d, 1e-13 * std::max(1.0, std::abs(d)))
          << "partial of " << call << " by " << i + 1;
    }
  }
}

std::vector<Op> all_operations() {
  std::vector<Op> all;
  for (int i = 0; i < compiler::op_count; ++i) all.push_back(static_cast<Op>(i));
  return all;
}
INSTANTIATE_TEST_SUITE_P(Table, Operations, ::testing::ValuesIn(all_operations()),
                         [](const auto& each) { return std::string(compiler::op_name(each.param)); });

// What a row says of results, on numbers of every kind.
TEST(OperationFacts, HoldOfResults) {
  const double numbers[] = {0.0, -0.0, 1, -1, 0.5, -0.3, 2, -7, 1e-9, 30, -30};
  for (const Op op : all_operations()) {
    const Operation& row = compiler::operation(op);
    bool seen_other = false, seen_infinite = false;
    for (const double a : numbers)
      for (const double b : numbers)
        for (const double c : numbers) {
          const double x[3] = {a, b, c}, y = row.evaluate(x);
          seen_other = seen_other || (y != 0 && y != 1);
          seen_infinite = seen_infinite || !std::isfinite(y);
        }
    EXPECT_EQ(row.zero_or_one, !seen_other) << row.name;
    // exp and the like overflow from operands that are still moderate
    const double large[3] = {800, 800, 800};
    EXPECT_EQ(row.may_leave_finite, seen_infinite || !std::isfinite(row.evaluate(large))) << row.name;
  }
}

// docs/language.md lists what the language can write of the table, in its words and order.
TEST(OperationFacts, AreThoseOfTheDocs) {
  std::string table;
  for (const Op op : all_operations()) {
    const Operation& row = compiler::operation(op);
    const std::string_view word = row.spelling.word;
    switch (row.spelling.form) {
      case compiler::Spelling::Form::none: continue;
      case compiler::Spelling::Form::function: table += fmt::format("| `{}({})`", word, row.spelling.operands); break;
      case compiler::Spelling::Form::infix: table += fmt::format("| `a {} b`", word); break;
      case compiler::Spelling::Form::prefix: table += fmt::format("| `{}a`", word); break;
    }
    table += fmt::format(" | {} |\n", row.doc);
  }
  std::ifstream file(ELIGO_DOCS "/language.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(page.find("| function or operator | is |\n|---|---|\n" + table + "\n"), std::string::npos)
      << "its table of functions and operators is to be\n"
      << table;
}

}  // namespace
}  // namespace eligo::test
