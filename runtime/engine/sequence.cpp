#include "runtime/engine/sequence.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "runtime/engine/shard.h"
#include "support/available.h"
#include "support/denormals.h"
#include "support/random.h"

namespace eligo {

using compiler::TensorKind;
using compiler::UpdateEvery;
using compiler::When;

namespace {

// Fixed by the rule and the batch, so that results do not depend on the number of threads. A shard runs its whole
// sequence on its own: enough examples for products over them to be worth their calls, and as few as let what they
// carry forward stay in a core's cache. A power of two, so that any usual number of threads gets equal parts.
int shards_for(const compiler::Plan& plan, std::int64_t batch, bool float64) {
  constexpr std::int64_t cache = 768 * 1024;
  constexpr std::int64_t most = 64, enough = 25;
  std::int64_t carried = 0;
  for (const auto& t : plan.tensors)
    if (t.kind == TensorKind::forward) carried += 2 * t.size() * (float64 ? 8 : 4);
  std::int64_t shards = 1;
  while (shards < 16 && batch / (2 * shards) >= enough) shards *= 2;
  if (carried > 0) shards = std::max(shards, batch / std::max<std::int64_t>(1, cache / carried));
  return static_cast<int>(std::clamp<std::int64_t>(shards, 1, std::min(batch, most)));
}

void* aligned(std::unique_ptr<std::byte[]>& storage, std::int64_t bytes) {
  storage = std::make_unique<std::byte[]>(static_cast<std::size_t>(bytes + 128));
  const auto at = reinterpret_cast<std::uintptr_t>(storage.get());
  return reinterpret_cast<void*>((at + 63) / 64 * 64);
}

}  // namespace

int Sequence::nonempty(PhaseKind kind, PhasePart part) const {
  for (std::size_t i = 0; i < plan_.phases.size(); ++i)
    if (plan_.phases[i].kind == kind && plan_.phases[i].part == part && !plan_.phases[i].writes.empty())
      return static_cast<int>(i);
  return -1;
}

Sequence::Divided Sequence::divided(PhaseKind kind) const {
  return {nonempty(kind, PhasePart::before), nonempty(kind), nonempty(kind, PhasePart::after)};
}

// All that a session takes: tensors, scratch memory and prepared values, sums in float64, copies of parameters.
compiler::Layout Sequence::planned(const Program& program, const SessionOptions& options, int shards, std::uint64_t limit) {
  const compiler::Plan& plan = *program.plan;
  const auto layout = [&](std::uint64_t most, std::int64_t apart) {
    return compiler::plan_layout(plan, options.batch, options.steps, program.float64, most, shards, options.most_at_once, apart);
  };
  const compiler::Layout free = layout(0, 0);  // how many steps are taken together does not follow from the limit
  const std::int64_t examples = (options.batch + shards - 1) / shards;
  const std::int64_t scratch =
      std::max(program.runner->scratch_bytes(examples), program.runner->run_scratch_bytes(examples * free.run));
  std::int64_t apart = shards * scratch + program.runner->prepared_bytes(), largest = 0;
  if (free.bytes < 9e18) {
    for (const compiler::Learned& l : plan.learned) {
      const compiler::TensorLayout& gradient = free.tensors[static_cast<std::size_t>(l.gradient)];
      const auto sums = gradient.bytes() / gradient.element * static_cast<std::int64_t>(sizeof(double));
      if (l.every != UpdateEvery::sequence) apart += sums;
      if (!plan.blocks.empty() || !plan.clips.empty()) largest = std::max(largest, sums);
    }
    for (std::size_t i = 0; changes_within(plan) && i < plan.tensors.size(); ++i)
      if (plan.tensors[i].kind == TensorKind::param || plan.tensors[i].kind == TensorKind::keep)
        apart += free.tensors[i].bytes();  // what is put back where a training diverges
  }
  return layout(limit, apart + largest);
}

double Sequence::unlimited_bytes(const Program& program, const SessionOptions& options) {
  return planned(program, options, shards_for(*program.plan, options.batch, program.float64), 0).bytes;
}

Sequence::Sequence(const Program& program, const SessionOptions& options)
    : compiled_(program),
      plan_(*program.plan),
      options_(options),
      shard_count_(shards_for(plan_, options.batch, program.float64)),
      layout_(planned(program, options, shard_count_, options.memory ? options.memory : available_memory())),
      memory_(std::make_unique<Memory>(plan_, layout_, options.batch, shard_count_, program.float64)) {
  changes_within_ = changes_within(plan_);
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
    if (plan_.tensors[i].kind == TensorKind::param || plan_.tensors[i].kind == TensorKind::keep)
      kept_.push_back(static_cast<int>(i));
  step_ = divided(PhaseKind::step);
  record_ = nonempty(PhaseKind::record);
  arrive_ = divided(PhaseKind::arrive);
  show_ = nonempty(PhaseKind::show);
  sweep_ = divided(PhaseKind::sweep);
  sweep_start_ = nonempty(PhaseKind::sweep_start);
  close_ = nonempty(PhaseKind::close);
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
    const TensorKind kind = plan_.tensors[i].kind;
    if (kind == TensorKind::noise)
      noises_.push_back({static_cast<int>(i), purpose_hash(plan_.tensors[i].name),
                         plan_.tensors[i].given_as.ends_with("[start]")});
    if (!plan_.tensors[i].timed() || kind == TensorKind::flag || kind == TensorKind::shown) continue;
    if (plan_.tensors[i].masked || kind == TensorKind::noise) {
      timed_.push_back(static_cast<int>(i));
      continue;
    }
    // Values read behind flags only: any finite number does before the first step has been taken.
    for (std::int64_t k = 0; k < layout_.tensors[i].bytes() / layout_.tensors[i].element; ++k)
      memory_->write(static_cast<int>(i), memory_->whole(static_cast<int>(i)), k, 1);
  }
  const std::int64_t most = (options.batch + shard_count_ - 1) / shard_count_;
  for (int s = 0; s < shard_count_; ++s) {
    shards_.push_back(std::make_unique<Shard>(*program.runner, *memory_, s));
    shards_.back()->scratch =
        aligned(shards_.back()->scratch_storage,
                std::max(program.runner->scratch_bytes(most), program.runner->run_scratch_bytes(most * layout_.run)));
  }
  find_reads();
  inverse_batch_ = plan_.find("inverse_batch");
  end_flag_ = plan_.find(compiler::Flag::end);
  window_end_flag_ = plan_.find(compiler::Flag::window_end);
  active_flag_ = plan_.find(compiler::Flag::active);
  prepared_ = aligned(prepared_storage_, program.runner->prepared_bytes());
  for (const auto& l : plan_.learned)  // what is updated once a sequence lies where the optimiser found it
    totals_.emplace_back(
        l.every == UpdateEvery::sequence ? 0 : plan_.tensors[l.gradient].size() * memory_->copies(l.gradient), 0.0);
  reduced_.assign(plan_.learned.size(), 0);
  step_gathers_.resize(plan_.phases.size());
  for (std::size_t k = 0; k < plan_.learned.size(); ++k)
    for (std::size_t i = 0; i < plan_.phases.size(); ++i)
      for (const auto& write : plan_.phases[i].writes)
        if (write.kind == compiler::RootKind::gather && learned_by(write.tensor) == plan_.learned[k].gradient &&
            plan_.tensors[write.tensor].per_step)
          step_gathers_[i].push_back({k, write.time});
  for (auto& shard : shards_)
    for (const auto& l : plan_.learned)
      shard->taught.emplace_back(plan_.tensors[l.parameter].per_step ? memory_->copies(l.parameter) + 1 : 0, 0);
  if (recomputes()) prepare_segments();
  // No more than this process may use: of more TBB says on stderr that it does not take them.
  const int threads = std::min(options_.threads, tbb::info::default_concurrency());
  if (threads > 1 && shard_count_ > 1 && program.runner->concurrent())
    arena_ = std::make_unique<tbb::task_arena>(std::min(threads, shard_count_));
  if (threads > 1 && shard_count_ == 1 && program.runner->concurrent()) {
    within_ = std::make_unique<tbb::task_arena>(threads);
    shards_[0]->calls.share(within_.get());
  }
}

