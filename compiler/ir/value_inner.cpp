// Σ a*b over all axes but one, as one product: what orders contractions then sees every factor at once.
#include <fmt/core.h>

#include "compiler/ir/value.h"

namespace eligo::compiler {
namespace {

// The dim of a block that is the kept axis; -1 if the axes lack it.
int kept_dim(const std::vector<Axis>& axes, const std::vector<int>& key, const std::vector<int>& first,
             const Axis& but) {
  int found = -1;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i].bundle) {
      if (axes[i].key == but.key) found = first[i];
      continue;
    }
    const std::vector<Axis>& inside = axes[i].bundle->members[static_cast<std::size_t>(key[i])].axes;
    for (std::size_t d = 0; d < inside.size(); ++d)
      if (inside[d].key == but.key) found = first[i] + static_cast<int>(d);
  }
  return found;
}

}  // namespace

Value Values::inner(const Value& a_lazy, const Value& b_lazy, const Axis& but) {
  const Value a = form(a_lazy), b = form(b_lazy);
  const std::vector<Axis> axes = align({a.axes, b.axes});
  std::vector<Ref> parts;
  int with = 0, without = 0;  // parts that belong to one of them, of those that are there
  bool any = false;
  for (const auto& key : keys(axes)) {
    const Use ua = use_in(a, axes, key), ub = use_in(b, axes, key);
    const Layout l = layout(axes, key);
    const int kept = kept_dim(axes, key, l.first, but);
    any = any || kept >= 0;
    if (!ua.node || !ub.node) continue;
    (kept < 0 ? without : with) += 1;
    std::vector<Extent> dims, summed;
    std::vector<Index> moved;  // the block's dims as labels: the kept one first, the others summed
    if (kept >= 0) dims.push_back(l.dims[static_cast<std::size_t>(kept)]);
    for (int d = 0; d < static_cast<int>(l.dims.size()); ++d) {
      moved.push_back(Index::of(d == kept ? 0 : static_cast<int>(dims.size() + summed.size())));
      if (d != kept) summed.push_back(l.dims[static_cast<std::size_t>(d)]);
    }
    std::vector<Use> factors = {ua, ub};
    for (Use& f : factors)
      for (Index& index : f.index) index = substitute(index, moved);
    parts.push_back(g_.contract(factors, dims, summed));
  }
  if (with && without)
    throw ShapeError(fmt::format("only some parts of {} belong to one of {}", describe(axes), but.shown));
  Value v;
  const bool of_one = parts.empty() ? any : with > 0;
  if (of_one) v.axes = {but};
  v.blocks[of_one ? std::vector<int>{0} : std::vector<int>{}] = parts.empty() ? g_.constant(0) : add_all(parts);
  return v;
}

}  // namespace eligo::compiler
