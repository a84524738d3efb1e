#include "compiler/ir/value.h"

#include <algorithm>
#include <utility>
#include <numeric>

#include <fmt/core.h>

namespace eligo::compiler {
namespace {

int member_rank(const Axis& axis, int member) {
  return axis.bundle ? static_cast<int>(axis.bundle->members[member].dims.size()) : 1;
}

std::vector<Extent> row_major(const std::vector<Extent>& dims) {
  std::vector<Extent> strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i) strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

int find_axis(const std::vector<Axis>& axes, const std::string& key) {
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i].key == key) return static_cast<int>(i);
  return -1;
}

// The place of plain axis `key` inside every member of some bundle axis: a value per neuron applies to each part.
int bundle_over(const std::vector<Axis>& axes, const std::string& key) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i].bundle || axes[i].bundle->members.empty()) continue;
    bool all = true;
    for (const auto& m : axes[i].bundle->members) all = all && find_axis(m.axes, key) >= 0;
    if (all) return static_cast<int>(i);
  }
  return -1;
}

bool repeats(const std::vector<Axis>& axes) {
  for (std::size_t i = 0; i < axes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (axes[i].key == axes[j].key) return true;
  return false;
}

}  // namespace

std::string describe(const std::vector<Axis>& axes) {
  if (axes.empty()) return "a number";
  std::string text = "[";
  for (const Axis& a : axes)
    text += (text.size() > 1 ? ", " : "") + a.shown + (a.step ? " of step " + to_string(*a.step) : "");
  return text + "]";
}

Value Values::scalar(Ref node) {
  Value v;
  v.blocks[{}] = node;
  return v;
}

Values::Layout Values::layout(const std::vector<Axis>& axes, const std::vector<int>& key) {
  Layout l;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    l.first.push_back(static_cast<int>(l.dims.size()));
    if (axes[i].bundle) {
      const auto& dims = axes[i].bundle->members[key[i]].dims;
      l.dims.insert(l.dims.end(), dims.begin(), dims.end());
    } else {
      l.dims.push_back(axes[i].extent);
    }
  }
  return l;
}

std::vector<std::vector<int>> Values::keys(const std::vector<Axis>& axes) {
  std::vector<std::vector<int>> all = {{}};
  for (const Axis& axis : axes) {
    const int count = axis.bundle ? static_cast<int>(axis.bundle->members.size()) : 1;
    std::vector<std::vector<int>> next;
    for (const auto& key : all)
      for (int m = 0; m < count; ++m) {
        next.push_back(key);
        next.back().push_back(m);
      }
    all = std::move(next);
  }
  return all;
}

Value Values::tensor(Ref flat, std::vector<Axis> axes) {
  Value v;
  v.axes = std::move(axes);
  for (const auto& key : keys(v.axes)) {
    const Layout l = layout(v.axes, key);
    Use use{flat, {}, 1};
    std::vector<Use> factors;
    std::vector<Extent> summed;
    const int rank = static_cast<int>(l.dims.size());
    for (std::size_t i = 0; i < v.axes.size(); ++i) {
      const Axis& axis = v.axes[i];
      const bool whole_axis = !axis.bundle || (axis.bundle->members.size() == 1 && member_rank(axis, 0) == 1);
      if (whole_axis) {
        use.index.push_back(Index::of(l.first[i]));
        continue;
      }
      const auto& m = axis.bundle->members[key[i]];
      const int big = rank + static_cast<int>(summed.size());
      summed.push_back(axis.extent);
      use.index.push_back(Index::of(big));
      Use embed{g_.embed(axis.extent, m.offset, m.dims, row_major(m.dims)), {Index::of(big)}, 1};
      for (std::size_t d = 0; d < m.dims.size(); ++d)
        embed.index.push_back(Index::of(l.first[i] + static_cast<int>(d)));
      factors.push_back(embed);
    }
    if (factors.empty()) {
      v.blocks[key] = flat;
    } else {
      factors.insert(factors.begin(), use);
      v.blocks[key] = g_.contract(factors, l.dims, summed);
    }
  }
  return v;
}

Value Values::bundle(const Axis& axis, const std::vector<Ref>& members) {
  Value v;
  v.axes = {axis};
  for (std::size_t m = 0; m < members.size(); ++m) v.blocks[{static_cast<int>(m)}] = members[m];
  return v;
}

