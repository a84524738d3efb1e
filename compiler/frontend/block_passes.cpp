// `at each` blocks as passes over k.
//
// A name of the block that reads itself is stored along k; each cycle of names runs the way its offsets say. A pass is
// one way through all k, forward or backward, and computes what is ready by then. A parameter under revision is a
// running copy: a forward pass gathers what a step adds to it, averaged over the batch.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"
#include "compiler/ir/rewrite.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Direction;
using dsl::TimeBase;
using Revised = BlockTensors::Revised;

namespace {

// The running copy of a parameter, and what one step adds to it.
Revised declare_revision(const Elaboration& e, const dsl::TypedRevision& lines, dsl::Span span) {
  Program& p = e.program;
  Revised r;
  r.parameters = targets_of(e, *lines.target);
  for (int parameter : r.parameters) {
    if (p.tensors[parameter].per_step)
      e.fail(Code::E0605, span,
             fmt::format("{} has a value per step: a block revises what all steps share", p.tensors[parameter].name));
    if (!lines.general) continue;
    const Tensor like = p.tensors[parameter];
    for (const bool running : {true, false}) {
      Tensor t = like;
      t.name += running ? " under revision" : " revision's step";
      while (p.find(t.name) >= 0) t.name += "'";
      t.kind = running ? TensorKind::running : TensorKind::gradient;
      t.bundle.clear();
      (running ? r.running : r.increments).push_back(static_cast<int>(p.tensors.size()));
      p.tensors.push_back(std::move(t));
    }
  }
  return r;
}

}  // namespace

Revisions declare_revisions(const Elaboration& e) {
  Revisions out;
  for (std::size_t i = 0; i < e.rule().blocks.size(); ++i)
    for (const auto& [name, lines] : e.rule().blocks[i].revised) {
      const dsl::TypedLine& line = lines.general ? *lines.general : *lines.assign;
      Revised revised = declare_revision(e, lines, line.span());
      if (lines.assign) {
        e.program.updates_within = e.program.adopts = true;
        out.assigned.insert(revised.parameters.begin(), revised.parameters.end());
      }
      e.elaborator.revise(i, name, std::move(revised));
    }
  return out;
}

void version_parameters(const Elaboration& e, const Revisions& revisions) {
  Program& p = e.program;
  if (!p.updates_within) return;
  std::set<int> changing = revisions.assigned;
  for (const Learned& l : p.learned)
    if (l.every != UpdateEvery::sequence) changing.insert(l.parameter);
  for (auto& [tensor, root] : p.definitions)
    root = substitute_nodes(p.graph, root, [&](Ref node) -> Ref {
      const bool versioned = node->kind == NodeKind::leaf && changing.contains(node->tensor);
      return versioned ? p.leaf(node->tensor, {When::t, 0}) : nullptr;
    });
}

namespace {

// What one pass computes for one name.
struct BlockItem {
  std::string name;
  int tensor = -1;  // stored along k, or
  const Revised* revised = nullptr;
  bool backward = false;
  int group = -1;  // names of one cycle share it
  int level = 0;   // passes are ordered by it
  std::vector<Root> roots;
};

// A sum without a term that stands in it as it is; null if it does not. (Subtracted, it would leave 0 times itself.)
Ref without(Graph& g, Ref node, Ref term) {
  if (node == term) return g.sum({}, node->dims);
  if (node->kind != NodeKind::sum) return nullptr;
  for (std::size_t i = 0; i < node->uses.size(); ++i) {
    const Use& use = node->uses[i];
    if (use.coefficient != 1 || !is_whole(use, node->dims)) continue;
    if (Ref rest = without(g, use.node, term)) {
      std::vector<Use> uses = node->uses;
      uses[i].node = rest;
      return g.sum(uses, node->dims);
    }
  }
  return nullptr;
}

// The passes of one block.
class Passes {
 public:
  Passes(const Elaboration& e, std::size_t index)
      : e_(e), p_(e.program), index_(index), lines_(e.rule().blocks[index]) {}

