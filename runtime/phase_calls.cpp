#include "runtime/phase_calls.h"

#include <algorithm>

namespace eligo {

using compiler::Kernel;
using compiler::When;

void PhaseCalls::bind(ShardResolver& resolver, std::int64_t step_rows, std::int64_t run_rows, void* scratch,
                      const void* prepared) {
  if (!direct()) return;
  const auto& phases = memory_.program().phases;
  for (auto& addresses : addresses_) addresses.resize(static_cast<std::size_t>(runner_.places()));
  tables_.assign(phases.size() + 1, {});
  for (int phase = compiler::PhaseRunner::prepare_phase; phase < static_cast<int>(phases.size()); ++phase) {
    const bool run = phase >= 0 && phases[static_cast<std::size_t>(phase)].at_once;
    // The optimiser and keep values read what all shards have gathered, any other phase adds to its own shard's.
    resolver.optimising = phase >= 0 && phases[static_cast<std::size_t>(phase)].name.rfind("update", 0) == 0;
    bind(phase, resolver, run ? run_rows : step_rows, scratch, prepared);
  }
  resolver.optimising = false;
}

void PhaseCalls::bind(int phase, ShardResolver& resolver, std::int64_t rows, void* scratch, const void* prepared) {
  const Kernel* kernel = runner_.kernel(phase);
  if (!kernel) return;
  Table& table = this->table(phase);
  table.function = kernel->function;
  table.addresses = addresses_[resolver.optimising].data();
  table.most = rows;
  runner_.place(phase, table.addresses, rows, scratch, prepared);
  const Layout& layout = memory_.layout();
  for (const Kernel::Read& read : kernel->reads) {
    const compiler::Tensor& tensor = memory_.program().tensors[static_cast<std::size_t>(read.tensor)];
    const TensorLayout& l = layout.tensors[static_cast<std::size_t>(read.tensor)];
    const bool moves = tensor.timed() && (read.time.base == When::t || read.time.base == When::start);
    if (moves)
      table.moving.push_back({read.place, read.time.base == When::start, read.time.offset - layout.lowest, l.capacity,
                              memory_.count(shard_) * memory_.row_bytes(read.tensor),
                              memory_.ring(read.tensor, shard_)});
    else if (tensor.per_step || l.versions > 0) table.asked.push_back(read);
    else table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  }
}

void PhaseCalls::call(int phase, ShardResolver& resolver, std::int64_t examples) {
  const Table& table = this->table(phase);
  if (!table.function) return;
  const Moment& moment = resolver.moment;
  for (const Moving& m : table.moving) {
    std::int64_t slot = (m.from_start ? moment.start : moment.t) + m.offset;
    if (slot >= m.capacity || slot < 0) slot = ((slot % m.capacity) + m.capacity) % m.capacity;
    table.addresses[m.place] = m.base + slot * m.stride;
  }
  for (const Kernel::Read& read : table.asked) table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  table.function(table.addresses, examples);
}

void PhaseCalls::call_run(int phase, ShardResolver& resolver, std::int64_t from, std::int64_t to) {
  const Table& table = this->table(phase);
  if (!table.function) return;
  for (const Kernel::Read& read : table.asked) table.addresses[read.place] = resolver.resolve(read.tensor, read.time);
  const std::int64_t count = memory_.count(shard_);
  for (std::int64_t t = from; t <= to;) {
    std::int64_t steps = std::min(to - t + 1, std::max<std::int64_t>(table.most / count, 1));
    for (const Moving& m : table.moving) {
      const std::int64_t slot = (t + m.offset) % m.capacity;
      steps = std::min(steps, m.capacity - slot);  // up to where the ring begins anew
      table.addresses[m.place] = m.base + slot * m.stride;
    }
    table.function(table.addresses, count * steps);
    t += steps;
  }
}

}  // namespace eligo
