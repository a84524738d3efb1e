#include "compiler/memory/layout.h"

#include <algorithm>
#include <climits>
#include <map>

#include <fmt/core.h>

#include "compiler/ir/cost_model.h"
#include "support/bytes.h"
#include "support/error.h"

namespace eligo::compiler {
namespace {

constexpr std::int64_t line = 64;  // bytes of a cache line, which two shards never share

struct Range {
  int low = INT_MAX, high = INT_MIN;  // offsets from t, low > high: none
  int loops = 0;                      // bits: of the ways over the steps, those that touch it
  bool whole_window = false;          // read at start, end, or on the way back
  bool whole_sequence = false;        // read at last
  bool taken = false;                 // of a parameter: as it was at a step, not as it is
};

// Steps are taken in runs: first all of a run's steps, then all its arrivals. Phases that take many steps at once stand
// between them.
int loop_of(const Plan::Phase& phase) {
  if (phase.takes_many_steps()) return 4;
  return phase.kind == PhaseKind::step ? 1 : 2;
}

void touch(const Plan::Read& read, bool sweep, bool block, Range& r) {
  switch (read.time.base) {
    case When::always: break;
    case When::t:
      r.low = std::min(r.low, read.time.offset);
      r.high = std::max(r.high, read.time.offset);
      r.whole_window = r.whole_window || sweep;
      r.whole_sequence = r.whole_sequence || block;
      break;
    case When::start:
    case When::end:
      r.low = std::min({r.low, read.time.offset, 0});
      r.high = std::max(r.high, 0);
      r.whole_window = true;
      break;
    case When::last:
    case When::now: r.whole_sequence = true; break;
  }
}

// A walk that ends after `limit` steps: what it reads and stores is kept for that long.
void touch_back(const Plan& p, const Plan::Phase& phase, int limit, std::vector<Range>& ranges) {
  std::vector<Range> own(ranges.size());
  for (const Plan::Read& read : phase.reads) {
    touch(read, false, false, own[read.tensor]);
    own[read.tensor].loops |= loop_of(phase);
  }
  for (const Plan::Write& write : phase.writes) {
    own[write.tensor].loops |= loop_of(phase);
    if (write.kind != RootKind::store) continue;
    own[write.tensor].low = std::min(own[write.tensor].low, write.time.offset);
    own[write.tensor].high = std::max(own[write.tensor].high, write.time.offset);
  }
  int lag = 0;
  for (const auto& replay : p.replays) lag = std::max(lag, replay.lag);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (own[i].low > own[i].high) continue;
    ranges[i].loops |= own[i].loops;
    ranges[i].low = std::min(ranges[i].low, own[i].low - limit - lag);
    ranges[i].high = std::max(ranges[i].high, own[i].high);
  }
}

// Whether a read of a parameter means that of now. Phases on the way back, walks and blocks take them as of their steps.
bool means_now(const Plan& p, const Plan::Phase& phase, TimeRef time) {
  if (time.base == When::always || time.base == When::end || time.base == When::last) return true;
  if (time.base != When::t || time.offset != 0) return false;
  switch (phase.kind) {
    case PhaseKind::step:
    case PhaseKind::record: return true;
    case PhaseKind::arrive:
    case PhaseKind::show: return !p.adopts;
    default: return row(phase.kind).assigns;
  }
}

std::vector<Range> ranges_of(const Plan& p) {
  std::vector<Range> ranges(p.tensors.size());
  std::map<int, int> walks;  // phases that walk back from each arrival, and how far
  for (const auto& replay : p.replays)
    for (int phase : {replay.first, replay.again}) walks[phase] = replay.limit;
  for (std::size_t i = 0; i < p.phases.size(); ++i) {
    const Plan::Phase& phase = p.phases[i];
    const bool backward = row(phase.kind).direction == PhaseDirection::backward;
    const auto walk = walks.find(static_cast<int>(i));
    for (const Plan::Read& read : phase.reads)
      ranges[read.tensor].taken = ranges[read.tensor].taken || !means_now(p, phase, read.time);
    const bool block = phase.kind == PhaseKind::revise || (walk != walks.end() && walk->second < 0);
    if (walk != walks.end() && walk->second >= 0) {
      touch_back(p, phase, walk->second, ranges);
      continue;
    }
    for (const Plan::Read& read : phase.reads) {
      touch(read, backward, block, ranges[read.tensor]);
      ranges[read.tensor].loops |= loop_of(phase);
    }
    for (const Plan::Write& write : phase.writes) {
      ranges[write.tensor].loops |= loop_of(phase);
      if (write.kind != RootKind::store) continue;
      Range& r = ranges[write.tensor];
      r.low = std::min(r.low, write.time.offset);
      r.high = std::max(r.high, write.time.offset);
      r.whole_window = r.whole_window || backward;
      r.whole_sequence = r.whole_sequence || block;
    }
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Range& r = ranges[i];
    const TensorKind kind = p.tensors[i].kind;
    const bool recurrent = kind == TensorKind::forward || kind == TensorKind::backward || kind == TensorKind::record;
    if (!recurrent || r.low > r.high) {  // the step itself is written at t
      r.low = std::min(r.low, 0);
      r.high = std::max(r.high, 0);
    }
  }
  return ranges;
}

// How many steps phases that take many at once are given: what they read and write stays in a core's cache, unless that
// would leave too few rows for a product over them.
std::int64_t run_of(const Plan& p, const std::vector<Range>& ranges, std::int64_t examples, std::int64_t steps,
                    std::int64_t element) {
  bool any = false;
  for (const auto& phase : p.phases) any = any || phase.takes_many_steps();
  if (!any) return 1;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i)
    if (p.tensors[i].timed() && (ranges[i].loops & 4) != 0) row += p.tensors[i].size() * element;
  const std::int64_t step = std::max<std::int64_t>(row * examples, 1);
  const std::int64_t enough = std::min((cost_model::run_rows + examples - 1) / examples, cost_model::run_bytes / step);
  const std::int64_t run = std::clamp<std::int64_t>(std::max(cost_model::near_cache / step, enough), 1, steps);
  return (steps + (steps + run - 1) / run - 1) / ((steps + run - 1) / run);  // equal parts of the longest sequence
}

