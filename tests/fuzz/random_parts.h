// The parts of a random rule, and what the rule has to know of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/fuzz/target.h"

namespace eligo::fuzz {

struct RandomCell {
  std::string name, text;  // no text: of the library
  std::map<std::string, std::int64_t> sizes;
  std::vector<std::string> states = {"h"};
  std::string inner;      // an equation between parameters and state ("z"); empty: none
  bool per_step = false;  // has parameters with a value per step
  bool neurons = false;   // its parameters lie with single neurons: a rule may be `over neurons w`
  bool wired = false;     // has `parent[., r]`
  bool calls = true;      // net(x, s) and L(net(...)) mean something: one state, which is the output
};
RandomCell random_cell(Random& random);

struct RandomReadout {
  std::string name, text;
  bool target = true;
};
RandomReadout random_readout(Random& random);

struct RandomSynth {
  std::string name, text;
  bool labelled = false;  // reads the target too
  bool input = false;     // reads the input and the state before
  bool statistics = false, per_step = false;
};
RandomSynth random_synth(Random& random, bool target);

struct RandomOptimiser {
  std::string name, text;
};
RandomOptimiser random_optimiser(Random& random);

// A pointwise expression of these, all with the same axes; at most `depth` operations deep. Bounded as far as they are.
std::string pointwise(Random& random, const std::vector<std::string>& leaves, int depth);
std::string number(Random& random);

}  // namespace eligo::fuzz
