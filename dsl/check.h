// The checks of an item, each about one thing; dsl/check.cpp calls them in order. All report into `diagnostics`.
#pragma once

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

// How many levels equations that build on each other have in all.
void check_depth(const Item& item, Diagnostics& diagnostics);

// The axes of every equation; returns what was inferred.
Inference infer_axes(const Scope& scope, Diagnostics& diagnostics);

}  // namespace eligo::dsl
