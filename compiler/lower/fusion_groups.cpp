#include "compiler/lower/fusion_groups.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/ir/cost_model.h"
#include "compiler/loops/build.h"
#include "compiler/loops/cells.h"
#include "compiler/lower/phase_costs.h"

namespace eligo::compiler {
namespace {

using loops::Access;
using loops::Statement;
using loops::ValuePtr;

// Memory that statements may meet in. A tensor's buffers of two times may be one: a ring of one slot, a run of steps.
using Place = std::pair<int, int>;

Place place_of(const Lowered& lowered, int buffer) {
  const Binding& b = lowered.bindings[static_cast<std::size_t>(buffer)];
  return b.kind == Binding::Kind::tensor ? Place{0, b.tensor} : Place{1, buffer};
}

// What a statement touches.
struct Touch {
  const Access* access;
  bool writes;
  Place place;
};

struct Item {
  const Statement* statement;
  std::vector<Touch> touches;
  std::vector<std::size_t> after;  // statements that have to wait for it
};

std::vector<Item> items_of(const Lowered& lowered, const loops::Function& function) {
  std::vector<Item> items;
  std::map<Place, std::vector<std::size_t>> readers;
  std::map<Place, std::vector<std::size_t>> writers;
  for (const Statement& s : function.statements) {
    Item item{&s, {}, {}};
    const std::size_t number = items.size();
    for (const Access* a : loops::loads_of(s.value)) item.touches.push_back({a, false, place_of(lowered, a->buffer)});
    item.touches.push_back({&s.out, true, place_of(lowered, s.out.buffer)});
    std::set<std::size_t> before;
    for (const Touch& t : item.touches) {
      before.insert(writers[t.place].begin(), writers[t.place].end());
      if (t.writes) before.insert(readers[t.place].begin(), readers[t.place].end());
    }
    for (const std::size_t other : before) items[other].after.push_back(number);
    for (const Touch& t : item.touches) (t.writes ? writers : readers)[t.place].push_back(number);
    items.push_back(std::move(item));
  }
  return items;
}

double points(const Statement& s, const std::vector<std::int64_t>& stride, std::int64_t examples) {
  double n = 1;
  for (std::size_t l = 0; l < stride.size(); ++l)
    if (stride[l] != 0) n *= static_cast<double>(s.loops[l].batch ? examples : s.loops[l].extent);
  return n;
}

// A group under construction: what its members touch, by place.
class Group {
 public:
  Group(std::int64_t extent, std::int64_t examples) : extent_(extent), examples_(examples) {}

  // The loop by which the statement could join; -1 if there is none.
  int loop_of(const Item& item) const {
    const Statement& s = *item.statement;
    int best = -1;
    for (int l = 0; l < s.outer; ++l) {
      if (!shares(s, l) || !moves(s.out, l) || !cheap(s, l) || !apart(item, l)) continue;
      if (best < 0 || step(s.out, l) > step(s.out, best)) best = l;
    }
    return best;
  }

  void add(const Item& item, int loop) {
    for (const Touch& t : item.touches) known_[t.place].push_back({item.statement, t.access, t.writes, loop});
  }

 private:
  struct Known {
    const Statement* statement;
    const Access* access;
    bool writes;
    int loop;
  };

  bool shares(const Statement& s, int l) const {
    const loops::Loop& loop = s.loops[static_cast<std::size_t>(l)];
    return !loop.batch && loop.extent == extent_;
  }
  static std::int64_t step(const Access& a, int l) { return a.stride[static_cast<std::size_t>(l)]; }
  static bool moves(const Access& a, int l) {
    return a.gather >= 0 ? a.gather_loops[static_cast<std::size_t>(l)] != 0 : step(a, l) != 0;
  }

  // What does not follow the loop is read again in each trip: little, or with enough to do on it.
  bool cheap(const Statement& s, int l) const {
    double again = 0;
    for (const Access* a : loops::loads_of(s.value))
      if (!moves(*a, l)) again += points(s, a->stride, examples_) * (a->gather < 0 ? 1 : points(s, a->gather_loops, 1));
    if (again <= cost_model::words_again) return true;
    const double operations = cost_of_function({"", {s}, {}}).operations / static_cast<double>(extent_);
    return operations >= cost_model::operations_on_words_again * again;
  }

  // What is written in a trip is touched in that trip only.
  bool apart(const Item& item, int l) const {
    for (const Touch& t : item.touches) {
      const auto found = known_.find(t.place);
      const bool known = found != known_.end();
      const bool written = writes(item, t.place) ||
                           (known && std::any_of(found->second.begin(), found->second.end(),
                                                 [](const Known& k) { return k.writes; }));
      if (!written) continue;
      if (!known && scatters_alone(item, t)) continue;
      if (!in_cells(item, l, t.place, known ? found->second : std::vector<Known>{})) return false;
    }
    return true;
  }
  static bool writes(const Item& item, const Place& place) {
    return std::any_of(item.touches.begin(), item.touches.end(),
                       [&](const Touch& t) { return t.writes && t.place == place; });
  }
  // Adding through a wiring, to what no other member touches: the trips come in the order of the loop.
  static bool scatters_alone(const Item& item, const Touch& t) {
    return item.statement->accumulate && item.statement->out.gather >= 0 && t.writes &&
           std::count_if(item.touches.begin(), item.touches.end(),
                         [&](const Touch& other) { return other.place == t.place; }) == 1;
  }
  bool in_cells(const Item& item, int l, const Place& place, const std::vector<Known>& known) const {
    std::int64_t cell = 0;
    int buffer = -1;
    const auto fits = [&](const Statement& s, const Access& a, int loop) {
      if (buffer < 0) buffer = a.buffer, cell = step(a, loop);
      return a.buffer == buffer && loops::cell_of(s, a, loop, cell, cell * extent_) == 0;
    };
    for (const Known& k : known)
      if (!fits(*k.statement, *k.access, k.loop)) return false;
    for (const Touch& t : item.touches)
      if (t.place == place && !fits(*item.statement, *t.access, l)) return false;
    return true;
  }