  Block run() {
    Block out = range();
    std::vector<BlockItem> items = this->items();
    order_items(items);
    check_pass(items);
    make_passes(items, out);
    for (const auto& [name, r] : lines_.revised) {
      if (r.start) out.begin = assign_phase(name, BlockLine::start);
      if (r.assign) out.adopt = assign_phase(name, BlockLine::assign);
    }
    return out;
  }

 private:
  const BlockTensors& tensors() const { return e_.elaborator.blocks()[index_]; }

  // A value along the axis of a revised parameter, as one node a member.
  std::vector<std::pair<int, Ref>> by_member(const dsl::TypedLine& line, const std::string& name, const Value& value) {
    const Value like = e_.elaborator.evaluate(*lines_.revised.at(name).target, e_.elaborator.environment());
    Value v;
    try {
      v = e_.values().reorder(value, like.axes);
    } catch (const ShapeError& error) {
      e_.fail(Code::E0601, line.span(), error.what(), error.help);
    }
    std::vector<std::pair<int, Ref>> out;
    for (std::size_t i = 0; i < tensors().revised.at(name).parameters.size(); ++i) {
      const auto block = v.blocks.find({static_cast<int>(i)});
      out.emplace_back(static_cast<int>(i), block == v.blocks.end() ? p_.graph.constant(0) : block->second);
    }
    return out;
  }

  // The running copy's first value, or what `:=` makes of the parameter.
  int assign_phase(const std::string& name, BlockLine which) {
    const Revised& r = tensors().revised.at(name);
    const dsl::TypedRevision& lines = lines_.revised.at(name);
    const dsl::TypedLine& line = which == BlockLine::start ? *lines.start : *lines.assign;
    Environment at = e_.elaborator.block_environment(index_);
    at.line = which;
    const Value value = e_.values().form(e_.elaborator.right_side(line, at));
    const PhaseId id{which == BlockLine::start ? PhaseKind::begin : PhaseKind::adopt, PhasePart::core,
                     fmt::format("{}", index_ + 1)};
    for (const auto& [member, node] : by_member(line, name, value)) {
      if (node->batched)
        e_.fail(Code::E0605, line.span(),
                fmt::format("{} is one for the whole batch, but this differs between examples", name),
                "only what is added at each k is averaged over the batch");
      const int tensor = which == BlockLine::start ? r.running[member] : r.parameters[member];
      e_.phase(id.kind, id.of).roots.push_back({RootKind::assign, tensor, {}, node, name});
    }
    for (std::size_t i = 0; i < p_.phases.size(); ++i)
      if (p_.phases[i] == id) return static_cast<int>(i);
    return -1;
  }

  int group_of(const std::string& name) const {
    for (std::size_t g = 0; g < lines_.groups.size(); ++g)
      if (std::count(lines_.groups[g].begin(), lines_.groups[g].end(), name)) return static_cast<int>(g);
    return -1;
  }

  // What a step adds to a parameter: an example that takes no part at this k adds nothing.
  BlockItem revision(const std::string& name, const dsl::TypedLine& line, const Revised& r, Ref within, Ref inverse) {
    BlockItem item{.name = name, .revised = &r, .group = group_of(name)};
    const Environment at = e_.elaborator.block_environment(index_);
    const Value value = e_.values().form(e_.elaborator.right_side(line, at));
    p_.graph.origin = {e_.rule().source, line.span()};
    for (const auto& [member, next] : by_member(line, name, value)) {
      Ref old = p_.leaf(r.running[static_cast<std::size_t>(member)], {});
      Ref node = without(p_.graph, next, old);
      if (!node) {
        Use from = next->rank() ? whole(next) : Use{next, {}, 1}, minus = whole(old);
        minus.coefficient = -1;
        node = p_.graph.sum({from, minus}, old->dims);
      }
      const Use use = node->rank() ? whole(node) : Use{node, {}, 1};
      Ref sum = p_.graph.contract({Use{inverse, {}, 1}, Use{within, {}, 1}, use}, p_.tensors[r.parameters[member]].dims,
                                  {}, 1, true);
      item.roots.push_back({RootKind::gather, r.increments[member], {}, sum, name});
    }
    return item;
  }

