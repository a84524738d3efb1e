// What one batch teaches, under rules that must agree and rules that must not.
#pragma once

#include <fstream>
#include <iterator>

#include "runtime/library/library.h"
#include "tests/oracle/nets.h"

namespace eligo::test {

using Gathered = std::vector<std::pair<std::string, std::vector<double>>>;

inline Gathered gathered(const Session& session, const std::string& only_of = "") {
  Gathered out;
  for (const std::string& name : parameters(session))
    if (name.rfind(only_of, 0) == 0) out.emplace_back(name, session.gathered(name));
  return out;
}

// The largest difference of any parameter's gradient, relative to that parameter's largest.
inline double apart(const Gathered& a, const Gathered& b) {
  if (a.size() != b.size() || a.empty()) return 1e300;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = a[i].first == b[i].first ? std::max(most, difference(a[i].second, b[i].second)) : 1e300;
  return most;
}

inline Gathered plus(Gathered a, const Gathered& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < a[i].second.size(); ++k) a[i].second[k] += b.at(i).second.at(k);
  return a;
}

// A rule on a cell, every readout and size that the tests of this folder use; `folder` has rules of the test's own.
inline ProgramSpec online(const std::string& rule, const std::string& cell, const std::string& folder = "") {
  ProgramSpec spec = exact(net(rule, cell));
  if (cell == "sparsenet") spec.sizes = {{"w", 4}, {"q", 2}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}};
  if (rule == "rflo") spec.synth = "feedback";
  if (!folder.empty()) spec.rule_paths = {folder};
  return spec;
}

// The text of a shipped rule with one piece replaced and another name.
inline std::string changed_rule(const std::string& rule, const std::string& name, const std::string& piece,
                                const std::string& by) {
  std::ifstream file(find_part(rule, "rule", {}).path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto replace = [&](const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    if (at == std::string::npos) throw Error(rule + " has no " + from);
    text.replace(at, from.size(), to);
  };
  replace("rule " + rule + "(", "rule " + name + "(");
  replace(piece, by);
  return text;
}

}  // namespace eligo::test
