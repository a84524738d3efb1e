#include "dsl/scope.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/functions.h"
#include "dsl/names.h"
#include "dsl/parser.h"
#include "dsl/reads.h"

namespace eligo::dsl {

std::string_view word_of(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::size: return "a size of the header";
    case SymbolKind::axis: return "an axis";
    case SymbolKind::neurons: return "the neurons' axis";
    case SymbolKind::role: return "a role";
    case SymbolKind::bundle: return "a bundle";
    case SymbolKind::input: return "an input";
    case SymbolKind::state: return "a state";
    case SymbolKind::target: return "a target";
    case SymbolKind::param: return "a parameter";
    case SymbolKind::keep: return "a kept value";
    case SymbolKind::wiring: return "a wiring";
    case SymbolKind::hyper: return "a hyper";
    case SymbolKind::value: return "a value";
  }
  return "a name";
}

Scope::Scope(const Item& item, Diagnostics& diagnostics) : item_(item) {
  header(diagnostics);
  // Axes and lets first: the order of lines means nothing.
  for (const Statement& s : item.statements) {
    if (s.kind == StatementKind::axis)
      add({.kind = SymbolKind::axis, .name = s.name, .span = s.name_span, .members = s.members}, diagnostics);
    for (const LetBinding& b : s.lets) let(b, diagnostics);
  }
  for (const Statement& s : item.statements) declare(s, diagnostics);
  values(diagnostics);
}

void Scope::header(Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < item_.header.size(); ++i) {
    const HeaderEntry& h = item_.header[i];
    if (h.kind == HeaderEntry::Kind::role) {
      add({.kind = SymbolKind::role,
           .name = h.name,
           .span = h.span,
           .timed = h.role == ItemKind::readout,
           .role = h.role},
          diagnostics);
      if (h.over.empty()) continue;
      neurons_ = h.over;
      add({.kind = SymbolKind::neurons, .name = h.over, .span = h.span}, diagnostics);
    } else if (item_.kind == ItemKind::optimiser) {
      // optimiser adam(p, grad): the parameter, taken as one axis, and what was gathered for it
      const std::string axis = item_.header.front().name;
      add({.kind = i == 0 ? SymbolKind::param : SymbolKind::input, .name = h.name, .span = h.span, .axes = {axis}},
          diagnostics);
    } else {
      add({.kind = SymbolKind::size, .name = h.name, .span = h.span}, diagnostics);
    }
  }
}

void Scope::add(Symbol symbol, Diagnostics& diagnostics) {
  if (is_reserved(symbol.name)) {
    const bool function = find_function(symbol.name) != nullptr;
    diagnostics.error(Code::E0303, fmt::format("`{}` is {}", symbol.name, function ? "a function" : "reserved"),
                      diagnostics.current, symbol.span, "choose another name");
    return;
  }
  const auto [place, fresh] = symbols_.try_emplace(symbol.name, symbol);
  if (fresh) return;
  diagnostics.error(Code::E0302, fmt::format("`{}` is declared twice", symbol.name), diagnostics.current, symbol.span)
      .labels.push_back(
          {diagnostics.current, place->second.span, fmt::format("it is {} already", word_of(place->second.kind))});
}

void Scope::declare(const Statement& s, Diagnostics& diagnostics) {
  static constexpr std::pair<StatementKind, SymbolKind> kinds[] = {
      {StatementKind::input, SymbolKind::input},   {StatementKind::state, SymbolKind::state},
      {StatementKind::param, SymbolKind::param},   {StatementKind::keep, SymbolKind::keep},
      {StatementKind::target, SymbolKind::target}, {StatementKind::wiring, SymbolKind::wiring},
      {StatementKind::hyper, SymbolKind::hyper}};
  for (const auto& [statement, symbol] : kinds) {
    if (statement != s.kind) continue;
    for (const Declaration& d : s.decls) {
      Symbol out{.kind = symbol, .name = d.name, .span = d.span, .declaration = &d};
      out.timed = item_.kind == ItemKind::cell && (symbol == SymbolKind::input || symbol == SymbolKind::state);
      axes_of(out, d, diagnostics);
      add(std::move(out), diagnostics);
    }
  }
}

