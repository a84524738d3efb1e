// Fused loops against the statements one after another, for every shipped rule: where everything that can be fused is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "compiler/driver/pipeline.h"
#include "compiler/loops/build.h"
#include "compiler/loops/evaluate.h"
#include "compiler/loops/print.h"
#include "compiler/loops/verify.h"
#include "compiler/lower/fuse_loops.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/reuse_scratch.h"
#include "compiler/lower/split_wide_loops.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

using compiler::Lowered;
using compiler::loops::Contents;

constexpr std::int64_t examples = 5;
constexpr compiler::FusionLimits all_fused{
    .bytes = 0, .share = 0, .trip_bytes = 64, .points = 1, .row_bytes = 1, .trips = 2, .examples = 2};

bool kept(const Lowered& lowered, std::size_t buffer) {
  return lowered.bindings[buffer].kind != compiler::Binding::Kind::scratch;
}

// Reals for tensors and prepared values; scratch memory is NaN, so that what is read before it is written shows.
std::vector<Contents> memory_of(const Lowered& lowered) {
  std::vector<Contents> memory;
  for (std::size_t i = 0; i < lowered.module.buffers.size(); ++i) {
    const auto& buffer = lowered.module.buffers[i];
    const auto size = static_cast<std::size_t>(buffer.size * (buffer.batched ? examples : 1));
    std::mt19937_64 random(i + 1);
    std::uniform_real_distribution<double> real(0.1, 0.9);
    Contents& c = memory.emplace_back();
    if (buffer.element == compiler::loops::Element::int32) c.integer.assign(size, 0);
    for (std::size_t k = 0; k < size && c.integer.empty(); ++k)
      c.real.push_back(kept(lowered, i) ? real(random) : std::nan(""));
    for (std::size_t k = 0; k < c.integer.size(); ++k) c.integer[k] = static_cast<std::int32_t>(k % 2);
  }
  return memory;
}

// Runs a function as it is, or the stages that it has become.
std::vector<Contents> run(const Lowered& lowered, std::size_t function) {
  std::vector<Contents> memory = memory_of(lowered);
  compiler::loops::evaluate(lowered.module, lowered.module.functions[function], memory, examples);
  if (function < lowered.stages.size())
    for (const auto& stage : lowered.stages[function])
      for (const int piece : stage)
        compiler::loops::evaluate(lowered.module, lowered.module.functions[static_cast<std::size_t>(piece)], memory,
                                  examples);
  return memory;
}

// Whether a function leaves the same in its tensors where each statement finds in scratch memory what was written last to
// the place that its buffers share: before each statement, what it does not write itself is copied from there.
bool same_in_one_block(const Lowered& lowered, std::size_t function, const std::vector<Contents>& want) {
  const compiler::loops::Function& f = lowered.module.functions[function];
  std::vector<Contents> memory = memory_of(lowered);
  std::vector<double> block[2];  // of an example's and of all's
  block[0].assign(static_cast<std::size_t>(lowered.scratch[function].first * examples + 64), std::nan(""));
  block[1].assign(static_cast<std::size_t>(lowered.scratch[function].second + 64), std::nan(""));
  const auto part = [&](std::size_t buffer) {
    const bool batched = lowered.module.buffers[buffer].batched;
    return block[batched ? 0 : 1].begin() + lowered.bindings[buffer].offset * (batched ? examples : 1);
  };
  // Units that run as a whole: statements alone, and fusions.
  auto fusion = f.fusions.begin();
  for (std::size_t i = 0; i < f.statements.size();) {
    const bool fused = fusion != f.fusions.end() && static_cast<std::size_t>(fusion->first) == i;
    const std::size_t count = fused ? static_cast<std::size_t>(fusion->count) : 1;
    compiler::loops::Function unit{"unit", {f.statements.begin() + static_cast<std::ptrdiff_t>(i),
                                            f.statements.begin() + static_cast<std::ptrdiff_t>(i + count)}, {}};
    if (fused) {
      unit.fusions = {*fusion++};
      unit.fusions[0].first = 0;
    }
    std::set<std::size_t> touched;
    for (const auto& s : unit.statements) {
      touched.insert(static_cast<std::size_t>(s.out.buffer));
      for (const auto* a : compiler::loops::loads_of(s.value)) touched.insert(static_cast<std::size_t>(a->buffer));
    }
    for (const std::size_t b : touched)
      if (!kept(lowered, b)) std::copy_n(part(b), memory[b].real.size(), memory[b].real.begin());
    compiler::loops::evaluate(lowered.module, unit, memory, examples);
    for (const std::size_t b : touched) {
      const bool local = !unit.fusions.empty() && std::find(unit.fusions[0].local.begin(), unit.fusions[0].local.end(),
                                                            static_cast<int>(b)) != unit.fusions[0].local.end();
      if (!kept(lowered, b) && !local) std::copy(memory[b].real.begin(), memory[b].real.end(), part(b));
    }
    i += count;
  }
  for (std::size_t i = 0; i < want.size(); ++i)
    if (kept(lowered, i) && memory[i].real != want[i].real) return false;
  return true;
}