Sequence::~Sequence() = default;

// What the phases read: at an example's own end, and of the flags.
void Sequence::find_reads() {
  std::set<int> flags, of_boundary;
  end_reads_.resize(plan_.phases.size());
  for (std::size_t i = 0; i < plan_.phases.size(); ++i)
    for (const compiler::Plan::Read& read : plan_.phases[i].reads) {
      const compiler::Tensor& t = plan_.tensors[static_cast<std::size_t>(read.tensor)];
      if (compiler::is_gathered(read.time.base) && t.timed()) end_reads_[i].push_back(read);
      const PhaseKind phase = plan_.phases[i].kind;
      if (t.kind == TensorKind::flag) flags.insert(read.tensor);
      if (t.kind == TensorKind::flag && row(phase).frequency == compiler::PhaseFrequency::window) of_boundary.insert(read.tensor);
      const bool back = phase == PhaseKind::sweep || phase == PhaseKind::sweep_start;
      const bool kept = (t.kind == TensorKind::field || t.kind == TensorKind::input) && !t.masked;
      if (back && kept && read.time.base == When::t && read.time.offset > 0) ahead_.push_back(read);
    }
  for (int flag : flags)
    if (const compiler::Flag which = plan_.tensors[static_cast<std::size_t>(flag)].flag; follows(which)) {
      flags_.push_back({flag, which});
      if (of_boundary.contains(flag)) boundary_flags_.push_back({flag, which});
    }
}

