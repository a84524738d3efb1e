#include "tests/oracle/random_graph.h"

#include <algorithm>

namespace eligo::test {

using compiler::Extent;
using compiler::Index;
using compiler::Flag;
using compiler::Op;
using compiler::PhaseKind;
using compiler::Ref;
using compiler::RootKind;
using compiler::Tensor;
using compiler::TensorKind;
using compiler::TimeRef;
using compiler::Use;
using compiler::When;

namespace {

const TimeRef now{When::t, 0};

}  // namespace

std::vector<double>& TensorMemory::reals(int tensor, TimeRef time) {
  auto [at, made] = reals_.try_emplace({tensor, time});
  if (!made) return at->second;
  const Tensor& t = program_->tensors[static_cast<std::size_t>(tensor)];
  std::mt19937_64 random(seed_ * 1000 + static_cast<std::uint64_t>(tensor * 10 + time.offset + 5));
  for (std::int64_t i = 0; i < t.size() * (t.batched ? examples_ : 1); ++i) {
    const double u = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
    static constexpr double round[] = {0, 0, 0, 1, -1, 0.5, -0.5, 2, -2, 0, 1, 3};
    const bool small = corners_ && random() % 4 != 0;
    const double x = small ? round[random() % std::size(round)] : u;
    at->second.push_back(t.kind == TensorKind::gradient ? 0 : t.is_mask() ? (u > -0.4 ? 1 : 0) : x);
  }
  std::mt19937_64 disturb(disturbed_by_ * 7919 + static_cast<std::uint64_t>(tensor));
  if (disturbed_by_ != 0 && !t.is_mask())
    for (double& x : at->second) x *= 1 + static_cast<double>(disturb() % 4096) * 0x1p-50;
  return at->second;
}

std::vector<std::int32_t>& TensorMemory::integers(int tensor) {
  auto [at, made] = integers_.try_emplace(tensor);
  if (!made) return at->second;
  const Tensor& t = program_->tensors[static_cast<std::size_t>(tensor)];
  std::mt19937_64 random(seed_);
  for (std::int64_t i = 0; i < t.size(); ++i)
    at->second.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(t.init.a)));
  return at->second;
}

void* TensorMemory::resolve(int tensor, TimeRef time) {
  if (program_->tensors[static_cast<std::size_t>(tensor)].kind == TensorKind::wiring) return integers(tensor).data();
  return reals(tensor, time).data();
}

std::vector<Extent> RandomGraph::extents(std::int64_t most) {
  std::vector<Extent> dims;
  for (std::int64_t i = below(most + 1); i > 0; --i) dims.push_back(1 + below(4));
  return dims;
}

int RandomGraph::add_tensor(const std::string& name, TensorKind kind, std::vector<Extent> dims, bool batched) {
  Tensor t;
  t.name = name;
  t.kind = kind;
  t.dims = std::move(dims);
  t.batched = batched;
  if (kind == TensorKind::flag) t.flag = Flag::active;
  program_->tensors.push_back(t);
  return static_cast<int>(program_->tensors.size()) - 1;
}

Ref RandomGraph::pick(bool numbers_only) {
  const auto count = static_cast<std::int64_t>(nodes_.size());
  // Late nodes more often, so that graphs become deep.
  const std::int64_t at = chance(60) ? count - 1 - below(std::min<std::int64_t>(count, 6)) : below(count);
  Ref node = nodes_[static_cast<std::size_t>(at)];
  return numbers_only && node->rank() == 0 ? leaves_.front() : node;
}

// A place along an axis of this extent: a label, a part of the axis, two labels flattened, or a constant.
Index RandomGraph::index(Extent extent, const std::vector<Extent>& labels) {
  const auto count = static_cast<std::int64_t>(labels.size());
  for (int attempt = 0; attempt < 12 && count > 0; ++attempt) {
    const auto a = static_cast<int>(below(count));
    const Extent size = labels[static_cast<std::size_t>(a)];
    if (size == extent) return Index::of(a);
    if (attempt < 6) continue;
    if (size < extent && chance(50)) {
      const Extent stride = size > 1 && (extent - 1) / (size - 1) > 1 && chance(40) ? 2 : 1;
      return {below(extent - stride * (size - 1)), {{a, stride}}};
    }
    const auto b = static_cast<int>(below(count));
    const Extent other = labels[static_cast<std::size_t>(b)];
    if (a != b && size * other <= extent) return {0, {{a, other}, {b, 1}}};
  }
  return Index::at(below(extent));
}

