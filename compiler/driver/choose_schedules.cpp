#include "compiler/driver/choose_schedules.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "compiler/driver/pipeline.h"
#include "compiler/ir/cost_model.h"
#include "compiler/ir/manifest.h"
#include "compiler/lower/phase_costs.h"
#include "compiler/memory/layout.h"
#include "compiler/schedule/transpose.h"
#include "dsl/names.h"
#include "support/error.h"

namespace eligo::compiler {
namespace {

using Kind = Schedule::Kind;
using Assignment = std::map<std::string, Schedule>;  // by recurrence

// What running a program takes: work of a step and example; bytes of a session's arena.
struct Estimate {
  Cost work;
  double memory = 0;
};

struct Candidate {
  Schedule schedule;
  bool possible = true;
  Estimate cost;
  std::string reason;                // why it is not possible
  std::shared_ptr<Program> program;  // until it is estimated
  double weight() const { return cost.work.weight(); }
};

// How often a phase runs in a sequence of `steps` steps.
double runs_of(const Program& program, const PhaseId& phase, double steps) {
  switch (row(phase.kind).frequency) {
    case PhaseFrequency::step: return steps;
    case PhaseFrequency::earlier_step: {
      const auto is_it = [&](const Replay& replay) { return program.phases[static_cast<std::size_t>(replay.again)] == phase; };
      const auto replay = std::find_if(program.replays.begin(), program.replays.end(), is_it);
      if (replay == program.replays.end()) return steps;
      // At the t-th arrival as many steps back as there are, at most `limit`.
      const double most = replay->limit < 0 ? steps - 1 : std::min<double>(replay->limit, steps - 1);
      return most * steps - most * (most + 1) / 2;
    }
    case PhaseFrequency::update:
      for (const Learned& learned : program.learned)
        if (program.phases[static_cast<std::size_t>(learned.update_phase)] == phase)
          return learned.every == UpdateEvery::step ? steps : 1;
      return 1;
    case PhaseFrequency::parameters:
    case PhaseFrequency::window:
    case PhaseFrequency::batch: return 1;
  }
  return 1;
}

class Scheduler {
 public:
  Scheduler(const Elaborate& elaborate, const ScheduleRequest& request, std::vector<RecurrenceSchedules>* table)
      : elaborate_(elaborate), request_(request), table_(table) {}

  std::shared_ptr<Program> run() {
    const std::shared_ptr<Program> plain = elaborate_();
    std::vector<std::string> names;
    for (int tensor : forward_recurrences(*plain)) names.push_back(plain->tensors[tensor].name);
    read_wanted(names);
    for (const std::string& name : names) chosen_[name] = {Kind::dense};
    for (const std::string& name : names)
      if (wanted_.at(name).kind != Kind::automatic) force(name);
    for (const std::string& name : names)
      if (wanted_.at(name).kind == Kind::automatic || table_) choose(name);
    bool dense = true;
    for (const auto& [name, schedule] : chosen_) dense = dense && schedule.kind == Kind::dense;
    if (dense) return plain;
    std::string reason;
    spare_.reset();  // the program that runs does not depend on what was tried before
    return build(chosen_, &reason);
  }

