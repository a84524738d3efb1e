#include "compiler/passes/distribute_steps.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <fmt/core.h>

#include "compiler/ir/cost_model.h"
#include "compiler/ir/rewrite.h"

namespace eligo::compiler {
namespace {

enum class Place { before, step, after };

bool is_structured(Ref node) {
  if (node->kind == NodeKind::embed || node->kind == NodeKind::wire) return true;
  return node->kind == NodeKind::contract && std::any_of(node->uses.begin(), node->uses.end(), [](const Use& use) {
           return use.node->kind == NodeKind::embed || use.node->kind == NodeKind::wire;
         });
}

// What a tensor of the program's loops is written by.
struct Writer {
  std::size_t root = 0;
  TimeRef time;
};

// One phase that runs over the steps, forward or backward.
class Division {
 public:
  Division(Program& program, int phase, bool backward, std::unordered_set<int> read_at_each)
      : p_(program), phase_(phase), backward_(backward), read_at_each_(std::move(read_at_each)) {}

  void run() {
    roots_ = p_.phases[static_cast<std::size_t>(phase_)].roots;
    if (!find_dependences()) return;
    place_roots();
    keep_early_parts();
    keep_shared_parts();
    store();
  }

 private:
  // -- dependences --------------------------------------------------------------------------------------------------

  static std::vector<Ref> leaves(Ref root) {
    std::vector<Ref> found;
    for (Ref node : postorder({root}))
      if (node->kind == NodeKind::leaf) found.push_back(node);
    return found;
  }

  // How many steps later than it is written by this phase a value is read; false if it is not.
  bool distance(Ref leaf, const Writer*& writer, int& by) const {
    const auto found = writers_.find(leaf->tensor);
    if (found == writers_.end()) return false;
    writer = &found->second;
    by = (backward_ ? 1 : -1) * (leaf->time.offset - writer->time.offset);
    return true;
  }

  bool find_dependences() {
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      const Root& root = roots_[i];
      if (root.kind != RootKind::store) continue;
      if (root.time.base != When::t || !writers_.emplace(root.tensor, Writer{i, root.time}).second) return false;
    }
    needs_.resize(roots_.size());
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      for (Ref leaf : leaves(roots_[i].node)) {
        const Writer* writer = nullptr;
        int by = 0;
        if (!distance(leaf, writer, by)) continue;
        // What is read before it is written, or at another place than a step, keeps the order as it is.
        if (leaf->time.base != When::t || by < 0 || (by == 0 && writer->root >= i)) return false;
        needs_[i].push_back({writer->root, by});
      }
    }
    return true;
  }

  // -- places -------------------------------------------------------------------------------------------------------

  // Whether many steps of it could be computed as so many examples: it reads tensors without time or at its own step
  // and those around it, and sums over examples only to gather.
  bool takes_rows(Ref node) const {
    for (Ref each : postorder({node})) {
      if (each->sum_batch) return false;
      if (each->kind != NodeKind::leaf) continue;
      if (p_.tensors[static_cast<std::size_t>(each->tensor)].timed() && each->time.base != When::t) return false;
    }
    return true;
  }

  bool takes_rows(const Root& root) const {
    if (root.kind == RootKind::store) return takes_rows(root.node);
    if (root.kind != RootKind::gather) return false;
    std::vector<Ref> terms = {root.node};
    if (root.node->kind == NodeKind::sum) {
      terms.clear();
      for (const Use& use : root.node->uses) terms.push_back(use.node);
    }
    return std::all_of(terms.begin(), terms.end(), [&](Ref term) {
      return term->kind == NodeKind::contract && term->sum_batch &&
             std::all_of(term->uses.begin(), term->uses.end(), [&](const Use& use) { return takes_rows(use.node); });
    });
  }

  // Too large to be kept for many steps, where it would otherwise live for a few.
  bool reads_large(const Root& root) const {
    for (Ref leaf : leaves(root.node)) {
      const Tensor& t = p_.tensors[static_cast<std::size_t>(leaf->tensor)];
      if ((t.kind == TensorKind::forward || t.kind == TensorKind::record) && t.size() > cost_model::distributed_size) return true;
    }
    return false;
  }

