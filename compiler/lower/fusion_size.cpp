#include "compiler/lower/fusion_size.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/loops/build.h"
#include "compiler/lower/phase_costs.h"

namespace eligo::compiler {
namespace {

using loops::Access;
using loops::Statement;
using loops::ValueKind;
using loops::ValuePtr;

// A buffer as the members use it.
struct Use {
  double bytes = 0;        // of a call
  bool follows = true;     // the shared loop, in all accesses
  int members = 0;         // that touch it
  bool loaded = false;     // by a member, other than to add to it
  bool stored = false;
  std::int64_t step = 0;   // elements of a trip that lie together
  bool batched = false;
};

class Sizing {
 public:
  Sizing(const Lowered& lowered, const loops::Function& function, const FusionGroup& group, std::int64_t bytes,
         std::int64_t examples, const FusionLimits& limits)
      : module_(lowered.module),
        function_(function),
        group_(group),
        bytes_(bytes),
        examples_(examples),
        limits_(limits) {
    for (std::size_t i = 0; group.extent > 0 && i < group.statements.size(); ++i) collect(i);
  }

  FusionSize run() {
    FusionSize size;
    if (group_.extent == 0) return size;
    double words = 0;
    for (const auto& [buffer, use] : uses_) {
      if (use.members < 2 || !use.follows || !use.stored || !use.loaded) continue;
      size.handed_on += use.bytes;
      words += use.bytes * use.members / static_cast<double>(bytes_);
    }
    if (size.handed_on < limits_.bytes || words * cost_model::word < limits_.share * operations()) return size;
    const bool in_parts = examples_ > limits_.examples && splits_examples();
    size.examples = in_parts ? limits_.examples : 0;
    size.values = values(in_parts ? static_cast<double>(limits_.examples) / static_cast<double>(examples_) : 1);
    size.worth = size.values * 2 <= group_.extent;
    return size;
  }

 private:
  const Statement& member(std::size_t i) const { return function_.statements[group_.statements[i]]; }

  void collect(std::size_t i) {
    const Statement& s = member(i);
    std::map<int, bool> own;  // whether the shared loop is in all of a buffer's accesses
    const auto touch = [&](const Access& a) {
      const bool follows = a.stride[static_cast<std::size_t>(group_.loop[i])] != 0;
      const auto [at, is_new] = own.emplace(a.buffer, follows);
      at->second = at->second && follows;
      if (follows) uses_[a.buffer].step = a.stride[static_cast<std::size_t>(group_.loop[i])];
    };
    for (const Access* a : loops::loads_of(s.value)) {
      touch(*a);
      uses_[a->buffer].loaded = true;
    }
    touch(s.out);
    uses_[s.out.buffer].stored = true;
    for (const auto& [buffer, follows] : own) {
      const loops::Buffer& b = module_.buffers[static_cast<std::size_t>(buffer)];
      Use& use = uses_[buffer];
      use.batched = b.batched;
      use.bytes = static_cast<double>(b.size * bytes_ * (b.batched ? examples_ : 1));
      use.follows = use.follows && follows;
      ++use.members;
    }
  }

  double operations() const {
    double all = 0;
    for (std::size_t i = 0; i < group_.statements.size(); ++i)
      all += cost_of_function({"", {member(i)}, {}}).operations;
    return all;
  }

  // As many as fill a part of a core's cache, at least as many as keep vectors and calls busy.
  std::int64_t values(double share_of_examples) const {
    double each = 0, all = 0, points = 0;
    std::int64_t step = 1;
    double widest = 0;
    for (const auto& [buffer, use] : uses_) {
      const double bytes = use.bytes * (use.batched ? share_of_examples : 1);
      if (!use.follows) {
        all += std::min(bytes, limits_.bytes);
        continue;
      }
      each += bytes / static_cast<double>(group_.extent);
      if (bytes > widest) widest = bytes, step = use.step;
    }
    for (std::size_t i = 0; i < group_.statements.size(); ++i) points += points_of(member(i), share_of_examples);
    points /= static_cast<double>(group_.statements.size()) * static_cast<double>(group_.extent);
    const double room = std::max(0.0, limits_.trip_bytes - all);
    const auto fill = static_cast<std::int64_t>(room / std::max(each, 1.0));
    const auto busy = static_cast<std::int64_t>(std::ceil(limits_.points / std::max(points, 1.0)));
    const std::int64_t row = std::max<std::int64_t>(1, limits_.row_bytes / bytes_), line = (row + step - 1) / step;
    return near_divisor(std::clamp<std::int64_t>(std::max({fill, busy, line}), 1, group_.extent), line);
  }

  double points_of(const Statement& s, double share_of_examples) const {
    double n = 1;
    for (const loops::Loop& l : s.loops)
      n *= l.batch ? static_cast<double>(examples_) * share_of_examples : static_cast<double>(l.extent);
    return n;
  }

  // A divisor of the extent near `most`, of whole lines if possible: what a divisor leaves over needs code of its own.
  std::int64_t near_divisor(std::int64_t most, std::int64_t line) const {
    for (const std::int64_t of : {line, std::int64_t{1}}) {
      std::int64_t best = 0;
      for (std::int64_t n = std::max<std::int64_t>(1, most / 2); n <= std::min(most * 3 / 2, group_.extent); ++n)
        if (group_.extent % n == 0 && n % of == 0 && std::abs(n - most) <= std::abs(best - most)) best = n;
      if (best > 0) return best;
    }
    return most >= line ? most / line * line : most;
  }

  // Whether all members may take some of the examples at a time: those that have an output for each, and those that add
  // up over them to what no other member reads.
  bool splits_examples() const {
    for (std::size_t i = 0; i < group_.statements.size(); ++i) {
      const Statement& s = member(i);
      const auto batch = std::find_if(s.loops.begin(), s.loops.end(), [](const loops::Loop& l) { return l.batch; });
      if (batch == s.loops.end()) return false;
      if (batch - s.loops.begin() < s.outer) continue;
      if (!s.accumulate || !adds_up(s, *s.value) || uses_.at(s.out.buffer).loaded) return false;
    }
    return true;
  }
  // Whether it is a multiple of a sum over the examples.
  static bool adds_up(const Statement& s, const loops::Value& v) {
    if (v.kind == ValueKind::reduce)
      return std::any_of(v.over.begin(), v.over.end(), [&](int l) { return s.loops[static_cast<std::size_t>(l)].batch; });
    if (v.kind != ValueKind::apply || (v.op != Op::mul && v.op != Op::neg)) return false;
    const auto sums = std::count_if(v.args.begin(), v.args.end(), [](const ValuePtr& a) { return has_sum(*a); });
    return sums == 1 && std::any_of(v.args.begin(), v.args.end(), [&](const ValuePtr& a) { return adds_up(s, *a); });
  }
  static bool has_sum(const loops::Value& v) {
    return v.kind == ValueKind::reduce || v.kind == ValueKind::reduce_max ||
           std::any_of(v.args.begin(), v.args.end(), [](const ValuePtr& a) { return has_sum(*a); });
  }

  const loops::Module& module_;
  const loops::Function& function_;
  const FusionGroup& group_;
  const std::int64_t bytes_, examples_;
  const FusionLimits& limits_;
  std::map<int, Use> uses_;
};

}  // namespace

FusionSize fusion_size(const Lowered& lowered, const loops::Function& function, const FusionGroup& group,
                       std::int64_t bytes, std::int64_t examples, const FusionLimits& limits) {
  return Sizing(lowered, function, group, bytes, examples, limits).run();
}

}  // namespace eligo::compiler
