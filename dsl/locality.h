// What a learn line has to know: the steps and quantities it reads, through all names, and whose parameters.
//
// Names that are no recurrence stand for their right sides and are looked through; a recurrence is something to be
// kept, a trace if it runs forward.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dsl/scope.h"
#include "dsl/time.h"

namespace eligo::dsl {

struct Locality {
  std::map<std::string, std::set<int>>
      quantities;                     // L, s, x: the steps at which they are read, from t; none for a boundary
  std::vector<std::string> traces;    // forward recurrences
  std::vector<std::string> backward;  // recurrences that need the whole window
  bool end = false;                   // reads a value at the end of the window or of the sequence
  std::map<std::string, std::string>
      parameters;  // bundle (net.params) -> the name through which, "" for the line itself
};

// Of a learn line, or of all equations of a block.
Locality locality_of(const Statement& line, const Scope& scope, const RuleTime& time);

// "this step and the next: L, s; the trace e; parameters: net's ψ through J". `span` replaces the words for the steps.
std::string describe(const Locality& locality, const Scope& scope, const std::string& learned,
                     const std::string& span = "");

}  // namespace eligo::dsl
