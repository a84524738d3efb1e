// Checked expressions as values over the graph, with the parts that the names of a rule are bound to.
//
// Nothing is simplified here and derivatives stay lazy (jac, vjp, jvp): the result is the rule as it reads, which is
// what the interpreter runs. Tensors of equations, draws and stored names are declared at their first use; what an
// elaborator remembers is of that kind, so a value does not depend on what was asked for before.
//
// elaborate.cpp        expressions, brackets, products, right sides of lines
// elaborate_name.cpp   what a name is: a declared tensor, an equation, a member of a role
// elaborate_call.cpp   functions, draws
// elaborate_roles.cpp  calls of parts; synthesisers are bound at their first call
// elaborate_derivative.cpp, elaborate_axes.cpp, elaborate_equation.cpp, elaborate_block.cpp, elaborate_batch.cpp,
// elaborate_pattern.cpp, elaborate_wiring.cpp   what their names say
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "compiler/frontend/environment.h"

namespace eligo::compiler {

class Elaborator {
 public:
  // The rule itself is one of `parts` already.
  Elaborator(Program& program, Parts& parts);

  Value evaluate(const dsl::TypedExpr& e, const Environment& at);
  // A line's right side, in the order of its left side's letters.
  Value right_side(const dsl::TypedLine& line, const Environment& at);
  // The rule, at a step.
  Environment environment(TimeRef now = {When::t, 0}) const;

  // A name of the rule at a time: its leaf if it is a recurrence or a record, else its right side with boundaries.
  Value rule_name(const dsl::TypedEquation& equation, TimeRef time, dsl::Span at);
  // General and boundary equations joined, masked to where the name holds.
  Value with_boundaries(const dsl::TypedEquation& equation, TimeRef time);
  // The equation of a cell or readout as a field of the program (made at its first use).
  int field(Part& part, const std::string& name);

  // The names of the rule's `at each` blocks.
  const std::deque<BlockTensors>& blocks() const { return blocks_; }
  Environment block_environment(std::size_t block);
  void revise(std::size_t block, const std::string& name, BlockTensors::Revised tensors);
  // A name of a block at a time: its leaf if it is stored along k, else its right side with boundaries.
  Value block_value(const std::string& name, TimeRef time, const Environment& at);
  // Where it is stored along k.
  int block_tensor(const std::string& name, std::size_t block, dsl::Span at);

  // The part of a role, bound if it is a synthesiser's that is not bound yet.
  Part* role(const std::string& name);
  // Gives the axes of a part's inputs the values that it is called with.
  void bind_axes(Part& part, dsl::Span at, std::vector<Value>& args);

  Value flag(Flag flag, TimeRef time);
  // A readout's loss as a step counts it: nothing where its weight is 0.
  Value weighted_loss(const Value& loss, TimeRef at);
  // The value where its arguments exist, zero elsewhere; the step that a call is about.
  Value masked_by(const std::vector<Value>& args, Value value);
  TimeRef step_of_call(const dsl::TypedExpr& call, const Environment& at) const;

  // A recurrence over parameters that have a value per step would add up those of different steps.
  [[noreturn]] void refuse_trace(const std::string& name, dsl::Span at) const;

  Values& values() { return v_; }
  const std::map<const dsl::TypedExpr*, int>& draws() const { return draws_; }  // one tensor each

 private:
  using Axes = std::vector<Axis>;

