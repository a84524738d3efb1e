// Random graphs through every pass: what the interpreter says of the graph as it was made, of what each pass leaves, what
// the loops say and, for some, the kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "compiler/autodiff/differentiate.h"
#include "compiler/driver/compile.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "compiler/loops/evaluate.h"
#include "compiler/loops/print.h"
#include "compiler/loops/verify.h"
#include "compiler/lower/fuse_loops.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/reuse_scratch.h"
#include "compiler/passes/contraction_order.h"
#include "compiler/passes/prune.h"
#include "compiler/passes/simplify.h"
#include "compiler/reference/interpreter.h"
#include "tests/oracle/nets.h"
#include "tests/oracle/random_graph.h"

namespace eligo::test {
namespace {

using compiler::Root;
using compiler::RootKind;

constexpr std::int64_t kExamples = 3;

// By root: all examples' values, or their sum.
using Values = std::vector<std::vector<double>>;

Values interpreted(compiler::Program& program, TensorMemory& memory, std::optional<double> not_finite = {}) {
  Values out;
  for (const Root& root : program.phases.front().roots) {
    std::vector<double> all;
    for (std::int64_t b = 0; b < kExamples; ++b) {
      std::vector<double> one = compiler::interpret(program, root.node, memory, b, not_finite);
      one.resize(static_cast<std::size_t>(program.tensors[root.tensor].size()), one[0]);  // a number stands for all
      if (root.kind == RootKind::store) all.insert(all.end(), one.begin(), one.end());
      else if (all.empty()) all = one;
      else for (std::size_t i = 0; i < one.size(); ++i) all[i] += one[i];
    }
    out.push_back(all);
  }
  return out;
}

Values stored(const std::vector<Root>& roots, TensorMemory& memory) {
  Values out;
  for (const Root& root : roots) out.push_back(memory.reals(root.tensor, root.time));
  return out;
}

// The lowered phase by the evaluator of loops; scratch starts as NaN, so that what was not written shows.
// Whatever can be fused is: no group is too small, and a trip has one or two values of the shared loop.
constexpr compiler::FusionLimits all_fused{
    .bytes = 0, .share = 0, .trip_bytes = 64, .points = 1, .row_bytes = 1, .trips = 2, .examples = 2};

Values looped(compiler::Program& program, TensorMemory memory, bool fused = false) {
  compiler::Lowered lowered = compiler::lower(program, kExamples);
  if (fused) {
    compiler::fuse_loops(lowered, 8, kExamples, all_fused);
    compiler::reuse_scratch(lowered);
  }
  EXPECT_TRUE(compiler::loops::verify(lowered.module).empty());
  std::vector<compiler::loops::Contents> contents;
  for (std::size_t i = 0; i < lowered.bindings.size(); ++i) {
    const compiler::Binding& binding = lowered.bindings[i];
    const compiler::loops::Buffer& buffer = lowered.module.buffers[i];
    compiler::loops::Contents c;
    if (binding.kind != compiler::Binding::Kind::tensor)
      c.real.assign(static_cast<std::size_t>(buffer.size * (buffer.batched ? kExamples : 1)), std::nan(""));
    else if (buffer.element == compiler::loops::Element::int32) c.integer = memory.integers(binding.tensor);
    else c.real = memory.reals(binding.tensor, binding.time);
    contents.push_back(std::move(c));
  }
  if (lowered.prepare >= 0)
    compiler::loops::evaluate(lowered.module, lowered.module.functions[lowered.prepare], contents, 1);
  if (lowered.function_of_phase[0] >= 0)
    compiler::loops::evaluate(lowered.module, lowered.module.functions[lowered.function_of_phase[0]], contents, kExamples);
  for (std::size_t i = 0; i < lowered.bindings.size(); ++i) {
    const compiler::Binding& binding = lowered.bindings[i];
    if (binding.kind == compiler::Binding::Kind::tensor && lowered.module.buffers[i].element == compiler::loops::Element::real)
      memory.reals(binding.tensor, binding.time) = contents[i].real;
  }
  return stored(program.phases.front().roots, memory);
}

Values run_kernels(std::uint64_t seed, int nodes, bool corners = false) {
  auto program = std::make_shared<compiler::Program>();
  RandomGraph(seed, corners).build(*program, nodes);
  const std::vector<Root> roots = program->phases.front().roots;  // what is divided is no longer there
  TensorMemory memory(*program, kExamples, seed, corners);
  compiler::CompileOptions options;
  options.float64 = true;
  options.batch = kExamples;
  if (seed % 20 == 0) options.fusion = all_fused;
  const auto runner = compiler::compile_and_load(*program, options);
  std::vector<double> scratch(static_cast<std::size_t>(runner->scratch_bytes(kExamples) / 8 + 32));
  std::vector<double> prepared(static_cast<std::size_t>(runner->prepared_bytes() / 8 + 32));
  auto aligned = [](std::vector<double>& v) {
    return reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(v.data()) + 63) / 64 * 64);
  };
  runner->prepare(memory, aligned(scratch), aligned(prepared));
  for (const char* name : {"arrive.before", "arrive", "arrive.after"})  // one step at once is one step
    for (std::size_t i = 0; i < program->phases.size(); ++i)
      if (program->phases[i].name() == name)
        runner->run(static_cast<int>(i), memory, kExamples, aligned(scratch), aligned(prepared));
  return stored(roots, memory);
}

class RandomGraphs : public testing::TestWithParam<int> {
 protected:
  static bool agree(const Values& got, const Values& want) {
    for (std::size_t i = 0; i < want.size(); ++i)
      if (difference(got[i], want[i]) > 1e-9) return false;
    return true;
  }
};

