#include "runtime/engine/tape_recorder.h"

#include <algorithm>

namespace eligo {

using compiler::Action;
using compiler::Control;
using compiler::ShardWork;

namespace {

// Where an address goes next in its ring, if it has one.
std::byte* moved(const Patch& patch, std::ptrdiff_t stride) {
  std::byte* at = patch.at + stride;
  const std::ptrdiff_t ring = patch.ring_end - patch.ring;
  if (ring > 0 && at >= patch.ring_end) at -= ring;
  if (ring > 0 && at < patch.ring) at += ring;
  return at;
}

// The stride by which a place goes through all turns; false if there is none.
bool strides(const std::vector<std::vector<Patch>>& turns, std::size_t place, std::ptrdiff_t& stride) {
  const Patch& first = turns[0][place];
  stride = turns[1][place].at - first.at;
  const std::ptrdiff_t ring = first.ring_end - first.ring;
  if (stride > ring / 2) stride -= ring;
  if (stride < -ring / 2) stride += ring;
  for (std::size_t i = 1; i < turns.size(); ++i)
    if (moved(turns[i - 1][place], stride) != turns[i][place].at) return false;
  return true;
}

}  // namespace

void TapeRecorder::segment(const List& body, const Cursor& at) {
  there_.clear();
  list(body, at);
  tape_.segments.push_back(static_cast<std::uint32_t>(tape_.ops.size()));
}

void TapeRecorder::list(const List& list, const Cursor& at) {
  for (const Instruction& each : list)
    if (!tape_.is_long()) one(each, at);
}

void TapeRecorder::one(const Instruction& each, const Cursor& at) {
  if (each.action == Control::only_if) {
    if (loops_.holds(each.guard, at)) list(each.body, at);
  } else if (each.action.of == Action::Of::control) {
    loop(each, at);
  } else if (each.action == ShardWork::call) {
    call(each, at);
  } else if (each.action == ShardWork::call_run) {
    call_run(each, at, at.to);
  } else if (each.action == ShardWork::call_steps) {
    call_run(each, at, loops_.last_step(at));
  } else {
    const auto number = static_cast<std::uint32_t>(tape_.works.size());
    tape_.works.push_back({&each, at});
    tape_.ops.push_back({number, number, 0});
  }
}

void TapeRecorder::loop(const Instruction& loop, const Cursor& at) {
  std::vector<Cursor> times;
  loops_.each(loop, at, [&](const Cursor& inner) { times.push_back(inner); });
  if (times.size() > 1 && repeat(loop.body, times)) return;
  for (const Cursor& inner : times) list(loop.body, inner);
}

bool TapeRecorder::only_calls(const List& list, const Cursor& at, std::vector<const Instruction*>& calls) const {
  for (const Instruction& each : list)
    if (each.action == ShardWork::call) calls.push_back(&each);
    else if (each.action != Control::only_if || each.guard == compiler::Guard::window_ready) return false;
    else if (loops_.holds(each.guard, at) && !only_calls(each.body, at, calls)) return false;
  return true;
}

// Calls whose addresses go by strides are written once.
bool TapeRecorder::repeat(const List& body, const std::vector<Cursor>& times) {
  std::vector<const Instruction*> calls;
  if (!only_calls(body, times.front(), calls)) return false;
  if (calls.empty() || examples_ == 0) return true;
  const auto first = static_cast<std::uint32_t>(tape_.calls.size());
  const std::size_t patches = tape_.patches.size();
  for (const Instruction* each : calls) {
    std::vector<std::vector<Patch>> turns;
    for (const Cursor& at : times) {
      resolver_.moment = moment(*each, at);
      turns.push_back(calls_.patches(each->phase, resolver_));
    }
    const auto from = static_cast<std::uint32_t>(tape_.patches.size());
    for (std::size_t place = 0; place < turns[0].size(); ++place) {
      Patch patch = turns[0][place];
      if (!strides(turns, place, patch.stride)) {
        tape_.calls.resize(first);
        tape_.patches.resize(patches);
        return false;
      }
      tape_.patches.push_back(patch);
    }
    if (const PhaseCalls::Table& table = calls_.ready_table(each->phase); table.kernel) add(table, examples_, from);
  }
  for (std::size_t i = patches; i < tape_.patches.size(); ++i) there_.erase(tape_.patches[i].place);
  const auto last = static_cast<std::uint32_t>(tape_.calls.size());
  if (first < last) tape_.ops.push_back({first, last, static_cast<std::int64_t>(times.size())});
  return true;
}

void TapeRecorder::call(const Instruction& each, const Cursor& at) {
  if (examples_ == 0) return;
  resolver_.moment = moment(each, at);
  single(each.phase, calls_.patches(each.phase, resolver_), examples_);
}

void TapeRecorder::call_run(const Instruction& each, const Cursor& at, std::int64_t to) {
  if (examples_ == 0 || at.from > to) return;
  resolver_.moment = {at.from, at.start, !each.as_taken};
  calls_.each_piece(each.phase, resolver_, at.from, to, [&](std::int64_t steps) {
    single(each.phase, calls_.patches(each.phase, resolver_), examples_ * steps);
  });
}

void TapeRecorder::single(int phase, const std::vector<Patch>& patches, std::int64_t examples) {
  const PhaseCalls::Table& table = calls_.ready_table(phase);
  if (!table.kernel) return;
  const auto from = static_cast<std::uint32_t>(tape_.patches.size());
  for (const Patch& patch : patches) {
    const auto [at, is_new] = there_.emplace(patch.place, patch.at);
    if (!is_new && at->second == patch.at) continue;
    at->second = patch.at;
    tape_.patches.push_back(patch);
  }
  const auto number = static_cast<std::uint32_t>(tape_.calls.size());
  add(table, examples, from);
  const bool continues = !tape_.ops.empty() && tape_.ops.back().times == 1 && tape_.ops.back().last == number &&
                         (tape_.segments.empty() || tape_.segments.back() < tape_.ops.size());
  if (continues) ++tape_.ops.back().last;
  else tape_.ops.push_back({number, number + 1, 1});
}

void TapeRecorder::add(const PhaseCalls::Table& table, std::int64_t examples, std::uint32_t first) {
  tape_.calls.push_back(
      {table.kernel, table.addresses, examples, first, static_cast<std::uint32_t>(tape_.patches.size())});
}

}  // namespace eligo
