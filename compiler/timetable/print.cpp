#include <array>

#include <fmt/core.h>

#include "compiler/timetable/timetable.h"

namespace eligo::compiler {
namespace {

template <class Kind>
struct Row {
  Kind kind;
  const char* name;
};

constexpr Row<Control> control_rows[] = {
    {Control::only_if, "if"},
    {Control::each_shard, "each shard"},
    {Control::at_zero, "at step 0"},
    {Control::each_run, "each run"},
    {Control::each_step, "each step"},
    {Control::each_arrival, "each arrival"},
    {Control::each_window, "each window that is complete"},
    {Control::each_run_back, "each run of the window, backwards"},
    {Control::each_step_back, "each step, backwards"},
    {Control::each_place, "each k"},
    {Control::each_place_back, "each k"},
    {Control::walk_back, "walk back"},
    {Control::each_earlier, "each earlier step"},
};

constexpr Row<ShardWork> shard_rows[] = {
    {ShardWork::begin, "begin"},
    {ShardWork::hold, "hold"},
    {ShardWork::flags, "flags"},
    {ShardWork::load, "load"},
    {ShardWork::load_targets, "load targets"},
    {ShardWork::call, "call"},
    {ShardWork::call_run, "call"},
    {ShardWork::call_steps, "call"},
    {ShardWork::loss, "loss"},
    {ShardWork::clear_beyond, "clear beyond the last step"},
    {ShardWork::mark, "mark"},
    {ShardWork::measure_walk, "measure what is left out"},
    {ShardWork::leave_end, "leave the end"},
    {ShardWork::return_to_end, "return to the end"},
    {ShardWork::reach, "reach"},
    {ShardWork::clear_after, "clear"},
    {ShardWork::repeat_last, "repeat"},
    {ShardWork::collect, "collect"},
    {ShardWork::clear_flag, "clear"},
    {ShardWork::set_active, "set"},
    {ShardWork::restore_flags, "restore flags"},
    {ShardWork::block_flags, "flags of k"},
    {ShardWork::clear_around, "clear"},
};

constexpr Row<BatchWork> batch_rows[] = {
    {BatchWork::snapshot, "snapshot"},
    {BatchWork::clear_sums, "clear the sums"},
    {BatchWork::add_up, "add up"},
    {BatchWork::clip, "clip"},
    {BatchWork::assign, "assign"},
    {BatchWork::adopt, "adopt"},
    {BatchWork::reduce, "reduce"},
    {BatchWork::reduce_statistic, "reduce"},
    {BatchWork::check, "check"},
    {BatchWork::bound, "bound the length"},
    {BatchWork::update, "update"},
    {BatchWork::keep, "keep"},
    {BatchWork::keep_steps, "keep steps"},
    {BatchWork::prepare, "prepare"},
    {BatchWork::settle, "settle"},
};

template <class Kind, std::size_t count>
constexpr bool complete(const Row<Kind> (&rows)[count], Kind last) {
  for (std::size_t i = 0; i < count; ++i)
    if (static_cast<std::size_t>(rows[i].kind) != i) return false;
  return static_cast<std::size_t>(last) + 1 == count;
}
static_assert(complete(control_rows, Control::each_earlier) && complete(shard_rows, ShardWork::clear_around) &&
                  complete(batch_rows, BatchWork::settle),
              "each has its row, in order");

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
    return each.action == Control::each_place ? first + ".." + last : last + ".." + first;
  }
  std::string walk(const Instruction& each) const {
    const Replay& replay = p_.replays[static_cast<std::size_t>(each.number)];
    const std::string limit = replay.limit < 0 ? "" : fmt::format(", over {} steps at most", replay.limit);
    return fmt::format("{} from t{} to {}{}", replay.name, offset(-replay.lag), replay.at_start ? 0 : 1, limit);
  }

  std::string line(const Instruction& each) const {
    switch (each.action.of) {
      case Action::Of::control: return control(each);
      case Action::Of::shard: return shard(each);
      case Action::Of::batch: return batch(each);
    }
    return "";
  }

