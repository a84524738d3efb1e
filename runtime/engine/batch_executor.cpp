#include "runtime/engine/batch_executor.h"

#include <algorithm>
#include <span>

#include <tbb/info.h>

namespace eligo {

using compiler::Action;
using compiler::BatchWork;
using compiler::Control;
using compiler::Guard;

namespace {

// No more than this process may use: of more TBB says on stderr that it does not take them.
int usable(const compiler::PhaseRunner& runner, int threads) {
  return runner.concurrent() ? std::min(threads, tbb::info::default_concurrency()) : 1;
}

bool uses_gradients(const compiler::Instruction& each) {
  if (each.action == Control::only_if) return each.guard == Guard::updating || each.guard == Guard::accepted;
  return each.action.of == Action::Of::batch && compiler::uses_gradients(each.action.batch());
}

}  // namespace

BatchExecutor::BatchExecutor(const EngineParts& parts, int shards, std::int64_t rows, int threads, std::int64_t steps)
    : parts_(parts),
      steps_(steps),
      reduction_(parts.memory, shards, parts.plan.learned),
      clipping_(parts.memory, reduction_, parts.plan.clips),
      bounds_(parts.memory, parts.plan.learned),
      divergence_(parts.memory, reduction_, parts.timetable.changes_within),
      barrier_(shards, usable(parts.runner, threads)),
      records_(parts.runner.places() > 0 && !parts.memory.layout().segments.any()) {
  for (int s = 0; s < shards; ++s) shards_.push_back(std::make_unique<ShardExecutor>(parts, s, rows));
  prepared_ = aligned(prepared_storage_, parts.runner.prepared_bytes());
  if (const int most = usable(parts.runner, threads); most > 1 && shards == 1) {
    within_ = std::make_unique<tbb::task_arena>(most);
    shards_[0]->calls().share(within_.get());
  }
}

void BatchExecutor::bind() {
  for (auto& shard : shards_) shard->bind(prepared_);
}

void BatchExecutor::begin() {
  clipping_.check_bounds();
  reduction_.begin();
  divergence_.begin();
  for (auto& shard : shards_) shard->reset(!settled_ || shard == shards_.front());  // in the first the sums were made
  settled_ = false;  // until all has been used
}

void BatchExecutor::watch(bool on) {
  watching_ = on;
  for (auto& shard : shards_) shard->set_watching(on);
}

void BatchExecutor::forget_updates() {
  for (auto& [learned, values] : after_updates_) values.clear();
}

void BatchExecutor::run(const std::vector<Instruction>& list, const Cursor& at) {
  for (auto each = list.begin(); each != list.end();) {
    if (!uses_gradients(*each)) {
      one(*each++, at);
      continue;
    }
    const FlushDenormals flush;  // as in the kernels that gathered
    while (each != list.end() && uses_gradients(*each)) one(*each++, at);
  }
}

bool BatchExecutor::holds(Guard guard, const Cursor& at) const {
  if (guard == Guard::updating) return parts_.course.learn && divergence_.may_update();
  if (guard == Guard::accepted) return parts_.course.learn && !divergence_.refused();
  return parts_.loops.holds(guard, at);
}

void BatchExecutor::one(const Instruction& each, const Cursor& at) {
  if (each.action.of == Action::Of::batch) return work(each, at);
  if (each.action == Control::only_if) {
    if (holds(each.guard, at)) run(each.body, at);
  } else if (each.action == Control::each_shard) {
    barrier_.for_each([&](int shard) { shards_[static_cast<std::size_t>(shard)]->run(each.body, at); });
  } else {
    parts_.loops.each(each, at, [&](const Cursor& inner) { run(each.body, inner); });
  }
}

// --- tapes ---

void BatchExecutor::record(const std::vector<Instruction>& list, const Cursor& at, BatchTape& tape) {
  tape.shards.resize(shards_.size());
  for (const Instruction& each : list)
    if (!tape.is_long()) record_one(each, at, tape);
}

void BatchExecutor::record_one(const Instruction& each, const Cursor& at, BatchTape& tape) {
  BatchTape::Op op{BatchTape::Kind::work, 0, 0, 0, 0, &each, at};
  if (each.action.of == Action::Of::batch) return record_work(each, at, tape);
  if (each.action == Control::each_shard) {
    op.kind = BatchTape::Kind::shards;
    op.to = static_cast<std::uint32_t>(tape.shards.front().segments.size());
    tape.ops.push_back(op);
    for (std::size_t s = 0; s < shards_.size(); ++s) shards_[s]->record(each.body, at, tape.shards[s]);
  } else if (each.action == Control::only_if && (each.guard == Guard::updating || each.guard == Guard::accepted)) {
    op.kind = BatchTape::Kind::guard;
    const std::size_t guard = tape.ops.size();
    tape.ops.push_back(op);
    record(each.body, at, tape);
    tape.ops[guard].to = static_cast<std::uint32_t>(tape.ops.size());
  } else if (each.action == Control::only_if) {
    if (parts_.loops.holds(each.guard, at)) record(each.body, at, tape);
  } else {
    parts_.loops.each(each, at, [&](const Cursor& inner) { record(each.body, inner, tape); });
  }
}

// Reductions one after another are one, and so are updates.
void BatchExecutor::record_learned(BatchTape::Kind kind, const Instruction& each, const Cursor& at, BatchTape& tape) {
  const auto number = static_cast<std::uint32_t>(tape.numbers.size());
  BatchTape::Op op{kind, 0, 0, number, number + 1, &each, at};
  if (kind == BatchTape::Kind::update)
    op.call = shards_[0]->record_once(parts_.plan.learned[static_cast<std::size_t>(each.number)].update_phase,
                                      {1, 0, true}, true, tape.shards[0]);
  tape.numbers.push_back(each.number);
  const BatchTape::Op* before = tape.ops.empty() ? nullptr : &tape.ops.back();
  const bool continues = before != nullptr && before->kind == kind && before->last == number &&
                         (kind == BatchTape::Kind::reduce || before->call + (number - before->first) == op.call);
  if (continues) ++tape.ops.back().last;
  else tape.ops.push_back(op);
}

void BatchExecutor::record_work(const Instruction& each, const Cursor& at, BatchTape& tape) {
  BatchTape::Op op{BatchTape::Kind::work, 0, 0, 0, 0, &each, at};
  switch (each.action.batch()) {
    case BatchWork::reduce: return record_learned(BatchTape::Kind::reduce, each, at, tape);
    case BatchWork::update: {
      const int parameter = parts_.plan.learned[static_cast<std::size_t>(each.number)].parameter;
      if (parts_.plan.tensors[static_cast<std::size_t>(parameter)].per_step) break;
      return record_learned(BatchTape::Kind::update, each, at, tape);
    }
    case BatchWork::prepare:
      op.kind = BatchTape::Kind::prepare;
      op.call = shards_[0]->record_once(compiler::PhaseRunner::prepare_phase, {}, false, tape.shards[0]);
      break;
    case BatchWork::clip:
    case BatchWork::add_up: tape.flushes = false; break;
    default: break;
  }
  tape.ops.push_back(op);
}

void BatchExecutor::play(const BatchTape& tape, std::int64_t later) {
  if (!tape.flushes) return play_ops(tape, later);
  const FlushDenormals flush;  // once for all that is done on this thread
  play_ops(tape, later);
}

void BatchExecutor::play_ops(const BatchTape& tape, std::int64_t later) {
  for (std::size_t i = 0; i < tape.ops.size(); ++i) {
    const BatchTape::Op& op = tape.ops[i];
    switch (op.kind) {
      case BatchTape::Kind::shards: play_shards(tape, op, later); break;
      case BatchTape::Kind::work: play_work(tape, op, later); break;
      case BatchTape::Kind::reduce:
        reduction_.take(std::span(tape.numbers).subspan(op.first, op.last - op.first));
        break;
      case BatchTape::Kind::guard:
        if (!holds(op.instruction->guard, op.at)) i = op.to - 1;
        break;
      case BatchTape::Kind::update: play_updates(tape, op); break;
      case BatchTape::Kind::prepare:
        if (stale_) play_once(tape, op.call);
        stale_ = false;
        break;
    }
  }
}

void BatchExecutor::play_shards(const BatchTape& tape, const BatchTape::Op& op, std::int64_t later) {
  if (tape.flushes && shards_.size() == 1) return shards_[0]->play(tape.shards[0], op.to, later);
  barrier_.for_each([&](int shard) {
    const auto s = static_cast<std::size_t>(shard);
    shards_[s]->play(tape.shards[s], op.to, later);
  });
}

void BatchExecutor::play_work(const BatchTape& tape, const BatchTape::Op& op, std::int64_t later) {
  const Cursor at = later == 0 ? op.at : op.at.later(later);
  if (tape.flushes || !uses_gradients(*op.instruction)) return work(*op.instruction, at);
  const FlushDenormals flush;  // as in the kernels that gathered
  work(*op.instruction, at);
}

void BatchExecutor::play_updates(const BatchTape& tape, const BatchTape::Op& op) {
  for (std::uint32_t i = op.first; i < op.last; ++i)
    if (after_updates_.empty()) play_once(tape, op.call + (i - op.first));
    else update(tape.numbers[i], op.at);
  stale_ = true;
}

void BatchExecutor::play_once(const BatchTape& tape, std::uint32_t call) {
  if (tape.flushes) return shards_[0]->play_once(tape.shards[0], call);
  const FlushDenormals flush;
  shards_[0]->play_once(tape.shards[0], call);
}

// --- what it does ---

void BatchExecutor::work(const Instruction& each, const Cursor& at) {
  switch (each.action.batch()) {
    case BatchWork::snapshot:
      for (std::int64_t t = at.from; t <= at.to; ++t) parts_.memory.snapshot_versions(t);
      return;
    case BatchWork::add_up:
      return add_up(
          parts_.plan.blocks[static_cast<std::size_t>(each.block)].revisions[static_cast<std::size_t>(each.number)]);
    case BatchWork::clip: return clipping_.apply(each.number);
    case BatchWork::assign:
    case BatchWork::adopt: return assign(each, at);
    case BatchWork::clear_sums: return reduction_.clear(!parts_.course.online);
    case BatchWork::reduce: return reduction_.take(each.number);
    case BatchWork::reduce_statistic: return reduction_.take_tensor(each.tensor);
    case BatchWork::check: return divergence_.check(loss());
    case BatchWork::bound: return bounds_.apply(static_cast<compiler::UpdateEvery>(each.number));
    case BatchWork::update: return update(each.number, at);
    case BatchWork::keep: return run_once(parts_.plan.keep_phase, 1, at);
    case BatchWork::keep_steps:
      for (std::int64_t step = 1; step <= steps_; ++step) run_once(parts_.plan.step_keep_phase, step, at);
      return;
    case BatchWork::prepare: return prepare();
    case BatchWork::settle: settled_ = true; return;
  }
}

void BatchExecutor::restart(const std::vector<std::int64_t>& examples, std::int64_t t) {
  if (reduction_.is_used()) reduction_.clear(false);
  barrier_.for_each([&](int shard) { shards_[static_cast<std::size_t>(shard)]->restart(examples, t); });
  if (parts_.timetable.restart.empty()) return;
  for (std::size_t clip = 0; clip < parts_.plan.clips.size(); ++clip) clipping_.apply(static_cast<int>(clip));
}

void BatchExecutor::prepare() {
  if (!stale_) return;
  const FlushDenormals flush;
  shards_[0]->call_once(compiler::PhaseRunner::prepare_phase, {}, false);
  stale_ = false;
}

void BatchExecutor::add_up(const compiler::Block::Revision& revision) {
  Memory& memory = parts_.memory;
  const std::span<const double> sum = reduction_.add_up(revision.increment);
  memory.add_reals(memory.whole(revision.running), 1, sum);
}

void BatchExecutor::assign(const Instruction& assign, const Cursor& at) {
  const FlushDenormals flush;
  shards_[0]->call_once(assign.phase, {at.t, at.start, true}, false);
  if (watching_) shards_[0]->watch().look(parts_.course, assign.phase, at.t, at.start);
  stale_ = stale_ || assign.action == BatchWork::adopt;
}

void BatchExecutor::run_once(int phase, std::int64_t step, const Cursor& at) {
  shards_[0]->call_once(phase, {step, 0, true}, true);
  stale_ = true;
  if (watching_) shards_[0]->watch().look(parts_.course, phase, parts_.loops.last_step(at), at.start);
}

void BatchExecutor::update(int number, const Cursor& at) {
  Memory& memory = parts_.memory;
  const compiler::Learned& learned = parts_.plan.learned[static_cast<std::size_t>(number)];
  const compiler::Tensor& parameter = parts_.plan.tensors[static_cast<std::size_t>(learned.parameter)];
  for (std::int64_t step = 1; step <= memory.copies(learned.parameter); ++step) {
    bool gathered = !parameter.per_step;
    for (auto& shard : shards_) gathered = (parameter.per_step && shard->take_mark(number, step)) || gathered;
    if (gathered) run_once(learned.update_phase, step, at);
  }
  const auto kept = after_updates_.find(number);
  if (kept == after_updates_.end()) return;
  auto& values = kept->second.emplace_back();
  for (std::int64_t i = 0; i < parameter.size() * memory.copies(learned.parameter); ++i)
    values.push_back(memory.read(learned.parameter, memory.whole(learned.parameter), i));
}

double BatchExecutor::loss() const {
  double loss = 0;
  for (const auto& shard : shards_) loss += shard->loss;
  return loss;
}

}  // namespace eligo
