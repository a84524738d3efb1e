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
  struct Call {
    std::size_t nest = 0;
    std::vector<std::pair<int, std::int64_t>> arguments;  // a buffer of the module, and how many elements into it
  };
  struct Function {
    std::string name;
    std::vector<Call> calls;  // in order
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