  // Roots that lead to those in `from`.
  std::vector<char> leading_to(std::vector<char> from) const {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < roots_.size(); ++i) {
        if (!from[i]) continue;
        for (const auto& [need, by] : needs_[i]) {
          changed = changed || !from[need];
          from[need] = 1;
        }
      }
    }
    return from;
  }

  std::vector<char> following(std::vector<char> from) const {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < roots_.size(); ++i)
        for (const auto& [need, by] : needs_[i])
          if (from[need] && !from[i]) {
            from[i] = 1;
            changed = true;
          }
    }
    return from;
  }

  bool in_cycle(std::size_t root) const {
    std::vector<char> from(roots_.size(), 0);
    for (const auto& [need, by] : needs_[root]) from[need] = 1;
    return leading_to(std::move(from))[root];
  }

  void place_roots() {
    std::vector<char> stays(roots_.size(), 0);
    for (std::size_t i = 0; i < roots_.size(); ++i)
      stays[i] = !takes_rows(roots_[i]) || in_cycle(i) || reads_large(roots_[i]) ||
                 (roots_[i].kind == RootKind::store &&
                  (read_at_each_.contains(roots_[i].tensor) ||
                   p_.tensors[static_cast<std::size_t>(roots_[i].tensor)].size() > cost_model::distributed_size));
    for (bool changed = true; changed;) {
      changed = share_whole_roots(stays);
      const std::vector<char> leads = leading_to(stays), follows = following(stays);
      for (std::size_t i = 0; i < roots_.size(); ++i) {
        bool stay = leads[i] && follows[i];
        // Within one call nothing is read at another step than it is written for.
        for (std::size_t j = 0; j < roots_.size(); ++j)
          for (const auto& [need, by] : needs_[j])
            stay = stay || (need == i && by != 0 && !leads[i] && !stays[j] && !leads[j]);
        changed = changed || (stay && !stays[i]);
        stays[i] = stays[i] || stay;
      }
      places_.assign(roots_.size(), Place::after);
      for (std::size_t i = 0; i < roots_.size(); ++i)
        if (stays[i]) places_[i] = Place::step;
        else if (leads[i]) places_[i] = Place::before;
    }
    for (bool changed = true; changed;) {  // nor in the first one
      changed = false;
      for (std::size_t i = 0; i < roots_.size(); ++i)
        for (const auto& [need, by] : needs_[i])
          if (places_[i] == Place::before && (by != 0 || places_[need] == Place::step)) {
            places_[i] = Place::step;
            changed = true;
          }
    }
  }

  // A stored value that is expensive and that another root of a step computes anyway is stored there, ahead of that root.
  bool share_whole_roots(std::vector<char>& stays) {
    bool changed = false;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      if (stays[i] || roots_[i].kind != RootKind::store || !is_worth(roots_[i].node)) continue;
      for (std::size_t j = 0; j < roots_.size(); ++j) {
        if (!stays[j] || j == i) continue;
        const auto below = postorder({roots_[j].node});
        if (std::find(below.begin(), below.end(), roots_[i].node) == below.end()) continue;
        stays[i] = 1;
        changed = true;
        break;
      }
    }
    return changed;
  }

  // -- parts of a step that are known before it ---------------------------------------------------------------------

  // Operations an example.
  double work(Ref node) {
    if (const auto known = work_.find(node); known != work_.end()) return known->second;
    double own = 0;
    const auto points = [&] {
      double n = 1;
      for (int l = 0; l < node->labels(); ++l) n *= static_cast<double>(node->extent(l));
      return n;
    };
    if (node->kind == NodeKind::map) own = points() * op_cost(node->op);
    else if (node->kind == NodeKind::contract || node->kind == NodeKind::sum || node->kind == NodeKind::maximum)
      own = points() * static_cast<double>(node->uses.size());
    for (const Use& use : node->uses) own += work(use.node);
    return work_[node] = own;
  }

  // Whether keeping a value takes no more memory than what it is made of: not so for outer products.
  static bool is_compact(Ref node) {
    if (node->kind == NodeKind::leaf || node->kind == NodeKind::maximum || !node->summed.empty()) return true;
    return std::any_of(node->uses.begin(), node->uses.end(), [&](const Use& use) {
      return use.node->batched && use.node->size() >= node->size() && is_compact(use.node);
    });
  }

  bool is_worth(Ref node) {
    return node->batched && node->size() <= cost_model::distributed_size && is_compact(node) &&
           work(node) >= cost_model::distributed_operations * static_cast<double>(node->size());
  }

  // Whether a node follows from what is there before the steps.
  bool is_early(Ref node) {
    if (const auto known = early_.find(node); known != early_.end()) return known->second;
    bool early = !node->sum_batch;
    if (node->kind == NodeKind::leaf) {
      const Writer* writer = nullptr;
      int by = 0;
      if (p_.tensors[static_cast<std::size_t>(node->tensor)].timed()) early = node->time.base == When::t;
      if (distance(node, writer, by)) early = early && by == 0 && places_[writer->root] == Place::before;
    }
    for (const Use& use : node->uses) early = is_early(use.node) && early;
    return early_[node] = early;
  }

  // A field of its own for a node's value at t.
  Ref field(Ref node, Place place) {
    const std::string kind = node->kind == NodeKind::map ? std::string(op_name(node->op)) : "sum";
    const std::string phase = p_.phases[static_cast<std::size_t>(phase_)].name();
    const Root root = p_.add_field(fmt::format("{}.{}{}", phase, kind, p_.tensors.size()), node, true);
    (place == Place::before ? early_roots_ : shared_roots_).push_back(root);
    return kept_[node] = p_.leaf(root.tensor, root.time);
  }

  // The node with its early parts read from where they are kept.
  Ref without_early(Ref node) {
    if (const auto known = kept_.find(node); known != kept_.end()) return known->second;
    if (node->uses.empty()) return node;
    if (const auto known = rewritten_.find(node); known != rewritten_.end()) return known->second;
    if (is_early(node) && !is_structured(node) && is_worth(node)) return field(node, Place::before);
    std::vector<Use> uses = node->uses;
    if (node->kind == NodeKind::sum && !is_early(node)) uses = join_early_terms(node);
    for (Use& use : uses) use.node = without_early(use.node);
    p_.graph.origin = node->origin;
    return rewritten_[node] =
               node->kind == NodeKind::sum ? p_.graph.sum(uses, node->dims) : p_.graph.rebuild(node, std::move(uses));
  }

  // Several early terms of a sum are one.
  std::vector<Use> join_early_terms(Ref node) {
    std::vector<Use> early, others;
    for (const Use& use : node->uses) (is_early(use.node) && !is_structured(use.node) ? early : others).push_back(use);
    if (early.size() < 2) return node->uses;
    Ref joined = p_.graph.sum(early, node->dims);
    if (!is_worth(joined)) return node->uses;
    others.push_back(whole(joined));
    return others;
  }

  void keep_early_parts() {
    if (std::find(places_.begin(), places_.end(), Place::step) == places_.end()) return;
    for (std::size_t i = 0; i < roots_.size(); ++i)
      if (places_[i] == Place::step) roots_[i].node = without_early(roots_[i].node);
    for (std::size_t i = 0; i < roots_.size(); ++i)
      if (places_[i] == Place::after) roots_[i].node = with_kept(roots_[i].node);
  }

  // The node with what is kept read from there.
  Ref with_kept(Ref node) {
    return substitute_nodes(p_.graph, node, [&](Ref each) {
      const auto known = kept_.find(each);
      return known == kept_.end() ? nullptr : known->second;
    });
  }

  // -- what a step computes and the rest needs too ------------------------------------------------------------------

  void keep_shared_parts() {
    std::vector<Ref> steps;
    for (std::size_t i = 0; i < roots_.size(); ++i)
      if (places_[i] == Place::step) steps.push_back(roots_[i].node);
    if (steps.empty()) return;
    const std::vector<Ref> order = postorder(steps);
    const std::unordered_set<Ref> computed(order.begin(), order.end());
    for (std::size_t i = 0; i < roots_.size(); ++i) {  // what is stored can be read there
      const Root& root = roots_[i];
      if (places_[i] == Place::step && root.kind == RootKind::store && root.time == TimeRef{When::t, 0} &&
          root.node->dims == p_.tensors[static_cast<std::size_t>(root.tensor)].dims)
        kept_.emplace(root.node, p_.leaf(root.tensor, root.time));
    }
    std::unordered_set<Ref> seen;
    const std::function<void(Ref)> look = [&](Ref node) {
      if (node->uses.empty() || kept_.contains(node) || !seen.insert(node).second) return;
      if (computed.contains(node) && is_worth(node) && !is_structured(node) && takes_rows(node)) {
        field(node, Place::step);
        return;
      }
      for (const Use& use : node->uses) look(use.node);
    };
    for (std::size_t i = 0; i < roots_.size(); ++i)
      if (places_[i] == Place::after) look(roots_[i].node);
    for (std::size_t i = 0; i < roots_.size(); ++i)
      if (places_[i] == Place::after) roots_[i].node = with_kept(roots_[i].node);
  }

  // -- the three phases ---------------------------------------------------------------------------------------------

  // Roots of a step with those that only keep a part of another's value ahead of it, where it is computed.
  std::vector<Root> step_roots() const {
    std::vector<Root> own, keeping = shared_roots_;
    for (std::size_t i = 0; i < roots_.size(); ++i)
      if (places_[i] == Place::step) own.push_back(roots_[i]);
    std::vector<Root> out;
    std::vector<char> done(own.size(), 0);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (done[i]) continue;
      const auto below = postorder({own[i].node});
      const std::unordered_set<Ref> parts(below.begin(), below.end());
      std::vector<std::pair<std::size_t, Root>> ahead;  // smaller ones first: they are parts of larger ones
      for (std::size_t k = 0; k < keeping.size();) {
        if (!parts.contains(keeping[k].node)) {
          ++k;
          continue;
        }
        ahead.emplace_back(postorder({keeping[k].node}).size(), keeping[k]);
        keeping.erase(keeping.begin() + static_cast<std::ptrdiff_t>(k));
      }
      for (std::size_t j = i + 1; j < own.size(); ++j)
        if (!done[j] && own[j].kind == RootKind::store && own[j].node != own[i].node && parts.contains(own[j].node) &&
            !own[j].node->uses.empty()) {
          done[j] = 1;
          ahead.emplace_back(postorder({own[j].node}).size(), own[j]);
        }
      std::stable_sort(ahead.begin(), ahead.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (auto& [size, root] : ahead) out.push_back(std::move(root));
      out.push_back(own[i]);
    }
    return out;
  }

  void store() {
    std::vector<Root> before, after;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      if (places_[i] == Place::before) before.push_back(roots_[i]);
      if (places_[i] == Place::after) after.push_back(roots_[i]);
    }
    before.insert(before.end(), early_roots_.begin(), early_roots_.end());
    const PhaseKind kind = p_.phases[static_cast<std::size_t>(phase_)].kind;
    p_.phases[static_cast<std::size_t>(phase_)].roots = step_roots();
    if (!before.empty()) p_.phases.push_back({{kind, PhasePart::before, ""}, std::move(before)});
    if (!after.empty()) p_.phases.push_back({{kind, PhasePart::after, ""}, std::move(after)});
    p_.graph.origin = {};
  }

  Program& p_;
  int phase_;
  bool backward_;
  std::unordered_set<int> read_at_each_;  // tensors that something reads right behind each step
  std::vector<Root> roots_;
  std::unordered_map<int, Writer> writers_;                      // by tensor
  std::vector<std::vector<std::pair<std::size_t, int>>> needs_;  // by root: which others, from how many steps ago
  std::vector<Place> places_;
  std::unordered_map<Ref, double> work_;
  std::unordered_map<Ref, bool> early_;
  Rewritten kept_, rewritten_;
  std::vector<Root> early_roots_, shared_roots_;
};

