#include "bench/phases.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/timed_runner.h"
#include "runtime/machine/timing.h"
#include "compiler/driver/pipeline.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/phase_costs.h"
#include "runtime/engine/program.h"
#include "runtime/library/compile.h"

namespace eligo::bench {
namespace {

using compiler::Cost;

// What it takes to look at the clock: part of every interval, and asked for twice in it.
double look(Clock clock) {
  double best = 1;
  for (int i = 0; i < 1000; ++i) {
    const double start = now(clock);
    best = std::min(best, now(clock) - start);
  }
  return best;
}

// The time of calls, and the clock that it was taken by.
struct Timed {
  std::vector<double> seconds;
  double look = 0;
};

// What a phase costs as a function of the examples: so much for any number, and so much for each.
struct PhaseLine {
  Cost any, each;
};

// By phase, of a call for so many examples; of one that takes many steps at once, for as many of each step.
struct Counted {
  std::map<std::string, Cost> costs;
  std::map<std::string, double> rows;
};

Counted count(const ProgramSpec& spec, std::int64_t examples) {
  const std::shared_ptr<compiler::Program> plan = scheduled(spec);
  compiler::CompileOptions options;
  options.float64 = spec.float64;
  options.cpu = spec.cpu;
  options.batch = spec.batch_hint;
  compiler::run_passes(*plan, options, compiler::PassId::distribute_steps);
  Counted counted;
  for (const auto& phase : plan->phases)
    counted.rows[phase.name()] = static_cast<double>(examples * (phase.takes_many_steps() ? compiler::cost_model::steps_in_a_call : 1));
  for (const auto& [phase, cost] : compiler::phase_costs(*plan, examples)) counted.costs[phase.name()] = cost;
  return counted;
}

std::map<std::string, PhaseLine> cost_lines(const ProgramSpec& spec) {
  const Counted few = count(spec, 8), more = count(spec, 16);
  std::map<std::string, PhaseLine> lines;
  for (const auto& [phase, cost] : more.costs) {
    const auto less = few.costs.find(phase);
    if (less == few.costs.end()) continue;
    const double rows = more.rows.at(phase), added = rows - few.rows.at(phase);
    PhaseLine& line = lines[phase];
    line.each = {(cost.operations - less->second.operations) / added, (cost.words - less->second.words) / added};
    line.any = {cost.operations - rows * line.each.operations, cost.words - rows * line.each.words};
  }
  return lines;
}

PhaseTime phase_time(const std::string& name, const PhaseSums& sums, const PhaseLine& line, double runs, double look,
                     const Machine& machine, bool float64) {
  PhaseTime p;
  p.phase = name;
  p.calls = sums.calls / runs;
  p.seconds = std::max(0.0, summarise(sums.seconds).median - p.calls * look);
  p.operations = (sums.calls * line.any.operations + sums.examples * line.each.operations) / runs;
  p.bytes = (sums.calls * line.any.words + sums.examples * line.each.words) / runs * (float64 ? 8 : 4);
  const double peak = machine.peak(float64), rate = machine.bandwidth(p.bytes / std::max(p.calls, 1.0));
  const double arithmetic = peak > 0 ? p.operations / peak : 0, memory = rate > 0 ? p.bytes / rate : 0;
  p.moving = memory;
  p.by_memory = memory > arithmetic;
  p.bound = std::max(arithmetic, memory);
  if (p.seconds > 0 && peak > 0) p.of_peak = p.operations / peak / p.seconds;
  if (p.seconds > 0) p.of_bound = p.bound / p.seconds;
  return p;
}

// Calls the workload for about as long; the seconds of each call. The first one counts only if it is slow. Short calls
// are timed by the counter: of a phase of a microsecond the system's clock would be the larger part.
Timed run_timed(Run& run, TimedRunner& timed, double seconds) {
  constexpr double patience = 1, is_short = 1e-3;
  Timed all;
  Clock clock = Clock::thread;
  const double first = now();
  for (bool counts = false; all.seconds.size() < 2 || now() - first < seconds; counts = true) {
    const double start = now(clock);
    run.call();
    double took = now(clock) - start;
    if (!counts && took < patience) {
      if (took < is_short) clock = Clock::counter;
      all.look = look(clock);
      timed.set_clock(clock);
      timed.clear();
      continue;
    }
    took -= 2 * all.look * timed.end_call();
    all.seconds.push_back(took);
    if (took >= patience) break;
  }
  return all;
}

}  // namespace

Profile profile(const Workload& workload, const Machine& machine, double seconds) {
  Workload alone = workload;
  alone.threads = 1;
  const std::shared_ptr<const Program> compiled = compile(alone.program);
  const auto& phases = compiled->plan->phases;
  const auto timed = std::make_shared<TimedRunner>(compiled->runner, phases.size());
  auto program = std::make_shared<Program>(*compiled);
  program->runner = timed;
  Run run(alone, program);
  Profile result;
  const Timed calls = run_timed(run, *timed, seconds);
  const auto runs = static_cast<double>(calls.seconds.size());
  result.seconds = summarise(calls.seconds).median;
  const auto lines = cost_lines(alone.program);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (timed->sums(static_cast<int>(i)).calls == 0) continue;
    const auto line = lines.find(phases[i].name());
    result.phases.push_back(phase_time(phases[i].name(), timed->sums(static_cast<int>(i)),
                                       line == lines.end() ? PhaseLine{} : line->second, runs, calls.look,
                                       machine, alone.program.float64));
    result.operations += result.phases.back().operations;
    result.bytes += result.phases.back().bytes;
    result.moving += result.phases.back().moving;
  }
  if (timed->sums(-1).calls > 0)
    result.phases.push_back(phase_time("prepare", timed->sums(-1), {}, runs, calls.look, machine, alone.program.float64));
  return result;
}

nlohmann::json to_json(const Profile& p) {
  nlohmann::json phases = nlohmann::json::array();
  for (const PhaseTime& t : p.phases)
    phases.push_back({{"phase", t.phase},
                      {"calls", t.calls},
                      {"seconds", t.seconds},
                      {"operations", t.operations},
                      {"bytes", t.bytes},
                      {"bound", t.bound},
                      {"bound_by", t.by_memory ? "memory" : "arithmetic"},
                      {"of_peak", t.of_peak},
                      {"of_bound", t.of_bound}});
  return phases;
}

}  // namespace eligo::bench
