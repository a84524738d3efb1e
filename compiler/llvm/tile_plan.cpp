#include "compiler/llvm/tile_plan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_set>

#include "compiler/llvm/tile_costs.h"

namespace eligo::compiler::codegen {
namespace {

using namespace tile_costs;
using loops::Access;
using loops::Value;
using loops::ValueKind;

std::int64_t stride_of(const Access& a, int l) { return l < 0 ? 0 : a.stride[static_cast<std::size_t>(l)]; }
bool gathers_along(const Access& a, int l) {
  return l >= 0 && !a.gather_loops.empty() && a.gather_loops[static_cast<std::size_t>(l)] != 0;
}
bool moves_along(const Access& a, int l) { return stride_of(a, l) != 0 || gathers_along(a, l); }
bool contiguous_along(const Access& a, int l) { return stride_of(a, l) == 1 && !gathers_along(a, l); }

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

class Planner {
 public:
  Planner(const Nest& nest, const Target& target, int bytes)
      : nest_(nest), target_(target), bytes_(bytes), lanes_(target.lanes(bytes)) {}

  Plan run() {
    Plan plan;
    double best = cost_without_lane();
    for (int l = 0; l < nest_.outer; ++l) {
      if (!safe(l) || stride_of(nest_.out, l) == 0) continue;
      Plan along;
      along.lane = l;
      choose_row(along);
      row_ = along.row;
      if (const double c = cost_along(l); c < best) best = c, plan = along;
    }
    plan.column = plan.lane;
    if (plan.lane < 0) choose_row(plan);
    plan.chunk = chunk(plan);
    if (plan.row >= 0) choose_packed(*nest_.value, plan);
    if (plan.lane < 0 && plan.row >= 0) choose_column(plan);
    choose_sizes(plan);
    if (plan.row < 0) transpose_in_blocks(plan);
    for (int l = 0; l < nest_.outer; ++l)
      if (l != plan.row && l != plan.column) plan.around.push_back(l);
    const double finish = work_after_sums(*nest_.value);
    plan.compact = finish * plan.rows * plan.columns > 300;
    plan.prefetch = worth_prefetching(plan);
    if (!plan.prefetch && plan.row >= 0) choose_ahead(*nest_.value, nullptr, plan);
    plan.one_body =
        plan.rows * plan.columns == 1 && finish > 60 && plan.lane >= 0 && target_.masks && !has_reduce(*nest_.value);
    return plan;
  }

  SumPlan sum(const Value& reduce, const Plan& plan) {
    SumPlan best;
    best.lane = plan_lane_of(reduce);
    if (best.lane >= 0 && plan.column < 0) {
      const std::int64_t vectors = divide_up(extent(best.lane), lanes_);
      best.columns = static_cast<int>(std::clamp<std::int64_t>(vectors / 2, 1, plan.row < 0 ? 4 : 1));
    }
    return best;
  }

 private:
  std::int64_t extent(int l) const {
    return std::max<std::int64_t>(1, nest_.loops[static_cast<std::size_t>(l)].extent);
  }

  // Whether neighbours along `l`, and along `m` if given, may be computed together: two that add to one place may not.
  bool safe(int l, int m = -1) const {
    if (!nest_.scatters) return true;
    if (gathers_along(nest_.out, l) || stride_of(nest_.out, l) == 0) return false;
    if (m < 0) return true;
    int low = l, high = m;
    if (std::abs(stride_of(nest_.out, low)) > std::abs(stride_of(nest_.out, high))) std::swap(low, high);
    if (nest_.loops[static_cast<std::size_t>(low)].at_run_time()) return false;
    return std::abs(stride_of(nest_.out, high)) > std::abs(stride_of(nest_.out, low)) * (extent(low) - 1);
  }

  double points(LoopSet set) const {
    double n = 1;
    for (std::size_t l = 0; l < nest_.loops.size(); ++l)
      if (set & loop_bit(static_cast<int>(l))) n *= static_cast<double>(extent(static_cast<int>(l)));
    return n;
  }
  LoopSet outer() const { return loop_bit(nest_.outer) - 1; }

  // How many vectors it takes along `l`, the last one perhaps narrower; and that per element.
  double vectors(int l) const {
    const bool known = !nest_.loops[static_cast<std::size_t>(l)].at_run_time();
    const int rest = known ? narrow_lanes(target_, lanes_, extent(l)) : lanes_;
    return rest == lanes_ ? static_cast<double>(divide_up(extent(l), lanes_))
                          : static_cast<double>(extent(l) / lanes_) + 0.5;
  }
  double vectors_per_element(int l) const { return vectors(l) / static_cast<double>(extent(l)); }

