#include "compiler/llvm/outline.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "compiler/ir/archive.h"
#include "compiler/loops/build.h"
#include "compiler/llvm/tile_costs.h"

namespace eligo::compiler::codegen {
namespace {

using loops::Access;
using loops::Value;
using loops::ValuePtr;

// Operands of sums and products in an order that follows from their form alone, so that `a*x + y` and `y + x*a` are one
// nest. What contains a Σ stays where it is: in which order sums are taken is the planner's matter.
class Ordering {
 public:
  ValuePtr ordered(const ValuePtr& value) { return visit(value).value; }

 private:
  struct Seen {
    ValuePtr value;
    std::uint64_t form = 0;  // a digest in which buffers and offsets have no part
    bool has_sum = false;
  };

  static std::uint64_t mixed(std::uint64_t h, std::uint64_t x) {
    h = (h ^ x) * 0x9e3779b97f4a7c15ull;
    return h ^ (h >> 29);
  }

  const Seen& visit(const ValuePtr& value) {
    if (const auto found = seen_.find(value.get()); found != seen_.end()) return found->second;
    Value copy = *value;
    std::vector<Seen> operands;
    Seen out;
    for (const ValuePtr& argument : value->args) operands.push_back(visit(argument));
    for (const Seen& operand : operands) out.has_sum = out.has_sum || operand.has_sum;
    const bool commutes = copy.kind == loops::ValueKind::apply && (copy.op == Op::add || copy.op == Op::mul);
    if (commutes && !out.has_sum && operands[1].form < operands[0].form) std::swap(operands[0], operands[1]);
    out.form = mixed(mixed(static_cast<std::uint64_t>(copy.kind), static_cast<std::uint64_t>(copy.op)),
                     std::hash<double>()(copy.constant));
    for (const std::int64_t s : copy.access.stride) out.form = mixed(out.form, static_cast<std::uint64_t>(s));
    for (const int l : copy.over) out.form = mixed(out.form, static_cast<std::uint64_t>(l));
    for (std::size_t i = 0; i < operands.size(); ++i) {
      out.form = mixed(out.form, operands[i].form);
      copy.args[i] = operands[i].value;
    }
    out.has_sum = out.has_sum || copy.kind == loops::ValueKind::reduce || copy.kind == loops::ValueKind::reduce_max;
    out.value = std::make_shared<const Value>(std::move(copy));
    return seen_[value.get()] = std::move(out);
  }

  std::unordered_map<const Value*, Seen> seen_;
};

// One statement over its own buffers, each from the place of its first access on. Of a fused statement, one trip: what
// moves in different steps from trip to trip are different arguments.
class Outliner {
 public:
  Outliner(const loops::Module& module, const loops::Statement& statement, bool fused)
      : module_(module), fused_(fused) {
    nest.statement = statement;
    nest.statement.out = moved(statement.out);
    nest.statement.value = moved(Ordering().ordered(statement.value));
    if (!fused) return;
    nest.statement.loops.erase(nest.statement.loops.begin());
    --nest.statement.outer;
    nest.statement.value = loops::rewrite(nest.statement.value, [](ValuePtr v) -> ValuePtr {
      if (v->over.empty()) return v;
      auto copy = std::make_shared<Value>(*v);
      for (int& l : copy->over) --l;
      return copy;
    });
  }

  Outlined::Nest nest;
  Outlined::Call call;

 private:
  int argument(int buffer, std::int64_t offset, std::int64_t step) {
    const auto [at, is_new] = arguments_.emplace(std::pair{buffer, step}, static_cast<int>(call.arguments.size()));
    if (is_new) {
      call.arguments.push_back({buffer, offset, step});
      nest.buffers.push_back(module_.buffers[static_cast<std::size_t>(buffer)]);
    }
    return at->second;
  }

  Access moved(Access access) {
    const auto place = [&](int& buffer, std::int64_t& offset, std::vector<std::int64_t>& stride) {
      buffer = argument(buffer, offset, fused_ ? stride.front() : 0);
      offset -= call.arguments[static_cast<std::size_t>(buffer)].offset;
      if (fused_) stride.erase(stride.begin());
    };
    place(access.buffer, access.offset, access.stride);
    if (access.gather >= 0) place(access.gather, access.gather_offset, access.gather_loops);
    return access;
  }