Ref Values::add_all(std::vector<Ref> nodes) {
  if (nodes.size() == 1) return nodes[0];
  std::vector<Use> terms;
  for (Ref n : nodes) terms.push_back(whole(n));
  return g_.sum(terms, nodes[0]->dims);
}

Ref Values::flatten(const Value& lazy) {
  const Value value = form(lazy);
  std::vector<Extent> dims;
  bool plain = true;
  for (const Axis& a : value.axes) {
    dims.push_back(a.extent);
    plain = plain && (!a.bundle || (a.bundle->members.size() == 1 && member_rank(a, 0) == 1));
  }
  if (value.blocks.empty()) return g_.sum({}, dims);
  if (plain && value.blocks.begin()->second->dims == dims) return value.blocks.begin()->second;
  std::vector<Ref> parts;
  for (const auto& [key, block] : value.blocks) {
    const Layout l = layout(value.axes, key);
    const int rank = static_cast<int>(dims.size());
    std::vector<Use> factors;
    std::vector<Extent> summed;
    Use use{block, {}, 1};
    if (block->rank() == static_cast<int>(l.dims.size()))
      for (std::size_t d = 0; d < l.dims.size(); ++d) use.index.push_back(Index::of(rank + static_cast<int>(d)));
    factors.push_back(use);
    summed = l.dims;
    for (std::size_t i = 0; i < value.axes.size(); ++i) {
      const Axis& a = value.axes[i];
      std::vector<Extent> small = a.bundle ? a.bundle->members[key[i]].dims : std::vector<Extent>{a.extent};
      const Extent offset = a.bundle ? a.bundle->members[key[i]].offset : 0;
      Use embed{g_.embed(a.extent, offset, small, row_major(small)), {Index::of(static_cast<int>(i))}, 1};
      for (std::size_t d = 0; d < small.size(); ++d)
        embed.index.push_back(Index::of(rank + l.first[i] + static_cast<int>(d)));
      factors.push_back(embed);
    }
    parts.push_back(g_.contract(factors, dims, summed));
  }
  return add_all(parts);
}

std::vector<Axis> Values::align(const std::vector<std::vector<Axis>>& args) {
  // The order of the operand with most axes; axes that it lacks follow in the order met.
  std::vector<Axis> result;
  for (const auto& axes : args)
    if (axes.size() > result.size()) result = axes;
  for (const auto& axes : args) {
    for (const Axis& axis : axes) {
      if (find_axis(result, axis.key) >= 0 || bundle_over(result, axis.key) >= 0) continue;
      result.push_back(axis);
    }
  }
  for (const auto& axes : args) {
    bool same_axes = axes.size() == result.size();
    for (std::size_t i = 0; same_axes && i < axes.size(); ++i) same_axes = axes[i].key == result[i].key;
    if (!same_axes && !axes.empty() && (repeats(axes) || repeats(result)))
      throw ShapeError(fmt::format("cannot align {} with {}: an axis occurs twice", describe(axes), describe(result)),
                       "write the indices, for example  C[t][i, j] = W[i, j] * h[t][j]");
  }
  // A plain axis that lies inside a bundle axis of the result is not an axis of its own.
  std::vector<Axis> kept;
  for (const Axis& axis : result) {
    std::vector<Axis> others;
    for (const Axis& o : result)
      if (o.key != axis.key) others.push_back(o);
    const int over = axis.bundle ? -1 : bundle_over(others, axis.key);
    bool apart = over < 0;  // an operand that has both means two axes
    for (const auto& axes : args)
      apart = apart || (find_axis(axes, axis.key) >= 0 && find_axis(axes, others[static_cast<std::size_t>(over)].key) >= 0);
    if (apart) kept.push_back(axis);
  }
  return kept;
}