void Scope::axes_of(Symbol& symbol, const Declaration& d, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < d.axes.size(); ++i) {
    std::string key = axis_key(d.axes[i]);
    if (key.empty()) {
      auto& error = diagnostics.error(Code::E0308, fmt::format("`{}` is no axis", d.axes[i]), diagnostics.current,
                                      d.axis_spans[i]);
      std::vector<std::string> known;
      for (const auto& [name, s] : symbols_) {
        if (!axis_key(name).empty()) known.push_back(name);
      }
      if (const std::string near = nearest(d.axes[i], known); !near.empty()) {
        error.help.push_back(fmt::format("did you mean `{}`?", near));
      } else if (item_.kind == ItemKind::rule) {
        error.help.push_back(
            "the axes of a rule are its bundles (let s = net.state) and the neurons' axis (net: cell over neurons w)");
      } else if (item_.kind != ItemKind::optimiser) {
        error.help.push_back(
            fmt::format("a size is declared in the header: {} {}(…, {})", word_of(item_.kind), item_.name, d.axes[i]));
      }
      key = d.axes[i];
    }
    symbol.axes.push_back(std::move(key));
  }
}

std::vector<std::string> Scope::bundle_words(ItemKind role) {
  if (role == ItemKind::cell) return {"state", "params", "input"};
  if (role == ItemKind::readout) return {"params", "target"};
  return {"params"};
}

Symbol Scope::member_of_role(const std::string& path, Span span, Diagnostics* diagnostics) const {
  Symbol out{.kind = SymbolKind::bundle, .name = path, .span = span, .key = path};
  const std::size_t dot = path.find('.');
  const Symbol* role = find(path.substr(0, dot));
  if (role == nullptr || role->kind != SymbolKind::role || dot == std::string::npos) {
    out.kind = SymbolKind::role;
    return out;
  }
  const std::string member = path.substr(dot + 1);
  out.role = role->role;
  static constexpr std::pair<std::string_view, BundleKind> bundles[] = {{"state", BundleKind::state},
                                                                        {"params", BundleKind::params},
                                                                        {"input", BundleKind::input},
                                                                        {"target", BundleKind::target}};
  for (const auto& [word, kind] : bundles) {
    if (word == member) out.bundle = kind;
  }
  const auto words = bundle_words(role->role);
  const bool has = std::find(words.begin(), words.end(), member) != words.end();
  if (has) out.axes = {path};
  const bool near = member.size() > 3 && !nearest(member, words).empty();
  if (!has && (out.bundle != BundleKind::member || near)) {
    out.bundle = BundleKind::member;
    if (diagnostics == nullptr) return out;
    auto& d = diagnostics->error(Code::E0310, fmt::format("a {} has no `{}`", word_of(role->role), member),
                                 diagnostics->current, span);
    d.labels.push_back(
        {diagnostics->current, role->span, fmt::format("`{}` is a {}", role->name, word_of(role->role))});
    if (near) d.help.push_back(fmt::format("did you mean `{}.{}`?", role->name, nearest(member, words)));
    else
      d.help.push_back(
          fmt::format("a {} has {} and what its own file declares", word_of(role->role), fmt::join(words, ", ")));
  }
  out.timed = out.bundle == BundleKind::state || out.bundle == BundleKind::input || out.bundle == BundleKind::target;
  return out;
}

