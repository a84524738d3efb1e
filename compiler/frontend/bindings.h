// A rule's roles bound to items of the library: their axes get extents, their declarations become tensors.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/ir/program.h"
#include "compiler/ir/value.h"
#include "dsl/diagnostic.h"
#include "dsl/typed_item.h"

namespace eligo::compiler {

// Thrown after a fault has been added to the diagnostics.
struct Abort {};

struct Part {
  std::string role;  // "net"; empty for the rule itself
  dsl::TypedItemPtr item;
  std::map<std::string, Axis> axes;                          // the file's axis names
  std::map<std::string, double> numbers;                     // of a rule: the integers of its header; -1 is all
  std::map<std::string, int> tensors;                        // declared names and, for cells and readouts, equations
  std::map<std::string, Value> given;                        // a readout's inputs
  std::vector<std::string> states, inputs, params, targets;  // declared order, local names

  dsl::ItemKind kind() const { return item->kind(); }
  const std::map<std::string, dsl::TypedEquation>& equations() const { return item->equations; }
  const dsl::TypedEquation& equation(const std::string& name) const { return item->equations.at(name); }
  bool has_state(const std::string& name) const;
  // Axis names whose members pick from it: the axis of a value that is one of this part's enumerated axes.
  const dsl::Symbol* enumerated(const Axis& axis) const;
};

class Parts {
 public:
  // `items`: what is given for the roles of the rule. The rule is part of it from the start.
  Parts(Program& program, dsl::Diagnostics& diagnostics, const dsl::TypedItemPtr& rule,
        const std::map<std::string, dsl::TypedItemPtr>& items, const std::map<std::string, std::int64_t>& sizes)
      : program_(program), diagnostics_(diagnostics), items_(items), sizes_(sizes) {
    add("", rule);
  }

  // The item given for a role.
  Part& bind(const dsl::HeaderEntry& role);
  Part& add(const std::string& role, const dsl::TypedItemPtr& item);
  Part* find(const std::string& role);
  Part& rule() { return *parts_.at(""); }
  const Part& rule() const { return *parts_.at(""); }
  const std::map<std::string, std::unique_ptr<Part>>& all() const { return parts_; }

  // Header axes that no binding gave an extent take it from the experiment's sizes; a missing one is an error.
  void take_sizes(Part& part);
  // Declarations become tensors of the program, in declared order. A keep value of the rule may have a bundle of a role
  // among its axes; those of roles that are not bound yet wait for the next call.
  void declare(Part& part);
  int declare_equation(Part& part, const std::string& name, TensorKind kind, std::vector<Axis> axes);

  // The tensors of net.state, net.params, ... as one axis.
  std::vector<int> members(const Part& part, dsl::BundleKind bundle) const;
  Axis bundle_axis(const std::string& key, const std::string& shown, const std::vector<int>& tensors) const;
  Axis bundle_axis(const Part& part, dsl::BundleKind bundle) const;

  // The axis of `over neurons w`; parameters' axes are told apart by it.
  const std::optional<Axis>& neurons() const { return neurons_; }
  void bind_neurons(const std::string& name, const Axis& axis);

  [[noreturn]] void fail(dsl::Code code, const Part& part, dsl::Span span, const std::string& message,
                         const std::string& help = "") const;

 private:
  double constant(const dsl::TypedExpr& e, const Part& part) const;
  Init initialiser(const dsl::TypedDeclaration& decl, const Part& part) const;
  std::optional<std::vector<Axis>> declared_axes(const dsl::TypedDeclaration& d, const Part& part);
  Tensor declared(const dsl::TypedDeclaration& d, const Part& part, TensorKind kind, std::vector<Axis> axes) const;
  std::vector<Axis> member_axes(const Tensor& t) const;

  Program& program_;
  dsl::Diagnostics& diagnostics_;
  const std::map<std::string, dsl::TypedItemPtr>& items_;
  const std::map<std::string, std::int64_t>& sizes_;
  std::map<std::string, std::unique_ptr<Part>> parts_;
  std::optional<Axis> neurons_;
};

}  // namespace eligo::compiler
