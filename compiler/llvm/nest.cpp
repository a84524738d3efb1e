#include "compiler/llvm/nest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <unordered_set>

#include "compiler/llvm/tile_costs.h"
#include "compiler/loops/build.h"

namespace eligo::compiler::codegen {
namespace {

using loops::Access;
using loops::apply;
using loops::load;
using loops::rewrite;
using loops::sum;
using loops::Value;
using loops::ValueKind;
using loops::ValuePtr;

// Σ j: a * f[j] = a * Σ j: f[j]. Over a loop that may have no trips only constants move (0 * infinity is no zero).
class Factoring {
 public:
  explicit Factoring(const std::vector<NestLoop>& loops) : loops_(loops) {}

  ValuePtr operator()(ValuePtr v) {
    if (v->kind != ValueKind::reduce || v->args[0]->kind != ValueKind::apply) return v;
    std::vector<ValuePtr> factors, inside, outside;
    collect(v->args[0], factors);
    for (const ValuePtr& f : factors) (moves(*f, v->over) ? outside : inside).push_back(f);
    if (outside.empty() || inside.empty()) return v;
    kept_.push_back(v);
    outside.push_back(sum(v->over, product(inside)));
    kept_.push_back(outside.back());
    return product(outside);
  }

 private:
  static void collect(const ValuePtr& v, std::vector<ValuePtr>& factors) {
    if (v->kind == ValueKind::apply && v->op == Op::mul)
      for (const ValuePtr& a : v->args) collect(a, factors);
    else factors.push_back(v);
  }
  static ValuePtr product(const std::vector<ValuePtr>& factors) {
    ValuePtr p = factors[0];
    for (std::size_t i = 1; i < factors.size(); ++i) p = apply(Op::mul, {p, factors[i]});
    return p;
  }
  bool moves(const Value& factor, const std::vector<int>& over) {
    if (factor.kind == ValueKind::constant) return std::isfinite(factor.constant);
    return std::none_of(over.begin(), over.end(), [&](int l) {
      return loops_[static_cast<std::size_t>(l)].at_run_time() || (dependence_.of(factor) & loop_bit(l));
    });
  }

  const std::vector<NestLoop>& loops_;
  Dependence dependence_;
  std::vector<ValuePtr> kept_;  // so that no address in dependence_ is used again
};

class Normaliser {
 public:
  explicit Normaliser(const loops::Statement& s) {
    if (s.loops.size() > 63) throw std::runtime_error("a statement of more than 63 loops: " + s.label);
    for (const loops::Loop& l : s.loops) nest_.loops.push_back({l.name, l.extent, l.batch ? 1 : 0});
    nest_.outer = s.outer;
    nest_.out = s.out;
    nest_.value = s.value;
    nest_.scatters = s.accumulate;
    if (nest_.out.gather < 0) nest_.out.gather_loops.clear();
    outer_.assign(s.loops.size(), false);
    std::fill_n(outer_.begin(), s.outer, true);
    if (s.accumulate) accumulate();
    nest_.value = rewrite(nest_.value, Factoring(nest_.loops));
    keep_.assign(s.loops.size(), true);
    for (std::size_t l = 0; l < keep_.size(); ++l) keep_[l] = nest_.loops[l].at_run_time() || nest_.loops[l].extent > 1;
    collect(*nest_.value);
    accesses_.push_back(&nest_.out);
  }

  Nest run() {
    while (merge_two()) {}
    renumber();
    return std::move(nest_);
  }

 private:
  static std::int64_t at(const std::vector<std::int64_t>& stride, std::size_t l) {
    return l < stride.size() ? stride[l] : 0;
  }

  void accumulate() {
    std::vector<int> over;
    for (int l = 0; l < nest_.outer; ++l)
      if (!(loops_of(nest_.out) & loop_bit(l))) over.push_back(l);
    if (!over.empty()) {
      for (const int l : over) outer_[static_cast<std::size_t>(l)] = false;
      if (nest_.value->kind == ValueKind::reduce) {
        over.insert(over.end(), nest_.value->over.begin(), nest_.value->over.end());
        nest_.value = sum(over, nest_.value->args[0]);
      } else {
        nest_.value = sum(over, nest_.value);
      }
    }
    nest_.value = apply(Op::add, {load(nest_.out), nest_.value});
  }

  void collect(const Value& v) {
    if (!seen_.insert(&v).second) return;
    if (v.kind == ValueKind::load) accesses_.push_back(&v.access);
    if (is_reduce(v)) overs_.push_back(&v.over);
    for (const ValuePtr& a : v.args) collect(*a);
  }

  // Whether every access steps through `high` and `low` as through one loop, low fastest.
  bool mergeable(std::size_t high, std::size_t low) const {
    if (nest_.loops[low].at_run_time() || outer_[high] != outer_[low]) return false;
    const std::int64_t extent = nest_.loops[low].extent;
    for (const Access* a : accesses_) {
      if (at(a->stride, high) != at(a->stride, low) * extent) return false;
      if (at(a->gather_loops, high) != at(a->gather_loops, low) * extent) return false;
    }
    return std::all_of(overs_.begin(), overs_.end(), [&](const std::vector<int>* over) {
      const auto has = [&](std::size_t l) {
        return std::find(over->begin(), over->end(), static_cast<int>(l)) != over->end();
      };
      return has(high) == has(low);
    });
  }

  bool merge_two() {
    for (std::size_t high = 0; high < keep_.size(); ++high)
      for (std::size_t low = 0; low < keep_.size(); ++low) {
        if (high == low || !keep_[high] || !keep_[low] || !mergeable(high, low)) continue;
        NestLoop &h = nest_.loops[high], &l = nest_.loops[low];
        l.name = h.name + l.name;
        l.per_example = h.per_example * l.extent;
        l.extent *= h.extent;
        keep_[high] = false;
        return true;
      }
    return false;
  }

