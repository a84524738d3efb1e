// Expressions of the language as values over the graph: names, time, calls, derivatives, functions.
//
// Nothing is simplified here and derivatives stay lazy (jac, vjp, jvp): the result is the rule as it reads, which is
// what the interpreter runs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "compiler/frontend/bindings.h"
#include "compiler/frontend/block.h"
#include "dsl/time.h"

namespace eligo::compiler {

struct Scope;

// What names, functions and divisions mean inside a `per neuron` block, where it differs.
class BlockMeaning {
 public:
  virtual ~BlockMeaning() = default;
  virtual std::optional<Value> name(const std::string& name, const Scope& scope) = 0;
  virtual std::optional<Value> function(const dsl::Expr& e, const Scope& scope) = 0;
  virtual Value divisor(const Value& value) = 0;  // what stands below the line
};

struct Scope {
  Part* part = nullptr;
  TimeRef now{When::t, 0};                 // what `t` means
  std::optional<TimeRef> step;             // in a call: the step of its arguments, whose parameters it uses
  std::optional<dsl::TimeBase> here;       // inside a boundary equation: the word that means `now`
  std::map<std::string, Value> bound;      // arguments of a call; p and grad of an optimiser
  std::map<std::string, Value> overrides;  // parameters replaced by `g(s; p)`
  bool function = false;                   // a call of a cell or readout: equations are evaluated anew
  std::map<std::string, Value> before;     // the state that such a call starts from
  BlockNames* block = nullptr;             // inside an `at each` block
  BlockLine line = BlockLine::general;
  bool explicit_form = false;
  std::set<std::string> keep;  // explicit form: index letters that stay free
  BlockMeaning* samples = nullptr;
};

class Elaborator {
 public:
  Elaborator(Program& program, Parts& parts, dsl::Diagnostics& diagnostics)
      : p_(program), parts_(parts), diagnostics_(diagnostics), v_(program.graph) {}

  Value evaluate(const dsl::Expr& e, const Scope& scope);
  // An equation's right side in the order of its left side's axes.
  Value right_side(const dsl::Statement& s, const Scope& scope);
  // A name of the rule at a time: its leaf if it is a recurrence or a record, else its right side with boundaries.
  Value rule_name(const std::string& name, TimeRef time, const dsl::Expr& at);
  // "P[start]" as the value of a boundary equation: what a caller gives for it.
  Value given_start(const std::string& name, TimeRef time, const dsl::Expr& at);
  // General and boundary equations joined, masked to where the name holds.
  Value with_boundaries(const std::string& name, TimeRef time);
  // A name of an `at each` block at a time: its leaf if it is stored along k, else its right side with boundaries.
  Value block_value(const std::string& name, TimeRef time, const Scope& scope);
  // θ[k] of a parameter under revision.
  Value revised_at(const std::string& n, TimeRef time, const dsl::Expr& at, const Scope& scope);
  int block_tensor(const std::string& name, BlockNames& block, const dsl::Expr& at);
  // A backward recurrence that reads nothing of an example is the same for all: it runs over the whole window, also
  // beyond an example's length, and its `end` is the window's.
  bool is_batch_wide(const std::string& name);
  Value window_end(TimeRef time);  // the flag of the window's last step, whatever an example's length
  // The equation of a cell or readout as a field of the program (made at its first use).
  int field(Part& part, const std::string& name);
  // A call of a synthesiser; parameters have the values of the moment.
  Value call_part(Part& part, const dsl::Expr& e, std::vector<Value> args, const Scope& scope);
  // A cell takes one step from another state, a readout reads other outputs: `net(x[t], p[t])`, `L(p[t], L.y[t])`.
  Value call_cell(Part& part, const dsl::Expr& e, const std::vector<Value>& args, const Scope& scope);
  Value call_readout(Part& part, const dsl::Expr& e, std::vector<Value> args, const Scope& scope);
  void bind_axes(Part& part, const dsl::Expr& at, std::vector<Value>& args);
  Value one_axis(const Value& value, const std::string& key, const std::string& shown);

  Value flag(Flag flag, TimeRef time);
  // A mask: 1 where a flag is 0. What it multiplies may be no number where the flag is 1.
  Value elsewhere(const Value& flag);
  Value weighted_loss(const Value& loss, TimeRef at);
  // `now` is the step whose parameters are meant where they have a value per step.
  Value bundle(Part& part, const std::string& which, std::optional<TimeRef> time, TimeRef now, const dsl::Expr& at);
  std::set<std::string> learned_names() const;

  // A recurrence over parameters that have a value per step would add up those of different steps.
  [[noreturn]] void refuse_trace(const std::string& name, dsl::Span at);

  // The value where its arguments exist, zero elsewhere; the step that an expression is about.
  Value masked_by(const std::vector<Value>& args, Value value);
  TimeRef moment_of(const dsl::Expr& e, const Scope& scope) const;
  TimeRef step_of_call(const dsl::Expr& e, const Scope& scope) const;

  Values& values() { return v_; }
  Part* rule = nullptr;
  std::function<void(const std::string&)> bind_role;  // binds a synthesiser that is called before its turn
  const dsl::RuleTime* time = nullptr;
  std::map<std::string, double> header_numbers;                      // n of the rule; -1 is all
  std::map<const dsl::Expr*, int> noise;                             // draws, one tensor each
  std::map<std::string, std::map<std::string, Value>> bound_inputs;  // a readout's input, by role

