#include "runtime/engine/batch_executor.h"

#include <algorithm>

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
      barrier_(shards, usable(parts.runner, threads)) {
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
  for (auto& shard : shards_) shard->reset(!settled_);
  settled_ = false;  // until all has been taken up
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
    case BatchWork::reduce: return reduction_.take(each.number, !parts_.course.online);
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
  void* running = memory.whole(revision.running);
  for (std::size_t k = 0; k < sum.size(); ++k) {
    const auto place = static_cast<std::int64_t>(k);
    memory.write(revision.running, running, place, memory.read(revision.running, running, place) + sum[k]);
  }
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
