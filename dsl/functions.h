// The functions of the language: how many arguments each takes and what it does to axes. Those that are scalar
// operations come from their table (compiler/operations).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/operations/operation.h"

namespace eligo::dsl {

enum class FunctionId {
  operation,  // a scalar operation at every place: Function::operation
  stop,
  sum,
  mean,
  logsumexp,
  norm2,
  max,
  min,
  softmax,
  unit,
  nonzero,
  reach,
  inner,
  var,
  cov,
  normal,
  uniform,
  random_sign,
};

enum class FunctionKind {
  pointwise,  // one value from those at the same place: tanh(x), where(c, a, b)
  reduce,     // over the axes in brackets, by default all: sum[n](x)
  normalise,  // as many axes as before, coupled along those in brackets: softmax[n](x)
  extremum,   // pointwise with two arguments, reduces with one: max
  inner,      // the sum of products over the axes in brackets, by default all
  statistic,  // over the samples of a `per neuron` block: var(a), cov(a, b)
  reach,      // where the second argument, or it behind products with the first, can be other than zero
  noise,      // a draw with the axes in brackets: normal[s]()
};

struct Function {
  std::string_view name;
  FunctionId id;
  FunctionKind kind;
  std::size_t min_args, max_args;
  const compiler::Operation* operation = nullptr;  // as it works at every place; null for functions that do not
};

const Function* find_function(std::string_view name);
const std::vector<std::string>& function_names();

// t T start end last all, functions and `count`: what cannot be defined.
bool is_reserved(std::string_view name);

struct Distribution {
  std::string_view name;
  std::size_t args;
};
const Distribution* find_distribution(std::string_view name);
const std::vector<std::string>& distribution_names();

}  // namespace eligo::dsl