 private:
  struct Numerator;
  Value evaluate_kind(const dsl::Expr& e, const Scope& scope);
  Value product(const dsl::Expr& e, const Scope& scope);
  Value index(const dsl::Expr& e, const Scope& scope);
  Value timed(const dsl::Expr& base, std::optional<TimeRef> time, const Scope& scope);
  Value name(const std::string& n, std::optional<TimeRef> time, const dsl::Expr& at, const Scope& scope);
  std::optional<Value> block_name(const std::string& n, std::optional<TimeRef> time, const dsl::Expr& at,
                                  const Scope& scope);
  bool varies_along_k(const dsl::Expr& base, const BlockNames& block);
  Value before_sequence(const dsl::Expr& e, const Scope& scope);
  std::map<std::string, Value> override_parameters(Part& part, const dsl::Expr& call, const Scope& scope);
  Value role_member(Part& part, const std::string& m, std::optional<TimeRef> time, TimeRef now, const dsl::Expr& at);
  Value tensor_at(int tensor, TimeRef time);
  // A tensor with a value per step, at one step.
  Value slot_at(int tensor, TimeRef time, const dsl::Expr& at);
  Value explicit_index(const Value& value, const std::vector<dsl::ExprPtr>& brackets, const dsl::Expr& at,
                       const Scope& scope);
  Value call(const dsl::Expr& e, const Scope& scope);
  Value function(const dsl::Expr& e, const Scope& scope);
  std::vector<std::string> reduced_axes(const dsl::Expr& e, const Value& a, const Scope& scope);
  struct Scaled {
    Value quotient, scale, inverse, some;
  };
  Scaled scaled(const Value& a, const std::vector<std::string>& keys);
  Value length(const Value& a, const std::vector<std::string>& keys);
  Value norm(const Value& a, const std::vector<std::string>& keys);
  const dsl::Expr* squared_norm(const dsl::Expr& e, const Scope& scope);
  Value root(const dsl::Expr& e, const Scope& scope);
  Value choice(const Value& condition, const Value& yes, const Value& no);
  Value reduction(const dsl::Expr& e, const Value& a, const std::vector<std::string>& keys);
  Value pattern(const dsl::Expr& e, const Scope& scope);  // nonzero, reach
  Value derivative(const dsl::Expr& e, const Scope& scope);
  std::vector<Ref> held_leaves(const dsl::Expr& e, const Scope& scope);
  bool leads_around(const Value& numerator, const std::vector<Ref>& cuts, const std::vector<Ref>& held, TimeRef own);
  // Cuts and axes of a derivative by parameters of which some have a value per step.
  void settle_step(const Value& numerator, std::vector<Ref>& cuts, std::vector<Axis>& axes, TimeRef own,
                   const dsl::Expr& at);
  Value draw(const dsl::Expr& e, const Scope& scope);
  // Empty where they depend on those of a name that is being asked for.
  std::optional<std::vector<Axis>> known_axes(const std::string& n, BlockNames* block = nullptr);
  std::vector<Axis> recurrence_axes(const std::string& n, const dsl::Expr& at, BlockNames* block = nullptr);
  std::optional<std::vector<Axis>> infer(const dsl::Expr& e, const Scope& scope);
  std::optional<std::vector<Axis>> explicit_axes(const dsl::Statement& s, const Scope& outer);
  bool reads_unknown(const dsl::Expr& e, const BlockNames* block, std::set<std::string>& seen);
  bool reads_unknown(const dsl::Expr& e, const BlockNames* block) {
    std::set<std::string> seen;
    return reads_unknown(e, block, seen);
  }
  static std::optional<TimeRef> resolve(dsl::TimeIndex word, const Scope& scope);
  std::optional<TimeRef> resolve_time(const dsl::Expr& e, const Scope& scope);
  // parent[j, r] == i in the explicit form: the wiring and the letter; nothing for any other comparison.
  std::optional<std::pair<const dsl::Expr*, const dsl::Expr*>> compared_places(const dsl::Expr& e, const Scope& scope);
  Value leads_to(const dsl::Expr& wiring, const dsl::Expr& letter, bool equal, const Scope& scope);
  std::set<std::string> letters(const dsl::Expr& e, const Scope& scope);
  std::string axis_key(const std::string& n, const Value& a, const dsl::Expr& at, const Scope& scope);
  [[noreturn]] void fail(dsl::Code code, const dsl::Expr& at, const Scope& scope, const std::string& message,
                         const std::string& help = "");

  Program& p_;
  Parts& parts_;
  dsl::Diagnostics& diagnostics_;
  Values v_;
  bool reads_examples(const dsl::Expr& e, std::set<std::string>& seen);
  void count(const dsl::Expr& e, const Scope& scope);
  std::int64_t evaluated_ = 0;            // expressions so far
  std::map<std::string, Value> values_;   // of the rule's equations at a time, those that are found
  std::set<std::string> in_progress_;
  bool batch_wide_ = false;  // inside the equation of such a recurrence
};

}  // namespace eligo::compiler
