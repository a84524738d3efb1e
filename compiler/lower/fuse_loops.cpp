#include "compiler/lower/fuse_loops.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/ir/cost_model.h"
#include "compiler/loops/build.h"
#include "compiler/loops/cells.h"
#include "compiler/lower/fusion_size.h"

namespace eligo::compiler {
namespace {

using loops::Access;
using loops::Fusion;
using loops::Statement;

// A statement with the shared loop cut in two: `trips` of `values`, the first of which is its first loop; or what is
// left beyond them.
class Cut {
 public:
  Cut(const Statement& statement, int loop, std::int64_t values, const std::map<int, std::int64_t>& local)
      : s_(statement), loop_(loop), values_(values), local_(local) {}

  Statement trips() {
    extent_ = values_;
    Statement out = with_extent(0);
    const std::int64_t trips = s_.loops[number()].extent / values_;
    out.loops.insert(out.loops.begin(), {"x", trips, false});
    ++out.outer;
    const auto shift = [&](Access& a) {
      const auto behind = [&](std::vector<std::int64_t>& strides) {
        if (!strides.empty()) strides.insert(strides.begin(), strides[number()] * values_);
      };
      behind(a.stride);
      behind(a.gather_loops);
      if (local_.contains(a.buffer)) a.stride[0] = 0;
    };
    shift(out.out);
    out.value = loops::rewrite(loops::with_accesses(out.value, shift), [](loops::ValuePtr v) -> loops::ValuePtr {
      if (v->over.empty()) return v;
      auto copy = std::make_shared<loops::Value>(*v);
      for (int& l : copy->over) ++l;
      return copy;
    });
    return out;
  }

  Statement rest() {
    const std::int64_t done = s_.loops[number()].extent / values_ * values_;
    extent_ = s_.loops[number()].extent - done;
    return with_extent(done);
  }

 private:
  std::size_t number() const { return static_cast<std::size_t>(loop_); }

  Statement with_extent(std::int64_t from) const {
    Statement out = s_;
    out.loops[number()].extent = extent_;
    const auto change = [&](Access& a) {
      if (const auto found = local_.find(a.buffer); found != local_.end()) {
        const std::int64_t all = found->second * s_.loops[number()].extent;
        a = loops::with_fewer_cells(a, loop_, all, found->second * values_);
        return;
      }
      a.offset += a.stride[number()] * from;
      if (a.gather >= 0) a.gather_offset += a.gather_loops[number()] * from;
    };
    change(out.out);
    out.value = loops::with_accesses(out.value, change);
    return out;
  }

  const Statement& s_;
  const int loop_;
  const std::int64_t values_;
  const std::map<int, std::int64_t>& local_;
  std::int64_t extent_ = 0;
};

class Fuser {
 public:
  Fuser(Lowered& lowered, std::size_t function, std::int64_t bytes, std::int64_t examples, const FusionLimits& limits)
      : lowered_(lowered),
        function_(lowered.module.functions[function]),
        number_(static_cast<int>(function)),
        bytes_(bytes),
        limits_(limits) {
    examples_ = examples * (lowered.at_once[function] ? cost_model::steps_in_a_call : 1);
  }

  std::vector<FusedLoops> run() {
    if (function_.statements.size() < 2) return {};
    const std::vector<FusedLoops> nothing = {{.function = number_, .handed_on = handed_on()}};
    if (nothing[0].handed_on < limits_.bytes) return nothing;
    const std::vector<FusionGroup> groups = fusion_groups(lowered_, function_, examples_, limits_.trips);
    std::vector<FusionSize> sizes;
    bool any = false;
    for (const FusionGroup& group : groups) {
      sizes.push_back(fusion_size(lowered_, function_, group, bytes_, examples_, limits_));
      any = any || sizes.back().worth;
    }
    if (!any) return nothing;
    loops::Function out{function_.name, {}, {}};
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (sizes[g].worth) fuse(groups[g], sizes[g], out);
      else
        for (const std::size_t s : groups[g].statements) out.statements.push_back(function_.statements[s]);
    }
    function_ = std::move(out);
    return std::move(done_);
  }

 private:
  const Statement& statement(std::size_t s) const { return function_.statements[s]; }