  ValuePtr moved(const ValuePtr& value) {
    return loops::with_accesses(value, [&](Access& access) { access = moved(access); });
  }

  const loops::Module& module_;
  const bool fused_;
  std::map<std::pair<int, std::int64_t>, int> arguments_;
};

// Everything that a nest's code depends on; names and labels are not.
class Identity {
 public:
  explicit Identity(const Outlined::Nest& nest) {
    for (const loops::Buffer& b : nest.buffers) write_(b.element);
    const loops::Statement& s = nest.statement;
    for (const loops::Loop& loop : s.loops) write_(loop.extent, loop.batch);
    write_(static_cast<int>(s.loops.size()), s.outer, s.accumulate);
    add(s.out);
    add(s.value);
  }
  const std::string& bytes() const { return write_.bytes; }

 private:
  void add(const Access& a) {
    write_(a.buffer, a.offset, a.stride, a.gather, a.gather_offset, a.gather_loops, a.gather_stride);
  }
  void add(const ValuePtr& value) {
    const auto [at, is_new] = numbers_.emplace(value.get(), static_cast<int>(numbers_.size()));
    write_(at->second);
    if (!is_new) return;
    write_(value->kind, value->constant, value->op, value->over, static_cast<int>(value->args.size()));
    if (value->kind == loops::ValueKind::load) add(value->access);
    for (const ValuePtr& argument : value->args) add(argument);
  }

  ArchiveWriter write_;
  std::unordered_map<const Value*, int> numbers_;
};

// What a nest takes to compile, roughly: its expression, where there are sums in several shapes of a tile.
double cost_of(const Value& value) {
  double cost = value.kind == loops::ValueKind::reduce || value.kind == loops::ValueKind::reduce_max ? 6 : 1;
  for (const ValuePtr& argument : value.args) cost += cost_of(*argument);
  return cost;
}

}  // namespace

Outlined outline(const loops::Module& module) {
  Outlined out;
  std::unordered_map<std::string, std::size_t> known;
  for (const loops::Function& function : module.functions) {
    Outlined::Function& into = out.functions.emplace_back();
    into.name = function.name;
    into.fusions = function.fusions;
    for (const loops::Statement& statement : function.statements) {
      Outliner outliner(module, statement, loops::fusion_of(function, into.calls.size()) != nullptr);
      const auto [at, is_new] = known.emplace(Identity(outliner.nest).bytes(), out.nests.size());
      if (is_new) {
        outliner.nest.name = fmt::format("{}_nest{}", function.name, into.calls.size());
        out.nests.push_back(std::move(outliner.nest));
      }
      outliner.call.nest = at->second;
      into.calls.push_back(std::move(outliner.call));
    }
  }
  return out;
}

std::vector<Part> parts_of(const Outlined& outlined, const std::vector<int>& order) {
  double all = 0;
  std::vector<double> costs;
  for (const Outlined::Nest& nest : outlined.nests) all += costs.emplace_back(cost_of(*nest.statement.value));
  const std::size_t most =
      std::clamp<std::size_t>(costs.size() / tile_costs::nests_in_a_part, 1, tile_costs::most_parts);
  std::vector<std::size_t> functions(order.begin(), order.end());
  for (std::size_t f = 0; f < outlined.functions.size(); ++f)
    if (std::find(functions.begin(), functions.end(), f) == functions.end()) functions.push_back(f);

  std::vector<Part> parts(1);
  std::vector<char> taken(costs.size(), 0);
  double sum = 0;  // of what has its part
  for (const std::size_t f : functions) {
    for (const Outlined::Call& call : outlined.functions[f].calls) {
      if (std::exchange(taken[call.nest], 1)) continue;
      // A part ends where its share is nearest.
      const double share = all * static_cast<double>(parts.size()) / static_cast<double>(most);
      if (sum + costs[call.nest] / 2 > share && parts.size() < most && !parts.back().nests.empty()) parts.emplace_back();
      parts.back().nests.push_back(call.nest);
      sum += costs[call.nest];
    }
    parts.back().functions.push_back(f);
  }
  for (Part& part : parts) std::sort(part.nests.begin(), part.nests.end());
  return parts;
}

}  // namespace eligo::compiler::codegen
