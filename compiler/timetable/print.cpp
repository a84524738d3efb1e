#include <array>

#include <fmt/core.h>

#include "compiler/timetable/timetable.h"

namespace eligo::compiler {
namespace {

using enum Action;

constexpr std::array<ActionRow, actions> rows = {{
    {only_if, "if", ActionScope::control},
    {each_shard, "each shard", ActionScope::control},
    {at_zero, "at step 0", ActionScope::control},
    {each_run, "each run", ActionScope::control},
    {each_step, "each step", ActionScope::control},
    {each_arrival, "each arrival", ActionScope::control},
    {each_window, "each window that is complete", ActionScope::control},
    {each_run_back, "each run of the window, backwards", ActionScope::control},
    {each_step_back, "each step, backwards", ActionScope::control},
    {each_place, "each k", ActionScope::control},
    {each_place_back, "each k", ActionScope::control},
    {walk_back, "walk back", ActionScope::control},
    {each_earlier, "each earlier step", ActionScope::control},
    {begin, "begin", ActionScope::shard},
    {hold, "hold", ActionScope::shard},
    {Action::flags, "flags", ActionScope::shard},
    {load, "load", ActionScope::shard},
    {load_targets, "load targets", ActionScope::shard},
    {call, "call", ActionScope::shard},
    {call_run, "call", ActionScope::shard},
    {call_steps, "call", ActionScope::shard},
    {loss, "loss", ActionScope::shard},
    {clear_beyond, "clear beyond the last step", ActionScope::shard},
    {mark, "mark", ActionScope::shard},
    {measure_walk, "measure what is left out", ActionScope::shard},
    {leave_end, "leave the end", ActionScope::shard},
    {return_to_end, "return to the end", ActionScope::shard},
    {reach, "reach", ActionScope::shard},
    {clear_after, "clear", ActionScope::shard},
    {repeat_last, "repeat", ActionScope::shard},
    {collect, "collect", ActionScope::shard},
    {clear_flag, "clear", ActionScope::shard},
    {set_active, "set", ActionScope::shard},
    {restore_flags, "restore flags", ActionScope::shard},
    {block_flags, "flags of k", ActionScope::shard},
    {clear_around, "clear", ActionScope::shard},
    {snapshot, "snapshot", ActionScope::batch},
    {add_up, "add up", ActionScope::batch},
    {clip, "clip", ActionScope::batch},
    {assign, "assign", ActionScope::batch},
    {adopt, "adopt", ActionScope::batch},
    {reduce, "reduce", ActionScope::update},
    {reduce_statistic, "reduce", ActionScope::update},
    {check, "check", ActionScope::update},
    {bound, "bound the length", ActionScope::update},
    {update, "update", ActionScope::update},
    {keep, "keep", ActionScope::update},
    {keep_steps, "keep steps", ActionScope::update},
    {prepare, "prepare", ActionScope::update},
    {settle, "settle", ActionScope::update},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(rows[i].action) != i) return false;
  return true;
}
static_assert(in_order(), "each operation has its row, in order");

std::string offset(int by) { return by ? fmt::format("{:+}", by) : ""; }

class Printer {
 public:
  explicit Printer(const Plan& plan) : p_(plan) {}

  std::string list(const std::vector<Instruction>& instructions, int depth) const {
    std::string out;
    for (const Instruction& each : instructions) {
      out += fmt::format("{:{}}{}\n", "", 2 * depth, line(each));
      out += list(each.body, depth + 1);
    }
    return out;
  }

 private:
  const std::string& tensor(int number) const { return p_.tensors[static_cast<std::size_t>(number)].name; }
  std::string phase(int number) const { return p_.phases[static_cast<std::size_t>(number)].name(); }
  const Learned& learned(const Instruction& each) const { return p_.learned[static_cast<std::size_t>(each.number)]; }
  std::string places(const Instruction& each) const {
    const Block& block = p_.blocks[static_cast<std::size_t>(each.number)];
    const std::string first = "start" + offset(block.first), last = "t" + offset(block.top);
    return each.action == each_place ? first + ".." + last : last + ".." + first;
  }
  std::string walk(const Instruction& each) const {
    const Replay& replay = p_.replays[static_cast<std::size_t>(each.number)];
    const std::string limit = replay.limit < 0 ? "" : fmt::format(", over {} steps at most", replay.limit);
    return fmt::format("{} from t{} to {}{}", replay.name, offset(-replay.lag), replay.at_start ? 0 : 1, limit);
  }

