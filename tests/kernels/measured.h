// Kernels measured for tests: of a small net, in a few milliseconds, on a machine whose bounds are made up.
#pragma once

#include "runtime/kernels/kernel_text.h"
#include "runtime/kernels/kernels.h"

namespace eligo::test {

inline Machine made_up_machine() {
  Machine m;
  m.processor = "made up";
  m.cores = 1;
  m.peak_f32 = 100e9, m.peak_f64 = 50e9;
  m.levels = {{"L1", 32 << 10, 200e9}, {"L2", 1 << 20, 100e9}, {"memory", 0, 10e9}};
  return m;
}

inline KernelOptions small(const std::string& rule, const std::string& cell = "rnn_tanh") {
  KernelOptions o;
  o.spec.rule = rule;
  o.spec.cell = cell;
  o.spec.readout = "linear_mse";
  o.spec.sizes = {{"n", 6}, {"m", 3}, {"k", 2}};
  o.spec.rule_paths = {ELIGO_RULES};
  o.batch = 5;
  o.steps = 40;
  o.seconds = 1e-4;
  return o;
}

inline KernelReport measured(const KernelOptions& o) { return KernelProgram(o).measure(made_up_machine()); }

}  // namespace eligo::test
