// Writes one shard's tape.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "runtime/engine/phase_calls.h"
#include "runtime/engine/tape.h"

namespace eligo {

class TapeRecorder {
 public:
  TapeRecorder(Tape& tape, PhaseCalls& calls, ShardResolver& resolver, const TimetableLoops& loops,
               std::int64_t examples)
      : tape_(tape), calls_(calls), resolver_(resolver), loops_(loops), examples_(examples) {}

  // The body of an `each shard`, at the times around it.
  void segment(const std::vector<compiler::Instruction>& list, const Cursor& at);

 private:
  using Instruction = compiler::Instruction;
  using List = std::vector<Instruction>;

  void list(const List& list, const Cursor& at);
  void one(const Instruction& each, const Cursor& at);
  void loop(const Instruction& loop, const Cursor& at);
  bool repeat(const List& body, const std::vector<Cursor>& times);
  // Whether a list's instructions under their guards are calls of a phase at t and nothing else; adds them.
  bool only_calls(const List& list, const Cursor& at, std::vector<const Instruction*>& calls) const;
  void call(const Instruction& each, const Cursor& at);
  void call_run(const Instruction& each, const Cursor& at, std::int64_t to);
  Moment moment(const Instruction& each, const Cursor& at) const { return {at.t, at.start, !each.as_taken}; }
  // A call of so many examples, with the addresses that are not there already.
  void single(int phase, const std::vector<Patch>& patches, std::int64_t examples);
  void add(const PhaseCalls::Table& table, std::int64_t examples, std::uint32_t first);

  Tape& tape_;
  PhaseCalls& calls_;
  ShardResolver& resolver_;
  const TimetableLoops& loops_;
  std::int64_t examples_;
  std::unordered_map<int, const std::byte*> there_;  // by place, what the calls before have left there
};

}  // namespace eligo