void Sequence::set_start(const std::vector<std::vector<double>>& values) { start_ = values; }

void Sequence::refresh() {
  if (!stale_) return;
  const FlushDenormals flush;
  Shard& shard = *shards_[0];
  shard.calls.call(compiler::PhaseRunner::prepare_phase, shard.resolver, 1);
  stale_ = false;
}

Sequence::Window Sequence::window_of(std::int64_t t) const {  // of a step, t >= 1
  if (plan_.window < 0) return {0, steps_};
  const std::int64_t n = plan_.window;
  std::int64_t first = steps_ % n == 0 ? n : steps_ % n;
  if (!plan_.short_first) first = std::min(n, steps_);
  if (t <= first) return {0, first};
  const std::int64_t k = (t - first - 1) / n;
  return {first + k * n, std::min(first + (k + 1) * n, steps_)};
}

std::int64_t Sequence::window_ready(const Window& w) const {
  // A shown or learned look-ahead across the joint; at the sequence's end what lies beyond reads as zero.
  return std::min(w.end + plan_.window_ahead, steps_ + plan_.ahead);
}

std::int64_t Sequence::width_of(const std::vector<int>& tensors) const {
  std::int64_t width = 0;
  for (int i : tensors) width += plan_.tensors[static_cast<std::size_t>(i)].size();
  return width;
}

void Sequence::validate(const Batch& batch) const {
  const std::int64_t inputs = width_of(plan_.inputs), targets = width_of(plan_.targets);
  if (batch.steps < 1 || batch.examples < 1) throw Error("a batch needs at least one step and one example");
  if (batch.examples > options_.batch)
    throw Error(fmt::format("a batch of {} examples, this session was made for {}", batch.examples, options_.batch));
  if (batch.steps > options_.steps && !layout_.any_length)
    throw Error(fmt::format("a sequence of {} steps, this session was made for {}", batch.steps, options_.steps));
  check_values("x", batch.x, batch.steps, batch.examples, inputs);
  if (targets || !batch.y.empty()) check_values("y", batch.y, batch.steps, batch.examples, targets);
  if (!batch.loss_mask.empty()) check_values("loss_mask", batch.loss_mask, batch.steps, batch.examples, 1);
  check_given(batch);
  if (!batch.lengths.empty() && static_cast<std::int64_t>(batch.lengths.size()) != batch.examples)
    throw Error(fmt::format("{} lengths for {} examples", batch.lengths.size(), batch.examples));
  for (std::int64_t length : batch.lengths)
    if (length < 1 || length > batch.steps)
      throw Error(fmt::format("a length of {} is outside 1..{}", length, batch.steps));
}

// As many as the steps and examples need, and all finite.
void Sequence::check_values(const char* what, std::span<const double> values, std::int64_t steps, std::int64_t examples,
                            std::int64_t width) const {
  if (static_cast<std::int64_t>(values.size()) != steps * examples * width)
    throw Error(fmt::format("{} has {} values, {} steps of {} examples need {}", what, values.size(), steps, examples,
                            steps * examples * width));
  if (all_finite(values, memory_->float64())) return;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]) || !memory_->fits(values[i])) {
      const auto point = static_cast<std::int64_t>(i) / width;
      throw Error(fmt::format("{} is {} at step {} of example {} (value {}): inputs must be finite numbers{}", what,
                              values[i], point / examples + 1, point % examples + 1,
                              static_cast<std::int64_t>(i) % width + 1,
                              std::isfinite(values[i]) ? ", and this one is too large for float32; use dtype f64" : ""));
    }
}

