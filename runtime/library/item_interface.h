// What a rule, cell, synth, readout or optimiser offers to an experiment: its sizes, hypers, roles and outputs. Read
// from its file without compiling anything, so that every field of an experiment can be checked before the first batch.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "runtime/library/library.h"
#include "runtime/library/program_spec.h"

namespace eligo {

struct Role {
  std::string name;  // "g"
  std::string kind;  // cell, readout or synth
};

struct Outline {
  Found found;
  bool known = false;                        // false: the file does not parse, its own errors come when it is compiled
  std::vector<std::string> sizes;            // header sizes without a value
  std::vector<std::string> integers;         // header entries with a value (n = 5)
  std::vector<std::string> choices;          // those of them with 0 as default, which may be 0
  std::vector<Role> roles;                   // of a rule
  std::vector<std::string> hypers, learned;  // canonical names; `learned` are the left sides of learn lines
  std::vector<std::string> outputs;          // as `output` lines name them
  std::set<std::string> calls;               // names that its expressions call, functions and roles
  bool has_window = false;                   // of a rule
  std::string input_size;                    // the header size of the input's one axis, if that is one
  std::string target_size;                   // the same of the readout's one target that has an axis
  std::int64_t single_targets = 0;           // targets that are one number

  const Role* role(const std::string& kind) const;
};

// Throws eligo::Error if there is no such part (see find_part).
Outline outline(const std::string& name, const std::string& kind, const std::vector<std::string>& folders);
Outline outline(const std::string& name, const std::string& kind, PartSearch& search);

// What the parts of a specification may be given: the rule's roles, and sizes and integers of the parts' headers.
struct PartSizes {
  std::vector<std::string> roles, sizes;
  bool known = true;  // false: a part that does not parse, whose own errors come when it is compiled
};
PartSizes sizes_of_parts(const ProgramSpec& spec);
PartSizes sizes_of_parts(const ProgramSpec& spec, PartSearch& search);

}  // namespace eligo
