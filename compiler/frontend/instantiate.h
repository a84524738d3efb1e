// A rule, a net, a readout and a synthesiser become one program: tensors, and for each phase the equations in it.
//
// Before: checked items of the language and the experiment's sizes. After: a Program whose graph still has its
// derivatives lazy and nothing simplified, in the words of the rule:
//
//   phase arrive
//     e@t-1 = exists@t-1 * (γ*λ * jvp(net.h@t-1; net.h@t-2 := e@t-2) + jac(...; g.A))
//     gradient.g.A += inverse_batch * Σ_batch exists@t-1 * ...
//
// What needs concrete parts is decided here: how long after its index each forward recurrence is fixed (its first
// reading), which phase a line belongs to, and how many steps beyond the last one must still run.
#pragma once

#include <memory>

#include "compiler/frontend/bindings.h"

namespace eligo::compiler {

struct Instance {
  dsl::TypedItemPtr rule, optimiser;
  std::map<std::string, dsl::TypedItemPtr> roles;  // by the rule's role names
  std::map<std::string, std::int64_t> sizes;
  std::map<std::string, std::int64_t> header;  // the rule's integers; -1 is `all`
  UpdateEvery update = UpdateEvery::sequence;
  std::vector<std::string> show;
  bool counted = false;  // batches say which steps count: the flag `counts`
};

// Null when something was wrong; what, is in the diagnostics.
std::unique_ptr<Program> instantiate(const Instance& instance, dsl::Diagnostics& diagnostics);

}  // namespace eligo::compiler
