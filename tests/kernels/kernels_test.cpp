// What `eligo kernels` counts: operations, bytes, bounds and calls that can be worked out by hand, and every statement.
#include <gtest/gtest.h>

#include <set>

#include "compiler/driver/pipeline.h"
#include "compiler/loops/print.h"
#include "measured.h"
#include "runtime/library/compile.h"
#include "support/error.h"

namespace eligo::test {
namespace {

const PhaseKernel& phase_of(const KernelReport& r, const std::string& name) {
  const PhaseKernel* phase = r.phase(name);
  if (!phase) throw std::out_of_range("no phase " + name);
  return *phase;
}

const StatementKernel& statement_of(const PhaseKernel& phase, const std::string& name) {
  for (const StatementKernel& s : phase.statements)
    if (s.name == name) return s;
  throw std::out_of_range("no statement " + name);
}

// L.o[t] = L.b + L.V . net.h[t], of 2 outputs and 6 units, for 16 steps of 5 examples in a call.
TEST(Kernels, OperationsAndBytesOfAReadOutAreThoseCountedByHand) {
  const KernelReport r = measured(small("bptt"));
  const PhaseKernel& phase = phase_of(r, "step.after");
  EXPECT_EQ(phase.examples, 80);
  const StatementKernel& o = statement_of(phase, "L.o");
  EXPECT_EQ(o.operations, 80 * 2 * (6 + 6 + 1));
  EXPECT_EQ(o.bytes, 4 * (2 * 6 + 80 * 6 + 2 + 80 * 2));
  // Its data lie in the first level: 2616 bytes at 200 GB/s, 2080 operations at 100 GFLOP/s.
  EXPECT_DOUBLE_EQ(o.bound.seconds, o.operations / 100e9);
  EXPECT_EQ(o.bound.by, "arithmetic");
}

// b := b + α*gradient, of 6 numbers.
TEST(Kernels, AnUpdateIsBoundByMemory) {
  for (const bool float64 : {false, true}) {
    KernelOptions options = small("bptt");
    options.spec.float64 = float64;
    const KernelReport r = measured(options);
    const PhaseKernel& phase = phase_of(r, "update.net.b");
    ASSERT_EQ(phase.statements.size(), 1U);
    EXPECT_EQ(phase.operations, 12);
    EXPECT_EQ(phase.bytes, (3 * 6 + 1) * (float64 ? 8 : 4));
    EXPECT_EQ(phase.bound.by, "L1");
    EXPECT_DOUBLE_EQ(phase.bound.seconds, phase.bytes / 200e9);
    EXPECT_EQ(phase.calls, 1);
  }
}

TEST(Kernels, EveryStatementOfEveryPhaseIsListedOnce) {
  for (const char* rule : {"bptt", "rtrl", "bp_lambda"}) {
    KernelOptions o = small(rule);
    if (o.spec.rule == "bp_lambda") o.spec.synth = "linear";
    ProgramSpec spec = o.spec;
    spec.batch_hint = o.batch, spec.steps_hint = o.steps;
    const auto program = scheduled(spec);
    compiler::CompileOptions options;
    options.batch = o.batch;
    compiler::Compilation compilation{*program, options, {}};
    compiler::run_passes(compilation, compiler::PassId::lower);
    std::size_t wanted = 0;
    for (const auto& f : compilation.lowered.module.functions) wanted += f.statements.size();
    std::set<std::pair<std::string, std::string>> seen;
    std::size_t listed = 0;
    const KernelReport r = measured(o);
    for (const PhaseKernel& p : r.phases)
      for (const StatementKernel& s : p.statements) {
        ++listed;
        EXPECT_TRUE(seen.emplace(p.name, s.name).second) << p.name << ' ' << s.name;
        EXPECT_TRUE(s.name.starts_with(s.label));
      }
    EXPECT_EQ(listed, wanted) << rule;
  }
}

TEST(Kernels, AllOfItTakesTimeAndHasABound) {
  const KernelReport r = measured(small("rtrl", "lstm"));
  for (const PhaseKernel& p : r.phases) {
    EXPECT_GT(p.seconds, 0) << p.name;
    EXPECT_GT(p.calls, 0) << p.name;
    double operations = 0, bound = 0;
    for (const StatementKernel& s : p.statements) {
      EXPECT_GT(s.seconds, 0) << s.name;
      EXPECT_GT(s.bound.seconds, 0) << s.name;
      EXPECT_GT(r.codes[s.code].instructions, 0) << s.name;
      operations += s.operations, bound += s.bound.seconds;
    }
    EXPECT_DOUBLE_EQ(p.operations, operations);
    EXPECT_DOUBLE_EQ(p.bound.seconds, bound);
  }
  EXPECT_GT(r.sequence_seconds(), 0);
}

double calls(const KernelReport& r, const std::string& phase) { return phase_of(r, phase).calls; }

TEST(Kernels, CallsFollowFromWhatAPhaseIs) {
  const KernelReport whole = measured(small("bptt"));
  EXPECT_EQ(calls(whole, "step"), 40);
  EXPECT_EQ(calls(whole, "sweep"), 40);
  EXPECT_EQ(calls(whole, "step.after"), 40.0 / 16);
  EXPECT_EQ(calls(whole, "update.net.W"), 1);
  EXPECT_EQ(calls(whole, "prepare"), 1);
  KernelOptions each = small("rtrl");
  each.spec.update = Update::step;
  each.spec.schedule = {{"P", "approximate replay(5)"}};
  const KernelReport replayed = measured(each);
  EXPECT_EQ(calls(replayed, "replay_first.P"), 40);
  EXPECT_EQ(calls(replayed, "replay.P"), 1 + 2 + 3 + 4 + 35 * 5);
  EXPECT_EQ(calls(replayed, "update.net.W"), 40);
}

TEST(Kernels, APhaseAndItsPartsCanBeChosen) {
  KernelOptions o = small("bptt");
  o.phase = "sweep";
  const KernelReport r = measured(o);
  for (const PhaseKernel& p : r.phases) EXPECT_TRUE(p.name == "sweep" || p.name.starts_with("sweep.")) << p.name;
  EXPECT_GE(r.phases.size(), 2U);
  o.phase = "sweeps";
  try {
    const KernelProgram program(o);
    FAIL() << "no phase has this name";
  } catch (const Error& e) {
    EXPECT_TRUE(std::string(e.what()).starts_with("bptt has no phase sweeps; it has: step, sweep")) << e.what();
  }
}

TEST(Kernels, MemoryThatThisMachineHasNotIsRefusedBeforehand) {
  KernelOptions o = small("bptt");
  o.batch = std::int64_t{1} << 30;
  o.spec.sizes["n"] = 10000;
  EXPECT_THROW(KernelProgram(o).check_here(), Error);
}

}  // namespace
}  // namespace eligo::test
