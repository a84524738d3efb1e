// `at each` blocks as passes over k.
//
// A name of the block that reads itself is stored along k; each cycle of names runs the way its offsets say. A pass is
// one way through all k, forward or backward, and computes what is ready by then. A parameter under revision is a
// running copy: a forward pass gathers what a step adds to it, averaged over the batch.
#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "compiler/frontend/instantiator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Direction;
using dsl::Expr;
using dsl::ExprKind;
using dsl::Statement;
using dsl::StatementKind;
using dsl::TimeBase;

// What one pass computes for one name.
struct Instantiator::BlockItem {
  std::string name;
  int tensor = -1;                             // stored along k, or
  const BlockNames::Revised* revised = nullptr;
  bool backward = false;
  int group = -1;  // names of one cycle share it
  int level = 0;   // passes are ordered by it
  std::vector<Root> roots;
};

void Instantiator::block_flags() {
  const auto is_block = [](const Statement& s) { return s.kind == StatementKind::at_each; };
  if (std::none_of(rule().statements.begin(), rule().statements.end(), is_block)) return;
  for (const Flag flag : {Flag::within, Flag::now, Flag::begin}) add_flag(flag);
}

bool Instantiator::is_bundle(const std::string& name) {
  for (const Statement& s : rule().statements)
    for (const dsl::LetBinding& l : s.lets)
      if (l.name == name) return true;
  return false;
}

BlockNames* Instantiator::block_of(const Statement* statement) {
  for (BlockNames& b : blocks_)
    if (b.statement == statement) return &b;
  return nullptr;
}

void Instantiator::find_blocks() {
  for (const Statement& s : rule().statements) {
    if (s.kind != StatementKind::at_each) continue;
    BlockNames block;
    block.statement = &s;
    block.time = &time_.blocks.at(blocks_.size());
    read_range(block);
    read_block(block);
    blocks_.push_back(std::move(block));
  }
}

// k in start+low..t+high
void Instantiator::read_range(BlockNames& block) {
  const Statement& s = *block.statement;
  const auto low = dsl::as_time_index(*s.low), high = dsl::as_time_index(*s.high);
  if (!low || low->base != TimeBase::start || low->offset < 0)
    parts_.fail(Code::E0605, *elab_.rule, s.low->span, "k begins at `start`, or a fixed number of steps behind it",
                "for k in start..t-1, or start+1..t");
  if (!high || high->base != TimeBase::t || high->offset > 0)
    parts_.fail(Code::E0605, *elab_.rule, s.high->span, "k ends at `t`, or a fixed number of steps before it",
                "for k in start..t-1, or start+1..t");
  block.low = low->offset;
  block.high = high->offset;
}

void Instantiator::read_block(BlockNames& block) {
  for (const Statement& s : block.statement->body) {
    if (!s.value) continue;
    const bool general = !s.time || s.time->base == TimeBase::k;
    if (s.assign == dsl::AssignKind::assign) {
      if (!is_bundle(s.name))
        parts_.fail(Code::E0605, *elab_.rule, s.span,
                    fmt::format("{} is no parameter: in an `at each` block `:=` ends a parameter's revision", s.name));
      block.revised[s.name].assign = &s;
    } else if (is_bundle(s.name)) {
      BlockNames::Revised& r = block.revised[s.name];
      if (!general && s.time->base == TimeBase::t)
        parts_.fail(Code::E0605, *elab_.rule, s.span,
                    fmt::format("a revision ends with what its last step left: {}[t] cannot be set", s.name));
      (general ? r.general : r.start) = &s;
    } else if (general) {
      block.equations[s.name] = &s;
      const int shift = BlockNames::shift(s);
      if (block.low + shift < 0 || block.high + shift > 0)
        parts_.fail(Code::E0605, *elab_.rule, s.time_span, fmt::format("{} would reach beyond start..t", s.name),
                    "shift the equation, or the range of k");
    } else {
      block.boundaries[s.name][s.time->base] = &s;
    }
  }
}

