// Tensors with named axes over the graph: what an expression of the language denotes.
//
// An axis is a plain index or a bundle (the tensors of `s` or `θ` taken as one axis). A value that has bundle axes is a
// dictionary of blocks, one per choice of members; an absent block is zero. The block of key (k_1, k_2, ...) is a node
// whose axes are, axis after axis, the plain extent or the axes of the bundle's member k_i.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

namespace eligo::compiler {

struct Bundle;

struct Axis {
  std::string key;    // equal keys are the same axis: "net.n", "net.state", or an index letter
  std::string shown;  // as the file names it, for messages
  Extent extent = 1;  // of a bundle: the flattened total
  std::shared_ptr<const Bundle> bundle;
  std::string from_key, from_shown;  // under an index letter: the axis it ranges over
  std::optional<TimeRef> step;       // a bundle with a value per step: the step that it is about; part of the key
};

struct Bundle {
  struct Member {
    std::string name;  // "net.h"
    int tensor = -1;
    std::vector<Extent> dims;
    std::vector<Axis> axes;
    Extent offset = 0;  // in the flattened axis
    Extent size = 1;
  };
  std::vector<Member> members;
};

// `d(a)/d(b)` before anything multiplies it: kept apart so that `u . d(a)/d(b)` pushes u through instead.
struct Derivative;

struct Value {
  std::vector<Axis> axes;
  std::map<std::vector<int>, Ref> blocks;
  std::shared_ptr<const Derivative> derivative;  // set: `blocks` is empty until `form`
};

struct Derivative {
  Value a;                   // the numerator
  std::vector<Axis> b_axes;  // one bundle axis, or the plain axes of a single tensor
  std::vector<Ref> cuts;     // the leaves of b: the bundle's members in order, or the one tensor
                             // (null: only behind what is held, so its block is absent)
  std::vector<Ref> held;     // leaves that stay as they are: nothing behind them is followed
  bool stored = false;       // b is one tensor, kept flat along its bundle axes: results are cut into blocks
  TimeRef own;
  Origin origin;  // of `d(a)/d(b)` itself
};

// A fault of shapes; whoever knows the place in the source adds it.
class ShapeError : public std::runtime_error {
 public:
  explicit ShapeError(const std::string& what, std::string help_line = "")
      : std::runtime_error(what), help(std::move(help_line)) {}
  std::string help;
};

std::string describe(const std::vector<Axis>& axes);  // "[s, θ]"

// Operations on values, over one graph.
class Values {
 public:
  explicit Values(Graph& graph) : g_(graph) {}

  Value number(double value) { return scalar(g_.constant(value)); }
  static Value scalar(Ref node);
  // A tensor stored flat: one extent per axis (a bundle's total), cut into its blocks.
  Value tensor(Ref flat, std::vector<Axis> axes);
  // The members of a bundle, one leaf each, as a vector along the bundle's axis.
  static Value bundle(const Axis& axis, const std::vector<Ref>& members);
  // One node with one extent per axis (a bundle flattened in declared order).
  Ref flatten(const Value& value);

  Value map(Op op, const std::vector<Value>& args);
  Value add(const Value& a, const Value& b, double b_coefficient = 1);
  Value multiply(const Value& a, const Value& b);
  Value scale(const Value& a, double factor);
  Value contract(const Value& a, const Value& b);  // the shortest run of last axes that are first axes
  Value reduce_sum(const Value& a, const std::vector<std::string>& keys);
  Value reduce_max(const Value& a, const std::vector<std::string>& keys);
  Value member(const Value& a, int axis, Extent position);             // picks one position of a plain axis
  Value rename(const Value& a, const std::vector<std::string>& keys);  // equal keys take the diagonal
  Value reorder(const Value& a, const std::vector<Axis>& axes);        // broadcasts along axes that a lacks
  Value gather(const Value& a, int axis, const Value& wiring);         // axis replaced by the wiring's axes
  Value stop(const Value& a);
  // Σ a*b over all axes but the one named (inside of a bundle: that axis of each member), which may be absent.
  Value inner(const Value& a, const Value& b, const Axis& but);
  Value form(const Value& a);  // a derivative as blocks; anything else unchanged
  Value derivative(Derivative derivative);  // origin: the graph's

  // Axes of the pointwise combination; throws where alignment by name is ambiguous.
  static std::vector<Axis> align(const std::vector<std::vector<Axis>>& args);

 private:
  struct Layout {            // the dims of a block
    std::vector<int> first;  // first dim of each axis
    std::vector<Extent> dims;
  };
  static Layout layout(const std::vector<Axis>& axes, const std::vector<int>& key);
  static std::vector<std::vector<int>> keys(const std::vector<Axis>& axes);
  // How a block of `axes` is used from a node whose labels follow `by` with key `key`; null use if the block is zero.
  Use use_in(const Value& a, const std::vector<Axis>& by, const std::vector<int>& key);
  // The blocks of a node whose dims beyond the first `lead` are `axes`, one extent each; keys begin with `key`.
  void cut_last(Ref node, std::size_t lead, const std::vector<Axis>& axes, const std::vector<int>& key, Value& into);
  Value push_left(const Value& u, const Value& d);
  Value push_right(const Value& d, const Value& v);
  Ref add_all(std::vector<Ref> nodes);

  Graph& g_;
};

}  // namespace eligo::compiler
