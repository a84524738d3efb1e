// Which synthesiser each of a rule's roles has: one name for all of them ("linear"), or one a role
// ("g=linear, fb=feedback").
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace eligo {

struct SynthRoles {
  std::string all;                                         // for every role; empty where roles are named
  std::vector<std::pair<std::string, std::string>> named;  // canonical role, part

  // The part of a role, or empty.
  std::string part(const std::string& role) const;
  // What read_synth_roles reads as this.
  std::string text() const;
  // Every part in it by what `change` makes of it.
  void replace(const std::function<std::string(const std::string&)>& change);
  // What is wrong with the names for a rule of these synthesiser roles; empty if nothing is.
  std::string fault(const std::string& rule, const std::vector<std::string>& roles) const;
};

// Throws eligo::Error where the text is neither.
SynthRoles read_synth_roles(const std::string& text);

}  // namespace eligo