// Cuts the batch into the shards' parts; nothing to do where the last one was cut alike.
void Sequence::divide(std::int64_t examples) {
  if (examples == divided_) return;
  memory_->divide(examples);
  divided_ = examples;
  const std::int64_t most = (options_.batch + shard_count_ - 1) / shard_count_;
  for (int s = 0; s < shard_count_; ++s) {
    Shard& shard = *shards_[static_cast<std::size_t>(s)];
    shard.first = memory_->first(s);
    shard.count = memory_->count(s);
    shard.calls.bind(shard.resolver, most, most * layout_.run, shard.scratch, prepared_);
  }
}

void Sequence::begin(std::int64_t examples, std::int64_t steps, bool learn) {
  examples_ = examples;
  steps_ = steps;
  learn_ = learn;
  t_ = 0;
  ++count_;
  open_ = true;
  refused_ = false;
  memory_->write(inverse_batch_, memory_->whole(inverse_batch_), 0, 1.0 / static_cast<double>(examples));
  divide(examples);
  for (auto& shard : shards_) {
    shard->loss = 0;
    shard->loss_steps = 0;
    shard->left_out = 0;
  }
  std::fill(reduced_.begin(), reduced_.end(), 0);
  clear_gathered_ = !gathered_clean_;
  gathered_clean_ = false;  // until all has been taken up
  for (auto& total : totals_) std::fill(total.begin(), total.end(), 0.0);
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
    if (plan_.tensors[i].kind == TensorKind::shown)
      std::memset(memory_->whole(static_cast<int>(i)), 0, static_cast<std::size_t>(layout_.tensors[i].bytes()));
  check_bounds();
  for (const auto& [parameter, copy] : plan_.before)
    std::memcpy(memory_->whole(copy), memory_->whole(parameter),
                static_cast<std::size_t>(layout_.tensors[parameter].slot_bytes));
  refresh();
  for (std::int64_t t = layout_.lowest; t <= 0; ++t) memory_->snapshot_versions(t);
}

void Sequence::begin_shard(Shard& shard) {
  memory_->set_origin(shard.number, 0);
  for (int tensor : timed_) {
    const std::int64_t capacity = layout_.tensors[tensor].capacity;
    for (std::int64_t t = 1 - std::min<std::int64_t>(capacity, 1 - layout_.lowest); t <= 0; ++t)
      memory_->zero_slot(tensor, t, shard.number);
    const compiler::Tensor& info = plan_.tensors[tensor];
    if (info.kind != TensorKind::state) continue;
    auto* at = memory_->slot(tensor, 0, shard.number);
    for (std::int64_t k = 0; k < shard.count * info.size(); ++k)
      memory_->write(tensor, at, k, start_[tensor][shard.first * info.size() + k]);
  }
  for (const Noise& noise : noises_)
    if (noise.start && noise.given) give_start(shard, noise);
  for (std::size_t i = 0; clear_gathered_ && i < plan_.tensors.size(); ++i)
    if (plan_.tensors[i].kind == TensorKind::gradient)
      std::memset(memory_->shard_gradient(static_cast<int>(i), shard.number), 0,
                  static_cast<std::size_t>(memory_->gradient_bytes(static_cast<int>(i))));
  for (auto& steps : shard.taught) std::fill(steps.begin(), steps.end(), 0);
  fill_flags(flags_, shard, layout_.lowest, layout_.highest);
  if (!plan_.at_start || !runs_arrivals()) return;
  shard.resolver.moment = {0, 0, true};
  run_phase(shard, record_);
  run_phase_at_once(shard, arrive_.before, 0, 0);
  run_phase(shard, arrive_.step);
  run_phase_at_once(shard, arrive_.after, 0, 0);
  replay(shard, 0);
}

void Sequence::collect_ends(Shard& shard, int phase) {
  for (const compiler::Plan::Read& read : end_reads_[phase]) {
    const std::int64_t bytes = memory_->row_bytes(read.tensor);
    for (std::int64_t b = 0; b < shard.count; ++b) {
      const std::int64_t example = shard.first + b;
      const std::int64_t end = read.time.base == When::now
                                   ? shard.arrival
                                   : window_of(std::max<std::int64_t>(shard.resolver.moment.start + 1, 1)).end;
      const std::int64_t at = read.time.base == When::last ? lengths_[example] : std::min(end, lengths_[example]);
      if (!holds(shard, read.tensor, at + read.time.offset)) continue;  // another segment's
      std::memcpy(memory_->gathered(read.tensor, read.time, example),
                  memory_->slot(read.tensor, at + read.time.offset, shard.number) + b * bytes,
                  static_cast<std::size_t>(bytes));
    }
  }
}