Use Values::use_in(const Value& a, const std::vector<Axis>& by, const std::vector<int>& key) {
  bool identical = a.axes.size() == by.size();
  for (std::size_t i = 0; identical && i < by.size(); ++i) identical = a.axes[i].key == by[i].key;
  const Layout l = layout(by, key);
  std::vector<int> own_key;
  std::vector<std::pair<int, int>> places;  // first label, number of labels
  for (std::size_t i = 0; i < a.axes.size(); ++i) {
    const int at = identical ? static_cast<int>(i) : find_axis(by, a.axes[i].key);
    if (at >= 0) {
      own_key.push_back(a.axes[i].bundle ? key[at] : 0);
      places.emplace_back(l.first[at], member_rank(by[at], key[at]));
    } else {
      const int over = bundle_over(by, a.axes[i].key);
      if (over < 0) throw ShapeError(fmt::format("{} does not fit {}", describe(a.axes), describe(by)));
      own_key.push_back(0);
      places.emplace_back(l.first[over] + find_axis(by[over].bundle->members[key[over]].axes, a.axes[i].key), 1);
    }
  }
  auto found = a.blocks.find(own_key);
  if (found == a.blocks.end()) return {};
  Use use{found->second, {}, 1};
  if (found->second->rank() > 0)  // a constant block is broadcast
    for (auto [first, count] : places)
      for (int d = 0; d < count; ++d) use.index.push_back(Index::of(first + d));
  return use;
}

Value Values::map(Op op, const std::vector<Value>& args_lazy) {
  std::vector<Value> args;
  for (const Value& a : args_lazy) args.push_back(form(a));
  std::vector<std::vector<Axis>> axes;
  for (const Value& a : args) axes.push_back(a.axes);
  Value v;
  v.axes = align(axes);
  for (const auto& key : keys(v.axes)) {
    std::vector<Use> uses;
    for (const Value& a : args) {
      Use use = use_in(a, v.axes, key);
      if (!use.node) use = Use{g_.constant(0), {}, 1};
      uses.push_back(use);
    }
    v.blocks[key] = g_.map(op, uses, layout(v.axes, key).dims);
  }
  return v;
}

Value Values::add(const Value& a_lazy, const Value& b_lazy, double b_coefficient) {
  const Value a = form(a_lazy), b = form(b_lazy);
  Value v;
  v.axes = align({a.axes, b.axes});
  for (const auto& key : keys(v.axes)) {
    std::vector<Use> terms;
    if (Use use = use_in(a, v.axes, key); use.node) terms.push_back(use);
    if (Use use = use_in(b, v.axes, key); use.node) {
      use.coefficient = b_coefficient;
      terms.push_back(use);
    }
    if (terms.empty()) continue;
    const std::vector<Extent> dims = layout(v.axes, key).dims;
    const bool alone = terms.size() == 1 && terms[0].coefficient == 1 && is_whole(terms[0], dims);
    v.blocks[key] = alone ? terms[0].node : g_.sum(terms, dims);
  }
  return v;
}

Value Values::multiply(const Value& a_lazy, const Value& b_lazy) {
  // c * d(a)/d(b) is d(stop(c) * a)/d(b): a scaled derivative stays one.
  if (b_lazy.derivative && !a_lazy.derivative && a_lazy.axes.empty()) return multiply(b_lazy, a_lazy);
  if (a_lazy.derivative && !b_lazy.derivative && b_lazy.axes.empty()) {
    Derivative scaled = *a_lazy.derivative;
    scaled.a = multiply(stop(b_lazy), scaled.a);
    return derivative(std::move(scaled));
  }
  const Value a = form(a_lazy), b = form(b_lazy);
  Value v;
  v.axes = align({a.axes, b.axes});
  for (const auto& key : keys(v.axes)) {
    const Use ua = use_in(a, v.axes, key), ub = use_in(b, v.axes, key);
    if (ua.node && ub.node) v.blocks[key] = g_.contract({ua, ub}, layout(v.axes, key).dims, {});
  }
  return v;
}

Value Values::scale(const Value& a_lazy, double factor) {
  if (a_lazy.derivative) return multiply(a_lazy, number(factor));
  Value v = form(a_lazy);
  if (factor == 1) return v;
  for (auto& [key, block] : v.blocks) {
    const Layout l = layout(v.axes, key);
    block = g_.contract({block->rank() ? whole(block) : Use{block, {}, 1}}, l.dims, {}, factor);
  }
  return v;
}

