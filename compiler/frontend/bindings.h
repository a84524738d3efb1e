// A rule's roles bound to items of the library: their axes get extents, their declarations become tensors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "compiler/ir/program.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace eligo::compiler {

struct ItemRef {
  dsl::SourcePtr source;
  std::shared_ptr<const dsl::File> file;  // keeps `item` alive
  const dsl::Item* item = nullptr;
};

// Thrown after a fault has been added to the diagnostics.
struct Abort {};

struct Part {
  std::string role;  // "net"; empty for the rule itself
  ItemRef ref;
  std::map<std::string, Axis> axes;                        // the file's axis names
  std::map<std::string, std::vector<std::string>> enums;   // enumerated axes and their members
  std::map<std::string, int> tensors;                      // declared names and, for cells and readouts, equations
  std::map<std::string, const dsl::Statement*> equations;  // general equations by name
  std::map<std::string, std::map<dsl::TimeBase, const dsl::Statement*>> boundaries;
  std::set<std::string> explicit_names;
  const dsl::Statement* output = nullptr;
  const dsl::Statement* loss = nullptr;
  std::vector<std::string> states, inputs, params, targets;  // declared order, local names
};

// Numbers in initialisers and ranges: sizes, arithmetic, sqrt, exp, log.
double evaluate_constant(const dsl::Expr& e, const Part& part, dsl::Diagnostics& diagnostics);

class Parts {
 public:
  Parts(Program& program, dsl::Diagnostics& diagnostics, const std::map<std::string, std::int64_t>& sizes)
      : program_(program), diagnostics_(diagnostics), sizes_(sizes) {}

  Part& add(const std::string& role, const ItemRef& ref);
  Part* find(const std::string& role);
  std::map<std::string, std::unique_ptr<Part>>& all() { return parts_; }

  // Header axes that no binding gave an extent take it from the experiment's sizes; a missing one is an error.
  void take_sizes(Part& part);
  // Declarations of these kinds become tensors of the program, in declared order. A keep value of the rule may have a
  // bundle among its axes; `bundle` knows those of roles that are bound, others wait for the next call.
  using BundleAxis = std::function<std::optional<Axis>(const std::string& name)>;
  void declare(Part& part, const BundleAxis& bundle = {});
  int declare_equation(Part& part, const std::string& name, TensorKind kind, std::vector<Axis> axes);
  Axis bundle_axis(const std::string& key, const std::string& shown, const std::vector<int>& tensors);
  std::optional<Axis> neurons;  // of `over neurons w`: parameters' axes are told apart by it
  bool used(const std::string& size) const { return used_.contains(size); }

  [[noreturn]] void fail(dsl::Code code, const Part& part, dsl::Span span, const std::string& message,
                         const std::string& help = "");

 private:
  Init initialiser(const dsl::Declaration& decl, const Part& part);
  std::vector<Axis> member_axes(const Tensor& t) const;

  Program& program_;
  dsl::Diagnostics& diagnostics_;
  const std::map<std::string, std::int64_t>& sizes_;
  std::set<std::string> used_;
  std::map<std::string, std::unique_ptr<Part>> parts_;
};

}  // namespace eligo::compiler