std::int64_t ring_bytes(const TensorLayout& l, std::int64_t slots, std::int64_t rows) {
  const std::int64_t ring = l.slot_bytes * slots * rows;
  return l.rings > 1 ? (ring + line - 1) / line * line : ring;
}

// Keeps the steps of segments alone, the longest that fit. False where none do; `way_out` says what would.
bool cut_to_segments(Layout& layout, const Plan& p, std::int64_t rows, std::int64_t steps, long double total,
                     long double limit, std::string& way_out) {
  Segments margins;
  margins.back = -layout.lowest;
  margins.ahead = std::max(1, layout.highest) + p.ahead + p.window_ahead;
  std::string why_not;
  margins.again = recomputable(p, why_not);
  if (!why_not.empty()) {
    way_out = fmt::format("Steps cannot be recomputed on the way back, as {}", why_not);
    return false;
  }
  SegmentCosts costs{total, 0};
  for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
    const TensorLayout& l = layout.tensors[i];
    if (!margins.again[i]) continue;
    // In floating point: absurd batches and lengths are beyond integers.
    const long double step = static_cast<long double>(l.slot_bytes) * static_cast<long double>(rows) *
                             static_cast<long double>(l.rings);
    costs.fixed -= step * static_cast<long double>(l.capacity);
    costs.step += step;
  }
  for (const int gradient : gathered_forward(p))
    costs.fixed += static_cast<long double>(layout.tensors[static_cast<std::size_t>(gradient)].bytes()) *
                   static_cast<long double>(layout.tensors.front().rings);
  const std::int64_t window = p.window < 0 ? steps : std::min<std::int64_t>(p.window, steps);
  long double least = -1;
  layout.segments = fit_segments(costs, margins, window, layout.run, limit, least);
  if (!layout.segments.any()) {
    way_out = least < 0 || least >= total
                  ? "Recomputing steps on the way back would need no less"
                  : fmt::format("{} are the least with which it would do, recomputing steps on the way back",
                                readable_bytes(least));
    return false;
  }
  layout.bytes = static_cast<double>(layout.segments.bytes);
  for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
    TensorLayout& l = layout.tensors[i];
    l.again = layout.segments.again[i] != 0;
    if (l.again) l.ring_bytes = ring_bytes(l, layout.segments.slots, rows);
  }
  return true;
}

}  // namespace

