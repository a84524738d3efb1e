// The work of `instantiate`, one method a question: who plays which role, what is learned, what runs when.
//
// instantiate.cpp               roles, windows, what the program still needs at the end
// instantiate_learn.cpp         learn lines, gradients, optimisers
// instantiate_recurrences.cpp   which phase computes a recurrence, and when it is fixed
// instantiate_block.cpp         `at each` blocks: passes over k, parameters under revision
// instantiate_neurons.cpp       `per neuron` blocks, statistics, what keep values become
// instantiate_synths.cpp        statistics that a synthesiser keeps of what it is called with
// instantiate_shows.cpp         values kept for the user
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/frontend/elaborate.h"
#include "compiler/frontend/instantiate.h"

namespace eligo::compiler {

dsl::ExprPtr make_name(const std::string& name, dsl::Span span);

class Instantiator {
 public:
  Instantiator(const Instance& instance, Program& program, dsl::Diagnostics& diagnostics)
      : in_(instance),
        p_(program),
        diagnostics_(diagnostics),
        parts_(program, diagnostics, instance.sizes),
        elab_(program, parts_, diagnostics) {}

  void run();

 private:
  Phase& phase(PhaseKind kind, const std::string& of = "");
  const dsl::Item& rule() const { return *in_.rule.item; }
  void add_flag(Flag flag);
  void flags();
  Part& add_role(const std::string& role, const dsl::HeaderEntry& entry);
  void bind_roles();
  std::optional<Axis> bundle_axis(const std::string& name);
  std::string output_of(const Part& net);
  // `over neurons w`: the axis, and which axis of each parameter is its neuron's.
  void bind_neurons(Part& net, const dsl::HeaderEntry& entry);
  void bind_readout(Part& readout, const dsl::HeaderEntry& entry);
  // A synthesiser's axes come from its first call in the rule.
  void bind_synths();
  void bind_synth(const dsl::HeaderEntry& entry);
  // The names of each block, and where its k runs.
  void find_blocks();
  void read_block(BlockNames& block);
  void read_range(BlockNames& block);
  void block_flags();
  bool is_bundle(const std::string& name);
  BlockNames* block_of(const dsl::Statement* statement);
  // Parameters under revision get their running copies.
  void revisions();
  void check_revision(const BlockNames& block, const std::string& name, const BlockNames::Revised& revised);
  struct BlockItem;
  // The passes of all blocks, once everything that reads the block's names is known.
  void blocks();
  Block block_phases(BlockNames& block, std::size_t number);
  std::vector<BlockItem> block_items(BlockNames& block);
  void order_items(const BlockNames& block, std::vector<BlockItem>& items);
  std::vector<std::pair<int, Ref>> by_member(const dsl::Statement& s, const BlockNames::Revised& r, const Value& value);
  int assign_phase(BlockNames& block, const std::string& name, BlockLine line);
  void check_pass(const BlockNames& block, const std::vector<BlockItem>& items);
  bool shows_of_block(const std::string& name);
  // What blocks read of an arrival comes before them, in the phase `record`.
  void record_first();
  void note_blocks(bool& changed);
  void window();
  void finish();
  void unfollowed();  // parameters that act on the loss behind the state

  // The tensors that a learn line's left side names.
  std::vector<int> targets_of(const dsl::Statement& s);
  void learned();
  // Where parameters change inside a sequence, a step's equations hold the values that they had when it was taken.
  void version_parameters();
  void gather(Phase& into, const dsl::Statement& s, const Scope& scope, const Value& mask);
  // What a line teaches, parameter by parameter, before its sign; `value` is all of it.
  std::vector<std::pair<int, Ref>> learned_from(const dsl::Statement& s, const Scope& scope, Value& value);
  // A mask that leaves out steps which do not count, where batches say so.
  Value counted(const Value& mask, TimeRef now);
  // Where a line runs, about which step, behind which mask: one place, or two where the way back ends at the start.
  struct LinePlace {
    PhaseKind phase;
    Scope scope;
    Value mask;
  };
  std::vector<LinePlace> places_of(const dsl::Statement& s);
  std::size_t line_number(const dsl::Statement& s) const;
  // Whose copy of a parameter with a value per step a line's value belongs to.
  TimeRef step_learned(int tensor, Ref block, const Value& value, const dsl::Statement& s);
  int clipped(const dsl::Statement& s, int gradient);
  void lines();
  // Which draws bear the name of an equation, so that a caller can give them.
  void name_draws();
  void updates();

  // `:=` of the rule's keep values, in and outside of blocks: once a batch, after all learn lines.
  void keep_values();
  void per_neuron(const dsl::Statement& block);
  void keep_line(const dsl::Statement& s);
  // Where the samples of a block are at hand: the sweep, or the arrival that completes their look-ahead.
  Phase& sample_phase(const dsl::Statement& block, TimeRef* now);
  void assign_keep(Part& part, const dsl::Statement& s, const Value& value, const std::optional<Value>& holds,
                   TimeRef now);
  // `:=` of a synthesiser's keep values, from what it is called with.
  void synth_statistics();
  void synth_statistics(Part& part, const dsl::Expr& call);

  Ref store_value(int tensor, const Value& value);
  std::vector<int> recurrences(TensorKind kind);
  // `reach`: how far beyond its own time the phase is run at an arrival (a block's last k).
  void note_reads(Ref root, int self, bool& changed, int reach = 0);
  // A forward recurrence is fixed at its first reading: as many arrivals after its index as its earliest reader waits.
  void forward_recurrences();
  void backward_recurrences();
  // Recurrences that only a shown value reads are carried too.
  void forward_again();
  // How far beyond a window's end its sweep reads: masked reads behind an `end` boundary do not count.
  int reach(const std::string& name, std::set<std::string>& active);
  int reach(const dsl::Expr& e, std::set<std::string>& active);

  struct Request {
    std::string name;
    const dsl::Expr* value = nullptr;
    bool from_start = false;
    bool sweep = false;
    int ahead = 0;
  };
  Request request(const std::string& shown, std::vector<dsl::ExprPtr>& keep);
  bool is_state(const Value& v);
  bool shows_line(const std::string& shown);
  void show_line(const std::string& shown, const dsl::Statement& line);
  void shows();
  void show_on_arrival(const std::string& name, int tensor, Request r);

  const Instance& in_;
  Program& p_;
  dsl::Diagnostics& diagnostics_;
  Parts parts_;
  Elaborator elab_;
  dsl::RuleTime time_;
  Part* net_ = nullptr;
  Phase keeps_{{PhaseKind::keep}, {}}, step_keeps_{{PhaseKind::keep_steps}, {}};
  std::map<std::string, const dsl::Expr*> synth_calls_;  // the first call of each synthesiser, if outside of blocks
  std::set<std::string> binding_;                        // synthesisers whose first call is being read
  std::deque<BlockNames> blocks_;
  std::set<std::string> block_shows_;  // names of blocks that are shown, so that they are stored
  std::map<int, int> gradient_;        // parameter -> gradient
  std::map<std::pair<const dsl::Statement*, int>, int> clipped_;  // line and gradient -> what a step adds
  std::set<int> swept_;                                           // backward recurrences that the sweep computes
  std::map<int, int> lag_;                                        // forward recurrence -> arrivals after its index
};

}  // namespace eligo::compiler
