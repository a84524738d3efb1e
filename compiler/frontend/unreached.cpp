#include "compiler/frontend/unreached.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/core.h>

namespace eligo::compiler {
namespace {

// Whether a value depends on a parameter, by the equations of the net and the readout.
class Dependence {
 public:
  // `through_state`: follow states to their equations, of all steps; else a state ends the search. `through_stop`: also
  // what `stop` holds.
  Dependence(Program& program, int parameter, bool through_state, const std::vector<Ref>& cuts = {},
             bool through_stop = false)
      : p_(program), parameter_(parameter), through_state_(through_state), cuts_(cuts), through_stop_(through_stop) {}

  bool of(Ref node) {
    const auto [known, fresh] = known_.try_emplace(node, false);
    if (!fresh) return known->second;
    const bool found = node->kind == NodeKind::leaf ? of_leaf(node) : of_operands(node);
    return known_[node] = found;
  }

 private:
  bool of_operands(Ref node) {
    return (node->kind != NodeKind::stop || through_stop_) &&
           std::any_of(node->uses.begin(), node->uses.end(), [&](const Use& use) { return of(use.node); });
  }

  bool of_leaf(Ref leaf) {
    if (leaf->tensor == parameter_) return true;
    if (std::find(cuts_.begin(), cuts_.end(), leaf) != cuts_.end()) return false;
    const bool state = p_.tensors[leaf->tensor].kind == TensorKind::state;
    if (state && !through_state_) return false;
    const auto equation = p_.definitions.find(leaf->tensor);
    if (equation == p_.definitions.end()) return false;
    // Over all steps the equation at t stands for each of them, so that the search ends.
    return of(through_state_ ? equation->second : p_.definition(leaf->tensor, leaf->time));
  }

  Program& p_;
  int parameter_;
  bool through_state_;
  std::vector<Ref> cuts_;
  bool through_stop_;
  std::unordered_map<Ref, bool> known_;
};

bool is_update(const Phase& phase) { return row(phase.kind).assigns; }

// Every derivative that is taken by a parameter.
std::vector<Ref> derivatives_by(const Program& program, int parameter) {
  std::vector<Ref> roots, found;
  for (const Phase& phase : program.phases)
    if (!is_update(phase))
      for (const Root& root : phase.roots) roots.push_back(root.node);
  for (Ref node : postorder(roots))
    if (is_lazy(node->kind) && node->kind != NodeKind::jvp && node->cuts[node->wrt]->tensor == parameter)
      found.push_back(node);
  return found;
}

// A numerator that is a state itself is followed through the state's equation, not around it.
bool follows_around_state(Program& program, Ref derivative, int parameter) {
  const std::size_t step = derivative->kind == NodeKind::vjp ? 2 : 1;
  Dependence around(program, parameter, false, derivative->cuts);
  for (std::size_t i = 0; i < derivative->uses.size(); i += step)
    if (around.of(derivative->uses[i].node)) return true;
  return false;
}

Unreached& entry(Program& program, int parameter) {
  const std::string& name = program.tensors[parameter].name;
  for (Unreached& have : program.unreached)
    if (have.parameter == name) return have;
  return program.unreached.emplace_back(Unreached{name, false, ""});
}

std::string role_of(const std::string& name) { return name.substr(0, name.find('.')); }

// Parameters that an `at each` block assigns have no learn lines.
std::set<int> assigned_by_blocks(const Program& program) {
  std::set<int> assigned;
  for (const Block& block : program.blocks)
    if (block.adopt >= 0)
      for (const Root& root : program.phases[static_cast<std::size_t>(block.adopt)].roots) assigned.insert(root.tensor);
  return assigned;
}

// Parameters for which a line gathers something that is not zero.
std::set<int> gathering(const Program& program) {
  std::map<int, int> parameter_of;  // by gradient, and by what a clipped line adds to one
  for (const Learned& l : program.learned) parameter_of[l.gradient] = l.parameter;
  for (const Clip& clip : program.clips)
    if (const auto found = parameter_of.find(clip.gradient); found != parameter_of.end())
      parameter_of[clip.gathered] = found->second;
  std::set<int> some;
  for (const Phase& phase : program.phases)
    for (const Root& root : phase.roots) {
      const auto found = parameter_of.find(root.tensor);
      const bool zero = root.node->is_zero() || (root.node->kind == NodeKind::sum && root.node->uses.empty());
      if (root.kind == RootKind::gather && found != parameter_of.end() && !zero) some.insert(found->second);
    }
  return some;
}

}  // namespace

void note_unfollowed(Program& program, const std::string& state, const std::string& loss) {
  if (program.loss < 0) return;
  Ref of_step = program.definitions.at(program.loss);
  std::map<int, std::string> bundles;  // of the parameters that lines and blocks change
  for (const int parameter : assigned_by_blocks(program)) bundles[parameter] = program.tensors[parameter].bundle;
  for (const Learned& l : program.learned) bundles[l.parameter] = l.bundle;
  for (const auto& [parameter, bundle] : bundles) {
    if (!Dependence(program, parameter, false).of(of_step)) continue;
    const std::vector<Ref> derivatives = derivatives_by(program, parameter);
    if (std::any_of(derivatives.begin(), derivatives.end(),
                    [&, at = parameter](Ref d) { return follows_around_state(program, d, at); }))
      continue;
    Unreached& found = entry(program, parameter);
    found.partly = true;
    found.reason = fmt::format(
        "it acts on the loss behind the state, through the cell's output, and no line of the rule follows that way; "
        "add d({0}[t])/d({1} | {2}[t]) to what {1} learns",
        loss, bundle, state);
  }
}

void note_unlearned(Program& program) {
  const std::set<int> some = gathering(program), assigned = assigned_by_blocks(program);
  std::set<int> lines;
  std::set<std::string> roles;
  for (const Learned& l : program.learned) {
    lines.insert(l.parameter);
    roles.insert(role_of(program.tensors[l.parameter].name));
  }
  for (int i = 0; i < static_cast<int>(program.tensors.size()); ++i) {
    const Tensor& t = program.tensors[i];
    if (t.kind != TensorKind::param || assigned.contains(i) || some.contains(i)) continue;
    if (!roles.contains(role_of(t.name))) continue;
    Unreached& found = entry(program, i);
    const bool known = found.partly;
    found.partly = false;
    if (!lines.contains(i)) found.reason = "no learn line names it";
    else if (known) continue;
    else if (program.loss >= 0 && !Dependence(program, i, true).of(program.definitions.at(program.loss)))
      found.reason = Dependence(program, i, true, {}, true).of(program.definitions.at(program.loss))
                         ? "it acts on the loss only inside stop(...), where no derivative goes"
                         : "the loss does not depend on it";
    else found.reason = "everything that the learn lines add to it is zero";
  }
}

std::string text(const Unreached& unreached) {
  return fmt::format("{} learns {}: {}", unreached.parameter,
                     unreached.partly ? "only by a part of its gradient" : "nothing", unreached.reason);
}

}  // namespace eligo::compiler