// Inner nodes are mostly read whole, in any order or along a diagonal, as equations read them; all are also read in
// part. A node with an axis that no label serves gives way to a leaf.
Use RandomGraph::use(Ref node, const std::vector<Extent>& labels) {
  const bool in_part = node->kind == compiler::NodeKind::leaf || chance(15);
  Use use{node, {}, 1};
  for (const Extent extent : node->dims) {
    if (in_part) {
      use.index.push_back(index(extent, labels));
      continue;
    }
    std::vector<int> same;
    for (std::size_t l = 0; l < labels.size(); ++l) {
      if (labels[l] == extent) same.push_back(static_cast<int>(l));
    }
    if (same.empty())
      return this->use(leaves_[static_cast<std::size_t>(below(static_cast<std::int64_t>(leaves_.size())))], labels);
    use.index.push_back(Index::of(same[static_cast<std::size_t>(below(static_cast<std::int64_t>(same.size())))]));
  }
  return use;
}

// Of an operation that is not finite everywhere.
Ref RandomGraph::partial_operation() {
  static constexpr Op ops[] = {Op::log, Op::sqrt, Op::recip, Op::pow, Op::clamp, Op::div, Op::sign, Op::max, Op::min, Op::abs};
  compiler::Graph& g = program_->graph;
  const Op op = ops[below(std::size(ops))];
  Ref first = pick();
  const std::vector<Extent> dims = first->dims;
  std::vector<Use> args = {compiler::whole(first)};
  while (static_cast<int>(args.size()) < compiler::op_arity(op)) args.push_back(use(pick(), dims));
  if (op == Op::pow) {  // of numbers that keep it small
    if (chance(50)) args[0] = use(leaves_[static_cast<std::size_t>(1 + below(6))], dims);
    const double exponents[] = {0, 1, 2, 3, -1, 0.5};
    if (chance(60)) args[1] = Use{g.constant(exponents[below(6)]), {}, 1};
    else args[1] = use(leaves_[static_cast<std::size_t>(1 + below(6))], dims);
  }
  return g.map(op, args, dims);
}

// One of two, by what would make one of them other than finite.
Ref RandomGraph::guarded() {
  static constexpr Op ops[] = {Op::log, Op::sqrt, Op::recip, Op::log, Op::sqrt, Op::recip, Op::square, Op::exp};
  compiler::Graph& g = program_->graph;
  Ref argument = pick();
  const std::vector<Extent> dims = argument->dims;
  const Use zero{g.constant(0), {}, 1};
  Ref taken = g.map(ops[below(std::size(ops))], {compiler::whole(argument)}, dims);
  if (chance(50)) taken = g.contract({compiler::whole(taken), use(pick(), dims)}, dims, {});
  if (chance(15)) return g.map(chance(50) ? Op::max : Op::min, {compiler::whole(taken), use(leaves_[1], dims)}, dims);
  if (chance(15)) return g.map(Op::relu, {compiler::whole(taken)}, dims);
  Ref condition = g.map(chance(70) ? Op::gt : Op::ge, {compiler::whole(argument), zero}, dims);
  if (chance(15)) condition = g.map(Op::gt, {use(leaves_[1], dims), use(leaves_[2], dims)}, dims);
  const Use other = chance(50) ? zero : use(pick(), dims);
  if (chance(30)) return g.map(Op::select, {compiler::whole(condition), other, compiler::whole(taken)}, dims);
  return g.map(Op::select, {compiler::whole(condition), compiler::whole(taken), other}, dims);
}

namespace {

// Those without jumps, which rounding may turn, but for `select`, of which the condition is chosen; and without powers.
std::vector<Op> continuous_operations() {
  std::vector<Op> all;
  for (int i = 0; i < compiler::op_count; ++i) {
    const compiler::Operation& row = compiler::operation(static_cast<Op>(i));
    const bool flat = std::all_of(row.partials.begin(), row.partials.begin() + row.arity, [](const auto& partial) {
      return partial.kind == compiler::Partial::Kind::flat;
    });
    if (!flat && row.op != Op::pow) all.push_back(row.op);
  }
  return all;
}

}  // namespace

Ref RandomGraph::map() {
  if (corners_ && chance(60)) return chance(60) ? guarded() : partial_operation();
  static const std::vector<Op> ops = continuous_operations();
  compiler::Graph& g = program_->graph;
  static constexpr Op more[] = {Op::tanh, Op::mul, Op::lt};
  const Op op = chance(10) ? more[below(std::ssize(more))] : ops[static_cast<std::size_t>(below(std::ssize(ops)))];
  Ref first = pick();
  const std::vector<Extent> dims = chance(70) ? first->dims : extents(2);
  std::vector<Use> args = {chance(80) && dims == first->dims ? compiler::whole(first) : use(first, dims)};
  while (static_cast<int>(args.size()) < compiler::op_arity(op)) args.push_back(use(pick(), dims));
  if (op == Op::select) {  // on what rounding does not turn
    Ref condition = g.map(Op::lt, {use(leaves_[1], dims), use(leaves_[2], dims)}, dims);
    args[0] = compiler::whole(condition);
  }
  if (compiler::operation(op).may_leave_finite && args.size() == 1) {  // of something small and above zero
    Ref small = g.map(Op::tanh, args, dims);
    Ref above = g.sum({compiler::whole(small), Use{g.constant(1), {}, 1.5}}, dims);
    return g.map(op, {compiler::whole(above)}, dims);
  }
  if (op == Op::div) {  // by something away from zero
    Ref square = g.map(Op::square, {args[1]}, dims);
    Ref above = g.sum({compiler::whole(square), Use{g.constant(1), {}, 1.5}}, dims);
    return g.map(op, {args[0], compiler::whole(above)}, dims);
  }
  return g.map(op, args, dims);
}