  void renumber() {
    std::vector<NestLoop> loops;
    std::vector<int> number(keep_.size(), -1);
    for (const bool outer : {true, false}) {
      for (std::size_t l = 0; l < keep_.size(); ++l) {
        if (!keep_[l] || outer_[l] != outer) continue;
        number[l] = static_cast<int>(loops.size());
        loops.push_back(nest_.loops[l]);
      }
      if (outer) nest_.outer = static_cast<int>(loops.size());
    }
    const auto strides = [&](std::vector<std::int64_t>& stride) {
      std::vector<std::int64_t> now(loops.size(), 0);
      for (std::size_t l = 0; l < number.size(); ++l)
        if (number[l] >= 0) now[static_cast<std::size_t>(number[l])] = at(stride, l);
      stride = std::move(now);
    };
    const auto access = [&](Access& a) {
      strides(a.stride);
      strides(a.gather_loops);
    };
    access(nest_.out);
    nest_.value = rewrite(nest_.value, [&](ValuePtr v) -> ValuePtr {
      if (v->kind != ValueKind::load && !is_reduce(*v)) return v;
      auto copy = std::make_shared<Value>(*v);
      access(copy->access);
      copy->over.clear();
      for (const int l : v->over)
        if (const int n = number[static_cast<std::size_t>(l)]; n >= 0) copy->over.push_back(n);
      return copy->over.empty() && is_reduce(*v) ? copy->args[0] : copy;
    });
    nest_.loops = std::move(loops);
  }

  Nest nest_;
  std::vector<bool> outer_, keep_;
  std::vector<const Access*> accesses_;
  std::vector<const std::vector<int>*> overs_;
  std::unordered_set<const Value*> seen_;
};

bool has_reduce(const Value& v) {
  return is_reduce(v) || std::any_of(v.args.begin(), v.args.end(), [](const ValuePtr& a) { return has_reduce(*a); });
}

bool reads(const Value& v, int buffer) {
  return (v.kind == ValueKind::load && v.access.buffer == buffer) ||
         std::any_of(v.args.begin(), v.args.end(), [&](const ValuePtr& a) { return reads(*a, buffer); });
}

// The largest part of `v` that holds all of its sums and little else; `v` itself if there is no such part.
ValuePtr part_with_sums(const ValuePtr& v) {
  if (!has_reduce(*v) || work_after_sums(*v) <= tile_costs::little_after_a_sum) return v;
  const ValuePtr* only = nullptr;
  for (const ValuePtr& a : v->args) {
    if (!has_reduce(*a)) continue;
    if (only && *only != a) return v;
    only = &a;
  }
  return only && !is_reduce(*v) ? part_with_sums(*only) : v;
}

// Long expressions after a sum are a statement of their own, in place: otherwise they would be in the code of each
// tile.
std::vector<loops::Statement> split_after_sums(const loops::Statement& s) {
  if (s.accumulate || s.out.gather >= 0 || !has_reduce(*s.value) || reads(*s.value, s.out.buffer)) return {s};
  double points = 1;
  for (int l = 0; l < s.outer; ++l)
    if (!s.loops[static_cast<std::size_t>(l)].batch) points *= static_cast<double>(s.loops[static_cast<std::size_t>(l)].extent);
  if (points <= tile_costs::few_after_a_sum) return {s};
  const ValuePtr part = part_with_sums(s.value);
  const double after = work_after_sums(*s.value) - work_after_sums(*part);
  if (part == s.value || after < tile_costs::long_after_a_sum) return {s};
  loops::Statement sums = s, rest = s;
  sums.value = part;
  const ValuePtr again = load(s.out);
  rest.value = rewrite(s.value, [&](ValuePtr v) { return v == part ? again : v; });
  for (std::size_t l = static_cast<std::size_t>(s.outer); l < rest.loops.size(); ++l)
    rest.loops[l] = {"unused", 1, false};
  return {sums, rest};
}

}  // namespace

LoopSet loops_of(const Access& access) {
  LoopSet set = 0;
  for (std::size_t l = 0; l < access.stride.size(); ++l)
    if (access.stride[l] != 0) set |= loop_bit(static_cast<int>(l));
  for (std::size_t l = 0; l < access.gather_loops.size(); ++l)
    if (access.gather_loops[l] != 0) set |= loop_bit(static_cast<int>(l));
  return set;
}

bool is_reduce(const Value& v) { return v.kind == ValueKind::reduce || v.kind == ValueKind::reduce_max; }

LoopSet Dependence::of(const Value& v) {
  if (const auto known = known_.find(&v); known != known_.end()) return known->second;
  LoopSet set = 0;
  if (v.kind == ValueKind::load) set = loops_of(v.access);
  for (const ValuePtr& a : v.args) set |= of(*a);
  for (const int l : v.over) set &= ~loop_bit(l);
  return known_[&v] = set;
}

double work_after_sums(const Value& v) {
  if (is_reduce(v)) return 0;
  double w = v.kind == ValueKind::load ? 1 : v.kind == ValueKind::apply ? op_cost(v.op) : 0;
  for (const ValuePtr& a : v.args) w += work_after_sums(*a);
  return w;
}

std::vector<Nest> normal_form(const loops::Statement& statement) {
  std::vector<Nest> nests;
  for (const loops::Statement& s : split_after_sums(statement)) nests.push_back(Normaliser(s).run());
  return nests;
}

}  // namespace eligo::compiler::codegen
