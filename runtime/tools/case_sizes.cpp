#include "runtime/tools/case_sizes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dsl/names.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/library.h"

namespace eligo {
namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
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
  const PartSizes own = sizes_of_parts(spec);
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