Ref RandomGraph::contract() {
  const std::vector<Extent> dims = extents(2);
  std::vector<Extent> labels = dims, summed;
  std::vector<Use> factors;
  for (std::int64_t i = 1 + below(4); i > 0; --i) {
    Ref node = pick();
    // Axes that no label serves get a summed one.
    for (const Extent extent : node->dims) {
      if (summed.size() >= 3 || (std::find(labels.begin(), labels.end(), extent) != labels.end() && chance(60)))
        continue;
      labels.push_back(extent);
      summed.push_back(extent);
    }
    factors.push_back(use(node, labels));
  }
  if (chance(10) && summed.size() < 3) summed.push_back(1 + below(3));  // a sum that no factor knows of
  return program_->graph.contract(factors, dims, summed, chance(50) ? 1 : -0.5);
}

Ref RandomGraph::sum() {
  Ref first = pick();
  const std::vector<Extent> dims = first->dims;
  std::vector<Use> terms = {compiler::whole(first)};
  for (std::int64_t i = 1 + below(3); i > 0; --i) terms.push_back(use(pick(), dims));
  for (Use& term : terms) term.coefficient = chance(60) ? 1 : chance(50) ? -1 : 0.25;
  return program_->graph.sum(terms, dims);
}

// Identities, one-hots, blocks of a bundle, gathers: in a contraction with something.
Ref RandomGraph::structure() {
  compiler::Graph& g = program_->graph;
  Ref other = pick(true);
  std::vector<Extent> labels = other->dims;
  Use tie;
  const Extent n = labels.front();
  std::vector<Extent> dims;
  std::vector<Extent> summed;
  switch (below(4)) {
    case 0: {  // the identity, or a block: the first axis moves to a place in a longer one
      const Extent size = n + below(3);
      Ref embed = g.embed(size, below(size - n + 1), {n}, {1});
      tie = Use{embed, {Index::of(0), Index::of(1)}, 1};
      labels[0] = size;
      break;
    }
    case 1: {  // a one-hot of a new axis
      const Extent size = 1 + below(3);
      tie = Use{g.embed(size, below(size), {}, {}), {Index::of(0)}, 1};
      dims = other->dims;
      dims.insert(dims.begin(), size);
      return g.contract({tie, compiler::whole(other, 1)}, dims, {});
    }
    case 2: {  // two axes flattened into a part of one
      if (other->rank() < 2) return map();
      const Extent m = other->dims[1], size = n * m + below(3);
      Ref embed = g.embed(size, below(size - n * m + 1), {n, m}, {m, 1});
      dims = other->dims;
      dims.erase(dims.begin(), dims.begin() + 2);
      dims.insert(dims.begin(), size);
      const int first = static_cast<int>(dims.size());
      tie = Use{embed, {Index::of(0), Index::of(first), Index::of(first + 1)}, 1};
      Use whole{other, {Index::of(first), Index::of(first + 1)}, 1};
      for (int i = 2; i < other->rank(); ++i) whole.index.push_back(Index::of(i - 1));
      return g.contract({tie, whole}, dims, {n, m});
    }
    default: {  // a gather, or its adjoint
      const int wiring = program_->find("wiring");
      const Tensor& t = program_->tensors[static_cast<std::size_t>(wiring)];
      const auto targets = static_cast<Extent>(t.init.a);
      Ref wire = g.wire(program_->leaf(wiring, {}), targets);
      const bool adjoint = chance(50);
      if (n != (adjoint ? t.dims[0] : targets)) return map();
      labels[0] = adjoint ? targets : t.dims[0];
      tie = Use{
          wire,
          adjoint ? std::vector<Index>{Index::of(1), Index::of(0)} : std::vector<Index>{Index::of(0), Index::of(1)}, 1};
      break;
    }
  }
  // result[p, rest...] = Σ_q tie(p, q) other[q, rest...]
  dims = labels;
  const int q = static_cast<int>(dims.size());
  tie.index = {tie.index[0].label() == 0 ? Index::of(0) : Index::of(q),
               tie.index[1].label() == 0 ? Index::of(0) : Index::of(q)};
  Use whole{other, {Index::of(q)}, 1};
  for (int i = 1; i < other->rank(); ++i) whole.index.push_back(Index::of(i));
  return g.contract({tie, whole}, dims, {n});
}