  // Bytes that one statement writes and another reads, whatever their loops.
  double handed_on() const {
    std::map<int, const Statement*> stored;
    std::set<int> read;
    for (const Statement& s : function_.statements) stored.emplace(s.out.buffer, &s);
    for (const Statement& s : function_.statements)
      for (const Access* a : loops::loads_of(s.value))
        if (const auto at = stored.find(a->buffer); at != stored.end() && at->second != &s) read.insert(a->buffer);
    double bytes = 0;
    for (const int buffer : read) {
      const loops::Buffer& b = lowered_.module.buffers[static_cast<std::size_t>(buffer)];
      bytes += static_cast<double>(b.size * bytes_ * (b.batched ? examples_ : 1));
    }
    return bytes;
  }

  // Scratch buffers that only members touch, each within its cells: with the step of a cell.
  std::map<int, std::int64_t> local_of(const FusionGroup& group) const {
    std::map<int, std::int64_t> steps;
    std::set<int> others;
    for (std::size_t i = 0; i < group.statements.size(); ++i) {
      const Statement& s = statement(group.statements[i]);
      std::vector<const Access*> all = loops::loads_of(s.value);
      all.push_back(&s.out);
      for (const Access* a : all) {
        const std::int64_t step = a->stride[static_cast<std::size_t>(group.loop[i])];
        const std::int64_t known = steps.emplace(a->buffer, step).first->second;
        if (known != step || loops::cell_of(s, *a, group.loop[i], step, step * group.extent) != 0 || !divides(*a, step * group.extent))
          others.insert(a->buffer);
      }
    }
    const std::set<std::size_t> members(group.statements.begin(), group.statements.end());
    for (std::size_t s = 0; s < function_.statements.size(); ++s) {
      if (members.contains(s)) continue;
      for (const Access* a : loops::loads_of(statement(s).value)) others.insert(a->buffer);
      others.insert(statement(s).out.buffer);
    }
    std::erase_if(steps, [&](const auto& each) {
      return others.contains(each.first) ||
             lowered_.bindings[static_cast<std::size_t>(each.first)].kind != Binding::Kind::scratch;
    });
    return steps;
  }
  bool divides(const Access& a, std::int64_t cells) const {
    return lowered_.module.buffers[static_cast<std::size_t>(a.buffer)].size % cells == 0;
  }

  void fuse(const FusionGroup& group, const FusionSize& size, loops::Function& out) {
    const std::map<int, std::int64_t> local = local_of(group);
    Fusion fusion{static_cast<int>(out.statements.size()), static_cast<int>(group.statements.size()),
                  group.extent / size.values, size.values, group.extent, size.examples, {}};
    for (std::size_t i = 0; i < group.statements.size(); ++i)
      out.statements.push_back(Cut(statement(group.statements[i]), group.loop[i], size.values, local).trips());
    if (group.extent % size.values != 0)
      for (std::size_t i = 0; i < group.statements.size(); ++i)
        out.statements.push_back(Cut(statement(group.statements[i]), group.loop[i], size.values, local).rest());
    for (const auto& [buffer, step] : local) {
      loops::Buffer& b = lowered_.module.buffers[static_cast<std::size_t>(buffer)];
      b.size = b.size / group.extent * size.values;
      fusion.local.push_back(buffer);
    }
    note(group, size, fusion);
    out.fusions.push_back(std::move(fusion));
  }

  void note(const FusionGroup& group, const FusionSize& size, const Fusion& fusion) {
    FusedLoops& done = done_.emplace_back();
    done.function = number_;
    done.statements = fusion.count;
    done.extent = group.extent, done.values = size.values, done.examples = size.examples;
    done.local = static_cast<int>(fusion.local.size());
    done.handed_on = size.handed_on;
    for (const std::size_t s : group.statements)
      if (std::find(done.labels.begin(), done.labels.end(), statement(s).label) == done.labels.end())
        done.labels.push_back(statement(s).label);
  }

  Lowered& lowered_;
  loops::Function& function_;
  const int number_;
  const std::int64_t bytes_;
  const FusionLimits& limits_;
  std::int64_t examples_ = 0;
  std::vector<FusedLoops> done_;
};

}  // namespace

std::vector<FusedLoops> fuse_loops(Lowered& lowered, std::int64_t bytes, std::int64_t examples,
                                   const FusionLimits& limits) {
  std::vector<FusedLoops> all;
  for (std::size_t f = 0; f < lowered.module.functions.size(); ++f)
    for (FusedLoops& one : Fuser(lowered, f, bytes, examples, limits).run()) all.push_back(std::move(one));
  return all;
}

}  // namespace eligo::compiler
