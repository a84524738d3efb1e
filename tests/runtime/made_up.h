// Plans of a few tensors and phases, made up by hand: for tests of parts of the engine that stand alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/memory/layout.h"
#include "runtime/engine/memory.h"

namespace eligo::test {

inline int add_tensor(compiler::Plan& plan, const std::string& name, compiler::TensorKind kind,
                      std::vector<compiler::Extent> dims = {}) {
  compiler::Tensor t;
  t.name = name;
  t.kind = kind;
  t.dims = std::move(dims);
  t.batched = t.timed();
  plan.tensors.push_back(t);
  return static_cast<int>(plan.tensors.size()) - 1;
}

inline int add_flag(compiler::Plan& plan, compiler::Flag flag) {
  plan.tensors.push_back(compiler::flag_tensor(flag));
  return static_cast<int>(plan.tensors.size()) - 1;
}

inline int add_phase(compiler::Plan& plan, compiler::PhaseId id, std::vector<compiler::Plan::Write> writes,
                     std::vector<compiler::Plan::Read> reads = {}) {
  plan.phases.push_back({id, std::move(writes), std::move(reads)});
  return static_cast<int>(plan.phases.size()) - 1;
}

inline compiler::TimeRef at(int offset = 0) { return {compiler::When::t, offset}; }
inline compiler::Plan::Write stores(int tensor, compiler::TimeRef time = at()) {
  return {compiler::RootKind::store, tensor, time};
}
inline compiler::Plan::Write gathers(int tensor) { return {compiler::RootKind::gather, tensor, {}}; }
inline compiler::Plan::Write assigns(int tensor) { return {compiler::RootKind::assign, tensor, {}}; }

// Every timed tensor with as many slots as asked for.
inline compiler::Layout layout_of(const compiler::Plan& plan, std::int64_t examples, std::int64_t slots, int shards,
                                  bool float64) {
  compiler::Layout layout;
  layout.lowest = -1;
  layout.highest = 1;
  for (const compiler::Tensor& t : plan.tensors) {
    compiler::TensorLayout l;
    l.element = float64 ? 8 : 4;
    l.slot_bytes = l.element * t.size();
    if (t.timed()) {
      l.capacity = slots;
      l.rings = shards;
      l.ring_bytes = l.slot_bytes * slots * ((examples + shards - 1) / shards);
    }
    layout.tensors.push_back(l);
  }
  return layout;
}

inline std::vector<double> values_at(const Memory& memory, int tensor, std::int64_t t, int shard) {
  std::vector<double> out;
  const std::int64_t size = memory.program().tensors[static_cast<std::size_t>(tensor)].size();
  for (std::int64_t i = 0; i < memory.count(shard) * size; ++i)
    out.push_back(memory.read(tensor, memory.slot(tensor, t, shard), i));
  return out;
}

}  // namespace eligo::test
