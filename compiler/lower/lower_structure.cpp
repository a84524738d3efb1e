// Terms that tie axes together: statements over just the places that they touch.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/lower/lowering.h"

namespace eligo::compiler::lowering {

namespace {

// The box of its sum that a term fills completely, an interval per axis; empty if what it touches is no box.
std::vector<std::pair<Extent, Extent>> box_of(const Use& use, const std::vector<Extent>& dims) {
  const Node& n = *use.node;
  if (n.kind != NodeKind::contract || use.index.size() != dims.size()) return {};
  std::vector<std::pair<Extent, Extent>> box(dims.size());
  std::vector<int> readers(n.labels(), 0);  // embeds that tie a label to an axis
  std::vector<const Use*> by(n.rank(), nullptr);
  for (const Use& f : n.uses) {
    if (f.node->kind == NodeKind::wire) return {};
    if (f.node->kind != NodeKind::embed) continue;
    if (!f.index[0].is_label() || f.index[0].label() >= n.rank() || by[f.index[0].label()]) return {};
    by[f.index[0].label()] = &f;
    for (std::size_t k = 1; k < f.index.size(); ++k)
      for (const Index::Term& t : f.index[k].terms) ++readers[t.label];
  }
  for (int axis = 0; axis < n.rank(); ++axis) {
    auto& [low, high] = box[use.index[axis].label()];
    if (!by[axis]) {
      if (readers[axis] > 0) return {};
      low = 0;
      high = n.dims[axis];
      continue;
    }
    const Node& e = *by[axis]->node;
    Extent span = 1, offset = e.offset;
    for (std::size_t k = e.strides.size(); k-- > 0;) {
      const Index& small = by[axis]->index[k + 1];
      if (small.is_constant()) {
        offset += e.strides[k] * small.offset;
        continue;
      }
      const bool own = small.terms.size() == 1 && small.terms[0].stride == 1 && small.terms[0].label >= n.rank() &&
                       readers[small.terms[0].label] == 1;
      if (!own || e.strides[k] != span) return {};
      offset += e.strides[k] * small.offset;
      span *= n.extent(small.terms[0].label);
    }
    low = offset;
    high = offset + span;
  }
  return box;
}

}  // namespace

// A product whose wires only say where to read stores to every place.
bool PhaseLowering::fills(Ref node) {
  for (const Use& f : node->uses) {
    if (f.node->kind == NodeKind::embed) return false;
    if (f.node->kind == NodeKind::wire && (!f.index.back().is_label() || f.index.back().label() < node->rank()))
      return false;
  }
  return node->kind == NodeKind::contract;
}

// Two uses of one wiring that look up the same entry.
bool PhaseLowering::same_places(const Use& a, const Use& b) {
  return a.node == b.node && std::equal(a.index.begin(), a.index.end() - 1, b.index.begin());
}

// Puts terms first whose boxes do not overlap and together make up the whole; how many they are, or 0.
std::size_t PhaseLowering::tiles(Ref node, std::vector<Use>& terms) {
  std::vector<Use> first, rest;
  std::vector<std::vector<std::pair<Extent, Extent>>> boxes;
  Extent volume = 0;
  std::vector<std::pair<Extent, const Use*>> by_size;
  for (const Use& use : terms) {
    Extent size = 0;
    if (const auto box = box_of(use, node->dims); !box.empty()) {
      size = 1;
      for (const auto& [low, high] : box) size *= high - low;
    }
    by_size.emplace_back(size, &use);
  }
  std::stable_sort(by_size.begin(), by_size.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [size, use] : by_size) {
    const auto box = box_of(*use, node->dims);
    bool disjoint = size > 0;
    for (const auto& other : boxes) {
      bool apart = false;
      for (std::size_t d = 0; d < box.size(); ++d)
        apart = apart || box[d].second <= other[d].first || other[d].second <= box[d].first;
      disjoint = disjoint && apart;
    }
    if (disjoint) {
      boxes.push_back(box);
      first.push_back(*use);
      volume += size;
    } else {
      rest.push_back(*use);
    }
  }
  if (volume != node->size()) return 0;
  const std::size_t covering = first.size();
  terms = std::move(first);
  terms.insert(terms.end(), rest.begin(), rest.end());
  return covering;
}

// A term with embeds or wires on its own axes: loops only over the places it touches.
void PhaseLowering::emit_structured(int buffer, const std::vector<Extent>& dims, const Use& use, bool accumulate,
                                    const std::string& label) {
  const Node& n = *use.node;
  std::vector<Use> factors = n.kind == NodeKind::contract ? n.uses : std::vector<Use>{whole(use.node)};
  const double coefficient = (n.kind == NodeKind::contract ? n.number : 1) * use.coefficient;
  const bool sum_batch = n.sum_batch;

  // Loops stand for the destination's axes first; labels of the term are affine in them.
  Nest nest;
  std::vector<Place> label_place(n.labels());
  std::vector<Place> destination(dims.size());
  if (m_.out.module.buffers[buffer].batched) nest.batch = nest.add("b", m_.batch_estimate, true);

  // Which axes of the term an embed or wire determines.
  std::vector<int> by_embed(n.labels(), -1);
  std::vector<bool> absorbed(factors.size(), false);
  for (std::size_t f = 0; f < factors.size(); ++f) {
    if (factors[f].node->kind != NodeKind::embed) continue;
    const Index& big = factors[f].index[0];
    if (!big.is_label() || big.label() >= n.rank() || by_embed[big.label()] >= 0) continue;
    bool simple = true;  // small indices are of labels that no embed determines
    for (std::size_t k = 1; k < factors[f].index.size(); ++k)
      for (const Index::Term& t : factors[f].index[k].terms)
        simple = simple && t.label != big.label() && by_embed[t.label] < 0;
    for (std::size_t g = 0; simple && g < f; ++g)  // nor determines another's
      if (absorbed[g])
        for (std::size_t k = 1; k < factors[g].index.size(); ++k)
          simple = simple && !factors[g].index[k].mentions(big.label());
    if (!simple) continue;
    by_embed[big.label()] = static_cast<int>(f);
    absorbed[f] = true;
  }
  // Labels that say where a value goes: the destination's own, and the small ones of embeds.
  std::vector<bool> placing(n.labels(), false);
  for (int l = 0; l < n.rank(); ++l) placing[l] = true;
  for (std::size_t f = 0; f < factors.size(); ++f)
    if (absorbed[f] && factors[f].node->kind == NodeKind::embed)
      for (std::size_t k = 1; k < factors[f].index.size(); ++k)
        for (const Index::Term& t : factors[f].index[k].terms) placing[t.label] = true;
  std::vector<int> by_wire(n.labels(), -1);
  for (std::size_t f = 0; f < factors.size(); ++f) {
    if (factors[f].node->kind != NodeKind::wire) continue;
    const Index& target = factors[f].index.back();
    if (!target.is_label() || by_wire[target.label()] >= 0 || by_embed[target.label()] >= 0) continue;
    // Where a wiring is read must be known without it: [parent[i] == i] stays a factor.
    bool circular = false;
    for (std::size_t k = 0; k + 1 < factors[f].index.size(); ++k)
      for (const Index::Term& t : factors[f].index[k].terms)
        circular = circular || t.label == target.label() || by_wire[t.label] >= 0;
    for (int l = 0; l < n.labels(); ++l)
      for (std::size_t k = 0; by_wire[l] >= 0 && k + 1 < factors[by_wire[l]].index.size(); ++k)
        circular = circular || factors[by_wire[l]].index[k].mentions(target.label());
    if (circular) continue;
    // An access follows one wiring; a second one in the same value or destination stays a factor, written out. Such
    // factors are values, too.
    bool second = false;
    for (std::size_t v = 0; v < factors.size(); ++v) {
      if (v == f || absorbed[v]) continue;
      const Use& value = factors[v];
      bool here = false, another = false;
      for (const Index& index : value.index)
        for (const Index::Term& t : index.terms) {
          here = here || t.label == target.label();
          another = another || (by_wire[t.label] >= 0 && !same_places(factors[by_wire[t.label]], factors[f]));
        }
      second = second || (here && another);
    }
    for (int l = 0; placing[target.label()] && l < n.labels(); ++l)
      second = second || (placing[l] && by_wire[l] >= 0 && !same_places(factors[by_wire[l]], factors[f]));
    if (second) continue;
    by_wire[target.label()] = static_cast<int>(f);
    absorbed[f] = true;
  }
  // Outer loops: the destination's own labels, and what embeds and scattering wires read.
  std::vector<bool> outer(n.labels(), false);
  for (int l = 0; l < n.rank(); ++l) outer[l] = by_embed[l] < 0 && by_wire[l] < 0;
  std::vector<bool> looked_up(n.labels(), false);  // by a wiring that says where to store
  for (std::size_t f = 0; f < factors.size(); ++f) {
    const bool scatters =
        factors[f].node->kind == NodeKind::wire && absorbed[f] && placing[factors[f].index.back().label()];
    if (!absorbed[f] || (factors[f].node->kind == NodeKind::wire && !scatters)) continue;
    const std::size_t first = factors[f].node->kind == NodeKind::embed ? 1 : 0;
    const std::size_t last =
        factors[f].node->kind == NodeKind::embed ? factors[f].index.size() : factors[f].index.size() - 1;
    for (std::size_t k = first; k < last; ++k)
      for (const Index::Term& t : factors[f].index[k].terms)
        if (by_embed[t.label] < 0 && by_wire[t.label] < 0) {
          outer[t.label] = true;
          looked_up[t.label] = looked_up[t.label] || scatters;
        }
  }
  // Indices of the use: the destination's label for each of the term's axes.
  // What a wiring scatters are rows of the destination: its loops go outside of theirs. What is stored there is
  // computed first, by a nest whose points do not wait for one another.
  std::vector<int> loop_of(n.labels(), -1);
  bool scatter = false;
  for (const bool rows : {true, false})
    for (int l = 0; l < n.labels(); ++l)
      if (outer[l] && looked_up[l] == rows) {
        loop_of[l] = nest.add(fmt::format("i{}", l), n.extent(l));
        label_place[l] = Index::of(loop_of[l]);
        scatter = scatter || rows;
      }
  for (std::size_t f = 0; f < factors.size(); ++f)
    if (scatter && !absorbed[f] && !structural(factors[f].node) && !buffer_.contains(factors[f].node) &&
        operations(factors[f].node) > cost_model::free_operations)
      materialise(factors[f].node);
  // Axes of the destination that the term does not have are broadcast.
  std::vector<int> broadcast(dims.size(), -1);
  for (std::size_t d = 0; d < dims.size(); ++d) {
    bool mentioned = false;
    for (const Index& index : use.index) mentioned = mentioned || index.mentions(static_cast<int>(d));
    if (!mentioned) broadcast[d] = nest.add(fmt::format("d{}", d), dims[d]);
  }
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  std::vector<int> reduced;
  for (int l = n.rank(); l < n.labels(); ++l)
    if (!outer[l] && by_wire[l] < 0) {
      loop_of[l] = nest.add(fmt::format("k{}", l), n.extent(l));
      label_place[l] = Index::of(loop_of[l]);
      reduced.push_back(loop_of[l]);
    }
  std::vector<int> virtual_loops;
  for (int l = 0; l < n.labels(); ++l)
    if (by_wire[l] >= 0) {
      const Use& w = factors[by_wire[l]];
      Gather gather{w.node, {}};
      for (std::size_t k = 0; k + 1 < w.index.size(); ++k) gather.at.push_back(substitute(w.index[k], label_place));
      const int stand_in = next_stand_in_++;  // unique: building a factor may emit another such statement
      gathers_[stand_in] = gather;
      virtual_loops.push_back(stand_in);
      label_place[l] = Index::of(stand_in);
    }
  for (int l = 0; l < n.labels(); ++l) {
    if (by_embed[l] >= 0) {
      const Use& e = factors[by_embed[l]];
      std::vector<Index> map = label_place;
      Index place = Index::at(e.node->offset);
      for (std::size_t k = 0; k < e.node->strides.size(); ++k) {
        const Index small = substitute(e.index[k + 1], map);
        place.offset += e.node->strides[k] * small.offset;
        for (Index::Term t : small.terms) place.terms.push_back({t.label, t.stride * e.node->strides[k]});
      }
      label_place[l] = place;
    }
  }
  for (std::size_t d = 0; d < dims.size(); ++d)
    if (broadcast[d] >= 0) destination[d] = Index::of(broadcast[d]);
  for (int axis = 0; axis < n.rank(); ++axis)
    if (use.index[axis].is_label()) destination[use.index[axis].label()] = label_place[axis];
  std::vector<Use> rest;
  for (std::size_t f = 0; f < factors.size(); ++f)
    if (!absorbed[f]) rest.push_back(factors[f]);
  if (sum_batch) {
    nest.batch = nest.add("b", m_.batch_estimate, true);
    reduced.push_back(nest.batch);
  }
  nest.s.out = access(nest, buffer, dims, destination);
  nest.reducing = reduced;
  std::vector<Use> scalars;
  if (!reduced.empty()) std::tie(rest, scalars) = split_scalars(rest, sum_batch, reduced, label_place);
  ValuePtr body = build_product(nest, rest, reduced.empty() ? coefficient : 1, label_place);
  nest.reducing.clear();
  if (!reduced.empty()) {
    body = scaled(nest, sum(reduced, body), scalars, coefficient, label_place);
  }
  nest.s.value = body;
  nest.s.accumulate = accumulate || nest.s.out.gather >= 0;
  nest.s.label = label;
  finish(nest);
  for (int v : virtual_loops) gathers_.erase(v);
}

}  // namespace eligo::compiler::lowering
