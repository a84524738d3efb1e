// docs/rules.md: one section for each rule of the library, made from its file, from what `eligo check` says of it and
// from the compiler's own counts of what it costs.
#pragma once

#include <string>
#include <vector>

#include "runtime/library/item_notes.h"
#include "runtime/library/program_spec.h"

namespace eligo {

// What a rule costs on given parts: operations per step and example, bytes that its session carries for one example.
struct RuleCost {
  std::string parts;                     // "cell rnn_tanh, readout linear_mse"
  std::string schedule;                  // how forward recurrences are computed: dense, structured, reverse, replay;
                                         // empty: it has none
  double forward = 0, learning = 0;      // operations of a step: of the net, of the rule
  double revision = 0;                   // operations for each earlier step that a step comes back to (`at each`)
  double window = 0;                     // operations once a window
  double moved = 0;                      // words read and written in a step, as bytes of float32
  double carried = 0, carried_step = 0;  // bytes, and bytes for each further step of the sequence
};

// Throws as `compile` does.
RuleCost rule_cost(const ProgramSpec& spec);

std::string rules_page(const std::vector<KnownItem>& items, const std::vector<std::string>& rule_folders);

}  // namespace eligo