  double access_cost(const Access& a, int lane, double evaluations, double lane_cost) const {
    if (lane < 0 || !moves_along(a, lane)) return evaluations;
    return evaluations * vectors_per_element(lane) * (contiguous_along(a, lane) ? 1 : lane_cost * lanes_);
  }

  // The loop of its sum along which `v`, no vector along `lane`, could be packed; or -1.
  int packing_loop(const Value& v, int lane) const {
    const Access& a = v.access;
    if (v.kind != ValueKind::load || a.gather >= 0 || lane < 0 || lane >= nest_.outer) return -1;
    if (nest_.loops[static_cast<std::size_t>(lane)].at_run_time() || !moves_along(a, lane) || contiguous_along(a, lane))
      return -1;
    int along = -1;
    for (int l = nest_.outer; l < static_cast<int>(nest_.loops.size()); ++l) {
      if (!moves_along(a, l)) continue;
      if (along >= 0 || !contiguous_along(a, l) || nest_.loops[static_cast<std::size_t>(l)].at_run_time()) return -1;
      along = l;
    }
    return along >= 0 && panel_bytes(along, 1) <= largest_panel ? along : -1;
  }
  // Whether every row would read the copy again.
  bool worth_packing(const Value& v, int lane, int row) const {
    return packing_loop(v, lane) >= 0 && row >= 0 && !moves_along(v.access, row) && extent(row) >= 4;
  }
  // The loop of its sum along which a vector load that all rows make jumps so far that its places share too few pages
  // or lines of the nearest cache; or -1.
  int scattered_loop(const Value& v, const Plan& plan) const {
    const Access& a = v.access;
    if (v.kind != ValueKind::load || a.gather >= 0 || plan.lane < 0 || !contiguous_along(a, plan.lane)) return -1;
    if (moves_along(a, plan.row) || extent(plan.row) < 16) return -1;
    int along = -1;
    for (int l = nest_.outer; l < static_cast<int>(nest_.loops.size()); ++l) {
      if (!moves_along(a, l)) continue;
      if (along >= 0) return -1;
      along = l;
    }
    if (along < 0) return -1;
    const bool run_time = nest_.loops[static_cast<std::size_t>(along)].at_run_time();
    const std::int64_t step = std::abs(stride_of(a, along)) * bytes_;
    if (run_time) return plan.chunk > 0 && step >= page / 8 ? along : -1;
    return step >= page / 2 && extent(along) > few_pages && panel_bytes(along, 2) <= largest_panel ? along : -1;
  }
  // (A tile of one column needs a row's value for each multiply-add.)
  double panel_bytes(int loop, int columns, std::int64_t chunk = 0) const {
    const NestLoop& l = nest_.loops[static_cast<std::size_t>(loop)];
    const std::int64_t depth = l.at_run_time() ? chunk * l.per_example : extent(loop);
    return static_cast<double>(divide_up(depth, lanes_) * lanes_) * columns * lanes_ * bytes_;
  }