void Sequence::run_phase(Shard& shard, int phase) {
  if (phase < 0 || shard.count == 0) return;
  shard.calls.call(phase, shard.resolver, shard.count);
  mark_steps(shard, phase);
  if (watching_) watch(shard, phase, shard.resolver.moment.t);
}

// Steps beyond every example of the shard teach nothing.
void Sequence::mark_steps(Shard& shard, int phase) {
  for (const StepGather& g : step_gathers_[phase]) {
    const Moment& moment = shard.resolver.moment;
    const std::int64_t step = (g.time.base == When::start ? moment.start : moment.t) + g.time.offset;
    bool any = false;
    for (std::int64_t b = 0; b < shard.count; ++b) any = any || step <= lengths_[shard.first + b];
    if (step >= 1 && any) shard.taught[g.learned][static_cast<std::size_t>(step)] = 1;
  }
}

bool Sequence::takes_update(std::size_t learned, std::int64_t step) {
  bool any = false;
  for (auto& shard : shards_) any = std::exchange(shard->taught[learned][static_cast<std::size_t>(step)], 0) || any;
  return any;
}

void Sequence::add_loss(Shard& shard, std::int64_t t) {
  const auto* loss = memory_->slot(plan_.loss, t, shard.number);
  for (std::int64_t b = 0; b < shard.count; ++b) shard.loss += memory_->read(plan_.loss, loss, b);
  if (even_ && !mask_) {
    shard.loss_steps += shard.count;
    return;
  }
  for (std::int64_t b = 0; b < shard.count; ++b)
    shard.loss_steps +=
        (even_ || t <= lengths_[shard.first + b]) && (!mask_ || mask_[(t - 1) * examples_ + shard.first + b] != 0);
}

void Sequence::run_phase_at_once(Shard& shard, int phase, std::int64_t from, std::int64_t to) {
  if (phase < 0 || shard.count == 0 || from > to) return;
  if (!watching_) return shard.calls.call_run(phase, shard.resolver, from, to);
  for (std::int64_t t = from; t <= to; ++t) {  // so that a sum over steps tells which of them it was
    shard.calls.call_run(phase, shard.resolver, t, t);
    watch(shard, phase, t);
  }
}

std::int64_t Sequence::start_of(std::int64_t t) const {
  return online_call_ ? 0 : window_of(std::min(t, steps_)).start;
}

void Sequence::run_steps(Shard& shard, std::int64_t from, std::int64_t to) {
  for (std::int64_t t = from; t <= to; ++t) load(shard, t);
  shard.resolver.moment.current = true;
  run_phase_at_once(shard, step_.before, from, to);
  for (std::int64_t t = from; t <= to && step_.step >= 0; ++t) {
    shard.resolver.moment = {t, start_of(t), true};
    run_phase(shard, step_.step);
  }
  run_phase_at_once(shard, step_.after, from, to);
}

void Sequence::run_arrivals(Shard& shard, std::int64_t from, std::int64_t to, bool show) {
  if (runs_arrivals()) run_phase_at_once(shard, arrive_.before, from, to);
  for (std::int64_t t = from; t <= to; ++t) {
    shard.resolver.moment = {t, start_of(t), true};
    if (runs_arrivals()) run_phase(shard, record_);
    if (runs_arrivals()) run_phase(shard, arrive_.step);
    if (runs_arrivals() && show) replay(shard, t);
    if (show) run_phase(shard, show_);
  }
  if (runs_arrivals()) run_phase_at_once(shard, arrive_.after, from, to);
}

void Sequence::take(Shard& shard, std::int64_t from, std::int64_t to) {
  fill_flags(flags_, shard, from + layout_.highest, to + layout_.highest);
  const std::int64_t last = online_call_ ? to : std::min(to, steps_);
  run_steps(shard, from, last);
  for (std::int64_t t = from; t <= last && plan_.loss >= 0; ++t) add_loss(shard, t);
  for (std::int64_t t = last + 1; t <= to; ++t)
    for (int tensor : timed_) {
      const TensorKind kind = plan_.tensors[tensor].kind;
      if (kind != TensorKind::forward && kind != TensorKind::backward && kind != TensorKind::revised)
        memory_->zero_slot(tensor, t, shard.number);
    }
  shard.resolver.moment = {to, start_of(to), true};
}

