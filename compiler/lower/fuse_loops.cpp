#include "compiler/lower/fuse_loops.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

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

  // How the members use what each example has of a buffer.
  struct Rows {
    std::int64_t step = 0;  // elements of a trip, which lie together
    int loads = 0;
    bool fits = true;
  };

  // What several members load of each example, a page or more from the next, is loaded once, to rows one behind the other:
  // a copy in front of all, or behind the one that stores it. Members then step through examples as through one long row.
  FusionGroup with_copies(FusionGroup group) {
    std::map<int, Rows> rows;
    for (std::size_t i = 0; i < group.statements.size(); ++i) {
      const Statement& s = statement(group.statements[i]);
      for (const Access* a : loops::loads_of(s.value)) use(s, *a, group, i, true, rows);
      use(s, s.out, group, i, false, rows);
      if (s.accumulate) rows[s.out.buffer].fits = false;
    }
    for (const auto& [buffer, row] : rows)
      if (row.fits && row.loads > 1) copy_rows(buffer, row.step, group);
    return group;
  }

  void use(const Statement& s, const Access& a, const FusionGroup& group, std::size_t i, bool loads,
           std::map<int, Rows>& rows) const {
    const loops::Buffer& b = lowered_.module.buffers[static_cast<std::size_t>(a.buffer)];
    const std::int64_t step = a.stride[static_cast<std::size_t>(group.loop[i])];
    Rows& row = rows.try_emplace(a.buffer, Rows{step, 0, true}).first->second;
    row.loads += loads;
    row.fits = row.fits && row.step == step && b.batched && b.size == step * group.extent &&
               b.size * bytes_ >= cost_model::far_rows && lowered_.bindings[static_cast<std::size_t>(a.buffer)].kind == Binding::Kind::tensor &&
               loops::cell_of(s, a, group.loop[i], step, step * group.extent) == 0;
  }

  void copy_rows(int buffer, std::int64_t step, FusionGroup& group) {
    const int copy = copy_of(buffer);
    std::size_t at = 0;  // among the members
    bool stored = false;
    for (std::size_t i = 0; i < group.statements.size(); ++i) {
      Statement& s = function_.statements[group.statements[i]];
      const auto change = [&](Access& a) {
        if (a.buffer == buffer) a.buffer = copy;
      };
      if (s.out.buffer == buffer) at = i + 1, stored = true;
      change(s.out);
      s.value = loops::with_accesses(s.value, change);
    }
    const std::int64_t size = step * group.extent;
    const auto place = [&](int of) { return Access{of, 0, {size, step, 1}, -1, 0, {}, 0}; };
    Statement s;
    s.loops = {{"b", examples_, true}, {"w", group.extent, false}, {"i", step, false}};
    s.outer = 3;
    s.out = place(stored ? buffer : copy);
    s.value = loops::load(place(stored ? copy : buffer));
    s.label = fmt::format("copy of {}", lowered_.module.buffers[static_cast<std::size_t>(buffer)].name);
    group.statements.insert(group.statements.begin() + static_cast<std::ptrdiff_t>(at), function_.statements.size());
    group.loop.insert(group.loop.begin() + static_cast<std::ptrdiff_t>(at), 1);
    function_.statements.push_back(std::move(s));
  }

  int copy_of(int buffer) {
    loops::Buffer b = lowered_.module.buffers[static_cast<std::size_t>(buffer)];
    b.name = fmt::format("{}_rows{}", b.name, lowered_.module.buffers.size());
    lowered_.module.buffers.push_back(std::move(b));
    lowered_.bindings.push_back({Binding::Kind::scratch, -1, {}, 0});
    lowered_.used[static_cast<std::size_t>(number_)].push_back(static_cast<int>(lowered_.bindings.size()) - 1);
    return lowered_.used[static_cast<std::size_t>(number_)].back();
  }

  void fuse(const FusionGroup& found, const FusionSize& size, loops::Function& out) {
    const FusionGroup group = with_copies(found);
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