Ref RandomGraph::any() {
  const std::int64_t kind = below(100);
  if (kind < 35) return map();
  if (kind < 60) return contract();
  if (kind < 75) return sum();
  // Of what is structurally 0 in a value, infinities beyond the product around it are not asked: another order of the
  // factors may have put them behind it.
  if (corners_ && kind < 95) return map();
  if (kind < 95) return structure();
  Ref node = pick(true);
  // No two places are equal: which of them attains the maximum is no question.
  const int distinct =
      add_tensor("distinct" + std::to_string(program_->tensors.size()), TensorKind::field, {node->dims.front()}, true);
  Use other{program_->leaf(distinct, now), {Index::of(0)}, 1};
  node = program_->graph.sum({compiler::whole(node), other}, node->dims);
  std::vector<Extent> dims(node->dims.begin() + 1, node->dims.end());
  Use reduced{node, {Index::of(static_cast<int>(dims.size()))}, 1};
  for (int i = 1; i < node->rank(); ++i) reduced.index.push_back(Index::of(i - 1));
  return program_->graph.maximum(reduced, dims, {node->dims.front()});
}

Ref RandomGraph::derivative() {
  compiler::Graph& g = program_->graph;
  Ref a = pick(), b = leaves_[static_cast<std::size_t>(below(static_cast<std::int64_t>(leaves_.size())))];
  const std::int64_t kind = below(3);
  if (kind == 0 && a->size() * b->size() <= 100) return g.jac(a, {b}, 0, now);
  const std::vector<Extent> columns = kind == 1 ? extents(1) : std::vector<Extent>{};
  auto seed = [&](std::vector<Extent> dims, bool before) {
    dims.insert(before ? dims.begin() : dims.end(), columns.begin(), columns.end());
    const int tensor = add_tensor("seed" + std::to_string(program_->tensors.size()), TensorKind::field, dims, true);
    return program_->leaf(tensor, now);
  };
  if (chance(50)) return g.vjp({{a, seed(a->dims, true)}}, {b}, 0, now);
  return g.jvp(a, {seed(b->dims, false)}, {b}, now);
}

void RandomGraph::add_root(RootKind kind, const std::string& name, Ref node) {
  const bool gathers = kind == RootKind::gather;
  if (gathers) {  // as learn lines are: over the examples that take part
    Ref flag = program_->leaf(program_->find("flag"), now);
    node = program_->graph.contract({compiler::whole(node), compiler::whole(flag)}, node->dims, {}, 1, true);
  }
  const int tensor = add_tensor(name, gathers ? TensorKind::gradient : TensorKind::shown, node->dims, !gathers);
  program_->phases.front().roots.push_back({kind, tensor, gathers ? TimeRef{} : now, node, name});
}

void RandomGraph::build(compiler::Program& program, int nodes) {
  program_ = &program;
  program.name = "random";
  const int flag = add_tensor("flag", TensorKind::flag, {}, true);
  const int wiring = add_tensor("wiring", TensorKind::wiring, {1 + below(4)}, false);
  program.tensors[static_cast<std::size_t>(wiring)].init.a = static_cast<double>(1 + below(4));
  leaves_.push_back(program.leaf(add_tensor("vector", TensorKind::field, {1 + below(4)}, true), now));
  for (int i = 0; i < 3; ++i) {
    leaves_.push_back(program.leaf(add_tensor("w" + std::to_string(i), TensorKind::param, extents(3), false), {}));
    const int field = add_tensor("f" + std::to_string(i), TensorKind::field, extents(2), true);
    leaves_.push_back(program.leaf(field, now));
    leaves_.push_back(program.leaf(field, {When::t, -1}));
  }
  nodes_ = leaves_;
  nodes_.push_back(program.leaf(add_tensor("scale", TensorKind::hyper, {}, false), {}));
  if (!corners_) nodes_.push_back(program.leaf(flag, now));
  nodes_.push_back(program.graph.constant(0.75));
  for (int i = 0; i < nodes; ++i) {
    Ref node = any();
    if (node->size() <= 64 && node->rank() <= 3) nodes_.push_back(node);
  }
  program.phases.push_back({{PhaseKind::arrive}, {}});
  add_root(RootKind::store, "first", pick());
  add_root(RootKind::store, "second", chance(60) ? derivative() : pick());
  add_root(RootKind::gather, "sum", chance(50) ? derivative() : pick());
}

}  // namespace eligo::test
