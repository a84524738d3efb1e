// What is left of a program when it has been compiled: its tables, and of each phase what it reads and writes. A
// session needs no more than this and something that runs the phases, so a compiled program can be kept without its
// graph.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

struct Plan : Facts {
  struct Read {
    int tensor = -1;
    TimeRef time;
    auto operator<=>(const Read&) const = default;
  };
  struct Write {
    RootKind kind = RootKind::store;
    int tensor = -1;
    TimeRef time;
  };
  struct Phase : PhaseId {
    std::vector<Write> writes;  // as the program's roots
    std::vector<Read> reads;    // everything that it can touch, sorted, each once
  };
  std::vector<Phase> phases;
  bool forward_shows = true;  // all shown values are known without running the learn lines
};

// Where things come from in their files (a tensor's origin and the names of its axes) is not taken over.
Plan plan_of(Program& program);

// Numbers of one step of an example that these tensors have together: the inputs', the targets'.
std::int64_t width(const Facts& facts, const std::vector<int>& tensors);

}  // namespace eligo::compiler