  std::int64_t extent_, examples_;
  std::map<Place, std::vector<Known>> known_;
};

// Groups by one extent, of what is alone so far; what is a group already stays one. Goes from the last statement to the
// first, so that values are computed in the group that uses them.
class Clustering {
 public:
  Clustering(const std::vector<Item>& items, std::vector<FusionGroup> groups, std::int64_t extent,
             std::int64_t examples)
      : items_(items),
        all_(std::move(groups)),
        extent_(extent),
        examples_(examples),
        left_(all_.size(), true),
        done_(items.size(), false) {}

  std::vector<FusionGroup> run() {
    while (taken_ < all_.size()) {
      while (take_others()) {}
      take_group();
    }
    std::reverse(out_.begin(), out_.end());
    return std::move(out_);
  }

 private:
  bool alone(std::size_t g) const { return all_[g].extent == 0; }
  // Whether all that waits for it is done, or in the group.
  bool ready(std::size_t g) const {
    const std::vector<std::size_t>& own = all_[g].statements;
    for (const std::size_t s : own)
      for (const std::size_t after : items_[s].after)
        if (!done_[after] && std::find(own.begin(), own.end(), after) == own.end()) return false;
    return true;
  }
  bool fits(std::size_t g) const {
    return alone(g) && Group(extent_, examples_).loop_of(items_[all_[g].statements[0]]) >= 0;
  }
  void take(std::size_t g) {
    for (const std::size_t s : all_[g].statements) done_[s] = true;
    left_[g] = false;
    ++taken_;
  }

  // All that is ready and has no such loop goes first, so that groups become large.
  bool take_others() {
    bool any = false;
    for (std::size_t g = all_.size(); g-- > 0;) {
      if (!left_[g] || !ready(g) || fits(g)) continue;
      take(g);
      out_.push_back(all_[g]);
      any = true;
    }
    return any;
  }

  void take_group() {
    Group group(extent_, examples_);
    FusionGroup made;
    for (bool more = true; more;) {
      more = false;
      for (std::size_t g = all_.size(); g-- > 0;) {
        if (!left_[g] || !alone(g) || !ready(g)) continue;
        const std::size_t s = all_[g].statements[0];
        const int loop = group.loop_of(items_[s]);
        if (loop < 0) continue;
        group.add(items_[s], loop);
        made.statements.push_back(s);
        made.loop.push_back(loop);
        take(g);
        more = true;
      }
    }
    if (made.statements.empty()) return;
    std::reverse(made.statements.begin(), made.statements.end());
    std::reverse(made.loop.begin(), made.loop.end());
    made.extent = made.statements.size() > 1 ? extent_ : 0;
    out_.push_back(std::move(made));
  }

  const std::vector<Item>& items_;
  std::vector<FusionGroup> all_, out_;
  std::int64_t extent_, examples_;
  std::vector<bool> left_, done_;
  std::size_t taken_ = 0;  // of all
};

// The extents that statements could share, those with most bytes first.
std::vector<std::int64_t> extents_of(const std::vector<Item>& items, std::int64_t examples, std::int64_t trips) {
  std::map<std::int64_t, double> words;
  for (const Item& item : items) {
    std::set<std::int64_t> own;
    for (int l = 0; l < item.statement->outer; ++l) {
      const loops::Loop& loop = item.statement->loops[static_cast<std::size_t>(l)];
      if (!loop.batch && loop.extent >= trips) own.insert(loop.extent);
    }
    double moved = 0;
    for (const Touch& t : item.touches) moved += points(*item.statement, t.access->stride, examples);
    for (const std::int64_t extent : own) words[extent] += moved;
  }
  std::vector<std::int64_t> extents;
  for (const auto& [extent, moved] : words) extents.push_back(extent);
  std::stable_sort(extents.begin(), extents.end(),
                   [&](std::int64_t a, std::int64_t b) { return words[a] > words[b]; });
  if (extents.size() > cost_model::fused_extents) extents.resize(cost_model::fused_extents);
  return extents;
}

}  // namespace

std::vector<FusionGroup> fusion_groups(const Lowered& lowered, const loops::Function& function, std::int64_t examples,
                                       std::int64_t trips) {
  const std::vector<Item> items = items_of(lowered, function);
  std::vector<FusionGroup> groups;
  for (std::size_t s = 0; s < items.size(); ++s) groups.push_back({{s}, {-1}, 0});
  for (const std::int64_t extent : extents_of(items, examples, trips))
    groups = Clustering(items, std::move(groups), extent, examples).run();
  return groups;
}

}  // namespace eligo::compiler