int numbered(const Program& p, PhaseKind kind) {
  for (std::size_t i = 0; i < p.phases.size(); ++i)
    if (p.phases[i].is(kind) && !p.phases[i].roots.empty()) return static_cast<int>(i);
  return -1;
}

std::unordered_set<int> tensors_of(const Program& p, PhaseKind phase, bool stored) {
  std::unordered_set<int> found;
  const int number = numbered(p, phase);
  if (number < 0) return found;
  for (const Root& root : p.phases[static_cast<std::size_t>(number)].roots) {
    if (stored && root.kind == RootKind::store) found.insert(root.tensor);
    if (!stored)
      for (Ref node : postorder({root.node}))
        if (node->kind == NodeKind::leaf) found.insert(node->tensor);
  }
  return found;
}

bool meet(const std::unordered_set<int>& a, const std::unordered_set<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int x) { return b.contains(x); });
}

}  // namespace

void distribute_steps(Program& p) {
  if (!p.blocks.empty() || !p.clips.empty() || !p.replays.empty() || p.updates_within) return;
  if (std::any_of(p.tensors.begin(), p.tensors.end(), [](const Tensor& t) { return t.per_step; })) return;
  // Steps are taken ahead of their arrivals, and these ahead of the way back.
  const std::unordered_set<int> step_reads = tensors_of(p, PhaseKind::step, false),
                                arrive_reads = tensors_of(p, PhaseKind::arrive, false);
  for (const PhaseKind later :
       {PhaseKind::arrive, PhaseKind::show, PhaseKind::sweep, PhaseKind::sweep_start, PhaseKind::close})
    if (meet(step_reads, tensors_of(p, later, true))) return;
  for (const PhaseKind later : {PhaseKind::sweep, PhaseKind::sweep_start, PhaseKind::close})
    if (meet(arrive_reads, tensors_of(p, later, true))) return;
  if (numbered(p, PhaseKind::record) >= 0) return;
  if (const int step = numbered(p, PhaseKind::step); step >= 0) Division(p, step, false, {}).run();
  if (const int arrive = numbered(p, PhaseKind::arrive); arrive >= 0)
    Division(p, arrive, false, tensors_of(p, PhaseKind::show, false)).run();
  if (const int sweep = numbered(p, PhaseKind::sweep); sweep >= 0) Division(p, sweep, true, {}).run();
}

}  // namespace eligo::compiler