Value Values::contract(const Value& a, const Value& b) {
  const std::size_t most = std::min(a.axes.size(), b.axes.size());
  std::size_t run = 0;
  for (std::size_t k = 1; k <= most && run == 0; ++k) {
    bool fits = true;
    for (std::size_t i = 0; i < k; ++i) fits = fits && a.axes[a.axes.size() - k + i].key == b.axes[i].key;
    if (fits) run = k;
  }
  if (run == 0) {
    if (a.axes.empty() || b.axes.empty())
      throw ShapeError(fmt::format("`.` contracts axes, but the {} is a number", a.axes.empty() ? "left" : "right"),
                       "write * for a product with a number");
    throw ShapeError(fmt::format("these do not contract: the left ends in {}, the right begins with {}",
                                 a.axes.back().shown, b.axes.front().shown));
  }
  if (b.derivative && !a.derivative && run == b.derivative->a.axes.size()) return push_left(a, b);
  if (a.derivative && !a.derivative->stored && !b.derivative && run == a.derivative->b_axes.size())
    return push_right(a, b);
  if (a.derivative || b.derivative) return contract(form(a), form(b));

  Value v;
  v.axes.assign(a.axes.begin(), a.axes.end() - static_cast<std::ptrdiff_t>(run));
  v.axes.insert(v.axes.end(), b.axes.begin() + static_cast<std::ptrdiff_t>(run), b.axes.end());
  std::map<std::vector<int>, std::vector<Ref>> terms;
  for (const auto& [ka, na] : a.blocks)
    for (const auto& [kb, nb] : b.blocks) {
      if (!std::equal(kb.begin(), kb.begin() + static_cast<std::ptrdiff_t>(run),
                      ka.end() - static_cast<std::ptrdiff_t>(run)))
        continue;
      std::vector<int> key(ka.begin(), ka.end() - static_cast<std::ptrdiff_t>(run));
      key.insert(key.end(), kb.begin() + static_cast<std::ptrdiff_t>(run), kb.end());
      const Layout la = layout(a.axes, ka), lb = layout(b.axes, kb), lv = layout(v.axes, key);
      const int left = la.first[a.axes.size() - run];  // dims of a before the contracted ones
      const int shared = static_cast<int>(la.dims.size()) - left;
      const int rank = static_cast<int>(lv.dims.size());
      Use ua{na, {}, 1}, ub{nb, {}, 1};
      for (int d = 0; na->rank() && d < static_cast<int>(la.dims.size()); ++d)
        ua.index.push_back(Index::of(d < left ? d : rank + d - left));
      for (int d = 0; nb->rank() && d < static_cast<int>(lb.dims.size()); ++d)
        ub.index.push_back(Index::of(d < shared ? rank + d : left + d - shared));
      terms[key].push_back(g_.contract({ua, ub}, lv.dims, std::vector<Extent>(la.dims.begin() + left, la.dims.end())));
    }
  for (auto& [key, nodes] : terms) v.blocks[key] = add_all(nodes);
  return v;
}

void Values::cut_last(Ref node, std::size_t lead, const std::vector<Axis>& axes, const std::vector<int>& key,
                      Value& into) {
  const std::vector<Extent> first(node->dims.begin(), node->dims.begin() + static_cast<std::ptrdiff_t>(lead));
  for (const auto& last : keys(axes)) {
    std::vector<Extent> dims = first, summed;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::vector<Extent> own =
          axes[i].bundle ? axes[i].bundle->members[last[i]].dims : std::vector<Extent>{axes[i].extent};
      dims.insert(dims.end(), own.begin(), own.end());
    }
    Use use{node, {}, 1};
    std::vector<Use> factors;
    int at = 0;
    for (; at < static_cast<int>(lead); ++at) use.index.push_back(Index::of(at));
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (!axes[i].bundle) {
        use.index.push_back(Index::of(at++));
        continue;
      }
      const auto& m = axes[i].bundle->members[last[i]];
      const int big = static_cast<int>(dims.size() + summed.size());
      summed.push_back(axes[i].extent);
      use.index.push_back(Index::of(big));
      Use embed{g_.embed(axes[i].extent, m.offset, m.dims, row_major(m.dims)), {Index::of(big)}, 1};
      for (std::size_t d = 0; d < m.dims.size(); ++d) embed.index.push_back(Index::of(at++));
      factors.push_back(embed);
    }
    factors.insert(factors.begin(), use);
    std::vector<int> full = key;
    full.insert(full.end(), last.begin(), last.end());
    into.blocks[full] = g_.contract(factors, dims, summed);
  }
}

// All leaves that are cut loose: those of the denominator, then those held, which nothing is derived by.
static std::vector<Ref> loose(const Derivative& d) {
  std::vector<Ref> cuts;
  for (Ref cut : d.cuts)
    if (cut != nullptr) cuts.push_back(cut);
  cuts.insert(cuts.end(), d.held.begin(), d.held.end());
  return cuts;
}