void Instantiator::check_revision(const BlockNames& block, const std::string& name, const BlockNames::Revised& r) {
  const auto wrong = [&](dsl::Span span, const std::string& what, const std::string& help) {
    parts_.fail(Code::E0605, *elab_.rule, span, what, help);
  };
  const Statement& any = r.general ? *r.general : r.start ? *r.start : *r.assign;
  if (!r.general && r.start)
    wrong(any.span, fmt::format("{} begins, but no equation says what a step adds", name),
          fmt::format("write {0}[k+1] = {0}[k] + …", name));
  if (!r.general) return;
  if (!r.start)
    wrong(any.span, fmt::format("nothing says where the revision of {} begins", name),
          fmt::format("write {0}[start] = {0} before sequence", name));
  const int shift = BlockNames::shift(*r.general);
  if (block.low + shift != 1 || block.high + shift != 0)
    wrong(r.general->time_span, fmt::format("the steps of {0} do not lead from {0}[start] to {0}[t]", name),
          fmt::format("write {0}[k+1] = … for k in start..t-1, or {0}[k] = … for k in start+1..t", name));
}

void Instantiator::revisions() {
  for (BlockNames& block : blocks_)
    for (auto& [name, r] : block.revised) {
      check_revision(block, name, r);
      r.parameters = targets_of(r.assign ? *r.assign : *r.general);
      if (r.assign) p_.updates_within = p_.adopts = true;
      for (int parameter : r.parameters) {
        if (p_.tensors[parameter].per_step)
          parts_.fail(Code::E0605, *elab_.rule, (r.general ? r.general : r.assign)->span,
                      fmt::format("{} has a value per step: a block revises what all steps share",
                                  p_.tensors[parameter].name));
        if (!r.general) continue;
        const Tensor like = p_.tensors[parameter];
        for (const bool running : {true, false}) {
          Tensor t = like;
          t.name += running ? " under revision" : " revision's step";
          while (p_.find(t.name) >= 0) t.name += "'";
          t.kind = running ? TensorKind::running : TensorKind::gradient;
          t.bundle.clear();
          (running ? r.running : r.increments).push_back(static_cast<int>(p_.tensors.size()));
          p_.tensors.push_back(std::move(t));
        }
      }
    }
}

// A value along the axis of a revised parameter, as one node a member.
std::vector<std::pair<int, Ref>> Instantiator::by_member(const Statement& s, const BlockNames::Revised& r,
                                                         const Value& value) {
  Scope scope;
  scope.part = elab_.rule;
  const Value like = elab_.evaluate(*make_name(s.name, s.name_span), scope);
  Values& values = elab_.values();
  Value v;
  try {
    v = values.reorder(value, like.axes);
  } catch (const ShapeError& error) {
    parts_.fail(Code::E0601, *elab_.rule, s.span, error.what(), error.help);
  }
  std::vector<std::pair<int, Ref>> out;
  for (std::size_t i = 0; i < r.parameters.size(); ++i) {
    const auto block = v.blocks.find({static_cast<int>(i)});
    out.emplace_back(static_cast<int>(i), block == v.blocks.end() ? p_.graph.constant(0) : block->second);
  }
  return out;
}

// The running copy's first value, or what `:=` makes of the parameter.
int Instantiator::assign_phase(BlockNames& block, const std::string& name, BlockLine line) {
  const BlockNames::Revised& r = block.revised.at(name);
  const Statement& s = line == BlockLine::start ? *r.start : *r.assign;
  Scope scope;
  scope.part = elab_.rule;
  scope.block = &block;
  scope.line = line;
  const Value value = elab_.values().form(elab_.evaluate(*s.value, scope));
  const PhaseId id{line == BlockLine::start ? PhaseKind::begin : PhaseKind::adopt, PhasePart::core,
                   fmt::format("{}", block_of(block.statement) - &blocks_[0] + 1)};
  for (const auto& [member, node] : by_member(s, r, value)) {
    if (node->batched)
      parts_.fail(Code::E0605, *elab_.rule, s.span,
                  fmt::format("{} is one for the whole batch, but this differs between examples", name),
                  "only what is added at each k is averaged over the batch");
    const int tensor = line == BlockLine::start ? r.running[member] : r.parameters[member];
    phase(id.kind, id.of).roots.push_back({RootKind::assign, tensor, {}, node, s.name});
  }
  for (std::size_t i = 0; i < p_.phases.size(); ++i)
    if (p_.phases[i] == id) return static_cast<int>(i);
  return -1;
}

