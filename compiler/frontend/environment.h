// Where an expression is read: of which part, at which step, with which values in place of names.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "compiler/frontend/bindings.h"
#include "compiler/frontend/block.h"

namespace eligo::compiler {

struct Environment;

// What names, functions and divisions mean over samples, where it differs: in a `per neuron` block, and in what the
// keep values of a synthesiser become.
class SampleMeaning {
 public:
  virtual ~SampleMeaning() = default;
  virtual std::optional<Value> name(const dsl::TypedExpr& e, const Environment& at) = 0;
  virtual std::optional<Value> function(const dsl::TypedExpr& e, const Environment& at) = 0;
  virtual Value divisor(const Value& value) = 0;  // what stands below the line
};

struct Environment {
  Part* part = nullptr;
  TimeRef now{When::t, 0};                 // what `t` means
  std::optional<TimeRef> step;             // in a call: the step of its arguments, whose parameters it uses
  std::optional<dsl::TimeBase> here;       // inside a boundary equation: the word that means `now`
  std::map<std::string, Value> bound;      // arguments of a call; p and grad of an optimiser
  std::map<std::string, Value> overrides;  // parameters replaced by `g(s; p)`
  bool function = false;                   // a call of a cell or readout: its equations are evaluated for it
  std::map<std::string, Value> before;     // the state that such a call starts from
  BlockTensors* block = nullptr;           // inside an `at each` block
  BlockLine line = BlockLine::general;
  bool explicit_form = false;
  std::set<std::string> keep;  // explicit form: index letters that stay free
  SampleMeaning* samples = nullptr;
};

}  // namespace eligo::compiler