  // elaborate.cpp
  Value evaluate_kind(const dsl::TypedExpr& e, const Environment& at);
  std::pair<Value, Value> operands(const dsl::TypedExpr& e, const Environment& at);
  Value power(const dsl::TypedExpr& e, const Environment& at);
  Value product(const dsl::TypedExpr& e, const Environment& at);
  Value indexed(const dsl::TypedExpr& e, const Environment& at);
  Value at_places(const Value& value, const dsl::TypedExpr& e, const Environment& at);
  Value sum_over_others(Value value, const Environment& at);
  Value in_order(const dsl::TypedLine& line, Value value, const Environment& at);
  std::set<std::string> letters(const dsl::TypedExpr& e, const Environment& at) const;
  static bool is_name(const dsl::TypedExpr& e);
  static std::optional<TimeRef> resolve(dsl::TimeIndex word, const Environment& at);
  std::optional<TimeRef> time_of(const dsl::TypedExpr& e, const Environment& at) const;
  Value tensor_at(int tensor, TimeRef time);
  // A mask: 1 where a flag is 0. What it multiplies may be no number where the flag is 1.
  Value elsewhere(const Value& flag);
  void count(const dsl::TypedExpr& e, const Environment& at);

  // elaborate_name.cpp
  Value name(const dsl::TypedExpr& e, const Environment& at);
  Value read(const dsl::TypedExpr& e, const Environment& at);
  std::optional<Value> part_equation(const dsl::TypedExpr& e, TimeRef when, const Environment& at);
  Value size(const dsl::TypedExpr& e, const Environment& at);
  Value pick(const dsl::TypedExpr& e, const Environment& at);
  // `now` is the step whose parameters are meant where they have a value per step.
  Value bundle(Part& part, dsl::BundleKind which, std::optional<TimeRef> time, TimeRef now);
  Value role_member(Part& part, const std::string& member, const dsl::TypedExpr& e, const Environment& at);
  std::string local_name(Part& part, const std::string& member) const;
  // A tensor with a value per step, at one step.
  Value slot_at(int tensor, TimeRef time, dsl::Span at);

  // elaborate_equation.cpp
  // "P[start]" as the value of a boundary equation: what a caller gives for it.
  Value given_start(const std::string& name, TimeRef time, dsl::Span at);
  Value joined(const dsl::TypedEquation& equation, TimeRef at, bool whole_batch);

  // elaborate_block.cpp
  Value block_name(const dsl::TypedExpr& e, const Environment& at);
  int block_tensor(const std::string& name, BlockTensors& block, dsl::Span at);
  // θ[k] of a parameter under revision.
  Value revised_at(const dsl::TypedExpr& e, TimeRef time, const Environment& at);
  Value running(const dsl::TypedExpr& target, const std::vector<int>& tensors, const Environment& at);
  Value before_sequence(const dsl::TypedExpr& e, const Environment& at);
  std::map<std::string, Value> override_parameters(Part& part, const dsl::TypedExpr& call, const Environment& at);

  // elaborate_roles.cpp
  Value call(const dsl::TypedExpr& e, const Environment& at);
  Value call_synth(Part& part, const dsl::TypedExpr& e, std::vector<Value> args, const Environment& at);
  // A cell takes one step from another state, a readout reads other outputs: `net(x[t], p[t])`, `L(p[t], L.y[t])`.
  Value call_cell(Part& part, const dsl::TypedExpr& e, const std::vector<Value>& args, const Environment& at);
  Value call_readout(Part& part, const dsl::TypedExpr& e, std::vector<Value> args, const Environment& at);
  void bind_synth(const dsl::TypedRole& role);

  // elaborate_call.cpp
  Value function(const dsl::TypedExpr& e, const Environment& at);
  Value draw(const dsl::TypedExpr& e, const Environment& at);
  std::vector<std::string> reduced_axes(const dsl::TypedExpr& e, const Value& a, const Environment& at);
  std::string axis_key(const dsl::AxisRef& axis, const Value& a, const dsl::TypedExpr& e, const Environment& at) const;
  struct Scaled {
    Value quotient, scale, inverse, some;
  };
  Scaled scaled(const Value& a, const std::vector<std::string>& keys);
  Value length(const Value& a, const std::vector<std::string>& keys);
  Value norm(const Value& a, const std::vector<std::string>& keys);
  Value unit(const Value& a, const std::vector<std::string>& keys);
  Value root(const dsl::TypedExpr& e, const Environment& at);
  Value choice(const Value& condition, const Value& yes, const Value& no);
  Value reduction(dsl::FunctionId function, const Value& a, const std::vector<std::string>& keys);
  Value exponentials(dsl::FunctionId function, const Value& a, const std::vector<std::string>& keys);