void Sequence::arrive(Shard& shard, std::int64_t from, std::int64_t to) {
  if (recomputes()) make_room(shard, from, to);
  take(shard, from, to);
  run_arrivals(shard, from, to, true);
  if (!runs_arrivals()) return;
  shard.held_to = to + layout_.segments.ahead;
  if (closes() && !online_call_) each_ready_window(to, [&](const Window& w) { sweep(shard, w); });
}

// The last of the steps that may be taken together with the first: no more than are kept, none beyond an arrival at
// which a window is swept.
std::int64_t Sequence::run_end(std::int64_t from, std::int64_t to) const {
  to = std::min(to, from + layout_.run - 1);
  if (!closes() || online_call_ || to == from) return to;
  Window w = window_of(std::clamp<std::int64_t>(from - plan_.window_ahead, 1, steps_));
  while (window_ready(w) < from && w.end < steps_) w = window_of(w.end + 1);
  return window_ready(w) < from ? to : std::min(to, window_ready(w));
}

void Sequence::sweep(Shard& shard, const Window& w) {
  if (recomputes()) put_end_aside(shard, w);
  open_sweep(shard, w);
  for (std::int64_t to = w.end; sweep_.any() && to > w.start;) {
    const std::int64_t from = std::max(w.start, to - layout_.run) + 1;
    if (recomputes()) reach(shard, w, from, to);
    run_phase_at_once(shard, sweep_.before, from, to);
    for (std::int64_t t = to; sweep_.step >= 0 && t >= from; --t) sweep_step(shard, t);
    run_phase_at_once(shard, sweep_.after, from, to);
    to = from - 1;
  }
  sweep_to_start(shard, w);
  close_window(shard, w);
  if (recomputes()) return_to_end(shard, w);
}

void Sequence::open_sweep(Shard& shard, const Window& w) {
  Moment& moment = shard.resolver.moment;
  shard.before = moment;
  moment.start = w.start;
  moment.current = false;
  for (int tensor : timed_)
    if (plan_.tensors[tensor].kind == TensorKind::backward)
      for (std::int64_t t = w.end + 1; t <= w.end + std::max(1, layout_.highest); ++t)
        memory_->zero_slot(tensor, t, shard.number);
  // What later steps would have kept meets zeros, but must be such that nothing infinite comes of it: as at the last
  // step.
  const std::int64_t taken = std::min(shard.before.t, steps_);
  for (const compiler::Plan::Read& read : ahead_)
    if (const std::int64_t t = w.end + read.time.offset; t > taken)
      std::memcpy(memory_->slot(read.tensor, t, shard.number), memory_->slot(read.tensor, taken, shard.number),
                  static_cast<std::size_t>(shard.count * memory_->row_bytes(read.tensor)));
  if (recomputes()) collect_all_ends(shard);
  else if (sweep_.step >= 0) collect_ends(shard, sweep_.step);
}

void Sequence::sweep_step(Shard& shard, std::int64_t t) {
  shard.resolver.moment.t = t;
  run_phase(shard, sweep_.step);
}

// At the boundary before the window nothing is this window's end.
void Sequence::sweep_to_start(Shard& shard, const Window& w) {
  shard.resolver.moment.t = w.start;
  if (sweep_start_ < 0) return;
  for (const FlagTensor& flag : boundary_flags_)
    if (flag.tensor == end_flag_ || flag.tensor == window_end_flag_)
      memory_->zero_slot(flag.tensor, w.start, shard.number);
  collect_ends(shard, sweep_start_);
  run_phase(shard, sweep_start_);
}

void Sequence::close_window(Shard& shard, const Window& w) {
  if (close_ >= 0) {
    auto* at = memory_->slot(active_flag_, w.start, shard.number);
    for (std::int64_t b = 0; b < shard.count; ++b)
      memory_->write(active_flag_, at, b, lengths_[shard.first + b] > w.start ? 1.0 : 0.0);
    collect_ends(shard, close_);
    run_phase(shard, close_);
  }
  fill_flags(boundary_flags_, shard, w.start, w.start);
  shard.resolver.moment = shard.before;
}