  // Whether `v` is a multiple of a sum over the examples: nothing for no examples, and the sum of its values for parts.
  bool adds_up(const Value& v) const {
    if (v.kind == ValueKind::reduce)
      return std::any_of(v.over.begin(), v.over.end(),
                         [&](int l) { return nest_.loops[static_cast<std::size_t>(l)].at_run_time(); });
    if (v.kind != ValueKind::apply) return false;
    if (v.op == Op::neg) return adds_up(*v.args[0]);
    if (v.op != Op::mul) return false;
    return (adds_up(*v.args[0]) && !has_reduce(*v.args[1])) || (adds_up(*v.args[1]) && !has_reduce(*v.args[0]));
  }
  // What a statement adds up over the examples, it may add up over some of them at a time, so that what they hold stays
  // near until all of the output has seen it.
  std::int64_t chunk(const Plan& plan) const {
    const Value& v = *nest_.value;
    const bool adds = nest_.scatters && nest_.out.gather < 0 && v.kind == ValueKind::apply && v.op == Op::add &&
                      v.args[0]->kind == ValueKind::load && v.args[0]->access.buffer == nest_.out.buffer &&
                      adds_up(*v.args[1]);
    for (int l = 0; l < nest_.outer; ++l)
      if (nest_.loops[static_cast<std::size_t>(l)].at_run_time()) return 0;
    if (!adds || points(outer()) * bytes_ < page) return 0;
    return plan.row >= 0 ? examples_at_a_time(v) : 16;
  }
  // As many as a first-level cache holds of what rows and columns both read again; panels are copied from longer rows.
  std::int64_t examples_at_a_time(const Value& v) const {
    double bytes = 0;
    bool copied = false;
    const std::function<void(const Value&)> visit = [&](const Value& part) {
      for (const loops::ValuePtr& a : part.args) visit(*a);
      if (part.kind != ValueKind::load) return;
      for (int l = nest_.outer; l < static_cast<int>(nest_.loops.size()); ++l) {
        if (!nest_.loops[static_cast<std::size_t>(l)].at_run_time() || !moves_along(part.access, l)) continue;
        copied = copied || std::abs(stride_of(part.access, l)) * bytes_ >= page / 8;
        bytes += points(loops_of(part.access) & outer()) * bytes_;
      }
    };
    visit(v);
    return copied || most_examples * bytes <= near ? most_examples : most_examples / 2;
  }
  void choose_packed(const Value& v, Plan& plan) {
    const auto known = [&](const Plan::Packed& p) { return p.load == &v; };
    if (worth_packing(v, plan.lane, plan.row) && std::none_of(plan.packed.begin(), plan.packed.end(), known))
      plan.packed.push_back({&v, packing_loop(v, plan.lane), true});
    if (const int loop = scattered_loop(v, plan);
        loop >= 0 && std::none_of(plan.packed.begin(), plan.packed.end(), known))
      plan.packed.push_back({&v, loop, false});
    for (const loops::ValuePtr& a : v.args) choose_packed(*a, plan);
  }

  // Work of a subtree with vectors along `lane` (or none): loads, operations and sums, each as often as its loops say.
  double cost(const Value& v, int lane, std::unordered_set<const Value*>& seen) {
    if (!seen.insert(&v).second) return 0;
    double c = 0;
    const LoopSet loops = dependence_.of(v);
    const double narrow = lane >= 0 && (loops & loop_bit(lane)) ? vectors_per_element(lane) : 1;
    if (v.kind == ValueKind::load) {
      const bool packed = worth_packing(v, lane, row_);
      c +=
          packed ? points(loops) * (packing + 1.0 / lanes_) : access_cost(v.access, lane, points(loops), gathered_lane);
    }
    if (v.kind == ValueKind::apply) c += points(loops) * narrow * (op_is_expensive(v.op) ? op_cost(v.op) / 2.0 : 1);
    if (is_reduce(v)) {
      if (lane < 0 || !(loops & loop_bit(lane))) {
        lane = plan_lane_of(v);
        if (lane >= 0) c += points(loops) * horizontal_sum;
      }
      LoopSet inside = loops;
      for (const int l : v.over) inside |= loop_bit(l);
      c += points(inside) * (lane >= 0 && (inside & loop_bit(lane)) ? vectors_per_element(lane) : 1);
    }
    for (const loops::ValuePtr& a : v.args) c += cost(*a, lane, seen);
    return c;
  }

  int plan_lane_of(const Value& reduce) {
    int best = -1;
    double least = cost_of_sum(reduce, -1);
    for (const int l : reduce.over) {
      if (!(dependence_.of(*reduce.args[0]) & loop_bit(l))) continue;
      if (const double c = cost_of_sum(reduce, l); c < least) least = c, best = l;
    }
    return best;
  }

  // A sum whose own loop `lane` is along vectors. Sums inside of it use the same vectors.
  double cost_of_sum(const Value& reduce, int lane) {
    std::unordered_set<const Value*> seen;
    LoopSet inside = dependence_.of(reduce);
    double c = lane < 0 ? 0 : points(inside) * horizontal_sum;
    for (const int l : reduce.over) inside |= loop_bit(l);
    c += points(inside) * (lane >= 0 ? vectors_per_element(lane) : 1);
    return c + (lane < 0 ? scalar_cost(*reduce.args[0], seen) : cost(*reduce.args[0], lane, seen));
  }
  double scalar_cost(const Value& v, std::unordered_set<const Value*>& seen) {
    if (!seen.insert(&v).second) return 0;
    LoopSet inside = dependence_.of(v);
    for (const int l : v.over) inside |= loop_bit(l);
    double c = points(inside);
    for (const loops::ValuePtr& a : v.args) c += scalar_cost(*a, seen);
    return c;
  }