void Scope::let(const LetBinding& b, Diagnostics& diagnostics) {
  const std::string path = path_of(*b.value);
  Symbol symbol = path.find('.') == std::string::npos ? Symbol{.kind = SymbolKind::role}
                                                      : member_of_role(path, b.value->span, &diagnostics);
  if (symbol.kind == SymbolKind::role) {
    const std::string root = path.substr(0, path.find('.'));
    if (!root.empty() && find(root) == nullptr) {
      unknown_name(root, b.value->span, *this, diagnostics);
    } else {
      diagnostics
          .error(Code::E0310,
                 fmt::format("a let names what a role has, not {}", path.empty() ? "an expression" : "`" + path + "`"),
                 diagnostics.current, b.value->span)
          .help.push_back(fmt::format("for example let {} = net.state; a computed value is an equation, {}[t] = …",
                                      b.name, b.name));
    }
    symbol = {.kind = SymbolKind::bundle, .key = path.empty() ? b.name : path};
  }
  symbol.name = b.name;
  symbol.span = b.span;
  add(std::move(symbol), diagnostics);
}

// Names that equations define: those that nothing declares.
void Scope::values(Diagnostics& diagnostics) {
  for (const Statement& s : item_.statements) {
    const bool defines = (s.kind == StatementKind::equation && s.assign == AssignKind::define) ||
                         (s.kind == StatementKind::output && s.has_equation);
    if (!defines || symbols_.contains(s.name)) continue;
    add({.kind = SymbolKind::value, .name = s.name, .span = s.name_span, .timed = s.time.has_value()}, diagnostics);
  }
}

const Symbol* Scope::find(const std::string& name) const {
  const auto found = symbols_.find(name);
  return found == symbols_.end() ? nullptr : &found->second;
}

std::vector<std::string> Scope::names() const {
  std::vector<std::string> out;
  for (const auto& [name, symbol] : symbols_) out.push_back(name);
  return out;
}

// The tensors of other members are what their part declares.
bool Scope::is_axis(const Symbol& bundle) {
  return bundle.bundle == BundleKind::state || bundle.bundle == BundleKind::params ||
         (bundle.bundle == BundleKind::input && bundle.role == ItemKind::cell);
}

std::string Scope::axis_key(const std::string& name) const {
  const Symbol* s = find(name);
  if (s == nullptr) return "";
  if (s->kind == SymbolKind::axis || s->kind == SymbolKind::neurons) return name;
  if (s->kind == SymbolKind::size) return item_.kind == ItemKind::rule ? "" : name;  // a rule's are numbers
  if (s->kind == SymbolKind::bundle) return is_axis(*s) ? s->key : "";
  return item_.kind == ItemKind::optimiser && s->kind == SymbolKind::param ? name : "";
}

std::string Scope::shown(const std::string& key) const {
  for (const auto& [name, s] : symbols_) {
    if (s.kind == SymbolKind::bundle && s.key == key) return name;
  }
  return key;
}

std::string Scope::shown(const std::vector<std::string>& axes) const {
  std::string out;
  for (const std::string& key : axes) out += (out.empty() ? "" : ", ") + shown(key);
  return "[" + out + "]";
}

namespace {

const Statement* defined_in_a_block(const Item& item, const std::string& name) {
  for (const Statement& block : item.statements) {
    for (const Statement& s : block.body) {
      if (s.name == name) return &s;
    }
  }
  return nullptr;
}

}  // namespace

void unknown_name(const std::string& name, Span span, const Scope& scope, Diagnostics& diagnostics) {
  auto& d = diagnostics.error(Code::E0301, fmt::format("unknown name `{}`", name), diagnostics.current, span);
  if (const std::string near = nearest(name, scope.names()); !near.empty()) {
    d.help.push_back(fmt::format("did you mean `{}`?", near));
  } else if (find_function(name) != nullptr) {
    d.help.push_back(fmt::format("`{}` is a function: {}(…)", name, name));
  } else if (const Statement* local = defined_in_a_block(scope.item(), name)) {
    d.labels.push_back({diagnostics.current, local->name_span, "this one belongs to its block"});
    d.help.push_back("what is defined in a block is read in the block only");
  } else if (scope.item().kind == ItemKind::rule) {
    d.help.push_back("what belongs to a role is reached by role.name or a let: let s = net.state");
  }
}

}  // namespace eligo::dsl
