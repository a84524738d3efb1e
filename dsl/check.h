// The checks of an item, each about one thing; dsl/check.cpp calls them in order. All report into `diagnostics`.
#pragma once

#include <functional>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/infer.h"
#include "dsl/scope.h"

namespace eligo::dsl {

// Which lines an item may and must have, and the roles of its header.
void check_structure(const Item& item, Diagnostics& diagnostics);

// Whether lines of this kind belong in items of that kind; later checks skip those that do not.
bool belongs(StatementKind line, ItemKind item);

// Initialisers, bounds, distributions and hypers.
void check_declarations(const Scope& scope, Diagnostics& diagnostics);

// What equations define and `:=` and `learn` change: once, and only what may be.
void check_definitions(const Scope& scope, Diagnostics& diagnostics);

// Where the k of `at each` blocks runs, and what leads the revision of a parameter from its beginning to its end.
void check_blocks(const Scope& scope, Diagnostics& diagnostics);

// How many levels equations that build on each other have in all.
void check_depth(const Item& item, Diagnostics& diagnostics);

// The axes of every equation; returns what was inferred. `visit` is called for each line while the inference stands at
// it: with its statement, the block around it if there is one, and the axes of its right side.
using LineVisitor = std::function<void(const Inference&, const Statement&, const Statement* block, const Shape&)>;
Inference infer_axes(const Scope& scope, Diagnostics& diagnostics, const LineVisitor& visit = {});

// What the typed item still must be to compile, whatever its parts are.
struct TypedItem;
void check_meaning(const TypedItem& item, Diagnostics& diagnostics);

}  // namespace eligo::dsl
