#include "compiler/ir/graph.h"

#include <bit>
#include <unordered_set>

#include <fmt/core.h>

namespace eligo::compiler {

std::string to_string(TimeRef time) {
  static constexpr const char* names[] = {"", "t", "start", "end", "last", "now"};
  std::string text = names[static_cast<int>(time.base)];
  if (time.offset != 0) text += fmt::format("{:+}", time.offset);
  return text;
}

bool Index::mentions(int label) const {
  for (const Term& term : terms)
    if (term.label == label) return true;
  return false;
}

Extent Node::size() const {
  Extent n = 1;
  for (Extent d : dims) n *= d;
  return n;
}

namespace {

class Hasher {
 public:
  void add(std::uint64_t x) { h_ = (std::rotl(h_, 23) ^ x) * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull; }
  void add(double x) { add(std::bit_cast<std::uint64_t>(x)); }
  void add(const std::vector<Extent>& xs) {
    add(static_cast<std::uint64_t>(xs.size()));
    for (Extent x : xs) add(static_cast<std::uint64_t>(x));
  }
  std::uint64_t value() const { return h_; }

 private:
  std::uint64_t h_ = 0x243F6A8885A308D3ull;
};

std::uint64_t hash_of(const Node& n) {
  Hasher h;
  h.add(static_cast<std::uint64_t>(n.kind));
  h.add(n.dims);
  h.add(n.summed);
  h.add(static_cast<std::uint64_t>(n.op));
  h.add(n.number);
  h.add(static_cast<std::uint64_t>(n.tensor + 1));
  h.add(static_cast<std::uint64_t>(n.time.base) * 1024 + static_cast<std::uint64_t>(n.time.offset + 512));
  h.add(static_cast<std::uint64_t>(n.offset));
  h.add(n.strides);
  h.add(static_cast<std::uint64_t>(n.wrt + 1) * 2 + n.sum_batch);
  h.add(static_cast<std::uint64_t>(n.own.base) * 1024 + static_cast<std::uint64_t>(n.own.offset + 512));
  for (Ref cut : n.cuts) h.add(cut->hash);
  for (const Use& use : n.uses) {
    h.add(use.node->hash);
    h.add(use.coefficient);
    for (const Index& index : use.index) {
      h.add(static_cast<std::uint64_t>(index.offset));
      for (const Index::Term& term : index.terms) {
        h.add(static_cast<std::uint64_t>(term.label));
        h.add(static_cast<std::uint64_t>(term.stride));
      }
    }
  }
  return h.value();
}

bool same_uses(const std::vector<Use>& a, const std::vector<Use>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].node != b[i].node || a[i].coefficient != b[i].coefficient || a[i].index != b[i].index) return false;
  return true;
}

bool same(const Node& a, const Node& b) {
  return a.kind == b.kind && a.dims == b.dims && a.summed == b.summed && a.op == b.op &&
         std::bit_cast<std::uint64_t>(a.number) == std::bit_cast<std::uint64_t>(b.number) && a.tensor == b.tensor &&
         a.time == b.time && a.offset == b.offset && a.strides == b.strides && a.cuts == b.cuts && a.wrt == b.wrt &&
         a.own == b.own && a.sum_batch == b.sum_batch && same_uses(a.uses, b.uses);
}

bool any_batched(const std::vector<Use>& uses) {
  for (const Use& use : uses)
    if (use.node->batched) return true;
  return false;
}

}  // namespace

Ref Graph::intern(Node node) {
  node.hash = hash_of(node);
  auto [first, last] = table_.equal_range(node.hash);
  for (auto it = first; it != last; ++it)
    if (same(*it->second, node)) return it->second;
  node.id = static_cast<int>(nodes_.size());
  node.origin = origin;
  nodes_.push_back(std::move(node));
  table_.emplace(nodes_.back().hash, &nodes_.back());
  return &nodes_.back();
}

Ref Graph::leaf(int tensor, TimeRef time, std::vector<Extent> dims, bool batched) {
  Node n;
  n.kind = NodeKind::leaf;
  n.tensor = tensor;
  n.time = time;
  n.dims = std::move(dims);
  n.batched = batched;
  return intern(std::move(n));
}

Ref Graph::constant(double value) {
  Node n;
  n.kind = NodeKind::constant;
  n.number = value == 0 ? 0 : value;  // one zero
  return intern(std::move(n));
}

Ref Graph::map(Op op, std::vector<Use> args, std::vector<Extent> dims) {
  Node n;
  n.kind = NodeKind::map;
  n.op = op;
  n.batched = any_batched(args);
  n.uses = std::move(args);
  n.dims = std::move(dims);
  return intern(std::move(n));
}

Ref Graph::contract(std::vector<Use> factors, std::vector<Extent> dims, std::vector<Extent> summed, double coefficient,
                    bool sum_batch) {
  Node n;
  n.kind = NodeKind::contract;
  n.number = coefficient;
  n.sum_batch = sum_batch;
  n.batched = !sum_batch && any_batched(factors);
  n.uses = std::move(factors);
  n.dims = std::move(dims);
  n.summed = std::move(summed);
  return intern(std::move(n));
}

Ref Graph::sum(std::vector<Use> terms, std::vector<Extent> dims) {
  Node n;
  n.kind = NodeKind::sum;
  n.batched = any_batched(terms);
  n.uses = std::move(terms);
  n.dims = std::move(dims);
  return intern(std::move(n));
}

