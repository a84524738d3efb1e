#include "compiler/timetable/timetable.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "compiler/memory/segments.h"
#include "compiler/timetable/tables.h"
#include "compiler/timetable/verify.h"

namespace eligo::compiler {
namespace {

using List = std::vector<Instruction>;

// What shards do one after the other is done without meeting in between, and a guard is asked once.
bool continues(const Instruction& one, const Instruction& next) {
  if (one.action != next.action) return false;
  return one.action == Control::each_shard || (one.action == Control::only_if && one.guard == next.guard);
}

void append(List& list, List more) {
  for (Instruction& one : more)
    if (!list.empty() && continues(list.back(), one)) append(list.back().body, std::move(one.body));
    else list.push_back(std::move(one));
}

Instruction plain(Action action, int number = -1) {
  Instruction made;
  made.action = action;
  made.number = number;
  return made;
}

Instruction of_tensor(Action action, int tensor, TimeRef time = {}) {
  Instruction made;
  made.action = action;
  made.tensor = tensor;
  made.time = time;
  return made;
}

// A loop or guard around a body; nothing around nothing.
List around(Instruction control, List body) {
  if (body.empty()) return {};
  control.body = std::move(body);
  return {std::move(control)};
}

List only_if(Guard guard, List body) {
  Instruction control = plain(Control::only_if);
  control.guard = guard;
  return around(std::move(control), std::move(body));
}

class Builder {
 public:
  explicit Builder(const Plan& plan) : p_(plan), out_(tables_of(plan)) {}

  Timetable build() {
    find_phases();
    out_.span = span();
    out_.forward = forward();
    if (!out_.windows.swept) {
      out_.learn = learn();
      if (p_.at_start) out_.restart = at_zero();
    }
    out_.end = guarded(end());
    out_.ends = ends();
    if (recomputable_) out_.again = again();
    return std::move(out_);
  }

 private:
  struct Parts {
    int before = -1, core = -1, after = -1;
    bool any() const { return before >= 0 || core >= 0 || after >= 0; }
  };
  Parts parts(PhaseKind kind) const {
    return {nonempty(p_, kind, PhasePart::before), nonempty(p_, kind), nonempty(p_, kind, PhasePart::after)};
  }

  void find_phases() {
    step_ = parts(PhaseKind::step);
    arrive_ = parts(PhaseKind::arrive);
    sweep_ = parts(PhaseKind::sweep);
    record_ = nonempty(p_, PhaseKind::record);
    show_ = nonempty(p_, PhaseKind::show);
    sweep_start_ = nonempty(p_, PhaseKind::sweep_start);
    close_ = nonempty(p_, PhaseKind::close);
    std::string why_not;
    recomputable(p_, why_not);
    recomputable_ = why_not.empty();
    // Blocks average over the batch at every k, a bound is on the batch's mean.
    meets_ = !p_.blocks.empty() || !p_.clips.empty();
  }

  // --- pieces ---

  // What runs where learn lines do.
  List guarded(List body) const {
    return out_.always_arrives ? std::move(body) : only_if(Guard::learning, std::move(body));
  }
  // The work of shards, where the instructions around it are the batch's.
  List shards(List body) const { return meets_ ? around(plain(Control::each_shard), std::move(body)) : std::move(body); }

  List calls(int phase, bool as_taken = false) const {
    if (phase < 0) return {};
    List list = {plain(ShardWork::call)};
    list.back().phase = phase;
    list.back().as_taken = as_taken;
    for (std::size_t k = 0; k < p_.learned.size(); ++k)
      for (const Plan::Write& write : p_.phases[static_cast<std::size_t>(phase)].writes)
        if (write.kind == RootKind::gather && p_.tensors[static_cast<std::size_t>(write.tensor)].per_step &&
            learned_by(write.tensor) == p_.learned[k].gradient) {
          list.push_back(plain(ShardWork::mark, static_cast<int>(k)));
          list.back().time = write.time;
        }
    return list;
  }
  int learned_by(int gathered) const {
    for (const Clip& clip : p_.clips)
      if (clip.gathered == gathered) return clip.gradient;
    return gathered;
  }
  List runs(int phase, bool as_taken = false, Action action = ShardWork::call_run) const {
    if (phase < 0) return {};
    List list = {plain(action)};
    list.back().phase = phase;
    list.back().as_taken = as_taken;
    return list;
  }
  List collects(int phase) const {
    List list;
    if (phase < 0) return list;
    for (const Plan::Read& read : p_.phases[static_cast<std::size_t>(phase)].reads)
      if (is_gathered(read.time.base) && p_.tensors[static_cast<std::size_t>(read.tensor)].timed())
        list.push_back(of_tensor(ShardWork::collect, read.tensor, read.time));
    return list;
  }
  List clips() const {
    List list;
    for (std::size_t i = 0; i < p_.clips.size(); ++i) list.push_back(plain(BatchWork::clip, static_cast<int>(i)));
    return list;
  }