  // Everything that some pass computes; reading a name may show another that is stored.
  std::vector<BlockItem> items() {
    std::vector<BlockItem> items;
    const TimeRef now{When::t, 0};
    Ref within = e_.values().flatten(e_.counted(e_.elaborator.flag(Flag::within, now), now));
    Ref inverse = p_.leaf(p_.find("inverse_batch"), {});
    for (const auto& [name, r] : lines_.revised)
      if (r.general) items.push_back(revision(name, *r.general, tensors().revised.at(name), within, inverse));
    for (const auto& [name, equation] : lines_.equations)
      if (shown(name)) e_.elaborator.block_tensor(name, index_, equation.general.value->span);
    std::set<std::string> done;
    for (bool more = true; more;) {
      more = false;
      const std::map<std::string, int> known = tensors().stored;
      for (const auto& [name, tensor] : known) {
        if (!done.insert(name).second) continue;
        more = true;
        BlockItem item{.name = name, .tensor = tensor, .group = group_of(name)};
        item.backward = lines_.equations.at(name).time.direction == Direction::backward;
        const Value value = e_.elaborator.block_value(name, now, e_.elaborator.block_environment(index_));
        item.roots.push_back({RootKind::store, tensor, now, e_.stored(tensor, value), name});
        items.push_back(std::move(item));
      }
    }
    return items;
  }

  bool shown(const std::string& name) const {
    const auto& show = e_.instance.show;
    return std::find(show.begin(), show.end(), name) != show.end();
  }

  // Raises the levels until each item comes in a pass after those whose values it needs complete, or in their own pass
  // where it follows them along k.
  void order_items(std::vector<BlockItem>& items) {
    std::map<int, BlockItem*> stored, running;
    for (BlockItem& item : items) {
      if (item.tensor >= 0) stored[item.tensor] = &item;
      if (item.revised)
        for (int tensor : item.revised->running) running[tensor] = &item;
    }
    for (bool changed = true; changed;) {
      changed = false;
      const auto raise = [&](BlockItem& item, int level) {
        if (level <= item.level) return;
        if (level > static_cast<int>(4 * items.size() + 4))
          e_.fail(Code::E0605, lines_.source->span,
                  fmt::format("{} needs values of both ways along k at once: no order of passes gives them", item.name),
                  "a revised parameter is known only while its own pass runs");
        item.level = level;
        changed = true;
      };
      for (BlockItem& item : items)
        for (const Root& root : item.roots)
          for (Ref node : postorder({root.node})) {
            if (node->kind != NodeKind::leaf) continue;
            if (auto r = running.find(node->tensor); r != running.end() && r->second != &item) {
              raise(item, r->second->level + (item.backward ? 1 : 0));
              raise(*r->second, item.level);
            }
            auto s = stored.find(node->tensor);
            if (s == stored.end() || s->second == &item) continue;
            BlockItem& from = *s->second;
            if (from.group == item.group && item.group >= 0) {
              raise(item, from.level);
              continue;
            }
            const int way = item.backward ? -1 : 1;
            const bool follows =
                from.backward == item.backward && node->time.base == When::t && node->time.offset * way <= 0;
            raise(item, from.level + (follows ? 0 : 1));
          }
    }
  }

  // Reads of one name at `t` or `start` from within the pass that computes it.
  void check_pass(const std::vector<BlockItem>& items) {
    for (const BlockItem& item : items)
      for (const Root& root : item.roots)
        for (Ref node : postorder({root.node})) {
          if (node->kind != NodeKind::leaf || node->time.base == When::t || node->time.base == When::always) continue;
          for (const BlockItem& from : items)
            if (from.tensor == node->tensor && from.level == item.level && from.backward == item.backward)
              e_.fail(Code::E0605, lines_.source->span,
                      fmt::format("{} reads {}[{}] on the way on which it is computed", item.name, from.name,
                                  node->time.base == When::now ? "t" : "start"),
                      "write it as a boundary equation, or part the names");
        }
  }