Ref Graph::embed(Extent size, Extent offset, std::vector<Extent> dims, std::vector<Extent> strides) {
  Node n;
  n.kind = NodeKind::embed;
  n.dims = {size};
  n.dims.insert(n.dims.end(), dims.begin(), dims.end());
  n.offset = offset;
  n.strides = std::move(strides);
  return intern(std::move(n));
}

Ref Graph::wire(Ref wiring, Extent targets) {
  Node n;
  n.kind = NodeKind::wire;
  n.dims = wiring->dims;
  n.dims.push_back(targets);
  n.uses = {whole(wiring)};
  return intern(std::move(n));
}

Ref Graph::maximum(Use use, std::vector<Extent> dims, std::vector<Extent> summed) {
  Node n;
  n.kind = NodeKind::maximum;
  n.batched = use.node->batched;
  n.uses = {std::move(use)};
  n.dims = std::move(dims);
  n.summed = std::move(summed);
  return intern(std::move(n));
}

Ref Graph::stop(Ref node) {
  Node n;
  n.kind = NodeKind::stop;
  n.dims = node->dims;
  n.batched = node->batched;
  n.uses = {whole(node)};
  return intern(std::move(n));
}

Ref Graph::jac(Ref a, std::vector<Ref> cuts, int wrt, TimeRef own) {
  Node n;
  n.kind = NodeKind::jac;
  n.dims = a->dims;
  n.dims.insert(n.dims.end(), cuts[wrt]->dims.begin(), cuts[wrt]->dims.end());
  n.uses = {whole(a)};
  n.cuts = std::move(cuts);
  n.wrt = wrt;
  n.own = own;
  n.batched = true;
  return intern(std::move(n));
}

Ref Graph::vjp(std::vector<std::pair<Ref, Ref>> a_and_u, std::vector<Ref> cuts, int wrt, TimeRef own) {
  Node n;
  n.kind = NodeKind::vjp;
  const auto& [a0, u0] = a_and_u.front();
  n.dims.assign(u0->dims.begin(), u0->dims.end() - a0->rank());
  n.dims.insert(n.dims.end(), cuts[wrt]->dims.begin(), cuts[wrt]->dims.end());
  for (const auto& [a, u] : a_and_u) {
    n.uses.push_back(whole(a));
    n.uses.push_back(whole(u));
  }
  n.cuts = std::move(cuts);
  n.wrt = wrt;
  n.own = own;
  n.batched = true;
  return intern(std::move(n));
}

Ref Graph::jvp(Ref a, std::vector<Ref> v, std::vector<Ref> cuts, TimeRef own) {
  Node n;
  n.kind = NodeKind::jvp;
  n.dims = a->dims;
  n.dims.insert(n.dims.end(), v[0]->dims.begin() + cuts[0]->rank(), v[0]->dims.end());
  n.uses = {whole(a)};
  for (Ref tangent : v) n.uses.push_back(whole(tangent));
  n.cuts = std::move(cuts);
  n.own = own;
  n.batched = true;
  return intern(std::move(n));
}

Ref Graph::rebuild(Ref node, std::vector<Use> uses) {
  if (uses.empty()) return node;
  Node n = *node;
  n.uses = std::move(uses);
  const bool derivative = n.kind == NodeKind::jac || n.kind == NodeKind::vjp || n.kind == NodeKind::jvp;
  if (!derivative && !n.uses.empty() && n.kind != NodeKind::wire) n.batched = !n.sum_batch && any_batched(n.uses);
  return intern(std::move(n));
}

bool is_whole(const Use& use, const std::vector<Extent>& dims) {
  if (use.node->dims != dims) return false;
  for (std::size_t i = 0; i < use.index.size(); ++i)
    if (!use.index[i].is_label() || use.index[i].label() != static_cast<int>(i)) return false;
  return true;
}

Use whole(Ref node, int first) {
  Use use{node, {}, 1};
  for (int i = 0; i < node->rank(); ++i) use.index.push_back(Index::of(first + i));
  return use;
}

Index substitute(const Index& outer, const std::vector<Index>& by) {
  Index result = Index::at(outer.offset);
  for (const Index::Term& term : outer.terms) {
    const Index& inner = by[term.label];
    result.offset += term.stride * inner.offset;
    for (const Index::Term& t : inner.terms) {
      bool merged = false;
      for (Index::Term& have : result.terms)
        if (have.label == t.label) {
          have.stride += term.stride * t.stride;
          merged = true;
        }
      if (!merged) result.terms.push_back({t.label, term.stride * t.stride});
    }
  }
  return result;
}

std::vector<Ref> postorder(const std::vector<Ref>& roots) {
  std::vector<Ref> order;
  std::unordered_set<Ref> done;
  std::vector<std::pair<Ref, std::size_t>> stack;  // explicit: graphs may be deeper than the machine's stack
  for (Ref root : roots) {
    if (!done.insert(root).second) continue;
    stack.emplace_back(root, 0);
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next < node->uses.size()) {
        Ref operand = node->uses[next++].node;
        if (done.insert(operand).second) stack.emplace_back(operand, 0);
      } else {
        order.push_back(node);
        stack.pop_back();
      }
    }
  }
  return order;
}

}  // namespace eligo::compiler
