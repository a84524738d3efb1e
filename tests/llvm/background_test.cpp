// Kernels that are compiled in the background: the same objects, whoever asks, in whatever order and how early.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "run.h"

namespace eligo::testing {
namespace {

// Functions of one statement each, out = in + k.
Module many(int count) {
  Module m = module({{"in", Element::real, 40, true}, {"out", Element::real, 40, true}}, {}, "f0");
  m.functions.clear();
  for (int k = 0; k < count; ++k)
    m.functions.push_back(
        {"f" + std::to_string(k),
         {assign({batch(), {"i", 40}}, 2, at(1, {40, 1}), op(Op::tanh, {load(at(0, {40, 1}))}) + constant(k))}});
  return m;
}

double first_result(const compiler::Kernels& kernels, const std::string& name) {
  alignas(64) float in[40] = {}, out[40] = {};
  void* pointers[] = {in, out};
  kernels.find(name)(pointers, 1);
  return out[0];
}

TEST(Background, EveryFunctionIsThereWhenItIsAskedFor) {
  const Module m = many(20);
  const auto kernels = compiler::llvm_backend().start(m, {DType::f32}, {});
  std::vector<std::thread> threads;
  std::vector<double> results(20);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int k = 19 - t; k >= 0; k -= 4)
        results[static_cast<std::size_t>(k)] = first_result(*kernels, "f" + std::to_string(k));
    });
  for (std::thread& thread : threads) thread.join();
  for (int k = 0; k < 20; ++k) EXPECT_EQ(results[static_cast<std::size_t>(k)], k);
  EXPECT_THROW(kernels->find("f20"), std::runtime_error);
}

TEST(Background, ObjectsAreThoseOfTheForeground) {
  const Module m = many(20);
  const std::vector<int> order = {7, 3, 19};
  const auto whole = compiler::llvm_backend().compile(m, {.threads = 1, .order = order});
  std::vector<std::string> objects;
  const auto take = [&](std::vector<std::string> all) { objects = std::move(all); };
  compiler::llvm_backend().start(m, {.threads = 2, .order = order}, take);  // gone at once: it is compiled all the same
  EXPECT_EQ(objects, whole.files);
  EXPECT_GT(objects.size(), 1u);
}

TEST(Background, WhatIsAskedForFirstIsInTheFirstObject) {
  const Module m = many(20);
  for (const int f : {0, 7, 19}) {
    const auto whole = compiler::llvm_backend().compile(m, {.order = {f}});
    const std::string name = "f" + std::to_string(f);
    EXPECT_EQ(first_result(*compiler::llvm_backend().load({whole.files.front()}, {name}), name), f);
  }
}

TEST(Background, WhatIsGivenUpEarlyIsNotCompiled) {
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto kernels = compiler::llvm_backend().start(many(40), {}, {});
    EXPECT_EQ(first_result(*kernels, "f0"), 0);
  }
}

TEST(Background, WhatIsThrownWithTheObjectsIsDropped) {
  const auto kernels = compiler::llvm_backend().start(many(3), {}, [](auto) { throw std::runtime_error("no"); });
  kernels->finish();
  EXPECT_GT(kernels->object_bytes, 0u);
  EXPECT_EQ(first_result(*kernels, "f2"), 2);
}

}  // namespace
}  // namespace eligo::testing