// Of a cut among those.
static int place_of(const Derivative& d, std::size_t cut) {
  return static_cast<int>(cut) -
         static_cast<int>(std::count(d.cuts.begin(), d.cuts.begin() + static_cast<std::ptrdiff_t>(cut), nullptr));
}

Value Values::push_left(const Value& u, const Value& dv) {
  const Derivative& d = *dv.derivative;
  const std::size_t extra = u.axes.size() - d.a.axes.size();
  Value v;
  v.axes.assign(u.axes.begin(), u.axes.begin() + static_cast<std::ptrdiff_t>(extra));
  v.axes.insert(v.axes.end(), d.b_axes.begin(), d.b_axes.end());
  std::map<std::vector<int>, std::vector<std::pair<Ref, Ref>>> pairs;  // key of the extra axes -> (a, u)
  for (const auto& [key, block] : u.blocks) {
    const std::vector<int> inner(key.begin() + static_cast<std::ptrdiff_t>(extra), key.end());
    auto a = d.a.blocks.find(inner);
    if (a == d.a.blocks.end()) continue;
    const Layout lu = layout(u.axes, key);
    Ref full = block;
    if (block->rank() != static_cast<int>(lu.dims.size())) full = g_.sum({Use{block, {}, 1}}, lu.dims);
    Ref numerator = a->second;
    const Layout la = layout(d.a.axes, inner);
    if (numerator->rank() != static_cast<int>(la.dims.size())) continue;  // a constant
    pairs[{key.begin(), key.begin() + static_cast<std::ptrdiff_t>(extra)}].emplace_back(numerator, full);
  }
  for (const auto& [key, list] : pairs)
    for (std::size_t m = 0; m < d.cuts.size(); ++m) {
      if (d.cuts[m] == nullptr) continue;
      std::vector<int> k = key;
      Ref node = g_.vjp(list, loose(d), place_of(d, m), d.own);
      if (d.stored) {
        cut_last(node, node->dims.size() - d.b_axes.size(), d.b_axes, key, v);
        continue;
      }
      if (d.b_axes.size() == 1 && d.b_axes[0].bundle) k.push_back(static_cast<int>(m));
      else k.insert(k.end(), d.b_axes.size(), 0);
      v.blocks[k] = node;
    }
  return v;
}

Value Values::push_right(const Value& dv, const Value& t) {
  const Derivative& d = *dv.derivative;
  const std::size_t nb = d.b_axes.size();
  Value v;
  v.axes = d.a.axes;
  v.axes.insert(v.axes.end(), t.axes.begin() + static_cast<std::ptrdiff_t>(nb), t.axes.end());
  std::map<std::vector<int>, std::map<int, Ref>> tangents;  // key of the extra axes -> member -> v
  for (const auto& [key, block] : t.blocks) {
    const Layout lt = layout(t.axes, key);
    Ref full = block;
    if (block->rank() != static_cast<int>(lt.dims.size())) full = g_.sum({Use{block, {}, 1}}, lt.dims);
    const int m = d.b_axes[0].bundle ? key[0] : 0;
    if (d.cuts[static_cast<std::size_t>(m)] == nullptr) continue;
    tangents[{key.begin() + static_cast<std::ptrdiff_t>(nb), key.end()}][m] = full;
  }
  for (const auto& [extra, members] : tangents)
    for (const auto& [ka, a] : d.a.blocks) {
      if (a->rank() != static_cast<int>(layout(d.a.axes, ka).dims.size())) continue;  // a constant
      std::vector<Ref> vs, cuts;
      for (auto [m, node] : members) {
        vs.push_back(node);
        cuts.push_back(d.cuts[m]);
      }
      for (std::size_t m = 0; m < d.cuts.size(); ++m)
        if (d.cuts[m] != nullptr && !members.contains(static_cast<int>(m))) cuts.push_back(d.cuts[m]);
      cuts.insert(cuts.end(), d.held.begin(), d.held.end());
      std::vector<int> key = ka;
      key.insert(key.end(), extra.begin(), extra.end());
      v.blocks[key] = g_.jvp(a, vs, cuts, d.own);
    }
  return v;
}

Value Values::derivative(Derivative derivative) {
  auto d = std::make_shared<Derivative>(std::move(derivative));
  d->a = form(d->a);
  d->origin = g_.origin;
  Value v;
  v.axes = d->a.axes;
  v.axes.insert(v.axes.end(), d->b_axes.begin(), d->b_axes.end());
  v.derivative = d;
  return v;
}