 private:
  void read_wanted(const std::vector<std::string>& names) {
    for (const std::string& name : names) wanted_[name] = {request_.dense ? Kind::dense : Kind::automatic};
    for (const auto& [given, text] : request_.wanted) {
      const std::string name = dsl::canonical(given);
      const auto schedule = parse_schedule(text);
      if (!schedule)
        throw Error(
            fmt::format("\"{}\" is no schedule: it is dense, replay, reverse, auto, or approximate replay(k) with "
                        "the steps that it walks back",
                        text));
      if (schedule->kind == Kind::replay && schedule->steps >= 0 && !schedule->approximate)
        throw Error(
            fmt::format("{} leaves out what lies further back, so it is not exact: write \"approximate {}\" if that "
                        "is meant",
                        text, text));
      if (name.empty()) {  // for all; it is the first in the map
        for (auto& [each, kind] : wanted_) kind = *schedule;
      } else if (wanted_.contains(name)) {
        wanted_[name] = *schedule;
      } else {
        throw Error(fmt::format("there is no forward recurrence {} to schedule; this rule has {}", given,
                                names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
      }
    }
  }

  // Null, and why, where a recurrence cannot have its schedule. A refusal leaves a program as it was, so the next try
  // may have it.
  std::shared_ptr<Program> build(const Assignment& assignment, std::string* reason) {
    std::shared_ptr<Program> plan = spare_ ? std::move(spare_) : elaborate_();
    spare_ = nullptr;
    bool changed = false;
    for (int tensor : forward_recurrences(*plan)) {
      const auto found = assignment.find(plan->tensors[tensor].name);
      if (found == assignment.end() || found->second.kind == Kind::dense) continue;
      *reason = refused(found->second);
      if (reason->empty()) *reason = transpose(*plan, tensor, found->second);
      if (!reason->empty()) {
        if (!changed) spare_ = std::move(plan);
        return nullptr;
      }
      changed = true;
    }
    return plan;
  }

  std::string refused(const Schedule& schedule) const {
    if (!request_.online) return "";
    if (schedule.kind == Kind::reverse) return "each step is to be learned from when it comes";
    if (schedule.kind == Kind::replay && schedule.steps < 0)
      return "the steps so far would have to be kept without end";
    return "";
  }

  Estimate estimate(Program& plan) const {
    CompileOptions options;
    options.float64 = request_.float64;
    options.batch = request_.batch;
    run_passes(plan, options, PassId::contraction_order);
    const auto steps = static_cast<double>(std::max<std::int64_t>(request_.steps, 1));
    const auto batch = static_cast<double>(std::max<std::int64_t>(request_.batch, 1));
    Estimate sum;
    for (const PhaseCost& phase : phase_costs(plan, request_.batch)) {
      const double runs = runs_of(plan, phase.phase, steps) / (steps * batch);
      sum.work.operations += runs * phase.cost.operations;
      sum.work.words += runs * phase.cost.words;
    }
    const Plan kept = plan_of(plan);
    sum.memory = layout_of(kept, 0).bytes;
    if (sum.memory <= request_.memory) return sum;
    try {  // in segments, whose steps are taken twice
      sum.memory = layout_of(kept, static_cast<std::uint64_t>(request_.memory)).bytes;
      sum.work.operations *= 2;
      sum.work.words *= 2;
    } catch (const Error&) {
      // it does not fit so either
    }
    return sum;
  }

  Layout layout_of(const Plan& plan, std::uint64_t most) const {
    return plan_layout(plan, request_.batch, std::max<std::int64_t>(request_.steps, 1), request_.float64, most, 1);
  }

  void force(const std::string& name) {
    chosen_[name] = wanted_.at(name);
    std::string reason;
    if (!build({{name, chosen_[name]}}, &reason))
      throw Error(fmt::format("{} cannot be computed by {}: {}", name, to_string(chosen_[name]), reason));
  }

  Candidate consider(const std::string& name, const Schedule& schedule) {
    Candidate candidate{schedule, true, {}, "", nullptr};
    Assignment tried = chosen_;
    tried[name] = schedule;
    candidate.program = build(tried, &candidate.reason);
    candidate.possible = candidate.program != nullptr;
    return candidate;
  }

  void choose(const std::string& name) {
    const bool free = wanted_.at(name).kind == Kind::automatic;
    const Schedule mine = chosen_[name];
    std::vector<Schedule> tried = {{Kind::reverse}, {Kind::replay}, {Kind::dense}};
    if (!free && mine.steps >= 0) tried.insert(tried.begin() + 2, mine);
    else if (table_) tried.insert(tried.begin() + 2, {Kind::replay, 5, true});
    std::vector<Candidate> candidates;
    for (const Schedule& schedule : tried) {
      // A walk back over the window is cheaper than one from every arrival.
      const bool settled = !candidates.empty() && candidates.front().possible;
      if (schedule.kind == Kind::replay && settled && !table_) continue;
      // Dense is always possible: where nothing else is, there is nothing to weigh.
      const bool only = std::none_of(candidates.begin(), candidates.end(), [](const Candidate& c) { return c.possible; });
      if (schedule.kind == Kind::dense && only && !table_) return;
      candidates.push_back(consider(name, schedule));
    }
    for (Candidate& candidate : candidates)
      if (const auto program = std::exchange(candidate.program, nullptr)) candidate.cost = estimate(*program);
    if (free) chosen_[name] = cheapest(candidates);
    if (table_) table_->push_back({name, rows(candidates, chosen_[name])});
  }

  // Of those that fit; where none does, the smallest, so that what refuses it names the least that would do.
  Schedule cheapest(const std::vector<Candidate>& candidates) const {
    const Candidate *best = nullptr, *smallest = nullptr;
    for (const Candidate& c : candidates) {
      if (!c.possible || c.schedule.approximate) continue;
      if (!smallest || c.cost.memory < smallest->cost.memory) smallest = &c;
      if (c.cost.memory > request_.memory) continue;
      if (!best || c.weight() < best->weight()) best = &c;
    }
    if (!best) best = smallest;
    return best ? best->schedule : Schedule{Kind::dense};
  }

  std::vector<ScheduleChoice> rows(const std::vector<Candidate>& candidates, const Schedule& chosen) const {
    std::vector<ScheduleChoice> result;
    for (const Candidate& c : candidates) {
      const double bytes = c.cost.work.words * (request_.float64 ? 8 : 4);
      ScheduleChoice row{to_string(c.schedule), c.cost.work.operations, bytes, c.cost.memory,
                         c.possible && c.schedule.steps < 0, c.reason, c.schedule == chosen};
      if (c.possible && c.schedule.steps >= 0)
        row.reason = "it leaves out what lies further back, so it has to be asked for";
      if (c.possible && c.cost.memory > request_.memory) row.reason = "it takes more memory than is allowed";
      result.push_back(row);
    }
    return result;
  }

  const Elaborate& elaborate_;
  const ScheduleRequest& request_;
  std::vector<RecurrenceSchedules>* table_;
  Assignment wanted_, chosen_;
  std::shared_ptr<Program> spare_;  // elaborated, and not changed since
};

}  // namespace

std::shared_ptr<Program> choose_schedules(const Elaborate& elaborate, const ScheduleRequest& request,
                                          std::vector<RecurrenceSchedules>* table) {
  return Scheduler(elaborate, request, table).run();
}

}  // namespace eligo::compiler
