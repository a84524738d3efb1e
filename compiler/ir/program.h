// A rule bound to a net: the table of tensors, and for each phase what it stores, gathers and assigns.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/ir/phase.h"
#include "compiler/ir/value.h"

namespace eligo::compiler {

enum class TensorKind {
  input,     // [B, ...] per step, from the task
  target,    //
  flag,      // one number per step and example, made by the runtime: see Flag in phase.h
  noise,     // drawn at each step
  state,     // the net's state; exists at the start too
  field,     // an equation of the net or the readout, as it was when the step was taken
  forward,   // a recurrence of the rule that reads its past
  backward,  // one that reads its future
  record,    // a value as it was on arrival
  revised,   // an equation of an `at each` block, by its k, as of the last arrival
  shown,     // kept for the user, every step
  param,
  hyper,
  keep,
  wiring,
  scalar,    // inverse_batch: 1/B
  gradient,  // what learn lines and statistics gather, summed over the batch and the steps; also what a clipped line or
             // a revision's step adds
  running,   // a parameter's copy while it is revised, or as it was before the sequence
};

struct Init {
  enum class Kind { none, value, uniform, normal, orthogonal, sample } kind = Kind::none;
  double a = 0, b = 0;
};

struct Tensor {
  std::string name;  // "net.h"
  TensorKind kind = TensorKind::field;
  std::vector<Extent> dims;
  std::vector<Axis> axes;
  bool batched = false;
  Init init;
  Axis targets;              // wiring: the axis that it leads to
  std::string bundle;        // param: the bundle that learns it, as the rule names it ("ψ"), or empty
  double low = 0, high = 0;  // hyper, keep: the allowed range if low < high
  Flag flag = Flag::none;    // which, of a flag
  bool masked = false;       // zero wherever it does not exist; otherwise read behind a flag only
  bool at_start = false;     // forward, backward, record: holds at the start too
  bool per_step = false;     // param, keep, wiring, gradient: a value for each step; a leaf's time says whose
  bool as_taken = false;     // per_step: of the net or the readout, read as it was when its step was taken
  bool batch_wide = false;   // backward: the same for all examples, at every step of the window
  std::string given_as;      // noise: the name by which a caller may give its values: "ν" (each step's), or
                             // "P[start]" (a recurrence's value before the first step); empty: drawn only
  int neuron_axis = -1;      // param: the axis that names its neuron, where the rule is over neurons and it has one
  bool made = false;         // by a pass, out of terms of an equation
  Origin origin;
  Extent size() const;
  bool timed() const { return kind <= TensorKind::shown; }
  bool is_mask() const { return row(flag).is_mask; }
};

Tensor flag_tensor(Flag flag);

enum class RootKind {
  store,   // tensor@time = node
  gather,  // tensor (a gradient) += node, which is summed over the batch
  assign,  // tensor = node (optimiser, keep)
};

struct Root {
  RootKind kind = RootKind::store;
  int tensor = -1;
  TimeRef time;
  Ref node = nullptr;
  std::string label;  // the equation, for dumps and profiles
};

struct Phase : PhaseId {
  std::vector<Root> roots;  // in an order in which each can be computed
};

enum class UpdateEvery { step, window, sequence };

struct Learned {
  std::string bundle;  // "θ"
  int parameter = -1;
  int gradient = -1;
  UpdateEvery every = UpdateEvery::sequence;
  int update_phase = -1;  // in Program::phases
};

// What is shown under a name: rows start at step 0 or 1. A learn line shows a tensor for each parameter.
struct Shown {
  std::string name;
  int tensor = -1;
  bool from_start = false;
  int parameter = -1;
};

// An `at each` block: at every arrival, passes over the index k.
struct Block {
  // One way through all k. A step runs the phase, then what it gathered moves the running copies.
  struct Pass {
    int phase = -1;
    bool backward = false;
    std::vector<int> stored;     // tensors
    std::vector<int> revisions;  // in `revisions` below
  };
  struct Revision {
    int running = -1, increment = -1;  // tensors
  };
  int low = 0, high = 0;   // equations hold for k in start+low..now+high
  int first = 0, top = 0;  // the passes run over start+first..t+top, boundaries included
  int margin = 0;          // how far beyond that what is stored is read: as zeros
  std::vector<Pass> passes;
  std::vector<Revision> revisions;
  int begin = -1, adopt = -1;  // phases: the running copies' first values; `:=`
};

// What a clipped learn line adds at a step is gathered apart, and divided by its norm over the bound if that exceeds 1.
struct Clip {
  int gathered = -1, gradient = -1;  // tensors
  int hyper = -1;                    // the bound, or
  double bound = 1;
};

// A trace's walk back from every arrival, through the steps before it.
struct Replay {
  std::string name;            // of the recurrence
  int first = -1, again = -1;  // phases: at the step that the arrival's line is about; at each step before it
  int lag = 0;                 // arrivals from that step to the line
  int limit = -1;              // steps before it; -1: all
  bool at_start = false;       // walks to the boundary before the first step
  std::vector<int> carried;    // tensors
};

// A parameter whose way to the loss the rule's lines do not follow, or not all of it: see compiler/frontend/unreached.h.
struct Unreached {
  std::string parameter;  // "net.P"
  bool partly = false;    // something is learned, but not all that acts on the loss
  std::string reason;     // with a suggestion
};
// "net.P learns nothing: ..."
std::string text(const Unreached& unreached);

// What a session needs to know of a program, apart from its phases.
struct Facts {
  std::string name;  // bp_lambda_rnn_tanh, for symbols
  std::vector<Tensor> tensors;
  std::vector<Learned> learned;
  std::vector<Block> blocks;
  std::vector<Clip> clips;
  std::vector<Replay> replays;
  std::map<int, int> before;    // parameter -> its copy from before the sequence
  std::vector<int> statistics;  // gathered over a whole batch, for the rule's keep values
  int keep_phase = -1;          // in `phases`: assigns them, once a batch after all else
  int step_keep_phase = -1;     // those with a value per step, run once a step
  std::vector<Shown> shown;
  std::vector<int> inputs, targets;  // tensors, in the order of x's and y's columns
  std::vector<int> wirings;
  int loss = -1;             // the readout's loss field, or -1
  bool online = true;        // no sweep
  std::int64_t window = -1;  // steps; -1: all
  bool short_first = true;
  bool at_start = false;        // lines of an arrival that hold at the first start too, where no step arrives
  int ahead = 0;                // arrivals beyond the last step that the lines still need
  int window_ahead = 0;         // steps beyond a window's end that its sweep needs
  bool updates_within = false;  // parameters may change inside a sequence
  bool adopts = false;          // a block's `:=` changes them between a step and its learn lines
  std::string optimiser;
  std::vector<Unreached> unreached;

