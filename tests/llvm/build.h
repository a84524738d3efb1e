// Short words to write the loop form in tests and benchmarks.
#pragma once

#include <utility>

#include "compiler/loops/build.h"

namespace eligo::testing {

using namespace compiler::loops;  // NOLINT: this header is the vocabulary of a few test files
using compiler::Op;

inline Access at(int buffer, std::vector<std::int64_t> stride, std::int64_t offset = 0) {
  Access a;
  a.buffer = buffer;
  a.offset = offset;
  a.stride = std::move(stride);
  return a;
}
inline Access through(Access a, int gather, std::vector<std::int64_t> gather_loops, std::int64_t gather_stride) {
  a.gather = gather;
  a.gather_loops = std::move(gather_loops);
  a.gather_stride = gather_stride;
  return a;
}

inline ValuePtr op(Op o, std::vector<ValuePtr> args) { return apply(o, std::move(args)); }
inline ValuePtr operator+(ValuePtr x, ValuePtr y) { return op(Op::add, {std::move(x), std::move(y)}); }
inline ValuePtr operator-(ValuePtr x, ValuePtr y) { return op(Op::sub, {std::move(x), std::move(y)}); }
inline ValuePtr operator*(ValuePtr x, ValuePtr y) { return op(Op::mul, {std::move(x), std::move(y)}); }
inline Loop batch(std::int64_t estimate = 10) { return {"b", estimate, true}; }

inline Statement assign(std::vector<Loop> loops, int outer, Access out, ValuePtr value, bool accumulate = false) {
  Statement s;
  s.loops = std::move(loops);
  s.outer = outer;
  s.out = std::move(out);
  s.accumulate = accumulate;
  s.value = std::move(value);
  s.label = "test";
  return s;
}

inline Module module(std::vector<Buffer> buffers, std::vector<Statement> statements, std::string name = "kernel") {
  Module m;
  m.name = name;
  m.buffers = std::move(buffers);
  m.functions.push_back({std::move(name), std::move(statements)});
  return m;
}

}  // namespace eligo::testing
