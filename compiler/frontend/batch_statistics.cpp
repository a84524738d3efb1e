#include "compiler/frontend/batch_statistics.h"

#include <fmt/core.h>

namespace eligo::compiler {

Value Totals::of(const Value& sample) {
  const std::vector<std::pair<std::vector<int>, Ref>> key(sample.blocks.begin(), sample.blocks.end());
  if (auto known = known_.find(key); known != known_.end()) return known->second;
  Value sums;
  sums.axes = sample.axes;
  const int number = static_cast<int>(known_.size()) + 1;
  for (const auto& [which, block] : sample.blocks) {
    if (block->is_zero()) continue;
    Tensor t;
    t.name = fmt::format("statistic{}{}", p_.statistics.size() + 1, suffix_);
    t.kind = TensorKind::gradient;
    t.per_step = step_.base != When::always;
    t.origin = p_.graph.origin;
    for (std::size_t i = 0; i < sample.axes.size(); ++i) {
      const Axis& a = sample.axes[i];
      if (!a.bundle) {
        t.dims.push_back(a.extent);
        continue;
      }
      const Bundle::Member& m = a.bundle->members[static_cast<std::size_t>(which[i])];
      t.dims.insert(t.dims.end(), m.dims.begin(), m.dims.end());
      t.name += "." + m.name;
    }
    const int tensor = static_cast<int>(p_.tensors.size());
    p_.tensors.push_back(t);
    p_.statistics.push_back(tensor);
    Ref node =
        p_.graph.contract({Use{weight_, {}, 1}, block->rank() ? whole(block) : Use{block, {}, 1}}, t.dims, {}, 1, true);
    samples_.roots.push_back({RootKind::gather, tensor, step_, node, fmt::format("statistic {}{}", number, suffix_)});
    sums.blocks[which] = p_.leaf(tensor, step_);
  }
  return known_[key] = sums;
}

}  // namespace eligo::compiler