  std::string line(const Instruction& each) const {
    const std::string name = row(each.action).name;
    switch (each.action) {
      case only_if: return name + " " + words(each.guard);
      case each_run: return each.limit == 1 ? "each arrival, together" : name;
      case each_place:
      case each_place_back: return name + " in " + places(each);
      case walk_back: return name + " " + walk(each);
      case call: return name + " " + phase(each.phase) + (each.as_taken ? ", parameters as at t" : "");
      case call_run: return name + " " + phase(each.phase) + " for the run";
      case call_steps: return name + " " + phase(each.phase) + " for the run's steps";
      case assign:
      case adopt: return name + " " + phase(each.phase);
      case mark: return fmt::format("{} {}@{}", name, tensor(learned(each).parameter), to_string(each.time));
      case clear_after: return fmt::format("{} {} after the window", name, tensor(each.tensor));
      case clear_around: return fmt::format("{} {} around k", name, tensor(each.tensor));
      case repeat_last: return fmt::format("{} {} at end{}", name, tensor(each.tensor), offset(each.time.offset));
      case collect: return fmt::format("{} {}@{}", name, tensor(each.tensor), to_string(each.time));
      case clear_flag: return fmt::format("{} {}@start", name, tensor(each.tensor));
      case set_active: return fmt::format("{} {}@start", name, tensor(each.tensor));
      case add_up: {
        const Block& block = p_.blocks[static_cast<std::size_t>(each.block)];
        const Block::Revision& revision = block.revisions[static_cast<std::size_t>(each.number)];
        return fmt::format("{} {} into {}", name, tensor(revision.increment), tensor(revision.running));
      }
      case Action::clip: {
        const Clip& bounded = p_.clips[static_cast<std::size_t>(each.number)];
        return fmt::format("{} {} into {}", name, tensor(bounded.gathered), tensor(bounded.gradient));
      }
      case reduce: return name + " " + tensor(learned(each).gradient);
      case update: return name + " " + tensor(learned(each).parameter);
      case reduce_statistic: return name + " " + tensor(each.tensor);
      case each_shard:
      case at_zero:
      case each_step:
      case each_arrival:
      case each_window:
      case each_run_back:
      case each_step_back:
      case each_earlier:
      case begin:
      case hold:
      case Action::flags:
      case load:
      case load_targets:
      case loss:
      case clear_beyond:
      case measure_walk:
      case leave_end:
      case return_to_end:
      case reach:
      case restore_flags:
      case block_flags:
      case snapshot:
      case check:
      case bound:
      case keep:
      case keep_steps:
      case prepare:
      case settle: return name;
    }
    return name;
  }

  const Plan& p_;
};

std::string spans(Spans spans) {
  switch (spans) {
    case Spans::sequence: return "all arrivals";
    case Spans::window: return "arrivals up to each window's end";
    case Spans::arrival: return "each arrival";
  }
  return "";
}

std::string windows(const WindowRule& rule) {
  if (!rule.swept && rule.length < 0) return "";
  std::string out = rule.length < 0 ? "one window"
                                    : fmt::format("windows of {} steps, the {} one shorter", rule.length,
                                                  rule.short_first ? "first" : "last");
  if (rule.ahead > 0) out += fmt::format(", complete {} step{} later", rule.ahead, rule.ahead == 1 ? "" : "s");
  return out + "\n";
}

}  // namespace

const ActionRow& row(Action action) { return rows[static_cast<std::size_t>(action)]; }

const char* words(Guard guard) {
  switch (guard) {
    case Guard::at_start: return "at the start";
    case Guard::learning: return "learning";
    case Guard::step_exists: return "there is such a step";
    case Guard::recomputing: return "recomputing";
    case Guard::window_ready: return "a window is complete";
    case Guard::updating: return "updating";
    case Guard::accepted: return "no update was refused";
  }
  return "";
}

std::string text(const Plan& plan, const Timetable& timetable) {
  const Printer printer(plan);
  std::string out = windows(timetable.windows) + spans(timetable.spans) + "\n" + printer.list(timetable.span, 1);
  if (!timetable.end.empty()) out += "the end\n" + printer.list(timetable.end, 1);
  if (!timetable.again.empty()) out += "a run again\n" + printer.list(timetable.again, 1);
  if (!timetable.forward.empty()) out += "a step given alone, forward\n" + printer.list(timetable.forward, 1);
  if (!timetable.learn.empty()) out += "what it learns\n" + printer.list(timetable.learn, 1);
  if (!timetable.restart.empty()) out += "where examples begin again\n" + printer.list(timetable.restart, 1);
  return out;
}

}  // namespace eligo::compiler