  double cost_along(int lane) {
    std::unordered_set<const Value*> seen;
    return access_cost(nest_.out, lane, points(outer()), scattered_lane) + cost(*nest_.value, lane, seen);
  }
  double cost_without_lane() {
    std::unordered_set<const Value*> seen;
    return points(outer()) + cost(*nest_.value, -1, seen);
  }

  // Loads of full vectors inside sums that could be used again for every `row`, weighted by how often they are made.
  double reuse(const Value& v, int row, int lane, LoopSet bound) {
    double r = 0;
    if (is_reduce(v)) {
      if (lane < 0 || !(dependence_.of(v) & loop_bit(lane))) lane = plan_lane_of(v);
      for (const int l : v.over) bound |= loop_bit(l);
    } else if (v.kind == ValueKind::load && bound != 0) {
      const bool vector = lane >= 0 && moves_along(v.access, lane);
      if (!moves_along(v.access, row)) r += (vector ? 1 : 0.01) * points(bound);
    }
    for (const loops::ValuePtr& a : v.args) r += reuse(*a, row, lane, bound);
    return r;
  }

  int best_reused(const Plan& plan) {
    int best = -1;
    double most = 0;
    for (int l = 0; l < nest_.outer; ++l) {
      if (l == plan.lane || l == plan.row || !safe(l, plan.lane >= 0 ? plan.lane : plan.row)) continue;
      const double share = 1 - 1 / static_cast<double>(std::min<std::int64_t>(extent(l), 6));
      if (const double r = reuse(*nest_.value, l, plan.lane, 0) * share; r > most) most = r, best = l;
    }
    return best;
  }

  void choose_row(Plan& plan) { plan.row = best_reused(plan); }
  void choose_column(Plan& plan) { plan.column = best_reused(plan); }

  static bool has_reduce(const Value& v) {
    return is_reduce(v) ||
           std::any_of(v.args.begin(), v.args.end(), [](const loops::ValuePtr& a) { return has_reduce(*a); });
  }

  // Panels of a large array are short pieces of many rows, which the processor does not foresee. Two panels should fit
  // near the core, a tile should take long enough for the memory to answer, and each step enough arithmetic to pay for
  // it.
  bool worth_prefetching(const Plan& plan) const {
    if (plan.lane < 0 || plan.row < 0 || points(outer()) * bytes_ < prefetched_from) return false;
    const double depth = longest_sum(*nest_.value), panel = depth * plan.columns * lanes_ * bytes_;
    return depth >= 16 && panel <= prefetched_panel && plan.columns * lanes_ * bytes_ >= prefetched_piece &&
           extent(plan.lane) > 2 * plan.columns * lanes_;
  }
  // Rows of a large matrix, each on a page of its own: the processor does not foresee the next one.
  void choose_ahead(const Value& v, const Value* sum, Plan& plan) {
    for (const loops::ValuePtr& a : v.args) choose_ahead(*a, is_reduce(v) ? &v : sum, plan);
    const Access& a = v.access;
    if (v.kind != ValueKind::load || !sum || plan.lane < 0 || a.gather >= 0 || !contiguous_along(a, plan.lane)) return;
    if (moves_along(a, plan.row) || points(loops_of(a)) * bytes_ < prefetched_from) return;
    if (std::any_of(plan.packed.begin(), plan.packed.end(), [&](const Plan::Packed& p) { return p.load == &v; })) return;
    for (const int l : sum->over)
      if (std::abs(stride_of(a, l)) * bytes_ >= page / 2 && extent(l) >= 4 * rows_ahead)
        plan.ahead.push_back({sum, &a, rows_ahead * stride_of(a, l)});
  }
  static double work_in_sums(const Value& v, bool inside) {
    double w = inside && v.kind == ValueKind::apply ? op_cost(v.op) : 0;
    for (const loops::ValuePtr& a : v.args) w += work_in_sums(*a, inside || is_reduce(v));
    return w;
  }
  double longest_sum(const Value& v) const {
    double n = 0;
    for (const loops::ValuePtr& a : v.args) n = std::max(n, longest_sum(*a));
    for (const int l : v.over) n = std::max(n, 1.0) * static_cast<double>(extent(l));
    return n;
  }