Layout plan_layout(const Plan& p, std::int64_t examples, std::int64_t steps, bool float64, std::uint64_t limit,
                   int shards, std::int64_t most_at_once, std::int64_t beside) {
  Layout layout;
  const std::vector<Range> ranges = ranges_of(p);
  for (const Range& r : ranges) {
    layout.lowest = std::min(layout.lowest, r.low);
    layout.highest = std::max(layout.highest, r.high);
  }
  layout.any_length = true;
  layout.run = run_of(p, ranges, (examples + shards - 1) / shards, steps, float64 ? 8 : 4);
  if (most_at_once > 0) layout.run = std::min(layout.run, most_at_once);
  long double total = static_cast<long double>(beside), largest = -1;
  std::string largest_name;
  for (std::size_t i = 0; i < p.tensors.size(); ++i) {
    const Tensor& t = p.tensors[i];
    const Range& r = ranges[i];
    TensorLayout l;
    l.element = t.kind == TensorKind::wiring ? 4 : float64 ? 8 : 4;
    const std::int64_t span = r.high - r.low + 1 + (t.kind == TensorKind::flag ? layout.highest - layout.lowest : 0);
    const std::int64_t all = steps + p.ahead + span + 2;
    if (t.timed()) {
      l.capacity = span;
      // What more than one way over a run's steps touches is kept for all of them; for a few runs, so that rings seldom
      // begin again within one.
      const bool apart = t.kind != TensorKind::forward || r.loops != 2;
      if (layout.run > 1 && apart)
        l.capacity = std::max(span + layout.run, std::min<std::int64_t>(all, span + 4 * layout.run));
      if (t.kind == TensorKind::shown || r.whole_sequence || (r.whole_window && p.window < 0)) {
        l.capacity = all + (t.kind == TensorKind::revised ? span : 0);  // zeros beyond both ends
        layout.any_length = layout.any_length && t.kind == TensorKind::shown;
      } else if (r.whole_window) {
        l.capacity = std::min<std::int64_t>(all, p.window + p.window_ahead + span + 2);
      }
    }
    if (t.per_step) {
      l.copies = steps;
      layout.any_length = false;
      if (t.kind == TensorKind::param && t.as_taken && p.updates_within) l.versions = steps;
    } else if (t.kind == TensorKind::param && p.updates_within && r.taken) {
      l.versions = r.whole_sequence ? all
                   : r.whole_window
                       ? std::min<std::int64_t>(all, (p.window < 0 ? steps : p.window) + p.window_ahead + span + 2)
                       : span + 1;
    }
    long double size = static_cast<long double>(l.element);
    for (auto d : t.dims) size *= static_cast<long double>(d);
    long double bytes =
        size * static_cast<long double>(std::max<std::int64_t>(l.versions + 1, l.copies + l.versions + 1));
    if (t.timed()) {
      const long double ring =
          size * static_cast<long double>(l.capacity) * static_cast<long double>((examples + shards - 1) / shards);
      l.rings = shards;
      l.ring_bytes = ring < 9e18L ? static_cast<std::int64_t>(ring) : INT64_MAX;
      if (shards > 1 && l.ring_bytes < INT64_MAX) l.ring_bytes = (l.ring_bytes + line - 1) / line * line;
      bytes = ring * static_cast<long double>(shards);
    }
    if (t.kind == TensorKind::gradient) bytes *= shards;
    total += bytes;
    if (bytes > largest) {
      largest = bytes;
      largest_name = t.name;
    }
    l.slot_bytes = size < 9e18L ? static_cast<std::int64_t>(size) : INT64_MAX;
    layout.tensors.push_back(l);
  }
  layout.bytes = static_cast<double>(total);
  if (!limit || total <= static_cast<long double>(limit)) return layout;
  std::string way_out;
  if (cut_to_segments(layout, p, (examples + shards - 1) / shards, steps, total, static_cast<long double>(limit),
                      way_out))
    return layout;
  throw Error(
      fmt::format("this session would need {} of memory, {} are allowed; {} alone takes {}. {}: use smaller sizes, a "
                  "smaller batch, shorter sequences or a rule that carries less",
                  readable_bytes(total), readable_bytes(static_cast<long double>(limit)), largest_name,
                  readable_bytes(largest), way_out));
}

}  // namespace eligo::compiler