// A sum without a term that stands in it as it is; null if it does not. (Subtracted, it would leave 0 times itself.)
static Ref without(Graph& g, Ref node, Ref term) {
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

// Everything that some pass computes; reading a name may show another that is stored.
std::vector<Instantiator::BlockItem> Instantiator::block_items(BlockNames& block) {
  std::vector<BlockItem> items;
  const auto group_of = [&](const std::string& name) {
    for (std::size_t g = 0; g < block.time->groups.size(); ++g)
      if (std::count(block.time->groups[g].begin(), block.time->groups[g].end(), name)) return static_cast<int>(g);
    return -1;
  };
  Scope scope;
  scope.part = elab_.rule;
  scope.block = &block;
  const TimeRef now{When::t, 0};
  Values& masks = elab_.values();
  Ref within = masks.flatten(counted(elab_.flag(Flag::within, now), now)), inverse = p_.leaf(p_.find("inverse_batch"), {});
  for (const auto& [name, r] : block.revised) {
    if (!r.general) continue;
    BlockItem item{.name = name, .revised = &r, .group = group_of(name)};
    Values& v = elab_.values();
    // What a step adds: an example that takes no part at this k adds nothing.
    const int shift = BlockNames::shift(*r.general);
    const Value value = v.form(elab_.evaluate(*r.general->value, scope));
    elab_.revised_at(name, now.shifted(shift - 1), *r.general->value, scope);  // refused where it has no value
    p_.graph.origin = {in_.rule.source, r.general->span};
    for (const auto& [member, next] : by_member(*r.general, r, value)) {
      Ref old = p_.leaf(r.running[static_cast<std::size_t>(member)], {});
      Ref node = without(p_.graph, next, old);
      if (!node) {
        Use from = next->rank() ? whole(next) : Use{next, {}, 1}, minus = whole(old);
        minus.coefficient = -1;
        node = p_.graph.sum({from, minus}, old->dims);
      }
      const Use use = node->rank() ? whole(node) : Use{node, {}, 1};
      Ref sum = p_.graph.contract({Use{inverse, {}, 1}, Use{within, {}, 1}, use},
                                  p_.tensors[r.parameters[member]].dims, {}, 1, true);
      item.roots.push_back({RootKind::gather, r.increments[member], {}, sum, name});
    }
    items.push_back(std::move(item));
  }
  for (const std::string& name : block_shows_)
    if (block.equations.contains(name)) elab_.block_tensor(name, block, *block.equations.at(name)->value);
  std::set<std::string> done;
  for (bool more = true; more;) {
    more = false;
    const std::map<std::string, int> known = block.tensors;
    for (const auto& [name, tensor] : known) {
      if (!done.insert(name).second) continue;
      more = true;
      const auto direction = block.time->directions.find(name);
      BlockItem item{.name = name, .tensor = tensor, .group = group_of(name)};
      item.backward = direction != block.time->directions.end() && direction->second == Direction::backward;
      item.roots.push_back({RootKind::store, tensor, now, store_value(tensor, elab_.block_value(name, now, scope)), name});
      items.push_back(std::move(item));
    }
  }
  return items;
}

// Raises the levels until each item comes in a pass after those whose values it needs complete, or in their own pass
// where it follows them along k.
void Instantiator::order_items(const BlockNames& block, std::vector<BlockItem>& items) {
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
        parts_.fail(Code::E0605, *elab_.rule, block.statement->span,
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
          const bool follows = from.backward == item.backward && node->time.base == When::t && node->time.offset * way <= 0;
          raise(item, from.level + (follows ? 0 : 1));
        }
  }
}

