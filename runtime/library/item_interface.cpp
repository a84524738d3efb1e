#include "runtime/library/item_interface.h"

#include <algorithm>

#include "dsl/file.h"
#include "dsl/names.h"
#include "dsl/reads.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/synth_roles.h"

namespace eligo {
namespace {

const char* role_kind(dsl::ItemKind kind) {
  switch (kind) {
    case dsl::ItemKind::cell: return "cell";
    case dsl::ItemKind::synth: return "synth";
    case dsl::ItemKind::readout: return "readout";
    case dsl::ItemKind::rule: return "rule";
    default: return "optimiser";
  }
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void read_header(const dsl::Item& item, Outline& out) {
  for (const auto& entry : item.header) {
    if (entry.kind == dsl::HeaderEntry::Kind::role) {
      out.roles.push_back({entry.name, role_kind(entry.role)});
    } else if (entry.value.has_value() || entry.all) {
      out.integers.push_back(entry.name);
      if (entry.value == 0) out.choices.push_back(entry.name);
    } else if (item.kind != dsl::ItemKind::optimiser) {
      out.sizes.push_back(entry.name);
    }
  }
}

// The one axis of the first declaration, if it is a size of the header.
std::string header_size(const dsl::Statement& statement, const Outline& out) {
  if (statement.decls.size() != 1 || statement.decls[0].axes.size() != 1) return "";
  const std::string& axis = statement.decls[0].axes[0];
  return contains(out.sizes, axis) ? axis : "";
}

// What a readout wants beside single numbers has the size of one of them, or sizes that a task cannot tell.
void read_targets(const dsl::Statement& statement, Outline& out) {
  dsl::Statement one = statement;
  for (const auto& decl : statement.decls) {
    one.decls = {decl};
    if (decl.axes.empty()) ++out.single_targets;
    else out.target_size = out.target_size.empty() ? header_size(one, out) : "";
  }
}

void read_calls(const dsl::ExprPtr& value, Outline& out) {
  if (!value) return;
  dsl::for_each_part(*value, [&](const dsl::Expr& e) {
    if (e.kind == dsl::ExprKind::call) out.calls.insert(e.name);
  });
}

void read_statement(const dsl::Statement& statement, Outline& out) {
  read_calls(statement.value, out);
  switch (statement.kind) {
    case dsl::StatementKind::hyper:
      for (const auto& decl : statement.decls) out.hypers.push_back(decl.name);
      break;
    case dsl::StatementKind::input: out.input_size = header_size(statement, out); break;
    case dsl::StatementKind::target: read_targets(statement, out); break;
    case dsl::StatementKind::window: out.has_window = true; break;
    case dsl::StatementKind::learn:
      if (!contains(out.learned, statement.name)) out.learned.push_back(statement.name);
      break;
    case dsl::StatementKind::output:
      if (!statement.name.empty()) out.outputs.push_back(statement.name);
      break;
    default: break;
  }
  for (const auto& inner : statement.body) read_statement(inner, out);
}

}  // namespace

const Role* Outline::role(const std::string& kind) const {
  const auto found_role = std::find_if(roles.begin(), roles.end(), [&](const Role& r) { return r.kind == kind; });
  return found_role == roles.end() ? nullptr : &*found_role;
}

Outline outline(const std::string& name, const std::string& kind, const std::vector<std::string>& folders) {
  PartSearch search(folders);
  return outline(name, kind, search);
}

Outline outline(const std::string& name, const std::string& kind, PartSearch& search) {
  Outline out;
  out.found = search.find(name, kind);
  const std::shared_ptr<const CheckedFile> file = checked_file(out.found.path);
  if (!file->well_formed) return out;
  for (const auto& item : file->parsed.file.items) {
    if (role_kind(item.kind) != kind || dsl::canonical(item.name) != dsl::canonical(out.found.item)) continue;
    read_header(item, out);
    for (const auto& statement : item.statements) read_statement(statement, out);
    out.known = true;
    break;
  }
  return out;
}

PartSizes sizes_of_parts(const ProgramSpec& spec) {
  PartSearch search(spec.rule_paths);
  return sizes_of_parts(spec, search);
}

PartSizes sizes_of_parts(const ProgramSpec& spec, PartSearch& search) {
  const Outline rule = outline(spec.rule, "rule", search);
  PartSizes own;
  own.known = rule.known;
  const SynthRoles synths = read_synth_roles(spec.synth);
  for (const Role& role : rule.roles) {
    own.roles.push_back(role.name);
    std::string part = synths.part(role.name);
    if (role.kind == "cell") part = spec.cell;
    if (role.kind == "readout") part = spec.readout;
    if (part.empty()) continue;
    const Outline facts = outline(part, role.kind, search);
    own.known = own.known && facts.known;
    own.sizes.insert(own.sizes.end(), facts.sizes.begin(), facts.sizes.end());
    own.sizes.insert(own.sizes.end(), facts.integers.begin(), facts.integers.end());
  }
  return own;
}

}  // namespace eligo