Value Values::form(const Value& a) {
  if (!a.derivative) return a;
  const Derivative& d = *a.derivative;
  const Origin before = std::exchange(g_.origin, d.origin);
  Value v;
  v.axes = a.axes;
  for (const auto& [ka, node] : d.a.blocks) {
    if (node->rank() != static_cast<int>(layout(d.a.axes, ka).dims.size())) continue;
    for (std::size_t m = 0; m < d.cuts.size(); ++m) {
      if (d.cuts[m] == nullptr) continue;
      std::vector<int> key = ka;
      Ref jac = g_.jac(node, loose(d), place_of(d, m), d.own);
      if (d.stored) {
        cut_last(jac, jac->dims.size() - d.b_axes.size(), d.b_axes, ka, v);
        continue;
      }
      if (d.b_axes.size() == 1 && d.b_axes[0].bundle) key.push_back(static_cast<int>(m));
      else key.insert(key.end(), d.b_axes.size(), 0);
      v.blocks[key] = jac;
    }
  }
  g_.origin = before;
  return v;
}

Value Values::reduce_sum(const Value& lazy, const std::vector<std::string>& sum_keys) {
  const Value a = form(lazy);
  Value v;
  std::vector<bool> gone;
  for (const Axis& axis : a.axes) {
    gone.push_back(std::find(sum_keys.begin(), sum_keys.end(), axis.key) != sum_keys.end());
    if (!gone.back()) v.axes.push_back(axis);
  }
  if (v.axes.size() == a.axes.size()) return a;
  std::map<std::vector<int>, std::vector<Ref>> terms;
  for (const auto& [key, block] : a.blocks) {
    std::vector<int> kept;
    for (std::size_t i = 0; i < key.size(); ++i)
      if (!gone[i]) kept.push_back(key[i]);
    const Layout la = layout(a.axes, key), lv = layout(v.axes, kept);
    std::vector<Extent> summed;
    std::vector<Index> index;
    int out = 0;
    for (std::size_t i = 0; i < key.size(); ++i)
      for (int d = 0; d < member_rank(a.axes[i], key[i]); ++d) {
        if (gone[i]) {
          index.push_back(Index::of(static_cast<int>(lv.dims.size() + summed.size())));
          summed.push_back(la.dims[la.first[i] + d]);
        } else {
          index.push_back(Index::of(out++));
        }
      }
    if (block->rank() == 0) index.clear();
    terms[kept].push_back(g_.contract({Use{block, index, 1}}, lv.dims, summed));
  }
  for (auto& [key, nodes] : terms) v.blocks[key] = add_all(nodes);
  return v;
}

Value Values::reduce_max(const Value& lazy, const std::vector<std::string>& max_keys) {
  const Value a = form(lazy);
  Value v;
  std::vector<bool> gone;
  for (const Axis& axis : a.axes) {
    gone.push_back(std::find(max_keys.begin(), max_keys.end(), axis.key) != max_keys.end());
    if (!gone.back()) v.axes.push_back(axis);
  }
  if (v.axes.size() == a.axes.size()) return a;
  for (const auto& key : keys(a.axes)) {
    std::vector<int> kept;
    for (std::size_t i = 0; i < key.size(); ++i)
      if (!gone[i]) kept.push_back(key[i]);
    const Layout la = layout(a.axes, key), lv = layout(v.axes, kept);
    auto found = a.blocks.find(key);
    Ref block = found == a.blocks.end() ? g_.constant(0) : found->second;
    std::vector<Extent> over;
    std::vector<Index> index;
    int out = 0;
    for (std::size_t i = 0; i < key.size(); ++i)
      for (int d = 0; d < member_rank(a.axes[i], key[i]); ++d) {
        if (gone[i]) {
          index.push_back(Index::of(static_cast<int>(lv.dims.size() + over.size())));
          over.push_back(la.dims[la.first[i] + d]);
        } else {
          index.push_back(Index::of(out++));
        }
      }
    if (block->rank() == 0) index.clear();
    Ref node = g_.maximum(Use{block, index, 1}, lv.dims, over);
    auto have = v.blocks.find(kept);
    if (have == v.blocks.end()) v.blocks[kept] = node;
    else have->second = g_.map(Op::max, {whole(have->second), whole(node)}, lv.dims);
  }
  return v;
}

