// Arrivals that the shards take together: those of `at each` blocks, which revise parameters over the whole batch at
// every k, and of clipped learn lines, whose bound is on the batch's mean.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/engine/sequence.h"
#include "runtime/engine/shard.h"
#include "support/denormals.h"
#include "support/error.h"

namespace eligo {

using compiler::Block;

// What the shards gathered for a tensor (for all its steps, if it has a value per step), added in a fixed order; their
// accumulators start anew.
void Sequence::add_up(int gradient) {
  const std::int64_t bytes = memory_->gradient_bytes(gradient);
  sum_.assign(static_cast<std::size_t>(bytes / layout_.tensors[gradient].element), 0.0);
  for (int s = 0; s < shard_count_; ++s) {
    void* from = memory_->shard_gradient(gradient, s);
    for (std::size_t i = 0; i < sum_.size(); ++i)
      sum_[i] += memory_->read(gradient, from, static_cast<std::int64_t>(i));
    std::memset(from, 0, static_cast<std::size_t>(bytes));
  }
}

int Sequence::learned_by(int gathered) const {
  for (const compiler::Clip& c : plan_.clips)
    if (c.gathered == gathered) return c.gradient;
  return gathered;
}

// What brings a vector's length down to a bound, without overflow on the way. A number that is not finite leaves none
// that could be trusted: 0 for those beside an infinite one, NaN for all where one is NaN.
static double bounding(std::span<const double> v, double bound) {
  double most = 0, sum = 0;
  for (const double x : v) most = std::isnan(x) ? x : std::max(most, std::abs(x));
  if (most == 0) return 1;
  if (!std::isfinite(most)) return std::isnan(most) ? most : 0;
  for (const double x : v) sum += (x / most) * (x / most);
  const double length = std::sqrt(sum);  // times `most`
  return most > bound / length ? bound / most / length : 1;
}

double Sequence::bound_of(const compiler::Clip& clip) const {
  return clip.hyper < 0 ? clip.bound : memory_->read(clip.hyper, memory_->whole(clip.hyper), 0);
}

void Sequence::check_bounds() const {
  for (const compiler::Clip& clip : plan_.clips)
    if (!(bound_of(clip) > 0))
      throw Error(plan_.tensors[clip.hyper].name + " bounds what a step may add, so it must be above 0");
}

// What clipped lines have added since the last time joins what is learned, through the first shard. A parameter with a
// value per step is bounded step by step.
void Sequence::clip() {
  for (const compiler::Clip& c : plan_.clips) {
    add_up(c.gathered);
    const double bound = bound_of(c);
    const auto size = static_cast<std::size_t>(plan_.tensors[c.gathered].size());
    void* into = memory_->shard_gradient(c.gradient, 0);
    for (std::size_t first = 0; first < sum_.size(); first += size) {
      const double scale = bounding(std::span(sum_).subspan(first, size), bound);
      for (std::size_t i = first; i < first + size; ++i) {
        const auto at = static_cast<std::int64_t>(i);
        memory_->write(c.gradient, into, at, memory_->read(c.gradient, into, at) + scale * sum_[i]);
      }
    }
  }
}

// The flags that say where k stands: in an example's range, at the step that it has reached, at the block's start.
void Sequence::fill_block_flags(const Shard& shard, const Block& block, std::int64_t t, std::int64_t start) {
  const int within = plan_.find(compiler::Flag::within), now = plan_.find(compiler::Flag::now);
  const int begin = plan_.find(compiler::Flag::begin);
  for (std::int64_t k = start + layout_.lowest; k <= t + layout_.highest; ++k) {
    for (std::int64_t b = 0; b < shard.count; ++b) {
      const std::int64_t reached = std::min(t, lengths_[shard.first + b]);
      const bool in = k >= start + block.low && k <= reached + block.high;
      memory_->write(within, memory_->slot(within, k, shard.number), b, in);
      memory_->write(now, memory_->slot(now, k, shard.number), b, k == reached);
      memory_->write(begin, memory_->slot(begin, k, shard.number), b, k == start);
    }
  }
}

void Sequence::open_pass(Shard& shard, const Block& block, const Block::Pass& pass, std::int64_t t) {
  const std::int64_t start = shard.resolver.moment.start;
  for (int tensor : pass.stored)
    for (int beyond = 1; beyond <= block.margin; ++beyond) {
      memory_->zero_slot(tensor, start + block.first - beyond, shard.number);
      memory_->zero_slot(tensor, t + block.top + beyond, shard.number);
    }
  shard.arrival = t;
  shard.resolver.moment.current = false;
  collect_ends(shard, pass.phase);
}

void Sequence::run_pass(const Block& block, const Block::Pass& pass, std::int64_t t) {
  for_shards([&](Shard& shard) { open_pass(shard, block, pass, t); });
  const std::int64_t first = shards_[0]->resolver.moment.start + block.first, top = t + block.top;
  const auto at = [&](Shard& shard, std::int64_t i) {
    shard.resolver.moment.t = pass.backward ? top - i : first + i;
    run_phase(shard, pass.phase);
  };
  const std::int64_t count = top - first + 1;
  if (pass.revisions.empty()) {  // nothing that other shards change: each goes all the way on its own
    for_shards([&](Shard& shard) {
      for (std::int64_t i = 0; i < count; ++i) at(shard, i);
    });
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    for_shards([&](Shard& shard) { at(shard, i); });
    for (int r : pass.revisions) {
      const Block::Revision& revision = block.revisions[r];
      add_up(revision.increment);
      void* running = memory_->whole(revision.running);
      for (std::size_t k = 0; k < sum_.size(); ++k) {
        const auto place = static_cast<std::int64_t>(k);
        memory_->write(revision.running, running, place, memory_->read(revision.running, running, place) + sum_[k]);
      }
    }
  }
}

void Sequence::assign(int phase) {
  if (phase < 0) return;
  const FlushDenormals flush;
  shards_[0]->calls.call(phase, shards_[0]->resolver, 1);
  if (watching_) watch(*shards_[0], phase, shards_[0]->resolver.moment.t);
}

// All blocks at the arrival of step t. Without learning their values are computed, but nothing is adopted.
void Sequence::revise(std::int64_t t) {
  for (const Block& block : plan_.blocks) {
    assign(block.begin);
    for_shards([&](Shard& shard) { fill_block_flags(shard, block, t, shard.resolver.moment.start); });
    for (const Block::Pass& pass : block.passes) run_pass(block, pass, t);
    if (learn_) assign(block.adopt);
    for_shards([&](Shard& shard) { shard.resolver.moment = {t, shard.resolver.moment.start, true}; });
  }
  if (learn_ && plan_.adopts) {
    stale_ = true;
    refresh();
  }
}

void Sequence::arrive_together(std::int64_t t) {
  for_shards([&](Shard& shard) {
    take(shard, t, t);
    if (runs_arrivals()) run_phase(shard, record_);
  });
  if (t <= steps_ && runs_arrivals()) revise(t);
  // A step's derivatives keep the parameters with which it was taken, also if a block has changed them since.
  const bool changed = learn_ && plan_.adopts;
  for_shards([&](Shard& shard) {
    shard.resolver.moment.current = !changed;
    if (runs_arrivals()) run_phase(shard, arrive_.step);
    if (runs_arrivals()) replay(shard, t);
  });
  clip();
  for_shards([&](Shard& shard) { run_phase(shard, show_); });
  if (!runs_arrivals() || !closes() || online_call_) return;
  each_ready_window(t, [&](const Window& w) { sweep_together(w); });
}

void Sequence::sweep_together(const Window& w) {
  for_shards([&](Shard& shard) { open_sweep(shard, w); });
  for (std::int64_t t = w.end; sweep_.step >= 0 && t > w.start; --t) {
    for_shards([&](Shard& shard) { sweep_step(shard, t); });
    clip();
  }
  for_shards([&](Shard& shard) { sweep_to_start(shard, w); });
  clip();
  for_shards([&](Shard& shard) { close_window(shard, w); });
  clip();
}

}  // namespace eligo
