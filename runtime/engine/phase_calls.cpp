#include "runtime/engine/phase_calls.h"

#include <algorithm>

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "runtime/engine/hand_over.h"
#include "support/denormals.h"

namespace eligo {

using compiler::Kernel;
using compiler::PhaseRunner;
using compiler::When;

void PhaseCalls::bind(ShardResolver& resolver, std::int64_t step_rows, std::int64_t run_rows, void* scratch,
                      void* prepared) {
  scratch_ = scratch;
  prepared_ = prepared;
  const auto& phases = memory_.program().phases;
  for (auto& addresses : addresses_) addresses.resize(static_cast<std::size_t>(runner_.places()));
  tables_.assign(phases.size() + 1, {});
  for (int phase = PhaseRunner::prepare_phase; phase < static_cast<int>(phases.size()); ++phase) {
    const bool run = phase >= 0 && phases[static_cast<std::size_t>(phase)].takes_many_steps();
    // The optimiser and keep values read what all shards have gathered, any other phase adds to its own shard's.
    resolver.optimising = phase >= 0 && row(phases[static_cast<std::size_t>(phase)].kind).assigns;
    if (direct()) bind(phase, resolver, run ? run_rows : step_rows);
    else if (run) bind_asked(phase, run_rows);
  }
  resolver.optimising = false;
}

void PhaseCalls::bind(int phase, ShardResolver& resolver, std::int64_t rows) {
  const Kernel* kernel = runner_.kernel(phase);
  if (!kernel) return;
  Table& table = this->table(phase);
  table.kernel = kernel;
  table.addresses = addresses_[resolver.optimising].data();
  table.most = rows;
  runner_.place(phase, table.addresses, rows, scratch_, prepared_);
  for (const Kernel::Read& read : kernel->reads) {
    const compiler::Tensor& tensor = memory_.program().tensors[static_cast<std::size_t>(read.tensor)];
    if (tensor.timed() && (read.time.base == When::t || read.time.base == When::start))
      table.moving.push_back(moving(read.place, read.tensor, read.time));
    else if (tensor.per_step || memory_.layout().tensors[static_cast<std::size_t>(read.tensor)].versions > 0)
      table.asked.push_back(read);
    else table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  }
}

// Of a runner that resolves tensors itself only what ends a run of steps is needed.
void PhaseCalls::bind_asked(int phase, std::int64_t rows) {
  Table& table = this->table(phase);
  table.most = rows;
  const compiler::Plan::Phase& summary = memory_.program().phases[static_cast<std::size_t>(phase)];
  const auto add = [&](int tensor, compiler::TimeRef time) {
    if (memory_.program().tensors[static_cast<std::size_t>(tensor)].timed())
      table.moving.push_back(moving(-1, tensor, time));
  };
  for (const auto& read : summary.reads) add(read.tensor, read.time);
  for (const auto& write : summary.writes) add(write.tensor, write.time);
}

PhaseCalls::Moving PhaseCalls::moving(int place, int tensor, compiler::TimeRef time) const {
  return {place,
          time.base == When::start,
          memory_.layout().tensors[static_cast<std::size_t>(tensor)].again,
          time.offset - memory_.layout().lowest,
          memory_.layout().tensors[static_cast<std::size_t>(tensor)].capacity,
          memory_.count(shard_) * memory_.row_bytes(tensor),
          memory_.ring(tensor, shard_)};
}

void PhaseCalls::run(const Table& table, std::int64_t examples) const {
  if (table.kernel->stages.empty()) table.kernel->function(table.addresses, examples);
  for (const auto& stage : table.kernel->stages) {
    const auto one = [&](std::size_t piece) { stage[piece](table.addresses, examples); };
    if (!threads_ || stage.size() == 1) {
      for (std::size_t piece = 0; piece < stage.size(); ++piece) one(piece);
      continue;
    }
    const auto apart = [&](std::size_t piece) {
      const FlushDenormals flush;  // each thread has its own
      one(piece);
    };
    const HandOver shared(apart);
    threads_->execute([&] { tbb::parallel_for(std::size_t{0}, stage.size(), shared); });
  }
}

void PhaseCalls::call(int phase, ShardResolver& resolver, std::int64_t examples) {
  if (!direct()) {
    if (phase == PhaseRunner::prepare_phase) runner_.prepare(resolver, scratch_, prepared_);
    else runner_.run(phase, resolver, examples, scratch_, prepared_);
    return;
  }
  const Table& table = ready_table(phase);
  if (!table.kernel) return;
  const Moment& moment = resolver.moment;
  for (const Moving& m : table.moving) {
    std::int64_t slot = (m.from_start ? moment.start : moment.t) + m.offset;
    if (m.again) slot -= memory_.origin(shard_);
    else if (slot >= m.capacity || slot < 0) slot = ((slot % m.capacity) + m.capacity) % m.capacity;
    table.addresses[m.place] = m.base + slot * m.stride;
  }
  for (const Kernel::Read& read : table.asked) table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  run(table, examples);
}

void PhaseCalls::call_run(int phase, ShardResolver& resolver, std::int64_t from, std::int64_t to) {
  const Table& table = ready_table(phase);
  if (direct() && !table.kernel) return;
  for (const Kernel::Read& read : table.asked) table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  const std::int64_t count = memory_.count(shard_);
  const Moment before = resolver.moment;
  for (std::int64_t t = from; t <= to;) {
    std::int64_t steps = std::min(to - t + 1, std::max<std::int64_t>(table.most / count, 1));
    for (const Moving& m : table.moving) {
      const std::int64_t slot = (t + m.offset) % m.capacity;
      steps = std::min(steps, m.capacity - slot);  // up to where the ring wraps
      if (m.place >= 0)
        table.addresses[m.place] = m.base + (m.again ? t + m.offset - memory_.origin(shard_) : slot) * m.stride;
    }
    resolver.moment.t = t;
    if (direct()) run(table, count * steps);
    else runner_.run(phase, resolver, count * steps, scratch_, prepared_);
    t += steps;
  }
  resolver.moment = before;
}

}  // namespace eligo
