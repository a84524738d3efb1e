// The forms that learning rules are made of, at the extents where tiles, vectors and masks begin and end.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <thread>

#include "run.h"
#include "support/denormals.h"

namespace eligo::testing {
namespace {

const std::vector<std::int64_t> examples = {0, 1, 2, 5, 10, 33};
constexpr Element real = Element::real;

// h[b, i] = tanh(Σ j: Wt[j, i] * x[b, j] + bias[i])
Module layer(std::int64_t i, std::int64_t j, std::int64_t estimate = 10) {
  return module(
      {{"Wt", real, i * j}, {"x", real, j, true}, {"bias", real, i}, {"h", real, i, true}},
      {assign({batch(estimate), {"i", i}, {"j", j}}, 2, at(3, {i, 1, 0}),
              op(Op::tanh, {sum({2}, load(at(0, {0, 1, i})) * load(at(1, {j, 0, 1}))) + load(at(2, {0, 1, 0}))}))});
}

TEST(Kernels, LayersOfManyWidths) {
  for (const std::int64_t i : {1, 15, 16, 17, 30, 67})
    for (const std::int64_t j : {1, 17}) check(layer(i, j), examples);
}

// Ends of rows that are short enough for narrower vectors.
TEST(Kernels, LayersOfNarrowEnds) {
  for (const std::int64_t i : {5, 8, 20, 34, 50}) check(layer(i, 10), {0, 1, 10});
}

TEST(Kernels, LayersWithAnyEstimateOfTheBatch) {
  for (const std::int64_t estimate : {1, 2, 7, 100}) check(layer(30, 10, estimate), examples);
}

TEST(Kernels, LayersWithTheMatrixStoredByOutput) {
  for (const std::int64_t i : {1, 5, 30, 66})
    for (const std::int64_t j : {1, 7, 30, 65})
      check(module({{"W", real, i * j}, {"x", real, j, true}, {"h", real, i, true}},
                   {assign({batch(), {"i", i}, {"j", j}}, 2, at(2, {i, 1, 0}),
                           sum({2}, load(at(0, {0, j, 1})) * load(at(1, {j, 0, 1}))))}),
            examples);
}

// e'[b, i, p] = a[b, i] * (Σ j: W[i, j] * e[b, j, p]) + [p of row i] * x
TEST(Kernels, TraceUpdates) {
  for (const auto& [h, p] : {std::pair<std::int64_t, std::int64_t>{3, 12}, {30, 930}, {5, 17}, {7, 1}}) {
    const ValuePtr update =
        load(at(3, {h, 1, 0, 0})) * sum({3}, load(at(0, {0, h, 0, 1})) * load(at(1, {h * p, 0, 1, p})));
    check(module({{"W", real, h * h}, {"e", real, h * p, true}, {"next", real, h * p, true}, {"a", real, h, true}},
                 {assign({batch(), {"i", h}, {"p", p}, {"j", h}}, 3, at(2, {h * p, p, 1, 0}), update)}),
          {0, 1, 5});
  }
  // the immediate term, on the diagonal of a [h, h, k] trace
  check(module({{"e", real, 7 * 7 * 5, true}, {"x", real, 5, true}},
               {assign({batch(), {"i", 7}, {"k", 5}}, 3, at(0, {245, 40, 1}), load(at(1, {5, 0, 1})), true)}),
        examples);
}

TEST(Kernels, WeightGradients) {
  for (const std::int64_t i : {1, 16, 30})
    for (const std::int64_t j : {1, 17, 30}) {
      const ValuePtr term = load(at(0, {i, 1, 0})) * load(at(1, {j, 0, 1}));
      const std::vector<Buffer> buffers = {{"d", real, i, true}, {"h", real, j, true}, {"G", real, i * j}};
      check(module(buffers, {assign({batch(), {"i", i}, {"j", j}}, 3, at(2, {0, j, 1}), term, true)}), examples);
      const ValuePtr reduced = sum({2}, load(at(0, {1, 0, i})) * load(at(1, {0, 1, j})));
      check(
          module(buffers, {assign({{"i", i}, {"j", j}, batch()}, 2, at(2, {j, 1, 0}), constant(-0.1) * reduced, true)}),
          examples);
    }
}

// Added up some examples at a time: as many, one fewer and one more, and several times as many.
TEST(Kernels, WeightGradientsOverManyExamples) {
  const std::vector<std::int64_t> many = {0, 1, 17, 128, 129, 300};
  const std::vector<Buffer> buffers = {
      {"d", real, 40, true}, {"h", real, 37, true}, {"c", real, 1}, {"G", real, 40 * 37}};
  const ValuePtr product = load(at(0, {1, 0, 40})) * load(at(1, {0, 1, 37}));
  check(module(buffers, {assign({{"i", 40}, {"j", 37}, batch()}, 2, at(3, {37, 1, 0}),
                                sum({2}, product) * load(at(2, {0, 0, 0})), true)}),
        many);
  // wide rows, of which each product reads a part, as a sparse net's neurons do
  const std::vector<Buffer> wide = {{"d", real, 6000, true}, {"h", real, 3000, true}, {"G", real, 3 * 20 * 33}};
  check(module(wide, {assign({{"w", 3}, {"i", 20}, {"j", 33}, batch()}, 3, at(2, {660, 33, 1, 0}),
                             sum({3}, load(at(0, {2000, 1, 0, 6000})) * load(at(1, {1000, 0, 1, 3000}))), true)}),
        many);
  check(module(wide, {assign({{"i", 1900}, batch()}, 1, at(2, {1, 0}),
                             sum({1}, load(at(0, {1, 6000})) * load(at(1, {1, 3000}))), true)}),
        many);
  // a sum that may not be taken in parts
  check(module(buffers, {assign({{"i", 40}, {"j", 37}, batch()}, 2, at(3, {37, 1, 0}),
                                op(Op::tanh, {sum({2}, product)}), true)}),
        many);
}

// Rows that each lie on a page of their own are copied for all that read them.
TEST(Kernels, ProductsOfFarRows) {
  for (const std::int64_t columns : {16, 37, 100})
    check(module({{"W", real, 20 * 80}, {"e", real, 80 * 600, true}, {"next", real, 20 * columns, true}},
                 {assign({batch(), {"i", 20}, {"p", columns}, {"k", 80}}, 3, at(2, {20 * columns, columns, 1, 0}),
                         sum({3}, load(at(0, {0, 80, 0, 1})) * load(at(1, {48000, 0, 1, 600}))))}),
          {1, 3});
}

TEST(Kernels, SumsToScalars) {
  check(module({{"x", real, 30, true}, {"s", real, 1}},
               {assign({batch(), {"i", 30}}, 2, at(1, {0, 0}), op(Op::square, {load(at(0, {30, 1}))}), true)}),
        examples);
  check(module({{"x", real, 930, true}, {"s", real, 1, true}},
               {assign({batch(), {"i", 930}}, 1, at(1, {1, 0}), sum({1}, load(at(0, {930, 1}))))}),
        examples);
  check(
      module({{"x", real, 1, true}, {"s", real, 2}}, {assign({batch()}, 0, at(1, {0}, 1), sum({0}, load(at(0, {1}))))}),
      examples);
  check(module({{"x", real, 1, true}, {"s", real, 1, true}},
               {assign({batch()}, 1, at(1, {1}), op(Op::exp, {load(at(0, {1}))}))}),
        examples);
}

// log-softmax and the like: several reduces, one inside of another's body
TEST(Kernels, ReducesWithinExpressions) {
  const auto x = [](int l) {
    return load(at(0, l == 1   ? std::vector<std::int64_t>{17, 1, 0, 0}
                      : l == 2 ? std::vector<std::int64_t>{17, 0, 1, 0}
                               : std::vector<std::int64_t>{17, 0, 0, 1}));
  };
  const ValuePtr top = largest({3}, x(3));
  const ValuePtr softmax = x(1) - top - op(Op::log, {sum({2}, op(Op::exp, {x(2) - top}))});
  check(module({{"x", real, 17, true}, {"y", real, 17, true}},
               {assign({batch(), {"i", 17}, {"k", 17}, {"l", 17}}, 2, at(1, {17, 1, 0, 0}), softmax)}),
        examples);
  const ValuePtr two = sum({2}, x(2)) * x(1) + sum({3}, x(3) * x(1) * x(3)) + sum({2}, op(Op::tanh, {x(2)}));
  check(module({{"x", real, 17, true}, {"y", real, 17, true}},
               {assign({batch(), {"i", 17}, {"k", 17}, {"l", 17}}, 2, at(1, {17, 1, 0, 0}), two)}),
        examples);
  const ValuePtr twice = sum({2, 3}, load(at(0, {17, 0, 1, 0})) * load(at(2, {0, 16, 0, 1})));
  check(module({{"x", real, 17, true}, {"y", real, 17, true}, {"W", real, 17 * 16}},
               {assign({batch(), {"i", 17}, {"k", 17}, {"l", 16}}, 2, at(1, {17, 1, 0, 0}), twice)}),
        examples);
}

TEST(Kernels, GatherAndScatter) {
  const std::vector<Buffer> buffers = {{"E", real, 5 * 20}, {"n", Element::int32, 3, true}, {"y", real, 60, true}};
  check(module(buffers, {assign({batch(), {"s", 3}, {"k", 20}}, 3, at(2, {60, 20, 1}),
                                load(through(at(0, {0, 0, 1}), 1, {3, 1, 0}, 20)))}),
        examples, 1, 5);
  check(module(buffers, {assign({batch(), {"s", 3}, {"k", 20}}, 3, through(at(0, {0, 0, 1}), 1, {3, 1, 0}, 20),
                                load(at(2, {60, 20, 1})), true)}),
        examples, 1, 5);
  // lanes that meet: every element picks its place
  check(module({{"y", real, 5}, {"n", Element::int32, 40}, {"x", real, 40}},
               {assign({{"i", 40}}, 1, through(at(0, {0}), 1, {1}, 1), load(at(2, {1})), true)}),
        {1}, 1, 5);
  check(module({{"y", real, 12}, {"w", real, 5}, {"x", real, 8}},
               {assign({{"i", 8}, {"k", 5}}, 2, at(0, {1, 1}), load(at(1, {0, 1})) * load(at(2, {1, 0})), true)}),
        {1});
  check(module({{"y", real, 40}, {"n", Element::int32, 40}},
               {assign({{"i", 40}}, 1, at(0, {1}), load(at(1, {1})) + constant(0.5))}),
        {1}, 1, 5);
}

TEST(Kernels, InPlace) {
  check(module({{"x", real, 37, true}},
               {assign({batch(), {"i", 37}}, 2, at(0, {37, 1}), load(at(0, {37, 1})) * constant(0.9))}),
        examples);
  const ValuePtr mixed =
      load(at(0, {30, 1, 0})) + op(Op::tanh, {sum({2}, load(at(1, {0, 1, 30})) * load(at(2, {30, 0, 1})))});
  check(module({{"h", real, 30, true}, {"Wt", real, 900}, {"x", real, 30, true}},
               {assign({batch(), {"i", 30}, {"j", 30}}, 2, at(0, {30, 1, 0}), mixed)}),
        examples);
  check(module({{"h", real, 30, true}, {"Wt", real, 900}, {"x", real, 30, true}},
               {assign({batch(), {"i", 30}, {"j", 30}}, 2, at(0, {30, 1, 0}), mixed, true)}),
        examples);
}

TEST(Kernels, NoExpressionsLoops) {
  check(module({{"x", real, 3}}, {assign({}, 0, at(0, {}, 1), constant(4))}), {0, 1});
  check(module({{"x", real, 1}, {"y", real, 1}},
               {assign({{"i", 1}, {"j", 1}}, 2, at(0, {0, 0}), load(at(1, {1, 0})) + constant(4))}),
        {0, 1});
}

// NaN and infinity go where IEEE arithmetic sends them; a masked lane brings none in.
TEST(Kernels, NanPropagates) {
  const Module m = module({{"x", real, 17}, {"s", real, 3}},
                          {assign({{"i", 17}}, 0, at(1, {0}, 0), sum({0}, load(at(0, {1})))),
                           assign({{"i", 17}}, 0, at(1, {0}, 1), largest({0}, load(at(0, {1})))),
                           assign({{"i", 17}}, 0, at(1, {0}, 2), sum({0}, op(Op::recip, {load(at(0, {1}))})))});
  for (const std::string& target : targets_here()) {
    const auto kernels = compiler::llvm_backend().functions(m, {DType::f32, target});
    for (const double special : {1.0, double{NAN}}) {
      std::vector<Contents> memory = {{std::vector<double>(17, 1), {}}, {std::vector<double>(3, 0), {}}};
      memory[0].real[16] = special;
      run_kernel(*kernels, m, DType::f32, memory, 1);
      for (const double s : memory[1].real) EXPECT_EQ(std::isnan(s), std::isnan(special)) << target;
    }
  }
}

// The results for an example are the same bits in any company.
TEST(Kernels, ExamplesDoNotKnowEachOther) {
  for (const Module& m : {layer(30, 17), layer(30, 17, 33), layer(5, 40, 3)})
    for (const std::string& target : targets_here())
      for (const DType dtype : {DType::f32, DType::f64}) {
        const auto kernels = compiler::llvm_backend().functions(m, {dtype, target});
        std::mt19937_64 random(5);
        std::vector<Contents> all = random_memory(m, 40, dtype, random);
        const std::vector<Contents> before = all;
        run_kernel(*kernels, m, dtype, all, 40);
        for (const std::size_t n : {1, 2, 3, 7, 10, 33}) {
          std::vector<Contents> some = before;
          for (std::size_t i = 0; i < some.size(); ++i)
            if (m.buffers[i].batched) some[i].real.resize(static_cast<std::size_t>(m.buffers[i].size) * n);
          run_kernel(*kernels, m, dtype, some, static_cast<std::int64_t>(n));
          for (std::size_t k = 0; k < some[3].real.size(); ++k)
            ASSERT_EQ(some[3].real[k], all[3].real[k]) << target << ' ' << n << ' ' << k;
        }
      }
}

TEST(Kernels, TextsForOtherProcessors) {
  const compiler::Backend& llvm = compiler::llvm_backend();
  const compiler::CodegenOptions m1{DType::f32, "apple-m1"};
  EXPECT_NE(llvm.text("asm", layer(30, 30), m1).find("fmla"), std::string::npos);
  EXPECT_NE(llvm.text("llvm", layer(30, 30), m1).find("<4 x float>"), std::string::npos);
  EXPECT_THROW(llvm.functions(layer(3, 3), m1), std::runtime_error);
  EXPECT_THROW(llvm.processor("no-such-processor"), std::runtime_error);
}

// Every operation has code for a processor of another architecture, in both formats.
TEST(Kernels, OperationsHaveCodeForArm) {
  for (int i = 0; i < compiler::op_count; ++i) {
    const Op o = static_cast<Op>(i);
    std::vector<ValuePtr> operands;
    std::vector<Buffer> buffers = {{"out", real, 7}};
    for (int k = 0; k < compiler::op_arity(o); ++k) {
      operands.push_back(load(at(k + 1, {1})));
      buffers.push_back({"x" + std::to_string(k), real, 7});
    }
    const Module m = module(buffers, {assign({{"i", 7}}, 1, at(0, {1}), op(o, operands))});
    for (const DType dtype : {DType::f32, DType::f64})
      EXPECT_NE(compiler::llvm_backend().text("asm", m, {dtype, "apple-m1"}).find("ret"), std::string::npos)
          << compiler::op_name(o);
  }
}

TEST(Kernels, DenormalsAreFlushedAndComeBack) {
  volatile float tiny = 1e-40f;
  {
    const FlushDenormals flush;
    EXPECT_EQ(tiny * 0.5f, 0.0f);
  }
  EXPECT_NE(tiny * 0.5f, 0.0f);
}

TEST(Kernels, DenormalsAreFlushedForTheirThreadAlone) {
  volatile float tiny = 1e-40f;
  std::promise<void> flushed, seen;
  float there = 1;
  std::thread other([&] {
    const FlushDenormals flush;
    there = tiny * 0.5f;
    flushed.set_value();
    seen.get_future().wait();
  });
  flushed.get_future().wait();
  EXPECT_NE(tiny * 0.5f, 0.0f);
  seen.set_value();
  other.join();
  EXPECT_EQ(there, 0.0f);
  try {
    const FlushDenormals flush;
    throw std::runtime_error("on the way out");
  } catch (const std::runtime_error&) {
    EXPECT_NE(tiny * 0.5f, 0.0f);
  }
}

#ifdef __SANITIZE_ADDRESS__
TEST(Kernels, TheSanitizerSeesThem) {
  const Module m = module({{"x", real, 16}}, {assign({{"i", 16}}, 1, at(0, {1}), constant(1))});
  const auto kernels = compiler::llvm_backend().functions(m, {DType::f32, "baseline"});
  std::vector<float> small(15);
  void* const pointer = small.data();
  EXPECT_DEATH(kernels->find("kernel")(&pointer, 1), "heap-buffer-overflow");
}
#endif

#ifdef __SANITIZE_THREAD__
// Two threads write the same numbers: full vectors, and the masked end of a row.
void race(const std::string& target) {
  const Module m = module({{"x", real, 19}}, {assign({{"i", 19}}, 1, at(0, {1}), constant(1))});
  const auto kernels = compiler::llvm_backend().functions(m, {DType::f32, target});
  std::vector<float> shared(19);
  const auto write = [&] {
    void* const pointer = shared.data();
    kernels->find("kernel")(&pointer, 1);
  };
  std::thread other(write);
  write();
  other.join();
  std::exit(0);
}

TEST(Kernels, TheSanitizerSeesThem) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const std::string& target : targets_here())
    EXPECT_EXIT(race(target), ::testing::ExitedWithCode(66), "data race") << target;
}
#endif