// Arrivals from..to of every shard; nothing changes parameters in between.
void Sequence::span(std::int64_t from, std::int64_t to) {
  if (together()) {
    if (from == 1) for_shards([&](Shard& shard) { begin_shard(shard); });
    if (from == 1) clip();
    for (std::int64_t t = from; t <= to; ++t) arrive_together(t);
    return;
  }
  for_shards([&](Shard& shard) {
    if (from == 1) begin_shard(shard);
    for (std::int64_t t = from; t <= to;) {
      const std::int64_t last = run_end(t, to);
      arrive(shard, t, last);
      t = last + 1;
    }
  });
}

void Sequence::run_once(int phase, std::int64_t step) {
  Shard& shard = *shards_[0];
  const Moment before = shard.resolver.moment;
  shard.resolver.optimising = true;
  shard.resolver.moment.t = step;
  shard.calls.call(phase, shard.resolver, 1);
  shard.resolver.optimising = false;
  shard.resolver.moment = before;
  stale_ = true;
  if (watching_) watch(shard, phase, std::min(before.t, steps_));
}

void Sequence::update(UpdateEvery every) {
  const FlushDenormals flush;
  for (std::size_t k = 0; k < plan_.learned.size(); ++k) {
    const compiler::Learned& l = plan_.learned[k];
    if (l.every != every) continue;
    reduce(l.gradient, reduced_[k] && !online_call_ && !totals_[k].empty() ? totals_[k].data() : nullptr);
    reduced_[k] = 1;
  }
  if (!may_update(every)) return;
  for (std::size_t k = 0; k < plan_.learned.size(); ++k) {
    const compiler::Learned& l = plan_.learned[k];
    if (l.every != every || l.update_phase < 0) continue;
    const bool per_step = plan_.tensors[l.parameter].per_step;
    for (std::int64_t step = 1; step <= memory_->copies(l.parameter); ++step)
      if (!per_step || takes_update(k, step)) run_once(l.update_phase, step);
    if (const auto kept = after_updates_.find(static_cast<int>(k)); kept != after_updates_.end()) {
      auto& values = kept->second.emplace_back();
      for (std::int64_t i = 0; i < plan_.tensors[l.parameter].size() * memory_->copies(l.parameter); ++i)
        values.push_back(memory_->read(l.parameter, memory_->whole(l.parameter), i));
    }
  }
  refresh();
}

void Sequence::update_keeps() {
  if (!learn_ || refused_ || (plan_.keep_phase < 0 && plan_.step_keep_phase < 0)) return;
  const FlushDenormals flush;
  for (int statistic : plan_.statistics) reduce(statistic, nullptr);
  // All right sides read old values: those of steps first, as nothing else reads them.
  if (plan_.step_keep_phase >= 0)
    for (std::int64_t step = 1; step <= options_.steps; ++step) run_once(plan_.step_keep_phase, step);
  if (plan_.keep_phase >= 0) run_once(plan_.keep_phase, 1);
  refresh();
}

RunResult Sequence::run(const Batch& batch, bool learn) {
  validate(batch);
  online_call_ = false;
  lengths_ = batch.lengths;
  if (lengths_.empty()) lengths_.assign(static_cast<std::size_t>(batch.examples), batch.steps);
  even_ = std::all_of(lengths_.begin(), lengths_.end(), [&](std::int64_t length) { return length == batch.steps; });
  x_ = batch.x.data();
  y_ = batch.y.empty() ? nullptr : batch.y.data();
  mask_ = batch.loss_mask.empty() ? nullptr : batch.loss_mask.data();
  take_given(batch);
  for (auto& [learned, values] : after_updates_) values.clear();
  begin(batch.examples, batch.steps, learn);
  bool per_step = false, per_window = false;
  for (const auto& l : plan_.learned) {
    per_step = per_step || l.every == UpdateEvery::step;
    per_window = per_window || (l.every == UpdateEvery::window && plan_.window >= 0);
  }
  const bool all = learn_ || !plan_.forward_shows;
  const std::int64_t arrivals = steps_ + (all || show_ >= 0 ? plan_.ahead : 0);
  std::int64_t from = 1;
  if (show_ >= 0) {  // values that hold at the first start
    for (auto& shard : shards_) {
      if (shard->count == 0) continue;
      begin_shard(*shard);
      shard->resolver.moment = {0, 0, true};
      run_phase(*shard, show_);
    }
  }
  Window w = window_of(1);
  while (from <= arrivals) {
    std::int64_t to = arrivals;
    if (learn_ && (per_step || plan_.adopts)) to = from;
    else if (learn_ && per_window && w.end < steps_) to = std::min(arrivals, window_ready(w));
    if (plan_.updates_within)
      for (std::int64_t t = from; t <= to; ++t) memory_->snapshot_versions(t);
    span(from, to);
    if (all && per_step) update(UpdateEvery::step);
    if (learn_ && per_window && w.end < steps_ && to == window_ready(w)) {  // the last one's comes when all has arrived
      update(UpdateEvery::window);
      w = window_of(w.end + 1);
    }
    from = to + 1;
  }
  if (all) {
    if (per_step && !learn_) update(UpdateEvery::step);
    update(UpdateEvery::window);
    update(UpdateEvery::sequence);
    update_keeps();
    gathered_clean_ = !together() && plan_.statistics.empty();
  }
  RunResult result;
  for (const auto& shard : shards_) {
    result.loss += shard->loss;
    result.loss_steps += shard->loss_steps;
    result.left_out = std::max(result.left_out, shard->left_out);
  }
  result.loss /= static_cast<double>(examples_);
  open_ = false;
  return result;
}

