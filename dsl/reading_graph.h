// A set of equations that read each other at distances in time, and its recurrences, with their faults reported.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/reads.h"
#include "dsl/recurrences.h"
#include "dsl/time.h"

namespace eligo::dsl {

// One equation or line, seen as what it reads. `at` is the index of its left side: t in general, a boundary, or none.
struct ReadingLine {
  const Statement* statement;
  TimeIndex at;
  int node = -1;  // the name it defines; -1 for learn lines and :=
  std::vector<Read> reads;
};

// What one read means for the line it stands in.
struct Distance {
  int offset = 0;                // how far ahead of the line's own index
  bool window_complete = false;  // `end` or `last` from elsewhere
  bool at_start = false;         // reads the value at `start`
  bool same_time = false;        // at the line's own index
};

Distance distance(const ReadingLine& line, const Read& read);

// A set of equations that read each other: those of a rule, or those of one of its blocks.
class ReadingGraph {
 public:
  // `letter`: how a general index is written in messages; "" where nothing varies in time.
  ReadingGraph(std::string letter, Diagnostics& diagnostics) : letter_(std::move(letter)), diagnostics_(diagnostics) {}

  void define(const Statement& s, bool same_step_only = false);

  // The recurrences, with their faults reported.
  void find();

  int node(const std::string& name) const;  // -1 if it is none of these
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<ReadingLine>& lines() const { return lines_; }
  const std::vector<Component>& components() const { return components_; }
  int component(int n) const { return component_of_[static_cast<std::size_t>(n)]; }

 private:
  // "a[t] reads b[t], which reads a[t]"
  std::string story(const std::vector<ReadEdge>& cycle) const;

  void mark(Diagnostic& d, const std::vector<ReadEdge>& cycle, std::string_view text) const;

  void report(const Component& c);

  std::string letter_;
  Diagnostics& diagnostics_;
  std::map<std::string, int> index_;
  std::vector<std::string> names_;
  std::set<std::string> timed_;
  std::vector<ReadingLine> lines_;
  std::vector<ReadEdge> edges_;
  std::vector<Component> components_;
  std::vector<int> component_of_;
};

}  // namespace eligo::dsl