// Copies from columns go in blocks, where both sides are at least a line long; here with ends on both.
TEST(Kernels, TransposedCopies) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{40, 37}, {16, 16}, {33, 130}})
    check(module({{"x", Element::real, rows * columns}, {"y", Element::real, rows * (columns + 16)}},
                 {assign({{"i", columns}, {"j", rows}}, 2, at(1, {rows, 1}), load(at(0, {1, columns})))}),
          {1});
}

// Rows of a large matrix, each on a page of its own, are fetched ahead, also beyond its end.
TEST(Kernels, RowsOfALargeMatrix) {
  constexpr std::int64_t depth = 200, columns = 700;
  check(module({{"w", Element::real, depth * columns}, {"x", Element::real, depth, true}, {"y", Element::real, columns, true}},
               {assign({batch(17), {"i", columns}, {"k", depth}}, 2, at(2, {columns, 1, 0}),
                       sum({2}, load(at(0, {0, 1, columns})) * load(at(1, {depth, 0, 1}))))}),
        {1, 17});
}

// A loop around two statements, some of the examples at a time; what one leaves for the other stays within a trip.
TEST(Kernels, FusedStatements) {
  Module m = module({{"x", Element::real, 60, true}, {"d", Element::real, 12, true}, {"g", Element::real, 60}, {"y", Element::real, 60, true}},
                    {assign({{"x", 5}, batch(7), {"i", 12}}, 3, at(1, {0, 12, 1}),
                            op(Op::tanh, {load(at(0, {12, 60, 1}))})),
                     assign({{"x", 5}, batch(7), {"i", 12}}, 3, at(3, {12, 60, 1}),
                            load(at(1, {0, 12, 1})) * load(at(0, {12, 60, 1}))),
                     assign({{"x", 5}, {"i", 12}, batch(7)}, 2, at(2, {12, 1, 0}),
                            sum({2}, load(at(1, {0, 1, 12}))), true)});
  for (const std::int64_t at_a_time : {0, 3}) {
    m.functions[0].fusions = {{0, 3, 5, 12, 60, at_a_time, {1}}};
    check(m, {1, 3, 7});
  }
}

}  // namespace
}  // namespace eligo::testing