  int find(const std::string& name) const;  // a tensor; -1
  int find(Flag flag) const;                // -1
};

struct Program : Facts {
  Graph graph;
  std::vector<Phase> phases;

  // The equation behind a field or state at a time, over leaves at that time and the one before; null for other
  // tensors.
  Ref definition(int tensor, TimeRef time);
  // Equations of the net and the readout, at t.
  std::map<int, Ref> definitions;

  // Equations have changed.
  void forget_shifted() {
    shifted_.clear();
    known_finite.clear();
  }
  const Phase* phase(PhaseKind kind) const;  // its core; null
  Ref leaf(int tensor, TimeRef time);
  // A field that keeps the value of a node of a step, and the root that stores it at t. The name is made unique.
  Root add_field(std::string wanted, Ref node, bool made);
  std::unordered_map<Ref, bool> known_finite;  // by stays_finite, in masks.h

 private:
  std::map<std::pair<int, std::pair<int, int>>, Ref> shifted_;
};

// Every leaf that computing `root` can read, also through the equations that its lazy derivatives follow.
std::vector<Ref> leaves_of(Program& program, Ref root);
std::vector<Ref> leaves_of(Program& program, std::vector<Ref> roots);

bool is_lazy(NodeKind kind);  // jac, vjp, jvp

// Leaves moved in time, those of lazy derivatives too: everything at `t` becomes what it is at `time`.
Ref shift(Program& program, Ref node, TimeRef time);

}  // namespace eligo::compiler