  std::string control(const Instruction& each) const {
    const std::string name = each.action.name();
    switch (each.action.control()) {
      case Control::only_if: return name + " " + words(each.guard);
      case Control::each_run: return each.limit == 1 ? "each arrival, together" : name;
      case Control::each_place:
      case Control::each_place_back: return name + " in " + places(each);
      case Control::walk_back: return name + " " + walk(each);
      case Control::each_shard:
      case Control::at_zero:
      case Control::each_step:
      case Control::each_arrival:
      case Control::each_window:
      case Control::each_run_back:
      case Control::each_step_back:
      case Control::each_earlier: return name;
    }
    return name;
  }

  std::string shard(const Instruction& each) const {
    const std::string name = each.action.name();
    switch (each.action.shard()) {
      case ShardWork::call: return name + " " + phase(each.phase) + (each.as_taken ? ", parameters as at t" : "");
      case ShardWork::call_run: return name + " " + phase(each.phase) + " for the run";
      case ShardWork::call_steps: return name + " " + phase(each.phase) + " for the run's steps";
      case ShardWork::mark: return fmt::format("{} {}@{}", name, tensor(learned(each).parameter), to_string(each.time));
      case ShardWork::clear_after: return fmt::format("{} {} after the window", name, tensor(each.tensor));
      case ShardWork::clear_around: return fmt::format("{} {} around k", name, tensor(each.tensor));
      case ShardWork::repeat_last: return fmt::format("{} {} at end{}", name, tensor(each.tensor), offset(each.time.offset));
      case ShardWork::collect: return fmt::format("{} {}@{}", name, tensor(each.tensor), to_string(each.time));
      case ShardWork::clear_flag: return fmt::format("{} {}@start", name, tensor(each.tensor));
      case ShardWork::set_active: return fmt::format("{} {}@start", name, tensor(each.tensor));
      case ShardWork::begin:
      case ShardWork::hold:
      case ShardWork::flags:
      case ShardWork::load:
      case ShardWork::load_targets:
      case ShardWork::loss:
      case ShardWork::clear_beyond:
      case ShardWork::measure_walk:
      case ShardWork::leave_end:
      case ShardWork::return_to_end:
      case ShardWork::reach:
      case ShardWork::restore_flags:
      case ShardWork::block_flags: return name;
    }
    return name;
  }

  std::string batch(const Instruction& each) const {
    const std::string name = each.action.name();
    switch (each.action.batch()) {
      case BatchWork::assign:
      case BatchWork::adopt: return name + " " + phase(each.phase);
      case BatchWork::add_up: {
        const Block& block = p_.blocks[static_cast<std::size_t>(each.block)];
        const Block::Revision& revision = block.revisions[static_cast<std::size_t>(each.number)];
        return fmt::format("{} {} into {}", name, tensor(revision.increment), tensor(revision.running));
      }
      case BatchWork::clip: {
        const Clip& bounded = p_.clips[static_cast<std::size_t>(each.number)];
        return fmt::format("{} {} into {}", name, tensor(bounded.gathered), tensor(bounded.gradient));
      }
      case BatchWork::reduce: return name + " " + tensor(learned(each).gradient);
      case BatchWork::update: return name + " " + tensor(learned(each).parameter);
      case BatchWork::reduce_statistic: return name + " " + tensor(each.tensor);
      case BatchWork::snapshot:
      case BatchWork::clear_sums:
      case BatchWork::check:
      case BatchWork::bound:
      case BatchWork::keep:
      case BatchWork::keep_steps:
      case BatchWork::prepare:
      case BatchWork::settle: return name;
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

const char* Action::name() const {
  switch (of) {
    case Of::control: return control_rows[number].name;
    case Of::shard: return shard_rows[number].name;
    case Of::batch: return batch_rows[number].name;
  }
  return "";
}

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
