#include "run.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/loops/print.h"
#include "compiler/loops/verify.h"

namespace eligo::testing {
namespace {

constexpr std::size_t guard = 64;

std::size_t elements(const Buffer& b, std::int64_t examples) {
  return static_cast<std::size_t>(b.batched ? b.size * examples : b.size);
}

template <class T>
void run_as(const compiler::Kernels& kernels, const Module& m, std::vector<Contents>& memory, std::int64_t examples) {
  std::vector<std::vector<T>> reals(m.buffers.size());
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < m.buffers.size(); ++i) {
    if (m.buffers[i].element == Element::int32) {
      pointers.push_back(memory[i].integer.data());
      continue;
    }
    reals[i].assign(memory[i].real.size() + 2 * guard, std::numeric_limits<T>::quiet_NaN());
    for (std::size_t k = 0; k < memory[i].real.size(); ++k) reals[i][guard + k] = static_cast<T>(memory[i].real[k]);
    pointers.push_back(reals[i].data() + guard);
  }
  const auto function = kernels.find(m.functions[0].name);
  ASSERT_NE(function, nullptr);
  function(pointers.data(), examples);
  for (std::size_t i = 0; i < m.buffers.size(); ++i) {
    if (m.buffers[i].element == Element::int32) continue;
    for (std::size_t k = 0; k < reals[i].size(); ++k) {
      const bool inside = k >= guard && k < guard + memory[i].real.size();
      if (inside) memory[i].real[k - guard] = static_cast<double>(reals[i][k]);
      else ASSERT_TRUE(std::isnan(reals[i][k])) << "wrote outside of " << m.buffers[i].name;
    }
  }
}

// How many terms an element's sum has, at most: its rounding errors grow with them.
double most_terms(const Module& m, std::int64_t examples) {
  double most = 1;
  for (const Statement& s : m.functions[0].statements) {
    double terms = 1;
    for (std::size_t l = 0; l < s.loops.size(); ++l)
      if (s.out.stride[l] == 0) terms *= static_cast<double>(s.loops[l].batch ? examples : s.loops[l].extent);
    most = std::max(most, terms);
  }
  return most;
}

// What a trip of a fused loop alone uses is nobody's afterwards.
bool is_local(const Module& m, int buffer) {
  for (const Fusion& fusion : m.functions[0].fusions)
    if (std::find(fusion.local.begin(), fusion.local.end(), buffer) != fusion.local.end()) return true;
  return false;
}

}  // namespace

std::vector<Contents> random_memory(const Module& m, std::int64_t examples, DType dtype, std::mt19937_64& random,
                                    int below) {
  std::vector<Contents> memory(m.buffers.size());
  std::uniform_real_distribution<double> real(-1, 1);
  std::uniform_int_distribution<std::int32_t> integer(0, below - 1);
  for (std::size_t i = 0; i < memory.size(); ++i)
    for (std::size_t k = 0; k < elements(m.buffers[i], examples); ++k) {
      if (m.buffers[i].element == Element::int32) memory[i].integer.push_back(integer(random));
      else memory[i].real.push_back(dtype == DType::f32 ? static_cast<float>(real(random)) : real(random));
    }
  return memory;
}

void run_kernel(const compiler::Kernels& kernels, const Module& m, DType dtype, std::vector<Contents>& memory,
                std::int64_t examples) {
  if (dtype == DType::f32) run_as<float>(kernels, m, memory, examples);
  else run_as<double>(kernels, m, memory, examples);
}

std::vector<std::string> targets_here() {
  std::vector<std::string> here;
  for (const char* name : {"avx512", "znver4", "avx2", "baseline"})
    if (compiler::llvm_backend().why_not_here(name).empty()) here.push_back(name);
  return here;
}

void check(const Module& m, const std::vector<std::int64_t>& examples, std::uint64_t seed, int below) {
  const std::vector<std::string> problems = verify(m);
  ASSERT_TRUE(problems.empty()) << problems[0] << '\n' << text(m);
  for (const std::string& target : targets_here())
    for (const DType dtype : {DType::f32, DType::f64}) {
      SCOPED_TRACE(fmt::format("{} {} seed {}\n{}", target, dtype == DType::f32 ? "f32" : "f64", seed, text(m)));
      const auto kernels = compiler::llvm_backend().functions(m, {dtype, target});
#ifndef __SANITIZE_ADDRESS__
      EXPECT_LT(kernels->object_bytes, 40'000u * m.functions[0].statements.size());
#endif
      for (const std::int64_t n : examples) {
        std::mt19937_64 random(seed);
        std::vector<Contents> got = random_memory(m, n, dtype, random, below), want = got;
        run_kernel(*kernels, m, dtype, got, n);
        evaluate(m, m.functions[0], want, n);
        for (std::size_t i = 0; i < m.buffers.size(); ++i) {
          if (is_local(m, static_cast<int>(i))) continue;
          double size = 1;
          for (const double w : want[i].real) size = std::max(size, std::isfinite(w) ? std::fabs(w) : 0);
          const double tolerance = size * std::max(1.0, most_terms(m, n) / 100) * (dtype == DType::f32 ? 3e-5 : 1e-13);
          for (std::size_t k = 0; k < want[i].real.size(); ++k) {
            const double w = want[i].real[k], g = got[i].real[k];
            if (!std::isfinite(w) && !std::isfinite(g)) continue;  // a factor moved out of a sum: nest.h
            ASSERT_TRUE(w == g || std::fabs(w - g) <= tolerance)
                << m.buffers[i].name << "[" << k << "] is " << g << ", not " << w << ", with " << n << " examples";
          }
        }
      }
    }
}

}  // namespace eligo::testing
