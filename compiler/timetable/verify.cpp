#include "compiler/timetable/verify.h"

#include <algorithm>

#include <fmt/core.h>

namespace eligo::compiler {
namespace {

class Verifier {
 public:
  Verifier(const Plan& plan, std::vector<std::string>& faults)
      : p_(plan), faults_(faults), called_(plan.phases.size(), 0) {}

  // `around`: the loops that the list is called from.
  void list(const std::vector<Instruction>& instructions, std::vector<Action> around) {
    for (const Instruction& each : instructions) {
      scope(each, around);
      times(each, around);
      if (each.phase >= 0) phase(each);
      number(each);
      if (row(each.action).scope != ActionScope::control && !each.body.empty()) fault(each, "has a body");
      std::vector<Action> inner = around;
      inner.push_back(each.action);
      list(each.body, inner);
    }
  }

  void nothing_is_forgotten() {
    for (const Learned& l : p_.learned) mark(l.update_phase);
    for (const int keep : {p_.keep_phase, p_.step_keep_phase}) mark(keep);
    for (std::size_t i = 0; i < called_.size(); ++i)
      if (!called_[i] && !p_.phases[i].writes.empty())
        faults_.push_back(fmt::format("nothing calls {}", p_.phases[i].name()));
  }

 private:
  void fault(const Instruction& each, const std::string& what) {
    faults_.push_back(fmt::format("\"{}\" {}", row(each.action).name, what));
  }
  static bool within(const std::vector<Action>& around, std::initializer_list<Action> wanted) {
    return std::any_of(around.begin(), around.end(),
                       [&](Action action) { return std::find(wanted.begin(), wanted.end(), action) != wanted.end(); });
  }
  void mark(int phase) {
    if (phase >= 0) called_[static_cast<std::size_t>(phase)] = 1;
  }

  void scope(const Instruction& each, const std::vector<Action>& around) {
    const bool of_shard = within(around, {Action::each_shard});
    const ActionScope scope = row(each.action).scope;
    if (scope == ActionScope::shard && !of_shard) fault(each, "is a shard's work, outside of shards");
    const bool of_batch = scope == ActionScope::batch || scope == ActionScope::update;
    if (of_batch && of_shard) fault(each, "is the batch's work, within a shard");
    if (each.action == Action::each_shard && of_shard) fault(each, "stands within a shard");
  }

  // The loops that set what an instruction reads.
  void times(const Instruction& each, const std::vector<Action>& around) {
    const auto needs = [&](std::initializer_list<Action> loops) {
      if (!within(around, loops)) fault(each, "stands outside of the loop that sets its times");
    };
    switch (each.action) {
      case Action::each_step:
      case Action::flags:
      case Action::load:
      case Action::load_targets:
      case Action::call_steps:
      case Action::loss:
      case Action::clear_beyond:
      case Action::hold:
      case Action::each_window:
      case Action::each_place:
      case Action::each_place_back:
      case Action::block_flags:
      case Action::clear_around:
      case Action::assign:
      case Action::adopt: return needs({Action::each_run});
      case Action::each_arrival: return needs({Action::each_run});
      case Action::call_run: return needs({Action::each_run, Action::at_zero, Action::each_run_back});
      case Action::call:
        return needs({Action::at_zero, Action::each_step, Action::each_arrival, Action::each_window, Action::each_run});
      case Action::walk_back: return needs({Action::at_zero, Action::each_run});
      case Action::each_earlier:
      case Action::measure_walk: return needs({Action::walk_back});
      case Action::each_step_back:
      case Action::reach: return needs({Action::each_run_back});
      case Action::each_run_back:
      case Action::leave_end:
      case Action::return_to_end:
      case Action::clear_after:
      case Action::repeat_last:
      case Action::clear_flag:
      case Action::set_active:
      case Action::restore_flags: return needs({Action::each_window});
      default: return;
    }
  }

  void phase(const Instruction& each) {
    if (static_cast<std::size_t>(each.phase) >= p_.phases.size()) return fault(each, "calls a phase that is none");
    mark(each.phase);
    const PhaseId& id = p_.phases[static_cast<std::size_t>(each.phase)];
    const bool runs = each.action == Action::call_run || each.action == Action::call_steps;
    if (runs != id.takes_many_steps())
      fault(each, fmt::format("calls {}, which takes another number of steps", id.name()));
    const bool assigns = each.action == Action::assign || each.action == Action::adopt;
    if (assigns != row(id.kind).assigns)
      fault(each, fmt::format("calls {}, which is {}an assignment", id.name(), assigns ? "not " : ""));
  }

  void number(const Instruction& each) {
    const auto below = [&](std::size_t count) {
      if (each.number < 0 || static_cast<std::size_t>(each.number) >= count) fault(each, "names an entry that is none");
    };
    switch (each.action) {
      case Action::mark:
      case Action::reduce:
      case Action::update: return below(p_.learned.size());
      case Action::clip: return below(p_.clips.size());
      case Action::bound: return below(static_cast<std::size_t>(UpdateEvery::sequence) + 1);
      case Action::walk_back:
      case Action::measure_walk: return below(p_.replays.size());
      case Action::each_place:
      case Action::each_place_back:
      case Action::block_flags:
      case Action::clear_around: return below(p_.blocks.size());
      default: return;
    }
  }

  const Plan& p_;
  std::vector<std::string>& faults_;
  std::vector<char> called_;
};

}  // namespace

std::vector<std::string> verify(const Plan& plan, const Timetable& timetable) {
  std::vector<std::string> faults;
  Verifier verifier(plan, faults);
  verifier.list(timetable.span, {});
  verifier.list(timetable.forward, {});
  verifier.list(timetable.learn, {});
  verifier.list(timetable.restart, {Action::each_shard, Action::at_zero});
  verifier.list(timetable.end, {});
  verifier.list(timetable.again, {Action::each_shard, Action::each_run});
  verifier.list(timetable.ends, {Action::each_shard, Action::each_run, Action::each_window});
  verifier.nothing_is_forgotten();
  return faults;
}

}  // namespace eligo::compiler
