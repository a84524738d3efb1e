#include <gtest/gtest.h>

#include "build.h"
#include "compiler/loops/print.h"
#include "compiler/loops/verify.h"

namespace eligo::testing {
namespace {

Module forward() {
  return module(
      {{"Wt", Element::real, 900},
       {"h_1", Element::real, 30, true},
       {"bias", Element::real, 30},
       {"h", Element::real, 30, true},
       {"idx", Element::int32, 1, true}},
      {assign({batch(), {"i", 30}, {"j", 30}}, 2, at(3, {30, 1, 0}),
              op(Op::tanh, {sum({2}, load(at(0, {0, 1, 30})) * load(at(1, {30, 0, 1}))) + load(at(2, {0, 1, 0}))}))});
}

TEST(LoopsText, OneLinePerStatement) {
  EXPECT_EQ(text(forward()),
            "module kernel\n"
            "buffer 0 Wt: real[900]\n"
            "buffer 1 h_1: real[30] batched\n"
            "buffer 2 bias: real[30]\n"
            "buffer 3 h: real[30] batched\n"
            "buffer 4 idx: int32[1] batched\n"
            "function kernel\n"
            "  # test\n"
            "  for b<batch 10>, i<30>: h[b*30 + i] = tanh((Σ j<30>: Wt[i + j*30] * h_1[b*30 + j]) + bias[i])\n");
}

TEST(LoopsText, EveryFormOfValue) {
  const Module m = module({{"x", Element::real, 40}, {"n", Element::int32, 4}, {"y", Element::real, 4}}, {});
  const std::vector<Loop> loops = {{"i", 4}, {"k", 10}};
  const auto x = load(at(0, {10, 1}, 0)), g = load(through(at(0, {0, 1}), 1, {1, 0}, 10));
  const auto show = [&](ValuePtr v, bool accumulate = false) {
    return text(m, assign(loops, 1, at(2, {1, 0}), std::move(v), accumulate));
  };
  EXPECT_EQ(show(largest({1}, x)), "for i<4>: y[i] = (max k<10>: x[i*10 + k])");
  EXPECT_EQ(show(sum({1}, g), true), "for i<4>: y[i] += (Σ k<10>: x[n[i]*10 + k])");
  EXPECT_EQ(show(op(Op::neg, {constant(0.1)}) * (constant(-2) - (constant(1) - constant(3)))),
            "for i<4>: y[i] = neg(0.1) * ((-2) - (1 - 3))");
  EXPECT_EQ(show(load(at(0, {-1, 0}, 3))), "for i<4>: y[i] = x[i*-1 + 3]");
}

// The cache hashes the text: what differs must look different.
TEST(LoopsText, SharedNamesAreToldApart) {
  const Module m = module({{"x", Element::real, 6}, {"x", Element::real, 6}}, {});
  EXPECT_EQ(text(m, assign({{"i", 2}, {"i", 3}}, 2, at(1, {3, 1}), load(at(0, {1, 2})))),
            "for i#0<2>, i#1<3>: x#1[i#0*3 + i#1] = x#0[i#0 + i#1*2]");
}

std::string problem(const Module& m) {
  const std::vector<std::string> all = verify(m);
  return all.empty() ? "" : all[0];
}
// The module above with its statement changed.
template <class F>
std::string problem_after(F&& change) {
  Module m = forward();
  change(m.functions[0].statements[0], m);
  return problem(m);
}

TEST(LoopsVerify, SoundModulesPass) { EXPECT_EQ(problem(forward()), ""); }

TEST(LoopsVerify, AccessesStayInside) {
  EXPECT_EQ(problem_after([](Statement&, Module& m) { m.buffers[0].size = 899; }),
            "kernel: test: Wt[i + j*30] reaches [0, 899] of 899 elements");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.offset = 1; }),
            "kernel: test: h[b*30 + i + 1] reaches [1, 30] of 30 elements");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.stride[1] = -1; }),
            "kernel: test: h[b*30 + i*-1] reaches [-29, 0] of 30 elements");
}

TEST(LoopsVerify, BatchedBuffersAreWalkedByExample) {
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.stride[0] = 29; }),
            "kernel: test: h[b*29 + i] steps 29 by example, an example of h is 30");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.stride[0] = 0; }),
            "kernel: test: h[i] needs one batch loop, has 0");
  EXPECT_EQ(problem_after([](Statement&, Module& m) { m.buffers[3].batched = false; }),
            "kernel: test: h[b*30 + i] steps by example through a buffer that is not batched");
}

TEST(LoopsVerify, LoopsAreBoundWhereTheyAreUsed) {
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.stride[2] = 1; }),
            "kernel: test: h[b*30 + i + j] uses loop j outside of it");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.value = sum({1}, constant(1)); }),
            "kernel: test: reduces over loop 1, which is not its own");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.value = sum({2}, sum({2}, constant(1))); }),
            "kernel: test: reduces twice over j");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.value = op(Op::add, {constant(1)}); }),
            "kernel: test: add of 1 operands");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.stride.pop_back(); }),
            "kernel: test: h[b*30 + i] has 2 strides for 3 loops");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.loops[1].extent = 0; }), "kernel: test: loop i has extent 0");
  EXPECT_EQ(problem_after([](Statement& s, Module&) { s.out.buffer = 9; }), "kernel: test: no buffer 9");
  EXPECT_EQ(problem_after([](Statement& s, Module&) {
              s.out = at(4, {1, 0, 0});
            }),
            "kernel: test: stores to the integer buffer idx");
}

TEST(LoopsVerify, PlacesAreStoredOnce) {
  const Module m = module({{"x", Element::real, 5}}, {assign({{"i", 5}, {"j", 2}}, 2, at(0, {1, 0}), constant(1))});
  EXPECT_EQ(problem(m), "kernel: test: stores to one place for every j, without +=");
}

TEST(LoopsVerify, ReadsOfWhatIsWritten) {
  const auto statement = [](Access out, Access in) {
    return module({{"z", Element::real, 40, true}},
                  {assign({batch(), {"i", 10}}, 2, std::move(out), load(std::move(in)))});
  };
  EXPECT_EQ(problem(statement(at(0, {40, 1}), at(0, {40, 1}))), "");
  EXPECT_EQ(problem(statement(at(0, {40, 1}), at(0, {40, 1}, 10))), "");  // another block of the same buffer
  EXPECT_EQ(problem(statement(at(0, {40, 4}), at(0, {40, 4}, 1))), "");   // another column
  EXPECT_EQ(problem(statement(at(0, {40, 1}), at(0, {40, 1}, 9))),
            "kernel: test: reads z[b*40 + i + 9] while it writes z[b*40 + i]");
  EXPECT_EQ(problem(statement(at(0, {40, 1}), at(0, {40, -1}, 9))),
            "kernel: test: reads z[b*40 + i*-1 + 9] while it writes z[b*40 + i]");
}

TEST(LoopsVerify, KernelsHaveNames) {
  Module m = forward();
  m.functions[0].name = "a b";
  EXPECT_EQ(problem(m), "'a b' is no name for a kernel");
  m.functions[0].name = "a";
  m.functions.push_back(m.functions[0]);
  EXPECT_EQ(problem(m), "a is there twice");
}

}  // namespace
}  // namespace eligo::testing
