#include "compiler/timetable/verify.h"

#include <algorithm>

#include <fmt/core.h>

namespace eligo::compiler {
namespace {

// Instructions that read times which one of these loops sets.
struct Need {
  std::vector<Action> actions, loops;
};

const std::vector<Need>& needs() {
  using C = Control;
  using S = ShardWork;
  using B = BatchWork;
  static const std::vector<Need> all = {
      {{C::each_step, C::each_arrival, C::each_window, C::each_place, C::each_place_back, S::flags, S::load,
        S::load_targets, S::call_steps, S::loss, S::clear_beyond, S::hold, S::block_flags, S::clear_around, B::assign,
        B::adopt},
       {C::each_run}},
      {{S::call_run}, {C::each_run, C::at_zero, C::each_run_back}},
      {{S::call}, {C::at_zero, C::each_step, C::each_arrival, C::each_window, C::each_run}},
      {{C::walk_back}, {C::at_zero, C::each_run}},
      {{C::each_earlier, S::measure_walk}, {C::walk_back}},
      {{C::each_step_back, S::reach}, {C::each_run_back}},
      {{C::each_run_back, S::leave_end, S::return_to_end, S::clear_after, S::repeat_last, S::clear_flag, S::set_active,
        S::restore_flags},
       {C::each_window}},
  };
  return all;
}

bool is_one_of(Action action, const std::vector<Action>& actions) {
  return std::find(actions.begin(), actions.end(), action) != actions.end();
}

bool within(const std::vector<Action>& around, const std::vector<Action>& wanted) {
  return std::any_of(around.begin(), around.end(), [&](Action action) { return is_one_of(action, wanted); });
}

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
      if (each.action.of != Action::Of::control && !each.body.empty()) fault(each, "has a body");
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
    faults_.push_back(fmt::format("\"{}\" {}", each.action.name(), what));
  }
  void mark(int phase) {
    if (phase >= 0) called_[static_cast<std::size_t>(phase)] = 1;
  }

  void scope(const Instruction& each, const std::vector<Action>& around) {
    const bool of_shard = within(around, {Control::each_shard});
    if (each.action.of == Action::Of::shard && !of_shard) fault(each, "is a shard's work, outside of shards");
    if (each.action.of == Action::Of::batch && of_shard) fault(each, "is the batch's work, within a shard");
    if (each.action == Control::each_shard && of_shard) fault(each, "stands within a shard");
  }

  // The loops that set what an instruction reads.
  void times(const Instruction& each, const std::vector<Action>& around) {
    for (const Need& need : needs())
      if (is_one_of(each.action, need.actions) && !within(around, need.loops))
        fault(each, "stands outside of the loop that sets its times");
  }

  void phase(const Instruction& each) {
    if (static_cast<std::size_t>(each.phase) >= p_.phases.size()) return fault(each, "calls a phase that is none");
    mark(each.phase);
    const PhaseId& id = p_.phases[static_cast<std::size_t>(each.phase)];
    const bool runs = each.action == ShardWork::call_run || each.action == ShardWork::call_steps;
    if (runs != id.takes_many_steps())
      fault(each, fmt::format("calls {}, which takes another number of steps", id.name()));
    const bool assigns = each.action == BatchWork::assign || each.action == BatchWork::adopt;
    if (assigns != row(id.kind).assigns)
      fault(each, fmt::format("calls {}, which is {}an assignment", id.name(), assigns ? "not " : ""));
  }

  void number(const Instruction& each) {
    const auto below = [&](std::size_t count) {
      if (each.number < 0 || static_cast<std::size_t>(each.number) >= count) fault(each, "names an entry that is none");
    };
    using S = ShardWork;
    using B = BatchWork;
    if (is_one_of(each.action, {S::mark, B::reduce, B::update})) below(p_.learned.size());
    if (is_one_of(each.action, {B::clip})) below(p_.clips.size());
    if (is_one_of(each.action, {B::bound})) below(static_cast<std::size_t>(UpdateEvery::sequence) + 1);
    if (is_one_of(each.action, {Control::walk_back, S::measure_walk})) below(p_.replays.size());
    if (is_one_of(each.action, {Control::each_place, Control::each_place_back, S::block_flags, S::clear_around}))
      below(p_.blocks.size());
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
  verifier.list(timetable.restart, {Control::each_shard, Control::at_zero});
  verifier.list(timetable.end, {});
  verifier.list(timetable.again, {Control::each_shard, Control::each_run});
  verifier.list(timetable.ends, {Control::each_shard, Control::each_run, Control::each_window});
  verifier.nothing_is_forgotten();
  return faults;
}

}  // namespace eligo::compiler