// Reads of one name at `t` or `start` from within the pass that computes it.
void Instantiator::check_pass(const BlockNames& block, const std::vector<BlockItem>& items) {
  for (const BlockItem& item : items)
    for (const Root& root : item.roots)
      for (Ref node : postorder({root.node})) {
        if (node->kind != NodeKind::leaf || node->time.base == When::t || node->time.base == When::always) continue;
        for (const BlockItem& from : items)
          if (from.tensor == node->tensor && from.level == item.level && from.backward == item.backward)
            parts_.fail(Code::E0605, *elab_.rule, block.statement->span,
                        fmt::format("{} reads {}[{}] on the way on which it is computed", item.name, from.name,
                                    node->time.base == When::now ? "t" : "start"),
                        "write it as a boundary equation, or part the names");
      }
}

Block Instantiator::block_phases(BlockNames& block, std::size_t number) {
  Block out;
  out.low = out.first = block.low;
  out.high = out.top = block.high;
  for (const auto& [name, s] : block.equations) {
    out.first = std::min(out.first, block.low + BlockNames::shift(*s));
    out.top = std::max(out.top, block.high + BlockNames::shift(*s));
  }
  for (const auto& [name, at] : block.boundaries) {
    if (at.contains(TimeBase::start)) out.first = std::min(out.first, 0);
    if (at.contains(TimeBase::t)) out.top = std::max(out.top, 0);
  }
  std::vector<BlockItem> items = block_items(block);
  order_items(block, items);
  check_pass(block, items);
  std::map<std::pair<int, bool>, std::vector<const BlockItem*>> passes;
  for (const BlockItem& item : items) passes[{item.level, !item.backward}].push_back(&item);
  for (const auto& [when, members] : passes) {
    Block::Pass pass;
    pass.backward = !when.second;
    pass.phase = static_cast<int>(p_.phases.size());
    Phase phase{{PhaseKind::revise, PhasePart::core, fmt::format("{}.pass{}", number, out.passes.size() + 1)}, {}};
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
  for (const auto& [name, r] : block.revised) {
    if (r.start) out.begin = assign_phase(block, name, BlockLine::start);
    if (r.assign) out.adopt = assign_phase(block, name, BlockLine::assign);
  }
  return out;
}

void Instantiator::blocks() {
  for (const std::string& name : in_.show)
    for (const BlockNames& block : blocks_)
      if (block.equations.contains(name)) block_shows_.insert(name);
  for (std::size_t i = 0; i < blocks_.size(); ++i) p_.blocks.push_back(block_phases(blocks_[i], i + 1));
}

void Instantiator::note_blocks(bool& changed) {
  for (const Block& block : p_.blocks)
    for (const Block::Pass& pass : block.passes)
      for (const Root& r : p_.phases[pass.phase].roots) note_reads(r.node, -1, changed, block.top);
}

// A name of a block is shown by its k, as of the last arrival.
bool Instantiator::shows_of_block(const std::string& name) {
  if (elab_.rule->equations.contains(name)) return false;
  const BlockNames* found = nullptr;
  for (const BlockNames& block : blocks_) {
    if (!block.equations.contains(name)) continue;
    if (found)
      parts_.fail(Code::E0602, *elab_.rule, block.equations.at(name)->span,
                  fmt::format("two blocks define {}: which to show is open", name));
    found = &block;
  }
  if (!found) return false;
  p_.shown.push_back({name, found->tensors.at(name), true});
  return true;
}

// Records, forward recurrences and what they read, if a block reads them.
void Instantiator::record_first() {
  if (p_.blocks.empty()) return;
  std::set<int> read;
  const auto note = [&](Ref root) {
    for (Ref node : postorder({root}))
      if (node->kind == NodeKind::leaf) read.insert(node->tensor);
  };
  for (const Block& block : p_.blocks)
    for (const Block::Pass& pass : block.passes)
      for (const Root& r : p_.phases[pass.phase].roots) note(r.node);
  Phase first{{PhaseKind::record}, {}};
  for (bool more = true; more;) {
    more = false;
    std::vector<Root>& roots = phase(PhaseKind::arrive).roots;
    for (std::size_t i = 0; i < roots.size();) {
      const bool needed = roots[i].kind == RootKind::store &&
                          (read.contains(roots[i].tensor) || p_.tensors[roots[i].tensor].kind == TensorKind::record);
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
  p_.phases.push_back(std::move(first));
}

}  // namespace eligo::compiler