ProgramSpec small(const std::string& rule, const std::string& cell) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.batch_hint = examples;
  spec = fitting(spec, {.units = 4, .inputs = 3, .targets = 3, .others = 2}, {cell, "lstm", "rnn_tanh"});
  return spec;
}

class Fusion : public testing::TestWithParam<std::string> {};

TEST_P(Fusion, ChangesNoNumber) {
  for (const char* cell : {"rnn_tanh", "lstm", "sparsenet_inputs", "sparsenet_residual"}) {
    SCOPED_TRACE(cell);
    std::shared_ptr<compiler::Program> program;
    try {
      program = scheduled(small(GetParam(), cell));
    } catch (const std::exception&) {
      continue;  // no rule for this cell
    }
    compiler::CompileOptions options{.float64 = true, .batch = examples};
    compiler::Compilation compilation{*program, options, {}};
    compiler::run_passes(compilation, compiler::PassId::lower);
    Lowered fused = compilation.lowered;
    compiler::fuse_loops(fused, 8, examples, all_fused);
    ASSERT_EQ(compiler::loops::verify(fused.module), std::vector<std::string>{});
    std::size_t fusions = 0;
    for (std::size_t f = 0; f < fused.module.functions.size(); ++f) {
      fusions += fused.module.functions[f].fusions.size();
      const std::vector<Contents> want = run(compilation.lowered, f), got = run(fused, f);
      for (std::size_t i = 0; i < want.size(); ++i) {
        if (!kept(fused, i)) continue;
        ASSERT_LE(difference(got[i].real, want[i].real), 1e-12)
            << compiler::loops::text(fused.module, fused.module.functions[f]) << fused.module.buffers[i].name;
      }
    }
    EXPECT_GT(fusions, 0u) << "nothing is fused";
  }
}

TEST(Scratch, ThatSharesAPlaceIsNotNeededAtTheSameTime) {
  const auto program = scheduled(small("sgprop_layers", "sparsenet_residual"));
  compiler::CompileOptions options{.float64 = true, .batch = examples, .fusion = all_fused};
  compiler::Compilation compilation{*program, options, {}};
  compiler::run_passes(compilation, compiler::PassId::fuse_loops);
  Lowered& lowered = compilation.lowered;
  const auto before = lowered.scratch;
  compiler::reuse_scratch(lowered);
  std::int64_t less = 0;
  for (std::size_t f = 0; f < before.size(); ++f) {
    EXPECT_LE(lowered.scratch[f].first, before[f].first);
    less += before[f].first - lowered.scratch[f].first;
    // As a kernel has it: scratch memory is one block, and a buffer a part of it.
    const std::vector<Contents> want = run(lowered, f);
    EXPECT_TRUE(same_in_one_block(lowered, f, want)) << lowered.module.functions[f].name;
  }
  EXPECT_GT(less, 0);
}

std::vector<std::string> rules() {
  std::vector<std::string> names;
  for (const Item& item : list_items({}))
    if (item.kind == "rule" && item.path.find("/tour/") == std::string::npos) names.push_back(item.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Rules, Fusion, testing::ValuesIn(rules()),
                         [](const testing::TestParamInfo<std::string>& one) { return one.param; });

}  // namespace
}  // namespace eligo::test