Value Values::member(const Value& lazy, int axis, Extent position) {
  const Value a = form(lazy);
  Value v;
  v.axes = a.axes;
  v.axes.erase(v.axes.begin() + axis);
  for (const auto& [key, block] : a.blocks) {
    std::vector<int> kept = key;
    kept.erase(kept.begin() + axis);
    const Layout la = layout(a.axes, key), lv = layout(v.axes, kept);
    const int rank = static_cast<int>(lv.dims.size());
    Use use{block, {}, 1};
    for (int d = 0, out = 0; block->rank() && d < static_cast<int>(la.dims.size()); ++d)
      use.index.push_back(d == la.first[axis] ? Index::of(rank) : Index::of(out++));
    const Use pick{g_.embed(a.axes[axis].extent, position, {}, {}), {Index::of(rank)}, 1};
    v.blocks[kept] = g_.contract({use, pick}, lv.dims, {a.axes[axis].extent});
  }
  return v;
}

Value Values::rename(const Value& lazy, const std::vector<std::string>& names) {
  Value a = form(lazy);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (a.axes[i].from_key.empty()) {
      a.axes[i].from_key = a.axes[i].key;
      a.axes[i].from_shown = a.axes[i].shown;
    }
    a.axes[i].key = names[i];
    a.axes[i].shown = names[i];
  }
  if (!repeats(a.axes)) return a;
  Value v;
  for (const Axis& axis : a.axes)
    if (find_axis(v.axes, axis.key) < 0) v.axes.push_back(axis);
  for (const auto& key : keys(v.axes)) {
    std::vector<int> full;
    for (const Axis& axis : a.axes) full.push_back(key[find_axis(v.axes, axis.key)]);
    auto found = a.blocks.find(full);
    if (found == a.blocks.end()) continue;
    const Layout l = layout(v.axes, key);
    Use use{found->second, {}, 1};
    for (std::size_t i = 0; found->second->rank() && i < a.axes.size(); ++i) {
      const int at = find_axis(v.axes, a.axes[i].key);
      for (int d = 0; d < member_rank(v.axes[at], key[at]); ++d) use.index.push_back(Index::of(l.first[at] + d));
    }
    v.blocks[key] = g_.contract({use}, l.dims, {});
  }
  return v;
}

Value Values::reorder(const Value& lazy, const std::vector<Axis>& axes) {
  const Value a = form(lazy);
  bool identical = a.axes.size() == axes.size();
  for (std::size_t i = 0; identical && i < axes.size(); ++i) identical = a.axes[i].key == axes[i].key;
  if (identical) return a;
  Value v;
  v.axes = axes;
  for (const auto& key : keys(axes))
    if (Use use = use_in(a, axes, key); use.node) v.blocks[key] = g_.sum({use}, layout(axes, key).dims);
  return v;
}

Value Values::gather(const Value& lazy, int axis, const Value& wiring) {
  const Value a = form(lazy);
  Ref table = wiring.blocks.begin()->second;
  Ref wire = g_.wire(table, a.axes[axis].extent);
  Value v;
  v.axes.assign(a.axes.begin(), a.axes.begin() + axis);
  v.axes.insert(v.axes.end(), wiring.axes.begin(), wiring.axes.end());
  v.axes.insert(v.axes.end(), a.axes.begin() + axis + 1, a.axes.end());
  const int extra = static_cast<int>(wiring.axes.size());
  for (const auto& [key, block] : a.blocks) {
    std::vector<int> k(key.begin(), key.begin() + axis);
    k.insert(k.end(), extra, 0);
    k.insert(k.end(), key.begin() + axis + 1, key.end());
    const Layout la = layout(a.axes, key), lv = layout(v.axes, k);
    const int rank = static_cast<int>(lv.dims.size()), at = la.first[axis];
    Use use{block, {}, 1}, pick{wire, {}, 1};
    for (int d = 0; block->rank() && d < static_cast<int>(la.dims.size()); ++d)
      use.index.push_back(Index::of(d == at ? rank : d < at ? d : d + extra - 1));
    for (int d = 0; d < extra; ++d) pick.index.push_back(Index::of(at + d));
    pick.index.push_back(Index::of(rank));
    v.blocks[k] = g_.contract({use, pick}, lv.dims, {a.axes[axis].extent});
  }
  return v;
}

Value Values::stop(const Value& lazy) {
  Value v = form(lazy);
  for (auto& [key, block] : v.blocks) block = g_.stop(block);
  return v;
}

}  // namespace eligo::compiler
