// Axes of values, and the two ways in which they meet: contraction and pointwise alignment.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace eligo::dsl {

// The axes of a value as far as they are known. `bottom` is a name whose equations have not been looked at yet
// (inference starts there); `unknown` is what only the parts of an experiment tell, net.h of an abstract cell, and
// silences complaints.
struct Shape {
  enum class State { bottom, known, unknown };
  State state = State::known;
  bool sure = true;  // false: a guess (the result of a synthesiser with several inputs), which must not cause errors
  std::vector<std::string> axes;

  static Shape bottom() { return {State::bottom, true, {}}; }
  static Shape unknown() { return {State::unknown, true, {}}; }
  static Shape scalar() { return {}; }
  static Shape of(std::vector<std::string> axes) { return {State::known, true, std::move(axes)}; }

  bool is_bottom() const { return state == State::bottom; }
  bool is_known() const { return state == State::known; }
  bool is_unknown() const { return state == State::unknown; }
  bool is_scalar() const { return is_known() && axes.empty(); }
  bool operator==(const Shape&) const = default;
};

// Sums over the shortest run of last axes of `left` that are the first axes of `right`; nullopt if there is none.
std::optional<std::vector<std::string>> contract(const std::vector<std::string>& left,
                                                 const std::vector<std::string>& right);

// Both sides have the same axes, or one has all axes of the other, each once. `neurons` aligns with a bundle of the
// cell.
std::optional<std::vector<std::string>> align(const std::vector<std::string>& left,
                                              const std::vector<std::string>& right, const std::string& neurons);

// An axis occurs more than once, so that alignment by name has a choice.
bool is_ambiguous(const std::vector<std::string>& left, const std::vector<std::string>& right);

}  // namespace eligo::dsl