  // --- a sequence ---

  List span() const {
    List list = cleared();
    append(list, way(before_the_first(), run()));
    append(list, updates_at_arrivals());
    return list;
  }

  // Sums stay for whoever asks until more is gathered.
  List cleared() const {
    const bool within = std::any_of(p_.learned.begin(), p_.learned.end(), [&](const Learned& l) {
      return l.every == UpdateEvery::step || (l.every == UpdateEvery::window && p_.window >= 0);
    });
    return within ? List{plain(BatchWork::clear_sums)} : List{};
  }

  List before_the_first() const {
    List start = {plain(ShardWork::begin)};
    append(start, around(plain(Control::at_zero), at_zero()));
    if (!meets_) return start;
    start = shards(std::move(start));
    append(start, clips());
    return start;
  }

  // Over the arrivals of a span, with work before the first of a sequence.
  List way(List start, List run) const {
    List list;
    if (p_.updates_within && !start.empty()) list.push_back(plain(BatchWork::snapshot));
    Instruction each_run = plain(Control::each_run);
    if (meets_) each_run.limit = 1;
    List work = only_if(Guard::at_start, std::move(start));
    append(work, around(std::move(each_run), std::move(run)));
    append(list, meets_ ? std::move(work) : around(plain(Control::each_shard), std::move(work)));
    return list;
  }

  List updates_at_arrivals() const {
    List list;
    if (out_.spans == Spans::arrival) append(list, guarded(updates(UpdateEvery::step)));
    if (p_.window >= 0) append(list, only_if(Guard::window_ready, updates(UpdateEvery::window)));
    return list;
  }

  List forward() const {
    List list = taken();
    append(list, around(plain(Control::each_arrival), calls(show_)));
    return way(before_the_first(), shards(std::move(list)));
  }

  List learn() const {
    List step = {plain(ShardWork::load_targets)};
    append(step, steps_of_targets());
    List list = cleared();
    append(list, way({}, behind_the_step(std::move(step))));
    append(list, updates_at_arrivals());
    return list;
  }

  // What follows from a step's targets, once more: for the step itself they were zero.
  List steps_of_targets() const {
    std::set<int> known_late(p_.targets.begin(), p_.targets.end());
    for (std::size_t i = 0; i < p_.tensors.size(); ++i)
      if (p_.tensors[i].flag == Flag::loss_mask) known_late.insert(static_cast<int>(i));
    const auto follows = [&](int phase) {
      if (phase < 0) return false;
      const Plan::Phase& each = p_.phases[static_cast<std::size_t>(phase)];
      const bool reads = std::any_of(each.reads.begin(), each.reads.end(),
                                     [&](const Plan::Read& read) { return known_late.contains(read.tensor); });
      for (const Plan::Write& write : each.writes)
        if (reads) known_late.insert(write.tensor);
      return reads;
    };
    List list;
    if (follows(step_.before)) append(list, runs(step_.before, false, ShardWork::call_steps));
    if (follows(step_.core)) append(list, around(plain(Control::each_step), calls(step_.core)));
    if (follows(step_.after)) append(list, runs(step_.after, false, ShardWork::call_steps));
    return list;
  }

  // Lines that hold at the start, where no step arrives, and what is shown of it.
  List at_zero() const {
    List list;
    if (p_.at_start) {
      append(list, calls(record_));
      append(list, runs(arrive_.before));
      append(list, calls(arrive_.core));
      append(list, runs(arrive_.after));
      append(list, walks());
      list = guarded(std::move(list));
    }
    append(list, calls(show_));
    return list;
  }

  List steps() const {
    List list = {plain(ShardWork::load)};
    append(list, runs(step_.before, false, ShardWork::call_steps));
    append(list, around(plain(Control::each_step), calls(step_.core)));
    append(list, runs(step_.after, false, ShardWork::call_steps));
    return list;
  }

  // A run's steps, with the room and the flags that they need.
  List taken() const {
    List list;
    if (recomputable_) append(list, only_if(Guard::recomputing, {plain(ShardWork::hold)}));
    if (!out_.flags.empty()) list.push_back(plain(ShardWork::flags));
    append(list, steps());
    return list;
  }

  List run() const {
    List list = behind_the_step(taken());
    append(list, guarded(around(plain(Control::each_window), window())));
    return list;
  }

