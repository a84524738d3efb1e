#include "runtime/engine/shard_executor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include "runtime/engine/tape_recorder.h"

namespace eligo {

using compiler::Control;
using compiler::ShardWork;
using compiler::When;

void* aligned(std::unique_ptr<std::byte[]>& storage, std::int64_t bytes) {
  storage = std::make_unique<std::byte[]>(static_cast<std::size_t>(bytes + 128));
  const auto at = reinterpret_cast<std::uintptr_t>(storage.get());
  return reinterpret_cast<void*>((at + 63) / 64 * 64);
}

ShardExecutor::ShardExecutor(const EngineParts& parts, int shard, std::int64_t rows)
    : parts_(parts),
      memory_(parts.memory),
      course_(parts.course),
      number_(shard),
      rows_(rows),
      resolver_(parts.memory, shard),
      calls_(parts.runner, parts.memory, shard),
      recomputation_(parts.memory, shard, parts.timetable.windows.ahead, parts.timetable.again_gathered),
      watch_(parts.memory, shard, parts.timetable.changes_within),
      flags_{parts.plan.find(compiler::Flag::within), parts.plan.find(compiler::Flag::now),
             parts.plan.find(compiler::Flag::begin)} {
  scratch_ = aligned(scratch_storage_, std::max(parts.runner.scratch_bytes(rows),
                                                parts.runner.run_scratch_bytes(rows * parts.loops.run())));
  for (const compiler::Learned& l : parts.plan.learned)
    marks_.emplace_back(
        parts.plan.tensors[static_cast<std::size_t>(l.parameter)].per_step ? memory_.copies(l.parameter) + 1 : 0, 0);
}

void ShardExecutor::bind(void* prepared) {
  calls_.bind(resolver_, rows_, rows_ * parts_.loops.run(), scratch_, prepared);
}

void ShardExecutor::reset(bool clear) {
  loss = left_out = 0;
  loss_steps = 0;
  clear_gathered_ = clear;
}

void ShardExecutor::run(const List& list, const Cursor& at) {
  for (const Instruction& each : list) one(each, at);
}

void ShardExecutor::record(const List& list, const Cursor& at, Tape& tape) {
  TapeRecorder(tape, calls_, resolver_, parts_.loops, count()).segment(list, at);
}

void ShardExecutor::play(const Tape& tape, std::uint32_t segment, std::int64_t later) {
  const std::uint32_t first = segment == 0 ? 0 : tape.segments[segment - 1], last = tape.segments[segment];
  for (std::uint32_t i = first; i < last; ++i) {
    const Tape::Op& op = tape.ops[i];
    if (op.times > 0) {
      calls_.play(tape, op.first, op.last, op.times);
      continue;
    }
    const Tape::Work& each = tape.works[op.first];
    if (later == 0) work(*each.instruction, each.at);
    else work(*each.instruction, each.at.later(later));
  }
}

std::uint32_t ShardExecutor::record_once(int phase, const Moment& moment, bool optimising, Tape& tape) {
  resolver_.moment = moment;
  resolver_.optimising = optimising;
  const PhaseCalls::Table& table = calls_.ready_table(phase);
  const auto first = static_cast<std::uint32_t>(tape.patches.size());
  for (const Patch& patch : calls_.patches(phase, resolver_)) tape.patches.push_back(patch);
  resolver_.optimising = false;
  tape.calls.push_back(
      {table.kernel, table.addresses, 1, first, static_cast<std::uint32_t>(tape.patches.size())});
  return static_cast<std::uint32_t>(tape.calls.size() - 1);
}

void ShardExecutor::one(const Instruction& each, const Cursor& at) {
  if (each.action.of == compiler::Action::Of::shard) return work(each, at);
  if (each.action == Control::only_if) {
    if (parts_.loops.holds(each.guard, at)) run(each.body, at);
  } else {
    parts_.loops.each(each, at, [&](const Cursor& inner) { run(each.body, inner); });
  }
}

void ShardExecutor::work(const Instruction& each, const Cursor& at) {
  switch (each.action.shard()) {
    case ShardWork::call: return call(each.phase, at.t, at.start, !each.as_taken);
    case ShardWork::call_run: return call_run(each, at, at.to);
    case ShardWork::call_steps: return call_run(each, at, parts_.loops.last_step(at));
    case ShardWork::begin: return begin();
    case ShardWork::hold: return recomputation_.hold(at.from, at.to, course_.steps, course_.arrives);
    case ShardWork::flags: {
      const std::int64_t ahead = memory_.layout().highest;
      flags_to_ = std::max(flags_to_, at.to);
      return parts_.feed.flags(course_, number_, at.from + ahead, at.to + ahead, flags_known_);
    }
    case ShardWork::load: return parts_.feed.load(course_, number_, at.from, parts_.loops.last_step(at));
    case ShardWork::load_targets:
      return parts_.feed.load_targets(course_, number_, at.from, parts_.loops.last_step(at));
    case ShardWork::loss: return add_losses(at.from, parts_.loops.last_step(at));
    case ShardWork::clear_beyond:
      for (std::int64_t t = std::max(at.from, course_.steps + 1); t <= at.to; ++t)
        for (const int tensor : parts_.timetable.cleared_beyond) memory_.zero_slot(tensor, t, number_);
      return;
    case ShardWork::mark: return mark(each, at);
    case ShardWork::measure_walk: return measure(parts_.plan.replays[static_cast<std::size_t>(each.number)], at);
    case ShardWork::leave_end: return recomputation_.leave_end({at.start, at.end}, course_.steps);
    case ShardWork::return_to_end: return recomputation_.return_to_end({at.start, at.end}, course_.steps);
    case ShardWork::reach: return reach(at);
    case ShardWork::clear_after:
      for (std::int64_t t = at.end + 1; t <= at.end + std::max(1, memory_.layout().highest); ++t)
        memory_.zero_slot(each.tensor, t, number_);
      return;
    case ShardWork::repeat_last: return repeat_last(each, at);
    case ShardWork::collect: return collect(each, at);
    case ShardWork::clear_flag: return memory_.zero_slot(each.tensor, at.start, number_);
    case ShardWork::set_active: return set_active(each.tensor, at.start);
    case ShardWork::restore_flags: return parts_.feed.boundary_flags(course_, number_, at.start);
    case ShardWork::block_flags: return block_flags(parts_.plan.blocks[static_cast<std::size_t>(each.number)], at);
    case ShardWork::clear_around:
      return clear_around(parts_.plan.blocks[static_cast<std::size_t>(each.number)], each.tensor, at);
  }
}

void ShardExecutor::begin() {
  memory_.set_origin(number_, 0);
  for (const int tensor : parts_.timetable.cleared) {
    const compiler::Layout& layout = memory_.layout();
    const std::int64_t capacity = layout.tensors[static_cast<std::size_t>(tensor)].capacity;
    for (std::int64_t t = 1 - std::min<std::int64_t>(capacity, 1 - layout.lowest); t <= 0; ++t)
      memory_.zero_slot(tensor, t, number_);
  }
  load_states();
  parts_.feed.start(number_);
  if (clear_gathered_) memory_.zero_gradients(number_);
  for (auto& steps : marks_) std::fill(steps.begin(), steps.end(), 0);
  if (course_.form == 0 || course_.form != form_) flags_to_ = 0;
  const bool beyond = course_.arrives || parts_.timetable.shows;
  const std::int64_t arrivals = course_.steps + (beyond ? parts_.timetable.windows.beyond : 0);
  flags_known_ = flags_to_ >= arrivals && keeps_flags();
  form_ = course_.form;
  parts_.feed.flags(course_, number_, memory_.layout().lowest, memory_.layout().highest, flags_known_);
}

// Whether the flags of all steps have slots of their own.
bool ShardExecutor::keeps_flags() const {
  const compiler::Layout& layout = memory_.layout();
  const std::int64_t steps = course_.steps + parts_.timetable.windows.beyond + 2 * layout.highest - layout.lowest + 1;
  return std::all_of(parts_.timetable.flags.begin(), parts_.timetable.flags.end(), [&](int flag) {
    const compiler::TensorLayout& l = layout.tensors[static_cast<std::size_t>(flag)];
    return !l.again && l.capacity >= steps;
  });
}

// Lines that hold at the start run for the whole shard: the others are masked meanwhile, and get their values back.
void ShardExecutor::restart(const std::vector<std::int64_t>& examples, std::int64_t t) {
  std::vector<std::int64_t> mine;
  for (const std::int64_t example : examples)
    if (example >= first() && example < first() + count()) mine.push_back(example - first());
  if (mine.empty()) return;
  const compiler::Layout& layout = memory_.layout();
  const auto row = [&](int tensor, std::int64_t step, std::int64_t b) {
    return memory_.slot(tensor, step, number_) + b * memory_.row_bytes(tensor);
  };
  for (const int tensor : parts_.timetable.cleared) {
    const compiler::Tensor& info = parts_.plan.tensors[static_cast<std::size_t>(tensor)];
    const std::int64_t capacity = layout.tensors[static_cast<std::size_t>(tensor)].capacity;
    for (const std::int64_t b : mine) {
      for (std::int64_t step = t - capacity + 1; step <= t; ++step)
        std::memset(row(tensor, step, b), 0, static_cast<std::size_t>(memory_.row_bytes(tensor)));
      if (info.kind != compiler::TensorKind::state) continue;
      const std::vector<double>& values = parts_.start[static_cast<std::size_t>(tensor)];
      for (std::int64_t k = 0; k < info.size(); ++k)
        memory_.write(tensor, row(tensor, t, b), k, values[static_cast<std::size_t>((first() + b) * info.size() + k)]);
    }
  }
  parts_.feed.restart(course_, number_, examples, t + layout.lowest, t + layout.highest);
  if (parts_.timetable.restart.empty()) return;
  const std::vector<Rows> others = rows_of(parts_.timetable.restart, t);
  for (const Rows& each : others) {
    if (parts_.plan.tensors[static_cast<std::size_t>(each.tensor)].kind != compiler::TensorKind::flag) continue;
    for (std::int64_t b = 0; b < count(); ++b)
      if (std::find(mine.begin(), mine.end(), b) == mine.end())
        std::memset(row(each.tensor, each.t, b), 0, static_cast<std::size_t>(memory_.row_bytes(each.tensor)));
  }
  Cursor at;
  at.t = at.from = at.to = t;
  run(parts_.timetable.restart, at);
  for (const Rows& each : others)
    for (std::int64_t b = 0; b < count(); ++b)
      if (std::find(mine.begin(), mine.end(), b) == mine.end())
        std::memcpy(row(each.tensor, each.t, b), each.values.data() + b * memory_.row_bytes(each.tensor),
                    static_cast<std::size_t>(memory_.row_bytes(each.tensor)));
}

std::vector<ShardExecutor::Rows> ShardExecutor::rows_of(const List& list, std::int64_t t) const {
  std::vector<Rows> rows;
  const auto take = [&](int tensor, std::int64_t step) {
    for (const Rows& known : rows)
      if (known.tensor == tensor && known.t == step) return;
    const std::byte* from = memory_.slot(tensor, step, number_);
    rows.push_back({tensor, step, {from, from + count() * memory_.row_bytes(tensor)}});
  };
  for (const int flag : parts_.timetable.flags)
    for (std::int64_t step = t + memory_.layout().lowest; step <= t + memory_.layout().highest; ++step)
      take(flag, step);
  const std::function<void(const List&)> walk = [&](const List& instructions) {
    for (const Instruction& each : instructions) {
      walk(each.body);
      if (each.phase < 0) continue;
      for (const compiler::Plan::Write& write : parts_.plan.phases[static_cast<std::size_t>(each.phase)].writes)
        if (write.kind == compiler::RootKind::store && write.time.base == When::t)
          take(write.tensor, t + write.time.offset);
    }
  };
  walk(list);
  return rows;
}

void ShardExecutor::load_states() {
  for (const int tensor : parts_.timetable.cleared) {
    const compiler::Tensor& info = parts_.plan.tensors[static_cast<std::size_t>(tensor)];
    if (info.kind != compiler::TensorKind::state) continue;
    const std::vector<double>& values = parts_.start[static_cast<std::size_t>(tensor)];
    memory_.write_reals(memory_.slot(tensor, 0, number_),
                        std::span(values).subspan(static_cast<std::size_t>(first() * info.size()),
                                                  static_cast<std::size_t>(count() * info.size())));
  }
}

// Times come one by one, not as a Cursor: it has just been written, and two of its fields read as one vector would wait
// for it.
void ShardExecutor::call(int phase, std::int64_t t, std::int64_t start, bool current) {
  if (count() == 0) return;
  resolver_.moment = {t, start, current};
  calls_.call(phase, resolver_, count());
  if (watching_) watch_.look(course_, phase, t, start);
}

void ShardExecutor::call_run(const Instruction& call, const Cursor& at, std::int64_t to) {
  if (count() == 0 || at.from > to) return;
  resolver_.moment = {at.from, at.start, !call.as_taken};
  if (!watching_) return calls_.call_run(call.phase, resolver_, at.from, to);
  for (std::int64_t t = at.from; t <= to; ++t) {  // so that a sum over steps tells which of them it was
    calls_.call_run(call.phase, resolver_, t, t);
    watch_.look(course_, call.phase, t, at.start);
  }
}

void ShardExecutor::call_once(int phase, const Moment& moment, bool optimising) {
  resolver_.moment = moment;
  resolver_.optimising = optimising;
  calls_.call(phase, resolver_, 1);
  resolver_.optimising = false;
}

void ShardExecutor::add_losses(std::int64_t from, std::int64_t to) {
  const int tensor = parts_.plan.loss;
  if (from > to) return;
  if (memory_.together(tensor, from, to, number_))
    loss = memory_.add_reals_to(loss, memory_.slot(tensor, from, number_), (to - from + 1) * count());
  else
    for (std::int64_t t = from; t <= to; ++t)
      loss = memory_.add_reals_to(loss, memory_.slot(tensor, t, number_), count());
  if (course_.even && !course_.mask) loss_steps += (to - from + 1) * count();
  else
    for (std::int64_t t = from; t <= to; ++t) loss_steps += counted(t);
}

// Examples that take the step and are not masked at it.
std::int64_t ShardExecutor::counted(std::int64_t t) const {
  const ValuesView mask = course_.mask ? course_.mask.from(course_.place(t), first()) : ValuesView{};
  std::int64_t all = 0;
  if (course_.even && mask.float64) {
    const auto* at = static_cast<const double*>(mask.data);
    for (std::int64_t b = 0; b < count(); ++b) all += at[b * mask.example] != 0;
    return all;
  }
  for (std::int64_t b = 0; b < count(); ++b) all += course_.takes(t, first() + b) && (!mask || mask.at(0, b, 0) != 0);
  return all;
}

// Steps beyond every example of the shard gather nothing.
void ShardExecutor::mark(const Instruction& mark, const Cursor& at) {
  const std::int64_t step = (mark.time.base == When::start ? at.start : at.t) + mark.time.offset;
  bool any = false;
  for (std::int64_t b = 0; b < count(); ++b) any = any || step <= course_.length(first() + b);
  if (step >= 1 && any) marks_[static_cast<std::size_t>(mark.number)][static_cast<std::size_t>(step)] = 1;
}

bool ShardExecutor::take_mark(int learned, std::int64_t step) {
  return std::exchange(marks_[static_cast<std::size_t>(learned)][static_cast<std::size_t>(step)], 0) != 0;
}

// How long the signal of a walk that goes no further still is.
void ShardExecutor::measure(const compiler::Replay& walk, const Cursor& at) {
  if (at.last <= (walk.at_start ? 0 : 1)) return;
  const auto length = [&](std::int64_t step, std::int64_t example) {
    double squares = 0;
    for (const int tensor : walk.carried) {
      const auto size = parts_.plan.tensors[static_cast<std::size_t>(tensor)].size();
      const void* values = memory_.slot(tensor, step, number_);
      for (std::int64_t i = example * size; i < (example + 1) * size; ++i) {
        const double x = memory_.read(tensor, values, i);
        squares += x * x;
      }
    }
    return std::sqrt(squares);
  };
  for (std::int64_t b = 0; b < count(); ++b)
    if (const double begun = length(at.first, b); begun > 0) left_out = std::max(left_out, length(at.last, b) / begun);
}

void ShardExecutor::reach(const Cursor& at) {
  const auto again = [&](std::int64_t from, std::int64_t to) {
    Cursor run = at;
    for (run.from = from; run.from <= to; run.from = run.to + 1) {
      run.to = std::min(to, run.from + parts_.loops.run() - 1);
      this->run(parts_.timetable.again, run);
    }
  };
  if (recomputation_.reach(at.from, at.to, again)) run(parts_.timetable.ends, at);
}

void ShardExecutor::repeat_last(const Instruction& read, const Cursor& at) {
  const std::int64_t taken = parts_.loops.last_step(at), t = at.end + read.time.offset;
  if (t > taken)
    std::memcpy(memory_.slot(read.tensor, t, number_), memory_.slot(read.tensor, taken, number_),
                static_cast<std::size_t>(count() * memory_.row_bytes(read.tensor)));
}

void ShardExecutor::collect(const Instruction& read, const Cursor& at) {
  const std::int64_t bytes = memory_.row_bytes(read.tensor);
  const std::int64_t end =
      read.time.base == When::now ? at.to : course_.windows.of(std::max<std::int64_t>(at.start + 1, 1)).end;
  for (std::int64_t b = 0; b < count(); ++b) {
    const std::int64_t length = course_.length(first() + b);
    const std::int64_t t = (read.time.base == When::last ? length : std::min(end, length)) + read.time.offset;
    if (!recomputation_.holds(read.tensor, t)) continue;  // another segment's
    std::memcpy(memory_.gathered(read.tensor, read.time, first() + b),
                memory_.slot(read.tensor, t, number_) + b * bytes, static_cast<std::size_t>(bytes));
  }
}

void ShardExecutor::set_active(int flag, std::int64_t start) {
  auto* at = memory_.slot(flag, start, number_);
  for (std::int64_t b = 0; b < count(); ++b)
    memory_.write(flag, at, b, course_.length(first() + b) > start ? 1.0 : 0.0);
}

// Where k stands: in an example's range, at the step that it has reached, at the block's start.
void ShardExecutor::block_flags(const compiler::Block& block, const Cursor& at) {
  const auto [within, now, begins] = flags_;
  for (std::int64_t k = at.start + memory_.layout().lowest; k <= at.to + memory_.layout().highest; ++k) {
    for (std::int64_t b = 0; b < count(); ++b) {
      const std::int64_t reached = std::min(at.to, course_.length(first() + b));
      const bool in = k >= at.start + block.low && k <= reached + block.high;
      memory_.write(within, memory_.slot(within, k, number_), b, in);
      memory_.write(now, memory_.slot(now, k, number_), b, k == reached);
      memory_.write(begins, memory_.slot(begins, k, number_), b, k == at.start);
    }
  }
}

void ShardExecutor::clear_around(const compiler::Block& block, int tensor, const Cursor& at) {
  for (int beyond = 1; beyond <= block.margin; ++beyond) {
    memory_.zero_slot(tensor, at.start + block.first - beyond, number_);
    memory_.zero_slot(tensor, at.to + block.top + beyond, number_);
  }
}

}  // namespace eligo