  // Where k runs, and where names have values.
  Block range() const {
    Block out;
    out.low = out.first = lines_.low;
    out.high = out.top = lines_.high;
    for (const auto& [name, equation] : lines_.equations) {
      const int shift = BlockTensors::shift(equation.general);
      out.first = std::min(out.first, lines_.low + shift);
      out.top = std::max(out.top, lines_.high + shift);
      if (equation.boundaries.contains(TimeBase::start)) out.first = std::min(out.first, 0);
      if (equation.boundaries.contains(TimeBase::t)) out.top = std::max(out.top, 0);
    }
    return out;
  }

  void make_passes(const std::vector<BlockItem>& items, Block& out) {
    std::map<std::pair<int, bool>, std::vector<const BlockItem*>> passes;
    for (const BlockItem& item : items) passes[{item.level, !item.backward}].push_back(&item);
    for (const auto& [when, members] : passes) {
      Block::Pass pass;
      pass.backward = !when.second;
      pass.phase = static_cast<int>(p_.phases.size());
      const std::string of = fmt::format("{}.pass{}", index_ + 1, out.passes.size() + 1);
      Phase phase{{PhaseKind::revise, PhasePart::core, of}, {}};
      for (const BlockItem* item : members) {
        phase.roots.insert(phase.roots.end(), item->roots.begin(), item->roots.end());
        if (item->tensor >= 0) pass.stored.push_back(item->tensor);
        for (std::size_t i = 0; item->revised && i < item->revised->running.size(); ++i) {
          pass.revisions.push_back(static_cast<int>(out.revisions.size()));
          out.revisions.push_back({item->revised->running[i], item->revised->increments[i]});
        }
      }
      p_.phases.push_back(std::move(phase));
      out.passes.push_back(std::move(pass));
    }
    for (const BlockItem& item : items)
      for (const Root& root : item.roots)
        for (Ref node : postorder({root.node}))
          if (node->kind == NodeKind::leaf && p_.tensors[node->tensor].kind == TensorKind::revised)
            out.margin = std::max(out.margin, std::abs(node->time.offset));
  }

  const Elaboration& e_;
  Program& p_;
  std::size_t index_;
  const dsl::TypedBlock& lines_;
};

}  // namespace

void build_blocks(const Elaboration& e, const Revisions&) {
  for (std::size_t i = 0; i < e.rule().blocks.size(); ++i) e.program.blocks.push_back(Passes(e, i).run());
}

// Records, forward recurrences and what they read, if a block reads them.
void record_first(const Elaboration& e) {
  Program& p = e.program;
  if (p.blocks.empty()) return;
  std::set<int> read;
  const auto note = [&](Ref root) {
    for (Ref node : postorder({root}))
      if (node->kind == NodeKind::leaf) read.insert(node->tensor);
  };
  for (const Block& block : p.blocks)
    for (const Block::Pass& pass : block.passes)
      for (const Root& r : p.phases[pass.phase].roots) note(r.node);
  Phase first{{PhaseKind::record}, {}};
  for (bool more = true; more;) {
    more = false;
    std::vector<Root>& roots = e.phase(PhaseKind::arrive).roots;
    for (std::size_t i = 0; i < roots.size();) {
      const bool needed = roots[i].kind == RootKind::store &&
                          (read.contains(roots[i].tensor) || p.tensors[roots[i].tensor].kind == TensorKind::record);
      if (!needed) {
        ++i;
        continue;
      }
      note(roots[i].node);
      first.roots.push_back(roots[i]);
      roots.erase(roots.begin() + static_cast<std::ptrdiff_t>(i));
      more = true;
    }
  }
  p.phases.push_back(std::move(first));
}

}  // namespace eligo::compiler