RunResult Sequence::step(std::span<const double> x, std::span<const double> y) {
  if (!plan_.shown.empty()) throw Error("values to show are kept for whole sequences: compile without `show` to step");
  for (const compiler::Tensor& t : plan_.tensors)
    if (t.per_step)
      throw Error(fmt::format("{} has a value for each step of a sequence: give whole sequences to run()", t.name));
  if (closes() || plan_.window >= 0 || !layout_.any_length)
    throw Error(
        "this program reads back over a window or the whole sequence, so it cannot learn step by step: give whole "
        "sequences to run(), or, for a rule that runs forward only, compile it with `online` or updates at every step");
  const bool fresh = !open_ || !online_call_;
  online_call_ = true;
  mask_ = valid_ = nullptr;
  for (Noise& noise : noises_) noise.given = nullptr;
  even_ = true;
  check_values("x", x, 1, options_.batch, width_of(plan_.inputs));
  if (const std::int64_t targets = width_of(plan_.targets); targets || !y.empty())
    check_values("y", y, 1, options_.batch, targets);
  x_ = x.data();
  y_ = y.empty() ? nullptr : y.data();
  if (fresh) begin(options_.batch, INT64_MAX / 4, true);
  const std::int64_t t = ++t_;
  for (auto& shard : shards_) shard->loss = 0;
  if (plan_.updates_within) memory_->snapshot_versions(t);
  span(t, t);
  update(UpdateEvery::step);
  RunResult result;
  for (const auto& shard : shards_) {
    result.loss += shard->loss;
    result.left_out = std::max(result.left_out, shard->left_out);
  }
  result.loss /= static_cast<double>(examples_);
  result.loss_steps = examples_;
  return result;
}

void Sequence::reset() {
  if (open_ && online_call_) {
    update(UpdateEvery::window);
    update(UpdateEvery::sequence);
    update_keeps();
  }
  open_ = false;
}

Session::Shown Sequence::shown(const compiler::Shown& s) const {
  const compiler::Tensor& t = plan_.tensors[s.tensor];
  Session::Shown out;
  out.shape = t.dims;
  const std::int64_t first = s.from_start ? 0 : 1;
  out.rows = steps_ + 1 - first;
  for (std::int64_t row = first; row <= steps_; ++row)
    for (const auto& shard : shards_) {
      const auto* at = memory_->slot(s.tensor, row, shard->number);
      for (std::int64_t k = 0; k < shard->count * t.size(); ++k) out.values.push_back(memory_->read(s.tensor, at, k));
    }
  return out;
}

void Sequence::keep_updates(int learned) { after_updates_[learned]; }

std::vector<double> Sequence::gathered(const compiler::Learned& learned) const {
  for (std::size_t k = 0; k < plan_.learned.size(); ++k) {
    if (plan_.learned[k].gradient != learned.gradient) continue;
    std::vector<double> all = totals_[k];
    all.resize(static_cast<std::size_t>(plan_.tensors[learned.gradient].size() * memory_->copies(learned.gradient)));
    for (std::size_t i = 0; reduced_[k] && i < all.size(); ++i)  // the last part is where the optimiser found it
      all[i] += memory_->read(learned.gradient, memory_->whole(learned.gradient), static_cast<std::int64_t>(i));
    return all;
  }
  return {};
}

}  // namespace eligo