  // The step's work, and what its arrival does.
  List behind_the_step(List step) const {
    if (p_.loss >= 0) step.push_back(plain(ShardWork::loss));
    if (p_.ahead > 0) step.push_back(plain(ShardWork::clear_beyond));
    if (meets_) return meeting_arrival(std::move(step));
    append(step, arrivals());
    return step;
  }

  List arrivals() const {
    List each = calls(record_);
    append(each, calls(arrive_.core));
    append(each, walks());
    const auto all = [](List body) { return around(plain(Control::each_arrival), std::move(body)); };
    List list = guarded(runs(arrive_.before));
    if (show_ < 0) {
      append(list, guarded(all(std::move(each))));
    } else {
      each = guarded(std::move(each));
      append(each, calls(show_));
      append(list, all(std::move(each)));
    }
    append(list, guarded(runs(arrive_.after)));
    return list;
  }

  // An arrival that all shards take together, behind the work of its step.
  List meeting_arrival(List step) const {
    append(step, guarded(calls(record_)));
    List list = shards(std::move(step));
    append(list, guarded(only_if(Guard::step_exists, blocks())));
    // A step's derivatives keep the parameters with which it was taken, also if a block has changed them since.
    List arrival = calls(arrive_.core, p_.adopts);
    append(arrival, walks());
    append(list, shards(guarded(std::move(arrival))));
    append(list, clips());
    append(list, shards(calls(show_, p_.adopts)));
    return list;
  }

  List walks() const {
    List list;
    for (std::size_t i = 0; i < p_.replays.size(); ++i) {
      const Replay& replay = p_.replays[i];
      List walk = calls(replay.first, true);
      append(walk, around(plain(Control::each_earlier), calls(replay.again, true)));
      if (replay.limit >= 0) walk.push_back(plain(ShardWork::measure_walk, static_cast<int>(i)));
      append(list, around(plain(Control::walk_back, static_cast<int>(i)), std::move(walk)));
    }
    return list;
  }

  // --- windows ---

  List window() const {
    if (!out_.windows.swept) return {};
    List list = shards(open());
    List run;
    if (recomputable_) append(run, only_if(Guard::recomputing, {plain(ShardWork::reach)}));
    append(run, runs(sweep_.before, true));
    List step = shards(calls(sweep_.core, true));
    append(step, clips());
    if (sweep_.core >= 0) append(run, around(plain(Control::each_step_back), std::move(step)));
    append(run, runs(sweep_.after, true));
    if (sweep_.any()) append(list, around(plain(Control::each_run_back), std::move(run)));
    append(list, shards(boundary()));
    append(list, clips());
    append(list, shards(close()));
    append(list, clips());
    return list;
  }

  List open() const {
    List list;
    if (recomputable_) append(list, only_if(Guard::recomputing, {plain(ShardWork::leave_end)}));
    for (const int tensor : out_.cleared)
      if (p_.tensors[static_cast<std::size_t>(tensor)].kind == TensorKind::backward)
        list.push_back(of_tensor(ShardWork::clear_after, tensor));
    // What later steps would have kept meets zeros, but must be such that nothing infinite comes of it: as at the last.
    std::set<Plan::Read> repeated;
    for (const Plan::Phase& each : p_.phases)
      for (const Plan::Read& read : each.reads) {
        const Tensor& t = p_.tensors[static_cast<std::size_t>(read.tensor)];
        const bool back = each.kind == PhaseKind::sweep || each.kind == PhaseKind::sweep_start;
        const bool kept = (t.kind == TensorKind::field || t.kind == TensorKind::input) && !t.masked;
        if (back && kept && read.time.base == When::t && read.time.offset > 0) repeated.insert(read);
      }
    for (const Plan::Read& read : repeated) list.push_back(of_tensor(ShardWork::repeat_last, read.tensor, read.time));
    append(list, collects(sweep_.core));
    if (recomputable_) append(list, only_if(Guard::recomputing, later_ends()));
    return list;
  }

  // At the boundary before the window nothing is this window's end.
  List boundary() const {
    List list;
    if (sweep_start_ < 0) return list;
    for (const int tensor : out_.boundary_flags)
      if (const Flag flag = p_.tensors[static_cast<std::size_t>(tensor)].flag;
          flag == Flag::end || flag == Flag::window_end)
        list.push_back(of_tensor(ShardWork::clear_flag, tensor));
    append(list, collects(sweep_start_));
    append(list, calls(sweep_start_, true));
    return list;
  }

  List close() const {
    List list;
    if (close_ >= 0) {
      list.push_back(of_tensor(ShardWork::set_active, p_.find(Flag::active)));
      append(list, collects(close_));
      append(list, calls(close_, true));
    }
    if (!out_.boundary_flags.empty()) list.push_back(plain(ShardWork::restore_flags));
    if (recomputable_) append(list, only_if(Guard::recomputing, {plain(ShardWork::return_to_end)}));
    return list;
  }

