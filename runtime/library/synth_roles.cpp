#include "runtime/library/synth_roles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dsl/names.h"
#include "support/error.h"

namespace eligo {
namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

[[noreturn]] void malformed(const std::string& text) {
  throw Error(
      fmt::format("synth = \"{}\": give one name for all roles, or one a role: \"g=linear, fb=feedback\"", text));
}

}  // namespace

SynthRoles read_synth_roles(const std::string& text) {
  SynthRoles roles;
  if (text.find('=') == std::string::npos) {
    roles.all = trimmed(text);
    if (roles.all.find(',') != std::string::npos) malformed(text);
    return roles;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string entry = text.substr(at, comma - at);
    at = comma + 1;
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) malformed(text);
    const std::string role = dsl::canonical(trimmed(entry.substr(0, equals))), part = trimmed(entry.substr(equals + 1));
    if (role.empty() || part.empty()) malformed(text);
    if (!roles.part(role).empty()) throw Error(fmt::format("synth = \"{}\": the role {} is given twice", text, role));
    roles.named.emplace_back(role, part);
  }
  return roles;
}

std::string SynthRoles::part(const std::string& role) const {
  for (const auto& [name, part] : named)
    if (name == dsl::canonical(role)) return part;
  return all;
}

std::string SynthRoles::text() const {
  std::string text = all;
  for (const auto& [role, part] : named) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", role, part);
  return text;
}

void SynthRoles::replace(const std::function<std::string(const std::string&)>& change) {
  if (!all.empty()) all = change(all);
  for (auto& [role, part] : named) part = change(part);
}

std::string SynthRoles::fault(const std::string& rule, const std::vector<std::string>& roles) const {
  for (const auto& [role, part] : named) {
    if (std::any_of(roles.begin(), roles.end(), [&, &role = role](const auto& r) { return dsl::canonical(r) == role; }))
      continue;
    const std::string near = dsl::nearest(role, roles);
    const std::string help = !near.empty()   ? fmt::format("; did you mean {}?", near)
                             : roles.empty() ? "; it has no role for a synthesiser at all"
                                             : fmt::format("; it has {}", fmt::join(roles, ", "));
    return fmt::format("rule {} has no role {} for the synthesiser {}{}", rule, role, part, help);
  }
  return "";
}

}  // namespace eligo
