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

void PhaseCalls::run(const Kernel& kernel, void** addresses, std::int64_t examples) const {
  if (kernel.stages.empty()) kernel.function(addresses, examples);
  else run_stages(kernel, addresses, examples);
}

void PhaseCalls::run_stages(const Kernel& kernel, void** addresses, std::int64_t examples) const {
  for (const auto& stage : kernel.stages) {
    const auto one = [&](std::size_t piece) { stage[piece](addresses, examples); };
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

std::byte* PhaseCalls::address(const Moving& m, const Moment& moment) const {
  std::int64_t slot = (m.from_start ? moment.start : moment.t) + m.offset;
  if (m.again) slot -= memory_.origin(shard_);
  else if (slot >= m.capacity || slot < 0) slot = ((slot % m.capacity) + m.capacity) % m.capacity;
  return m.base + slot * m.stride;
}

void PhaseCalls::call(int phase, ShardResolver& resolver, std::int64_t examples) {
  if (!direct()) {
    if (phase == PhaseRunner::prepare_phase) runner_.prepare(resolver, scratch_, prepared_);
    else runner_.run(phase, resolver, examples, scratch_, prepared_);
    return;
  }
  const Table& table = ready_table(phase);
  if (!table.kernel) return;
  for (const Moving& m : table.moving) table.addresses[m.place] = address(m, resolver.moment);
  for (const Kernel::Read& read : table.asked) table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  run(*table.kernel, table.addresses, examples);
}

void PhaseCalls::call_run(int phase, ShardResolver& resolver, std::int64_t from, std::int64_t to) {
  const Table& table = ready_table(phase);
  if (direct() && !table.kernel) return;
  const std::int64_t count = memory_.count(shard_);
  for (const Kernel::Read& read : table.asked) table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  each_piece(phase, resolver, from, to, [&](std::int64_t steps) {
    if (!direct()) return runner_.run(phase, resolver, count * steps, scratch_, prepared_);
    for (const Moving& m : table.moving) table.addresses[m.place] = address(m, resolver.moment);
    run(*table.kernel, table.addresses, count * steps);
  });
}

std::vector<Patch> PhaseCalls::patches(int phase, ShardResolver& resolver) const {
  const Table& table = this->table(phase);
  std::vector<Patch> out;
  for (const Moving& m : table.moving)
    if (m.place >= 0)
      out.push_back({m.place, address(m, resolver.moment), 0, m.base, m.base + m.capacity * m.stride});
  for (const Kernel::Read& read : table.asked) {
    Patch patch{read.place, static_cast<std::byte*>(resolver.resolve(read.tensor, read.time)), 0, nullptr, nullptr};
    const compiler::TensorLayout& l = memory_.layout().tensors[static_cast<std::size_t>(read.tensor)];
    std::byte* const versions = memory_.version_base(read.tensor);
    std::byte* const end = versions + l.versions * l.slot_bytes;
    if (l.versions > 0 && l.copies == 0 && patch.at >= versions && patch.at < end)
      patch.ring = versions, patch.ring_end = end;
    out.push_back(patch);
  }
  return out;
}

void PhaseCalls::play(const PhaseCall& call, const Patch* patches) const {
  if (call.kernel == nullptr) return;
  for (const Patch* p = patches + call.first; p != patches + call.last; ++p) call.addresses[p->place] = p->at;
  run(*call.kernel, call.addresses, call.examples);
}

void PhaseCalls::play(const Tape& tape, std::uint32_t first, std::uint32_t last, std::int64_t times) {
  const Patch* const patches = tape.patches.data();
  if (times == 1) {
    for (std::uint32_t i = first; i < last; ++i) play(tape.calls[i], patches);
    return;
  }
  const std::uint32_t from = tape.calls[first].first, to = tape.calls[last - 1].last;
  at_.resize(std::max<std::size_t>(at_.size(), to - from));
  for (std::uint32_t p = from; p < to; ++p) at_[p - from] = patches[p].at;
  for (std::int64_t turn = 0; turn < times; ++turn)
    for (std::uint32_t i = first; i < last; ++i) {
      const PhaseCall& call = tape.calls[i];
      for (std::uint32_t p = call.first; p < call.last; ++p) {
        std::byte*& at = at_[p - from];
        call.addresses[patches[p].place] = at;
        at += patches[p].stride;
        if (at >= patches[p].ring_end && patches[p].ring != nullptr) at -= patches[p].ring_end - patches[p].ring;
        else if (at < patches[p].ring) at += patches[p].ring_end - patches[p].ring;
      }
      run(*call.kernel, call.addresses, call.examples);
    }
}

}  // namespace eligo