  // What is copied from the columns of a matrix, element by element: all of a line is read at once, and goes to as many
  // rows, each of which is written from its start to its end.
  void transpose_in_blocks(Plan& plan) const {
    const auto count = static_cast<int>(line / bytes_);
    if (plan.lane >= 0 || has_reduce(*nest_.value) || work_after_sums(*nest_.value) > 2) return;
    for (int along = 0; along < nest_.outer; ++along)
      for (int l = 0; l < nest_.outer; ++l)
        if (l != along && safe(l, along) && contiguous_along(nest_.out, along) && extent(along) >= count &&
            extent(l) >= count && reads_columns(*nest_.value, along, l))
          plan.column = l, plan.columns = count, plan.row = along;
  }
  bool reads_columns(const Value& v, int lane, int along) const {
    const Access& a = v.access;
    if (v.kind == ValueKind::load && a.gather < 0 && contiguous_along(a, along) && stride_of(a, lane) * bytes_ >= line)
      return true;
    return std::any_of(v.args.begin(), v.args.end(),
                       [&](const loops::ValuePtr& part) { return reads_columns(*part, lane, along); });
  }

  // The tile that needs the fewest cycles, in the model of two multiply-adds and two loads a cycle, each 4 cycles long;
  // columns whose panel is too large for a first-level cache come from the second.
  void choose_sizes(Plan& plan) {
    if (!has_reduce(*nest_.value)) return;
    const std::int64_t rows = plan.row < 0 ? 1 : extent(plan.row);
    double columns = 1;
    if (plan.column >= 0)
      columns = plan.column == plan.lane ? vectors(plan.column) : static_cast<double>(extent(plan.column));
    const double work = work_in_sums(*nest_.value, false);
    // What a step of the sum loads of each column comes from a first-level cache where all steps' fit there.
    const double step_bytes = plan.lane >= 0 ? lanes_ * bytes_ : 0, depth = longest_sum(*nest_.value);
    const double first_level = near_panel / std::max(1.0, depth);
    double best = std::numeric_limits<double>::infinity();
    int most = std::clamp(static_cast<int>(columns), 1, 8);
    for (const Plan::Packed& p : plan.packed)
      while (most > 1 && panel_bytes(p.loop, most, plan.chunk) > largest_panel) --most;
    for (int c = 1; c <= most; ++c)
      for (int r = 1; r <= std::min<std::int64_t>(rows, 30); ++r) {
        if (r * c + c + row_values > target_.vector_registers) break;
        if (plan.lane < 0 && r * c > 12) break;
        if (r * c > 1 && r * c * work > 100) break;  // of code
        const double n = cycles(rows, columns, r, c, c * step_bytes > first_level ? step_bytes / far_rate : 0);
        if (n < best * 0.995) best = n, plan.rows = r, plan.columns = c;
      }
  }

  // Half a column at the end is a tile of its own.
  static double cycles(std::int64_t rows, double columns, int r, int c, double column_cycles) {
    const auto tile = [&](double tr, double tc) {
      if (tr * tc == 0) return 0.0;
      return std::max({tr * tc / 2, (tr + tc) / 2, 4.0, tc * column_cycles}) + 0.15 * tr * tc / 2 + 0.5;
    };
    const double full_rows = static_cast<double>(rows / r), full_columns = std::floor(columns / c);
    const double last_row = static_cast<double>(rows % r), last_column = std::floor(columns - full_columns * c);
    const double narrow = columns - std::floor(columns);
    const double code = 1 + 0.004 * (r * c + last_row * c + r * last_column);  // smaller code where it is as good
    return code * (full_rows * (full_columns * tile(r, c) + tile(r, last_column) + tile(r, narrow)) +
                   full_columns * tile(last_row, c) + tile(last_row, last_column) + tile(last_row, narrow));
  }

  const Nest& nest_;
  const Target& target_;
  const int bytes_, lanes_;
  int row_ = -1;  // of the plan whose cost is looked at
  Dependence dependence_;
};

}  // namespace

int narrow_lanes(const Target& target, int lanes, std::int64_t trips) {
  const std::int64_t rest = trips % lanes;
  int narrow = lanes;
  while (target.halves && trips < vectors_before_a_rest * lanes && rest > 0 && narrow > 4 && rest <= narrow / 2) narrow /= 2;
  return narrow;
}

Plan make_plan(const Nest& nest, const Target& target, int bytes) { return Planner(nest, target, bytes).run(); }

SumPlan plan_sum(const Nest& nest, const Value& reduce, const Plan& plan, const Target& target, int bytes) {
  return Planner(nest, target, bytes).sum(reduce, plan);
}

}  // namespace eligo::compiler::codegen