  List later_ends() const {
    List list = collects(sweep_start_);
    append(list, collects(close_));
    return list;
  }
  List ends() const {
    List list = collects(sweep_.core);
    append(list, later_ends());
    return list;
  }

  List again() const {
    List list = steps();
    if (!arrivals_are_read_back(p_)) return list;
    append(list, runs(arrive_.before));
    List each = calls(record_);
    append(each, calls(arrive_.core));
    append(list, around(plain(Control::each_arrival), std::move(each)));
    append(list, runs(arrive_.after));
    return list;
  }

  // --- blocks ---

  // All blocks at an arrival. Without learning their values are computed, but nothing is adopted.
  List blocks() const {
    List list;
    for (std::size_t i = 0; i < p_.blocks.size(); ++i) {
      const Block& block = p_.blocks[i];
      const int number = static_cast<int>(i);
      if (block.begin >= 0) {
        list.push_back(plain(BatchWork::assign));
        list.back().phase = block.begin;
      }
      append(list, shards({plain(ShardWork::block_flags, number)}));
      for (const Block::Pass& each : block.passes) append(list, pass(number, each));
      if (block.adopt < 0) continue;
      Instruction adopt = plain(BatchWork::adopt);
      adopt.phase = block.adopt;
      append(list, only_if(Guard::learning, {adopt}));
    }
    if (p_.adopts && !list.empty()) append(list, only_if(Guard::learning, {plain(BatchWork::prepare)}));
    return list;
  }

  List pass(int number, const Block::Pass& each) const {
    List list;
    for (const int tensor : each.stored) {
      list.push_back(of_tensor(ShardWork::clear_around, tensor));
      list.back().number = number;
    }
    append(list, collects(each.phase));
    const Instruction places = plain(each.backward ? Control::each_place_back : Control::each_place, number);
    List step = calls(each.phase, true);
    if (each.revisions.empty()) {  // nothing that other shards change: each goes all the way on its own
      append(list, around(places, std::move(step)));
      return shards(std::move(list));
    }
    list = shards(std::move(list));
    step = shards(std::move(step));
    for (const int revision : each.revisions) {
      step.push_back(plain(BatchWork::add_up, revision));
      step.back().block = number;
    }
    append(list, around(places, std::move(step)));
    return list;
  }

  // --- updates ---

  List updates(UpdateEvery every) const {
    List list, changes;
    for (std::size_t k = 0; k < p_.learned.size(); ++k)
      if (p_.learned[k].every == every) list.push_back(plain(BatchWork::reduce, static_cast<int>(k)));
    if (every == UpdateEvery::sequence && !out_.changes_within) list.push_back(plain(BatchWork::check));
    for (std::size_t k = 0; k < p_.learned.size(); ++k)
      if (p_.learned[k].every == every && p_.learned[k].update_phase >= 0)
        changes.push_back(plain(BatchWork::update, static_cast<int>(k)));
    if (!changes.empty()) {
      changes.insert(changes.begin(), plain(BatchWork::bound, static_cast<int>(every)));
      changes.push_back(plain(BatchWork::prepare));
    }
    append(list, only_if(Guard::updating, std::move(changes)));
    return list;
  }

  List end() const {
    List list = updates(UpdateEvery::window), keeps;
    append(list, updates(UpdateEvery::sequence));
    if (p_.step_keep_phase >= 0 || p_.keep_phase >= 0) {
      for (const int statistic : p_.statistics) keeps.push_back(of_tensor(BatchWork::reduce_statistic, statistic));
      // All right sides read old values: those of steps first, as nothing else reads them.
      if (p_.step_keep_phase >= 0) keeps.push_back(plain(BatchWork::keep_steps));
      if (p_.keep_phase >= 0) keeps.push_back(plain(BatchWork::keep));
      keeps.push_back(plain(BatchWork::prepare));
    }
    append(list, only_if(Guard::accepted, std::move(keeps)));
    if (!meets_ && p_.statistics.empty()) list.push_back(plain(BatchWork::settle));
    return list;
  }

  const Plan& p_;
  Timetable out_;
  Parts step_, arrive_, sweep_;
  int record_ = -1, show_ = -1, sweep_start_ = -1, close_ = -1;
  bool meets_ = false;         // the shards meet at every arrival
  bool recomputable_ = false;  // steps of a window may be computed again
};

}  // namespace

Timetable timetable_of(const Plan& plan) {
  Timetable timetable = Builder(plan).build();
  if (const auto faults = verify(plan, timetable); !faults.empty())
    throw std::logic_error(fmt::format("internal error after timetable: {}", fmt::join(faults, "; ")));
  return timetable;
}

}  // namespace eligo::compiler
