// What the names of an item stand for: declared once, found by name, with the place of the declaration for messages.
//
// An axis is known by its key: its own name (a size of the header, an enumerated axis, the neurons' axis), or the path
// of a bundle, "net.state", which messages show by the name that a `let` gives it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace eligo::dsl {

enum class SymbolKind {
  size,     // a size of the header
  axis,     // an enumerated axis
  neurons,  // the axis of `over neurons w`
  role,     // net, L, g
  bundle,   // let s = net.state
  input,
  state,
  target,
  param,
  keep,
  wiring,
  hyper,
  value,  // defined by an equation
};
std::string_view word_of(SymbolKind kind);  // with article: "a hyper"

enum class BundleKind { state, params, input, target, member };

struct Symbol {
  SymbolKind kind = SymbolKind::value;
  std::string name;
  Span span;                         // where it is declared
  std::vector<std::string> axes;     // keys; empty for a value, whose axes are inferred
  std::vector<std::string> members;  // enumerated axis
  bool timed = false;                // its first bracket is time
  const Declaration* declaration = nullptr;
  ItemKind role = ItemKind::cell;  // role
  std::string key;                 // bundle: net.state
  BundleKind bundle = BundleKind::member;
};

class Scope {
 public:
  // Reports names that are reserved or declared twice, unknown axes, and lets of what no role has.
  Scope(const Item& item, Diagnostics& diagnostics);

  const Item& item() const { return item_; }
  const Symbol* find(const std::string& name) const;
  std::vector<std::string> names() const;
  const std::map<std::string, Symbol>& symbols() const { return symbols_; }

  // "net.state" of a name that serves as an axis, "" if it is none.
  std::string axis_key(const std::string& name) const;
  // How messages call an axis: by the let that names it.
  std::string shown(const std::string& key) const;
  std::string shown(const std::vector<std::string>& axes) const;  // [s, θ]
  std::string neurons() const { return neurons_; }

  // A path such as net.state or net.h, read as the bundle or member of a role; kind role where the root is none.
  // With `diagnostics`, a member that the role cannot have is reported.
  Symbol member_of_role(const std::string& path, Span span, Diagnostics* diagnostics = nullptr) const;
  // The role.member bundles that a role of this kind has.
  static std::vector<std::string> bundle_words(ItemKind role);

 private:
  static bool is_axis(const Symbol& bundle);
  void add(Symbol symbol, Diagnostics& diagnostics);
  void header(Diagnostics& diagnostics);
  void declare(const Statement& s, Diagnostics& diagnostics);
  void axes_of(Symbol& symbol, const Declaration& d, Diagnostics& diagnostics);
  void let(const LetBinding& b, Diagnostics& diagnostics);
  void values(Diagnostics& diagnostics);

  const Item& item_;
  std::map<std::string, Symbol> symbols_;
  std::string neurons_;
};

// Reports `name` as unknown, with the nearest of the known ones.
void unknown_name(const std::string& name, Span span, const Scope& scope, Diagnostics& diagnostics);

}  // namespace eligo::dsl
