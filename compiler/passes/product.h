// A product under simplification: factors with indices over labels, some of them summed.
#pragma once

#include <vector>

#include "compiler/ir/program.h"

namespace eligo::compiler {

class Product {
 public:
  Product(Program& program, Ref node);  // a contract

  // Rewrites until nothing changes. `zero()` tells whether the product vanished.
  void normalise();
  bool zero() const { return zero_; }

  std::vector<Use> factors;
  std::vector<Extent> dims;    // labels 0..rank-1
  std::vector<Extent> summed;  // labels rank..; dead ones are gone after `normalise`
  double coefficient = 1;
  bool sum_batch = false;

  int rank() const { return static_cast<int>(dims.size()); }
  bool is_out(int label) const { return label < rank(); }
  Extent extent(int label) const { return is_out(label) ? dims[label] : summed[label - rank()]; }
  // Labels renumbered without gaps, factors in an order that does not depend on how they were made.
  void canonicalise();
  // Whether an own axis of the used node that `f`, a factor of it, reads is summed over here: what ties it may vanish.
  bool sums_through(const Use& use, const Use& f) const;
  bool sums_over(const Use& use) const;  // some axis of the used node is summed here

 private:
  bool constants();
  bool flatten();
  bool worth_keeping(const Use& use) const;
  bool has_structure(const Use& use) const;
  void inline_factor(std::size_t i);
  bool embeds();
  bool never_equal(const Use& use) const;
  bool shift_embed(std::size_t i);
  bool solve_constant(std::size_t i);
  bool solve_affine(std::size_t i);
  bool flags();
  bool carried_masks();
  bool others_finite(std::size_t i, std::size_t j) const;
  bool wires();
  bool unused_labels();
  void substitute_label(int label, const Index& by);
  Extent largest(const Index& index) const;
  void equate(const Index& a, const Index& b, Extent extent);

  Program& p_;
  bool zero_ = false;
};

// Whether a value is zero wherever the flag (valid or exists) at that time is.
bool zero_outside(Program& program, Ref node, Flag flag, TimeRef time);

}  // namespace eligo::compiler
