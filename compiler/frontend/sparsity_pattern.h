// Which entries of a value can be other than zero, whatever numbers states, inputs and parameters hold.
//
// Every node is replaced by a count that is positive where the node can be: a tensor or any other number counts 1,
// products multiply and sums add, derivatives follow the equations of their step. What remains depends on wirings
// alone, so it stays a part of the graph; where no wiring is involved it is a constant of identities and blocks.
#pragma once

#include <optional>
#include <unordered_map>

#include "compiler/ir/program.h"
#include "compiler/ir/value.h"

namespace eligo::compiler {

class Pattern {
 public:
  explicit Pattern(Program& program) : p_(program), g_(program.graph), v_(program.graph) {}

  // 1 where a can be other than zero, else 0.
  Value nonzero(const Value& a);
  // Where b, or b after up to `products` multiplications by the square a from the left, can be other than zero.
  // products < 0: as many as change anything.
  Value reach(const Value& a, const Value& b, int products);

 private:
  using Tangents = std::unordered_map<Ref, Ref>;
  struct Seeds {  // a derivative's cuts with what varies along each; a cut without one is constant
    Ref derivative = nullptr;
    std::vector<Ref> by_cut;
    std::vector<Extent> extra;
    Tangents known;
  };

  Ref count(Ref node);
  Ref count_kind(Ref node);
  Ref count_map(Ref node);
  Ref count_derivative(Ref node);
  Ref count_pushed(Ref node);
  Ref tangent(Ref node, Seeds& seeds);
  Ref tangent_of_leaf(Ref node, Seeds& seeds);
  Ref advance(Ref node, std::size_t i, Ref tangent, const Seeds& seeds);
  Ref one_for_each(Ref cut);
  Use counted(const Use& use);
  Ref add(const std::vector<Use>& terms, const std::vector<Extent>& dims);
  bool is_pattern(Ref node) const;
  Ref without_coefficients(Ref count);
  Ref at_most_one(Ref count);
  Value at_most_one(const Value& counts);

  Program& p_;
  Graph& g_;
  Values v_;
  std::unordered_map<Ref, Ref> counts_;
};

}  // namespace eligo::compiler
