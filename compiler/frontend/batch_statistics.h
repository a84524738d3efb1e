// Sums of a value over the batch and the steps, for the statistics that keep values are made of: one tensor a block,
// gathered where the samples are at hand, each sum once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/ir/program.h"
#include "compiler/ir/value.h"

namespace eligo::compiler {

class Totals {
 public:
  // `weight` is 1 for a sample that counts and 0 for any other, `step` the slot of sums that are kept per step (always:
  // one sum for all steps), `suffix` a part of the tensors' names.
  Totals(Program& program, Phase& samples, Ref weight, TimeRef step = {}, std::string suffix = "")
      : p_(program), samples_(samples), weight_(weight), step_(step), suffix_(std::move(suffix)) {}

  Value of(const Value& sample);

 private:
  Program& p_;
  Phase& samples_;
  Ref weight_;
  TimeRef step_;
  std::string suffix_;
  std::map<std::vector<std::pair<std::vector<int>, Ref>>, Value> known_;
};

}  // namespace eligo::compiler
