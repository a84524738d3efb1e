// The tensor graph in Einstein form: few node kinds carry everything.
//
// A node's value is a tensor with `dims` axes, for one example (the batch is ambient: `batched` says whether the value
// differs between examples). Inside a node, labels 0..rank-1 stand for its own axes and the next ones for the indices
// it sums over; a use of another node gives, for each axis of that node, an affine index in those labels. Transposes,
// diagonals, slices and broadcasts are therefore only indices.
//
//   leaf      a tensor of the program at a time: net.h@t-1, net.W, λ
//   constant  a number
//   map       op(use, ...) at every point of the labels
//   contract  coefficient * Σ over the summed labels of Π uses   (also over the batch with `sum_batch`); a product is 0
//             where one of its masks is, whatever its other factors are: masks.h
//   sum       Σ coefficient_k * use_k; a term that lacks a label is broadcast
//   embed     [i == offset + Σ stride_k j_k]: axes i, j_1.., j_k. One kind for the identity (one j, stride 1), the
//   one-hot
//             of an enumerated axis (no j), a block of a bundle (an offset) and a flattened tensor (strides)
//   wire      [v == wiring[j...]]: axes j..., v; the integer tensor is uses[0]
//   maximum   max over the summed labels of its one use
//   stop      its one use, whole, with derivative zero
//   jac       d(a)/d(b): axes of a, then of b
//   vjp       Σ_k u_k . d(a_k)/d(b): axes of u beyond those of a, then of b
//   jvp       Σ_k d(a)/d(b_k) . v_k: axes of a, then those of v beyond b_k's
// The last three are lazy derivatives: `differentiate` replaces them.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/operations/operation.h"
#include "dsl/source.h"

namespace eligo::compiler {

using Extent = std::int64_t;

// Where a value stands in time, relative to what the phase is about: the step that arrives (`t`), the step that a
// backward sweep or a revision has reached (also `t`), the boundary before the window (`start`), an example's end of the
// window or last step, or, in a revision, the step that has arrived (`now`: an example's last step, once it has ended).
enum class When : std::uint8_t { always, t, start, end, last, now };
struct TimeRef {
  When base = When::always;
  int offset = 0;
  auto operator<=>(const TimeRef&) const = default;
  TimeRef shifted(int by) const { return {base, offset + by}; }
};
inline bool is_gathered(When base) { return base == When::end || base == When::last || base == When::now; }  // by example
std::string to_string(TimeRef time);  // "t-1", "start", "end+1"; empty for always

// An affine index: offset + Σ stride * label.
struct Index {
  struct Term {
    int label = 0;
    Extent stride = 1;
    bool operator==(const Term&) const = default;
  };
  Extent offset = 0;
  std::vector<Term> terms;

  static Index of(int label) { return {0, {{label, 1}}}; }
  static Index at(Extent offset) { return {offset, {}}; }
  bool is_label() const { return offset == 0 && terms.size() == 1 && terms[0].stride == 1; }
  bool is_constant() const { return terms.empty(); }
  int label() const { return terms[0].label; }
  bool mentions(int label) const;
  bool operator==(const Index&) const = default;
};

enum class NodeKind : std::uint8_t { leaf, constant, map, contract, sum, embed, wire, maximum, stop, jac, vjp, jvp };

struct Node;
using Ref = const Node*;

struct Use {
  Ref node = nullptr;
  std::vector<Index> index;  // one per axis of `node`
  double coefficient = 1;    // sum only
};

// The place in a rule file that a node comes from.
struct Origin {
  dsl::SourcePtr source;
  dsl::Span span;
};

struct Node {
  NodeKind kind = NodeKind::constant;
  std::vector<Extent> dims;
  std::vector<Extent> summed;
  std::vector<Use> uses;        // jac: a; vjp: a_1, u_1, a_2, u_2, ...; jvp: a, v_1, v_2, ...
  Op op = Op::add;              // map
  double number = 0;            // constant: the value; contract: the coefficient
  int tensor = -1;              // leaf: number in the program's table
  TimeRef time;                 // leaf; a parameter's version is the step with which its value was current
  Extent offset = 0;            // embed
  std::vector<Extent> strides;  // embed
  std::vector<Ref>
      cuts;      // jac, vjp, jvp: the leaves cut loose; jac, vjp: [wrt] is the one meant; jvp: cuts[k] goes with v_k
  int wrt = -1;  // (jvp: cuts beyond the v's have no tangent; held ones, of d(a)/d(b | c), are never meant)
  TimeRef own;   // jac, vjp, jvp: the step through whose equations `a` is followed back
  bool sum_batch = false;  // contract
  bool batched = false;
  int id = 0;              // in order of creation
  std::uint64_t hash = 0;  // of the structure, independent of ids
  Origin origin;

  int rank() const { return static_cast<int>(dims.size()); }
  int labels() const { return static_cast<int>(dims.size() + summed.size()); }
  Extent extent(int label) const { return label < rank() ? dims[label] : summed[label - rank()]; }
  Extent size() const;
  bool is_zero() const { return kind == NodeKind::constant && number == 0; }
  bool is_number(double value) const { return kind == NodeKind::constant && number == value; }
  bool is_identity() const {  // delta(i, j)
    return kind == NodeKind::embed && rank() == 2 && offset == 0 && strides[0] == 1 && dims[0] == dims[1];
  }
};

// Owns nodes and gives equal ones the same address. The constructors do no algebra: `simplify` does.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  Ref leaf(int tensor, TimeRef time, std::vector<Extent> dims, bool batched);
  Ref constant(double value);  // a scalar; broadcast by use
  Ref map(Op op, std::vector<Use> args, std::vector<Extent> dims);
  Ref contract(std::vector<Use> factors, std::vector<Extent> dims, std::vector<Extent> summed, double coefficient = 1,
               bool sum_batch = false);
  Ref sum(std::vector<Use> terms, std::vector<Extent> dims);
  Ref embed(Extent size, Extent offset, std::vector<Extent> dims, std::vector<Extent> strides);
  Ref identity(Extent size) { return embed(size, 0, {size}, {1}); }
  Ref wire(Ref wiring, Extent targets);
  Ref maximum(Use use, std::vector<Extent> dims, std::vector<Extent> summed);
  Ref stop(Ref node);
  Ref jac(Ref a, std::vector<Ref> cuts, int wrt, TimeRef own);
  Ref vjp(std::vector<std::pair<Ref, Ref>> a_and_u, std::vector<Ref> cuts, int wrt, TimeRef own);
  Ref jvp(Ref a, std::vector<Ref> v, std::vector<Ref> cuts, TimeRef own);
  // The same node over other uses (same number, same axes); itself where it has none. Passes over whole graphs: rewrite.h.
  Ref rebuild(Ref node, std::vector<Use> uses);

  // Nodes made while an origin is set carry it.
  Origin origin;
  std::size_t size() const { return nodes_.size(); }

 private:
  Ref intern(Node node);
  std::deque<Node> nodes_;
  std::unordered_multimap<std::uint64_t, Ref> table_;
};

// A use of all of a node's axes by labels first, first+1, ...
Use whole(Ref node, int first = 0);
// Whether a use reads all of a node of these axes, in order.
bool is_whole(const Use& use, const std::vector<Extent>& dims);
// The index that `outer` becomes when the labels of its node are replaced by `by`.
Index substitute(const Index& outer, const std::vector<Index>& by);

// The nodes below `roots`, operands first, each once.
std::vector<Ref> postorder(const std::vector<Ref>& roots);

}  // namespace eligo::compiler
