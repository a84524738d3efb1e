#include "runtime/tools/case_sizes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dsl/names.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/library.h"
#include "runtime/library/synth_roles.h"

namespace eligo {
namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What the case's own parts may be given.
struct Own {
  Names roles, sizes;
  bool known = true;  // false: a part that does not parse, whose own errors come later
};

Own own_sizes(const ProgramSpec& spec, const Outline& rule) {
  Own own;
  own.known = rule.known;
  const SynthRoles synths = read_synth_roles(spec.synth);
  for (const Role& role : rule.roles) {
    own.roles.push_back(role.name);
    std::string part = synths.part(role.name);
    if (role.kind == "cell") part = spec.cell;
    if (role.kind == "readout") part = spec.readout;
    if (part.empty()) continue;
    const Outline facts = outline(part, role.kind, spec.rule_paths);
    own.known = own.known && facts.known;
    own.sizes.insert(own.sizes.end(), facts.sizes.begin(), facts.sizes.end());
    own.sizes.insert(own.sizes.end(), facts.integers.begin(), facts.integers.end());
  }
  return own;
}

Names all_sizes(const Names& folders) {
  Names all;
  for (const Item& item : list_items(folders)) {
    if (item.kind == "rule" || item.kind == "optimiser") continue;
    const Outline part = outline(item.path + ":" + item.name, item.kind, folders);
    all.insert(all.end(), part.sizes.begin(), part.sizes.end());
    all.insert(all.end(), part.integers.begin(), part.integers.end());
  }
  return all;
}

}  // namespace

void check_case_sizes(const ProgramSpec& spec) {
  const Outline rule = outline(spec.rule, "rule", spec.rule_paths);
  const Own own = own_sizes(spec, rule);
  if (!own.known) return;
  for (const auto& [given, value] : spec.sizes) {
    const std::size_t dot = given.find('.');
    const std::string role = dot == std::string::npos ? "" : dsl::canonical(given.substr(0, dot));
    const std::string name = dsl::canonical(dot == std::string::npos ? given : given.substr(dot + 1));
    if (!role.empty() && !contains(own.roles, role))
      throw Error(fmt::format("\"sizes.{}\": rule {} has no role {}; it has {}", given, rule.found.item, role,
                              fmt::join(own.roles, ", ")));
    if (contains(own.sizes, name)) continue;
    const Names all = all_sizes(spec.rule_paths);
    if (contains(all, name)) continue;
    const std::string near = dsl::nearest(name, all);
    throw Error(fmt::format("\"sizes.{}\": no cell, readout or synthesiser has a size {}{}", given, name,
                            near.empty() ? "" : fmt::format(": did you mean {}?", near)));
  }
}

}  // namespace eligo
