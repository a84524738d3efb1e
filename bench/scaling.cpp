#include "bench/scaling.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/machine/timing.h"
#include "bench/workload.h"
#include "compiler/memory/layout.h"
#include "runtime/engine/program.h"
#include "runtime/library/compile.h"

namespace eligo::bench {
namespace {

Workload online(const std::string& rule) {
  Workload w;
  w.program.rule = rule;
  w.program.cell = rule == "rflo" ? "rnn_leaky" : "rnn_tanh";
  w.program.readout = "linear_mse";
  if (rule == "rflo") w.program.synth = "feedback";
  if (rule == "bp_lambda") w.program.synth = "linear";
  w.program.sizes = {{"n", 32}, {"m", 2}, {"k", 2}};
  w.program.update = Update::step;
  w.program.batch_hint = 1;
  w.program.online = true;  // no schedule that keeps a sequence
  return w;
}

double session_bytes(const Program& program, std::int64_t steps) {
  const compiler::Layout layout = compiler::plan_layout(*program.plan, 1, steps, program.float64, 0, 1);
  double bytes = 0;
  for (const compiler::TensorLayout& t : layout.tensors) bytes += static_cast<double>(t.bytes());
  return bytes;
}

}  // namespace

std::vector<Length> scaling(std::int64_t longest) {
  std::vector<Length> all;
  for (const char* rule : {"bp_lambda", "rtrl", "uoro", "rflo"}) {
    Workload w = online(rule);
    const auto program = compile(w.program);
    for (w.steps = 100; w.steps <= longest; w.steps *= 10) {
      Run run(w, program);
      run.call();
      double best = 1e9;
      for (int repeat = 0; repeat < (w.steps < 10'000 ? 5 : 1); ++repeat) {
        const double start = now(Clock::processor);
        run.call();
        best = std::min(best, now(Clock::processor) - start);
      }
      all.push_back({rule, w.steps, best / static_cast<double>(w.steps), session_bytes(*program, w.steps)});
    }
  }
  return all;
}

nlohmann::json to_json(const Length& l) {
  return {{"rule", l.rule}, {"steps", l.steps}, {"step_seconds", l.step_seconds}, {"bytes", l.bytes}};
}

}  // namespace eligo::bench
