// A module cut into what is compiled: each statement is a function of the memory that it reads and writes, and equal
// ones are the same. An LSTM's gates, and the updates of parameters of one shape, differ in their memory alone.
//
//   gradient_Wx[i*10 + j] += Σ b: d_1[b, i] * x[b, j]           nest(gradient_Wx, d_1, x)
//   gradient_Wx[i*10 + j + 1000] += Σ b: d_2[b, i] * x[b, j]    nest(gradient_Wx + 1000, d_2, x)
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/loops/loops.h"

namespace eligo::compiler::codegen {

struct Outlined {
  struct Nest {
    std::string name;
    std::vector<loops::Buffer> buffers;  // its arguments; the statement's buffers are positions in this list
    loops::Statement statement;
  };
  // A place in a buffer of the module: so many elements into it, and so many further in each trip of a fused loop.
  struct Argument {
    int buffer = -1;
    std::int64_t offset = 0, step = 0;
    bool operator==(const Argument&) const = default;
  };
  struct Call {
    std::size_t nest = 0;
    std::vector<Argument> arguments;
  };
  struct Function {
    std::string name;
    std::vector<Call> calls;  // in order, one for each statement
    std::vector<loops::Fusion> fusions;
  };
  std::vector<Nest> nests;
  std::vector<Function> functions;
};

// What is compiled in one piece.
struct Part {
  std::vector<std::size_t> nests, functions;  // positions
};

Outlined outline(const loops::Module& module);

// Functions and their nests cut into parts that take about as long to compile, in the order in which the functions are
// to be ready (`order`; those that it leaves out come last). A part calls what is in itself and in parts before it.
std::vector<Part> parts_of(const Outlined& outlined, const std::vector<int>& order);

}  // namespace eligo::compiler::codegen