bool finite(const Values& values) {
  for (const auto& all : values)
    for (const double x : all)
      if (!(std::abs(x) < 1e6)) return false;
  return true;
}

TEST_P(RandomGraphs, KeepTheirMeaning) {
  int checked = 0;
  for (std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * 100; checked < 100; ++seed) {
    const int nodes = 4 + static_cast<int>(seed % 12);
    compiler::Program program;
    RandomGraph(seed).build(program, nodes);
    SCOPED_TRACE("seed " + std::to_string(seed));
    TensorMemory memory(program, kExamples, seed);
    ASSERT_NO_THROW(compiler::verify(program, "generator", true));
    const Values want = interpreted(program, memory);
    ++checked;
    if (!finite(want)) continue;
    const std::string before = compiler::text(program);
    auto expect = [&](const char* pass, const Values& got) {
      ASSERT_TRUE(agree(got, want)) << "after " << pass << " of\n" << before << "which became\n" << compiler::text(program);
    };
    compiler::differentiate(program, kExamples);
    ASSERT_NO_FATAL_FAILURE(expect("differentiate", interpreted(program, memory)));
    compiler::simplify(program);
    ASSERT_NO_FATAL_FAILURE(expect("simplify", interpreted(program, memory)));
    compiler::prune(program);
    compiler::order_contractions(program, kExamples);
    compiler::verify(program, "contraction_order", false);
    ASSERT_NO_FATAL_FAILURE(expect("contract", interpreted(program, memory)));
    ASSERT_NO_FATAL_FAILURE(expect("lower", looped(program, memory)));
    ASSERT_NO_FATAL_FAILURE(expect("fuse_loops", looped(program, memory, true)));
    if (seed % 10 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(expect("jit", run_kernels(seed, nodes)));
  }
}

// A result that neither the last places of the leaves nor the order of a sum decides: what rounding may turn, and what
// would be another number if a sum were NaN instead of infinite or the other way round, every evaluation may have its own way.
bool decided(double x, double y) {
  if (!std::isfinite(x) || !std::isfinite(y)) return std::isfinite(x) == std::isfinite(y);
  return std::abs(x) < 1e6 && std::abs(x - y) <= 1e-9 * std::max(1.0, std::abs(x));
}

struct Compared {
  std::uint64_t finite = 0, not_finite = 0;
};

// Numbers that are other than finite are so everywhere; which of them may follow from the order of a sum.
std::string first_difference(const Values& got, const std::vector<Values>& references, Compared& compared) {
  const Values& want = references[0];
  for (std::size_t i = 0; i < want.size(); ++i)
    for (std::size_t k = 0; k < want[i].size(); ++k) {
      const double w = want[i][k], g = got[i][k];
      if (!std::all_of(references.begin(), references.end(), [&](const Values& r) { return decided(w, r[i][k]); })) continue;
      ++(std::isfinite(w) ? compared.finite : compared.not_finite);
      const bool same = std::isfinite(w) ? std::isfinite(g) && std::abs(g - w) <= 1e-8 * std::max(1.0, std::abs(w))
                                         : !std::isfinite(g);
      if (!same) return "root " + std::to_string(i) + " at " + std::to_string(k) + " is " + std::to_string(g) + ", not " + std::to_string(w);
    }
  return "";
}

TEST_P(RandomGraphs, KeepTheirMeaningBeyondFiniteNumbers) {
  Compared compared;
  const char* more = std::getenv("ELIGO_TEST_COUNT");  // of other seeds, in each of the tests
  const std::uint64_t count = more ? std::strtoull(more, nullptr, 10) : 100;
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * 100'000 + n;
    const int nodes = 3 + static_cast<int>(seed % 10);
    compiler::Program program;
    RandomGraph(seed, true).build(program, nodes);
    SCOPED_TRACE("seed " + std::to_string(seed));
    TensorMemory memory(program, kExamples, seed, true);
    std::vector<Values> references = {interpreted(program, memory)};
    for (const double other : {std::nan(""), HUGE_VAL, -HUGE_VAL}) references.push_back(interpreted(program, memory, other));
    for (std::uint64_t by = 1; by <= 2; ++by) {
      TensorMemory disturbed = memory.disturbed(by);
      references.push_back(interpreted(program, disturbed));
    }
    const std::string before = compiler::text(program);
    auto expect = [&](const char* pass, const Values& got) {
      const std::string difference = first_difference(got, references, compared);
      ASSERT_EQ(difference, "") << "after " << pass << " of\n" << before << "which became\n" << compiler::text(program);
    };
    // (The identities of a Jacobian are masks only once they have been put into the products.)
    compiler::differentiate(program, kExamples);
    compiler::simplify(program);
    ASSERT_NO_FATAL_FAILURE(expect("simplify", interpreted(program, memory)));
    compiler::prune(program);
    compiler::order_contractions(program, kExamples);
    compiler::verify(program, "contraction_order", false);
    ASSERT_NO_FATAL_FAILURE(expect("contract", interpreted(program, memory)));
    ASSERT_NO_FATAL_FAILURE(expect("lower", looped(program, memory)));
    ASSERT_NO_FATAL_FAILURE(expect("fuse_loops", looped(program, memory, true)));
    if (seed % 10 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(expect("jit", run_kernels(seed, nodes, true)));
  }
  EXPECT_GT(compared.finite, 10 * count);
  EXPECT_GT(compared.not_finite, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphs, testing::Range(0, 20), [](const auto& each) {
  return "from_" + std::to_string(each.param * 100);
});

}  // namespace
}  // namespace eligo::test