  Value pattern(const dsl::TypedExpr& e, const Environment& at);  // nonzero, reach

  // A wiring compared with a letter.
  Value leads_to(const dsl::TypedExpr& e, const Environment& at);

  // elaborate_derivative.cpp
  Value derivative(const dsl::TypedExpr& e, const Environment& at);
  Ref single_factor(Ref product) const;
  bool cut_tensor(std::vector<Ref>& cuts) const;
  void check_cut(Ref cut, const Value& numerator, TimeRef own, const dsl::TypedExpr& e, const Environment& at);
  std::vector<Ref> held_leaves(const dsl::TypedExpr& e, const Environment& at);
  bool leads_around(const Value& numerator, const std::vector<Ref>& cuts, const std::vector<Ref>& held, TimeRef own);
  // Cuts and axes of a derivative by parameters of which some have a value per step.
  void settle_step(const Value& numerator, std::vector<Ref>& cuts, Axes& axes, TimeRef own, dsl::Span at);

  // elaborate_axes.cpp: the axes of recurrences, of which the file tells those that no part decides.
  // Empty where they depend on those of a name that is being asked for.
  std::optional<Axes> known_axes(const dsl::TypedEquation& equation, BlockTensors* block = nullptr);
  Axes recurrence_axes(const dsl::TypedEquation& equation, dsl::Span at, BlockTensors* block = nullptr);
  std::optional<Axes> infer(const dsl::TypedExpr& e, const Environment& at);
  std::optional<Axes> widest(const dsl::TypedExpr& e, const Environment& at);
  std::optional<Axes> infer_name(const dsl::TypedExpr& e, const Environment& at);
  std::optional<Axes> explicit_axes(const dsl::TypedLine& line, const Environment& outer);
  bool reads_unknown(const dsl::TypedExpr& e, const BlockTensors* block, std::set<std::string>& seen) const;
  bool reads_unknown(const dsl::TypedExpr& e, const BlockTensors* block) const;
  // The equation of the rule or of the block around that an expression names; null if it names none.
  const dsl::TypedEquation* named_equation(const dsl::TypedExpr& e, const BlockTensors* block) const;

  // elaborate_batch.cpp
  // A backward recurrence that reads nothing of an example is the same for all: it runs over the whole window, also
  // beyond an example's length, and its `end` is the window's.
  bool is_batch_wide(const dsl::TypedEquation& equation);
  bool reads_examples(const dsl::TypedExpr& e, std::set<std::string>& seen);
  bool reads_examples(const dsl::TypedEquation& equation, std::set<std::string>& seen);
  bool is_of_examples(const dsl::TypedExpr& e) const;
  Value window_end(TimeRef time);  // the flag of the window's last step, whatever an example's length

  [[noreturn]] void fail(dsl::Code code, dsl::Span at, const Environment& in, const std::string& message,
                         const std::string& help = "") const;
  [[noreturn]] void fail(dsl::Code code, dsl::Span at, const std::string& message, const std::string& help = "") const;

  Program& p_;
  Parts& parts_;
  Values v_;
  std::deque<BlockTensors> blocks_;
  std::map<const dsl::TypedExpr*, int> draws_;
  std::int64_t evaluated_ = 0;           // expressions so far
  std::map<std::string, Value> values_;  // of the rule's equations at a time, those that are found
  std::set<std::string> in_progress_;    // names that are being found
  std::set<std::string> binding_;        // synthesisers whose first call is being read
  bool batch_wide_ = false;              // inside the equation of such a recurrence
};

}  // namespace eligo::compiler
