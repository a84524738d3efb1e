#include "runtime/sequence.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "compiler/llvm/denormals.h"
#include "runtime/random.h"
#include "runtime/shard.h"

namespace eligo {

using compiler::TensorKind;
using compiler::UpdateEvery;
using compiler::When;

namespace {

// Fixed by the rule and the batch, so that results do not depend on the number of threads. A shard runs its whole
// sequence on its own: as few examples as let what they carry forward stay in a core's cache.
int shards_for(const compiler::Plan& plan, std::int64_t batch, bool float64) {
  constexpr std::int64_t cache = 1536 * 1024;
  constexpr std::int64_t most = 64;
  std::int64_t carried = 0;
  for (const auto& t : plan.tensors)
    if (t.kind == TensorKind::forward) carried += 2 * t.size() * (float64 ? 8 : 4);
  std::int64_t shards = batch >= 32 ? 4 : batch >= 8 ? 2 : 1;
  if (carried > 0) shards = std::max(shards, batch / std::max<std::int64_t>(1, cache / carried));
  return static_cast<int>(std::clamp<std::int64_t>(shards, 1, std::min(batch, most)));
}

void* aligned(std::unique_ptr<std::byte[]>& storage, std::int64_t bytes) {
  storage = std::make_unique<std::byte[]>(static_cast<std::size_t>(bytes + 128));
  const auto at = reinterpret_cast<std::uintptr_t>(storage.get());
  return reinterpret_cast<void*>((at + 63) / 64 * 64);
}

}  // namespace

int Sequence::nonempty(const char* name) const {
  for (std::size_t i = 0; i < plan_.phases.size(); ++i)
    if (plan_.phases[i].name == name && !plan_.phases[i].writes.empty()) return static_cast<int>(i);
  return -1;
}

Sequence::Sequence(const Program& program, const SessionOptions& options)
    : compiled_(program),
      plan_(*program.plan),
      options_(options),
      shard_count_(shards_for(plan_, options.batch, program.float64)),
      layout_(plan_layout(plan_, options.batch, options.steps, program.float64,
                          options.memory ? options.memory : machine_memory(), shard_count_)),
      memory_(std::make_unique<Memory>(plan_, layout_, options.batch, shard_count_, program.float64)) {
  step_ = nonempty("step");
  record_ = nonempty("record");
  arrive_ = nonempty("arrive");
  show_ = nonempty("show");
  sweep_ = nonempty("sweep");
  sweep_start_ = nonempty("sweep_start");
  close_ = nonempty("close");
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
    const TensorKind kind = plan_.tensors[i].kind;
    static const std::set<std::string> moved = {"active", "within", "now", "begin"};  // set where they are read
    if (kind == TensorKind::flag && !moved.contains(plan_.tensors[i].name)) flags_.push_back(static_cast<int>(i));
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
    shards_.push_back(std::make_unique<Shard>(*memory_, s));
    shards_.back()->scratch = aligned(shards_.back()->scratch_storage, program.runner->scratch_bytes(most));
  }
  end_reads_.resize(plan_.phases.size());
  for (std::size_t i = 0; i < plan_.phases.size(); ++i) {
    for (const compiler::Plan::Read& read : plan_.phases[i].reads)
      if (compiler::is_gathered(read.time.base) && plan_.tensors[read.tensor].timed()) end_reads_[i].push_back(read);
  }
  prepared_ = aligned(prepared_storage_, program.runner->prepared_bytes());
  for (const auto& l : plan_.learned)
    totals_.emplace_back(plan_.tensors[l.gradient].size() * memory_->copies(l.gradient), 0.0);
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
  if (options_.threads > 1 && shard_count_ > 1 && program.runner->concurrent())
    arena_ = std::make_unique<tbb::task_arena>(std::min(options_.threads, shard_count_));
}

Sequence::~Sequence() = default;

void Sequence::set_start(const std::vector<std::vector<double>>& values) { start_ = values; }

void Sequence::refresh() {
  if (!stale_) return;
  const compiler::FlushDenormals flush;
  compiled_.runner->prepare(shards_[0]->resolver, shards_[0]->scratch, prepared_);
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

void Sequence::validate(const Batch& batch) const {
  std::int64_t inputs = 0, targets = 0;
  for (int i : plan_.inputs) inputs += plan_.tensors[i].size();
  for (int i : plan_.targets) targets += plan_.tensors[i].size();
  const std::int64_t points = batch.steps * batch.examples;
  if (batch.steps < 1 || batch.examples < 1) throw Error("a batch needs at least one step and one example");
  if (batch.examples > options_.batch)
    throw Error(fmt::format("a batch of {} examples, this session was made for {}", batch.examples, options_.batch));
  if (batch.steps > options_.steps && !layout_.any_length)
    throw Error(fmt::format("a sequence of {} steps, this session was made for {}", batch.steps, options_.steps));
  auto sized = [&](const char* what, std::size_t have, std::int64_t want) {
    if (static_cast<std::int64_t>(have) != want)
      throw Error(fmt::format("{} has {} values, {} steps of {} examples need {}", what, have, batch.steps,
                              batch.examples, want));
  };
  sized("x", batch.x.size(), points * inputs);
  if (targets || !batch.y.empty()) sized("y", batch.y.size(), points * targets);
  if (!batch.loss_mask.empty()) sized("loss_mask", batch.loss_mask.size(), points);
  if (!batch.lengths.empty() && static_cast<std::int64_t>(batch.lengths.size()) != batch.examples)
    throw Error(fmt::format("{} lengths for {} examples", batch.lengths.size(), batch.examples));
  for (std::int64_t length : batch.lengths)
    if (length < 1 || length > batch.steps)
      throw Error(fmt::format("a length of {} is outside 1..{}", length, batch.steps));
  auto finite = [&](const char* what, const std::vector<double>& values, std::int64_t width) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i])) {
        const auto point = static_cast<std::int64_t>(i) / std::max<std::int64_t>(width, 1);
        throw Error(fmt::format("{} is {} at step {} of example {} (value {}): inputs must be finite numbers", what,
                                values[i], point / batch.examples + 1, point % batch.examples + 1,
                                static_cast<std::int64_t>(i) % std::max<std::int64_t>(width, 1) + 1));
      }
  };
  finite("x", batch.x, inputs);
  finite("y", batch.y, targets);
  finite("loss_mask", batch.loss_mask, 1);
}

void Sequence::begin(std::int64_t examples, std::int64_t steps, bool learn) {
  examples_ = examples;
  steps_ = steps;
  learn_ = learn;
  t_ = 0;
  ++count_;
  open_ = true;
  const int inverse = plan_.find("inverse_batch");
  memory_->write(inverse, memory_->whole(inverse), 0, 1.0 / static_cast<double>(examples));
  for (int s = 0; s < shard_count_; ++s) {
    Shard& shard = *shards_[s];
    shard.first = examples * s / shard_count_;
    shard.count = examples * (s + 1) / shard_count_ - shard.first;
    shard.resolver = ShardResolver(*memory_, s, shard.first);
    shard.loss = 0;
    shard.loss_steps = 0;
  }
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
  for (int tensor : timed_) {
    const std::int64_t capacity = layout_.tensors[tensor].capacity;
    for (std::int64_t t = 1 - std::min<std::int64_t>(capacity, 1 - layout_.lowest); t <= 0; ++t)
      memory_->zero_slot(tensor, t, shard.first, shard.count);
    const compiler::Tensor& info = plan_.tensors[tensor];
    if (info.kind != TensorKind::state) continue;
    auto* at = memory_->slot(tensor, 0, shard.first);
    for (std::int64_t k = 0; k < shard.count * info.size(); ++k)
      memory_->write(tensor, at, k, start_[tensor][shard.first * info.size() + k]);
  }
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
    if (plan_.tensors[i].kind == TensorKind::gradient)
      std::memset(memory_->shard_gradient(static_cast<int>(i), shard.number), 0,
                  static_cast<std::size_t>(memory_->gradient_bytes(static_cast<int>(i))));
  for (auto& steps : shard.taught) std::fill(steps.begin(), steps.end(), 0);
  for (std::int64_t t = layout_.lowest; t < layout_.highest + 1; ++t) fill_flags(shard, t);
  if (!plan_.at_start || !runs_arrivals()) return;
  shard.resolver.moment = {0, 0, true};
  run_phase(shard, record_);
  run_phase(shard, arrive_);
  replay(shard, 0);
}

void Sequence::fill_flags(const Shard& shard, std::int64_t t) {
  for (int tensor : flags_) {
    const compiler::Tensor& flag = plan_.tensors[tensor];
    auto* at = memory_->slot(tensor, t, shard.first);
    for (std::int64_t b = 0; b < shard.count; ++b) {
      const std::int64_t example = shard.first + b;
      const std::int64_t length = online_call_ ? INT64_MAX : lengths_[example];
      double value = 0;
      switch (flag.name[0]) {
        case 'v': value = t >= 1 && t <= length; break;  // valid
        case 'e':
          if (flag.name == "exists") value = t >= 0 && t <= length;
          else value = t >= 1 && t <= length && !online_call_ && t == std::min(window_of(t).end, length);
          break;
        case 'f': value = t == 0; break;  // first
        case 'w': value = t >= 1 && t <= steps_ && !online_call_ && t == window_of(t).end; break;  // window_end
        case 'l':
          if (flag.name == "last") value = t == length;
          else value = t >= 1 && t <= steps_ && mask_ ? mask_[(t - 1) * examples_ + example] : 1;  // loss_mask
          break;
        case 't': value = static_cast<double>(t); break;
        default: value = online_call_ ? 0 : static_cast<double>(length);  // T
      }
      memory_->write(tensor, at, b, value);
    }
  }
}

void Sequence::load(const Shard& shard, std::int64_t t) {
  auto copy = [&](const std::vector<int>& tensors, const double* from) {
    std::int64_t width = 0;
    for (int i : tensors) width += plan_.tensors[i].size();
    std::int64_t column = 0;
    for (int i : tensors) {
      const std::int64_t size = plan_.tensors[i].size();
      auto* at = memory_->slot(i, t, shard.first);
      for (std::int64_t b = 0; b < shard.count; ++b) {
        const std::int64_t example = shard.first + b;
        const bool valid = from && (online_call_ || t <= lengths_[example]);
        const std::int64_t row = online_call_ ? example : (t - 1) * examples_ + example;
        for (std::int64_t k = 0; k < size; ++k)
          memory_->write(i, at, b * size + k, valid ? from[row * width + column + k] : 0.0);
      }
      column += size;
    }
  };
  copy(plan_.inputs, x_);
  copy(plan_.targets, y_);
  draw_noise(shard, t);
}

void Sequence::draw_noise(const Shard& shard, std::int64_t t) {
  for (int tensor : timed_) {
    const compiler::Tensor& info = plan_.tensors[tensor];
    if (info.kind != TensorKind::noise) continue;
    auto* at = memory_->slot(tensor, t, shard.first);
    for (std::int64_t b = 0; b < shard.count; ++b) {
      // The step's key joins the sequence and the step within it.
      const Key key = make_key(options_.seed, info.name, count_ * 0x100000000ull + static_cast<std::uint64_t>(t),
                               static_cast<std::uint64_t>(shard.first + b));
      for (std::int64_t k = 0; k < info.size(); ++k) {
        const auto index = static_cast<std::uint64_t>(k);
        const double value = info.init.kind == compiler::Init::Kind::normal    ? normal(key, index)
                             : info.init.kind == compiler::Init::Kind::uniform ? uniform(key, index)
                                                                               : random_sign(key, index);
        memory_->write(tensor, at, b * info.size() + k, value);
      }
    }
  }
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
      std::memcpy(memory_->gathered(read.tensor, read.time, example),
                  memory_->slot(read.tensor, at + read.time.offset, example), static_cast<std::size_t>(bytes));
    }
  }
}

void Sequence::run_phase(Shard& shard, int phase) {
  if (phase < 0 || shard.count == 0) return;
  compiled_.runner->run(phase, shard.resolver, shard.count, shard.scratch, prepared_);
  mark_steps(shard, phase);
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

void Sequence::take(Shard& shard, std::int64_t t) {
  shard.resolver.moment = {t, online_call_ ? 0 : (t <= steps_ ? window_of(t).start : window_of(steps_).start), true};
  fill_flags(shard, t + layout_.highest);
  const bool taken = online_call_ || t <= steps_;
  if (taken) {
    load(shard, t);
    run_phase(shard, step_);
    if (plan_.loss >= 0) {
      const auto* loss = memory_->slot(plan_.loss, t, shard.first);
      for (std::int64_t b = 0; b < shard.count; ++b) {
        shard.loss += memory_->read(plan_.loss, loss, b);
        const bool counts = (online_call_ || t <= lengths_[shard.first + b]) &&
                            (!mask_ || mask_[(t - 1) * examples_ + shard.first + b] != 0);
        shard.loss_steps += counts;
      }
    }
  } else {
    for (int tensor : timed_) {
      const TensorKind kind = plan_.tensors[tensor].kind;
      if (kind != TensorKind::forward && kind != TensorKind::backward && kind != TensorKind::revised)
        memory_->zero_slot(tensor, t, shard.first, shard.count);
    }
  }
  if (runs_arrivals()) run_phase(shard, record_);
}

void Sequence::arrive(Shard& shard, std::int64_t t) {
  take(shard, t);
  if (runs_arrivals()) run_phase(shard, arrive_);
  if (runs_arrivals()) replay(shard, t);
  run_phase(shard, show_);
  if (!runs_arrivals() || !closes() || online_call_) return;
  each_ready_window(t, [&](const Window& w) { sweep(shard, w); });
}

// Windows whose last needed step is t.
void Sequence::each_ready_window(std::int64_t t, const std::function<void(const Window&)>& work) const {
  Window w = window_of(1);
  while (window_ready(w) < t && w.end < steps_) w = window_of(w.end + 1);
  for (; window_ready(w) == t; w = window_of(w.end + 1)) {
    work(w);
    if (w.end >= steps_) break;
  }
}

void Sequence::sweep(Shard& shard, const Window& w) {
  open_sweep(shard, w);
  for (std::int64_t t = w.end; sweep_ >= 0 && t > w.start; --t) sweep_step(shard, t);
  sweep_to_start(shard, w);
  close_window(shard, w);
}

void Sequence::open_sweep(Shard& shard, const Window& w) {
  Moment& moment = shard.resolver.moment;
  shard.before = moment;
  moment.start = w.start;
  moment.current = false;
  for (int tensor : timed_)
    if (plan_.tensors[tensor].kind == TensorKind::backward)
      for (std::int64_t t = w.end + 1; t <= w.end + std::max(1, layout_.highest); ++t)
        memory_->zero_slot(tensor, t, shard.first, shard.count);
  if (sweep_ >= 0) collect_ends(shard, sweep_);
}

void Sequence::sweep_step(Shard& shard, std::int64_t t) {
  shard.resolver.moment.t = t;
  run_phase(shard, sweep_);
}

// At the boundary before the window nothing is this window's end.
void Sequence::sweep_to_start(Shard& shard, const Window& w) {
  const int end_flag = plan_.find("end");
  shard.resolver.moment.t = w.start;
  memory_->zero_slot(end_flag, w.start, shard.first, shard.count);
  if (const int window_end = plan_.find("window_end"); window_end >= 0)
    memory_->zero_slot(window_end, w.start, shard.first, shard.count);
  if (sweep_start_ < 0) return;
  collect_ends(shard, sweep_start_);
  run_phase(shard, sweep_start_);
}

void Sequence::close_window(Shard& shard, const Window& w) {
  const int active = plan_.find("active");
  if (close_ >= 0) {
    auto* at = memory_->slot(active, w.start, shard.first);
    for (std::int64_t b = 0; b < shard.count; ++b)
      memory_->write(active, at, b, lengths_[shard.first + b] > w.start ? 1.0 : 0.0);
    collect_ends(shard, close_);
    run_phase(shard, close_);
  }
  fill_flags(shard, w.start);
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
    for (std::int64_t t = from; t <= to; ++t) arrive(shard, t);
  });
}

void Sequence::reduce(int gradient, std::vector<double>* gathered) {
  const std::int64_t size = plan_.tensors[gradient].size(),
                     first = plan_.tensors[gradient].per_step ? size : 0;  // behind that of no step
  void* sum = memory_->whole(gradient);
  for (std::int64_t at = 0; at < size * memory_->copies(gradient); ++at) {
    double total = 0;
    for (int s = 0; s < shard_count_; ++s)
      total += memory_->read(gradient, memory_->shard_gradient(gradient, s), first + at);
    memory_->write(gradient, sum, at, total);
    if (gathered) (*gathered)[static_cast<std::size_t>(at)] += total;
  }
  for (int s = 0; s < shard_count_; ++s)
    std::memset(memory_->shard_gradient(gradient, s), 0, static_cast<std::size_t>(memory_->gradient_bytes(gradient)));
}

void Sequence::run_once(int phase, std::int64_t step) {
  Shard& shard = *shards_[0];
  const Moment before = shard.resolver.moment;
  shard.resolver.optimising = true;
  shard.resolver.moment.t = step;
  compiled_.runner->run(phase, shard.resolver, 1, shard.scratch, prepared_);
  shard.resolver.optimising = false;
  shard.resolver.moment = before;
  stale_ = true;
}

void Sequence::update(UpdateEvery every) {
  const compiler::FlushDenormals flush;
  for (std::size_t k = 0; k < plan_.learned.size(); ++k) {
    const compiler::Learned& l = plan_.learned[k];
    if (l.every != every) continue;
    reduce(l.gradient, &totals_[k]);
    if (!learn_ || l.update_phase < 0) continue;
    const bool per_step = plan_.tensors[l.parameter].per_step;
    for (std::int64_t step = 1; step <= memory_->copies(l.parameter); ++step)
      if (!per_step || takes_update(k, step)) run_once(l.update_phase, step);
  }
  refresh();
}

void Sequence::update_keeps() {
  if (!learn_ || (plan_.keep_phase < 0 && plan_.step_keep_phase < 0)) return;
  const compiler::FlushDenormals flush;
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
  x_ = batch.x.data();
  y_ = batch.y.empty() ? nullptr : batch.y.data();
  mask_ = batch.loss_mask.empty() ? nullptr : batch.loss_mask.data();
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
    else if (learn_ && per_window) to = std::min(arrivals, window_ready(w));
    if (plan_.updates_within)
      for (std::int64_t t = from; t <= to; ++t) memory_->snapshot_versions(t);
    span(from, to);
    if (all && per_step) update(UpdateEvery::step);
    if (all && per_window && to == window_ready(w)) {
      update(UpdateEvery::window);
      if (w.end < steps_) w = window_of(w.end + 1);
    }
    from = to + 1;
  }
  if (all) {
    if (per_step && !learn_) update(UpdateEvery::step);
    update(UpdateEvery::window);
    update(UpdateEvery::sequence);
    update_keeps();
  }
  RunResult result;
  for (const auto& shard : shards_) {
    result.loss += shard->loss;
    result.loss_steps += shard->loss_steps;
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
        "this rule reads back over a window or the whole sequence, so it cannot learn step by step: give whole sequences "
        "to run()");
  const bool fresh = !open_ || !online_call_;
  online_call_ = true;
  mask_ = nullptr;
  Batch shape;
  shape.steps = 1;
  shape.examples = options_.batch;
  shape.x.assign(x.begin(), x.end());
  shape.y.assign(y.begin(), y.end());
  validate(shape);
  x_ = x.data();
  y_ = y.empty() ? nullptr : y.data();
  if (fresh) begin(options_.batch, INT64_MAX / 4, true);
  const std::int64_t t = ++t_;
  for (auto& shard : shards_) shard->loss = 0;
  if (plan_.updates_within) memory_->snapshot_versions(t);
  span(t, t);
  update(UpdateEvery::step);
  RunResult result;
  for (const auto& shard : shards_) result.loss += shard->loss;
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
  for (std::int64_t row = first; row <= steps_; ++row) {
    const auto* at = memory_->slot(s.tensor, row, 0);
    for (std::int64_t k = 0; k < examples_ * t.size(); ++k) out.values.push_back(memory_->read(s.tensor, at, k));
  }
  return out;
}

std::vector<double> Sequence::gathered(const compiler::Learned& learned) const {
  for (std::size_t k = 0; k < plan_.learned.size(); ++k)
    if (plan_.learned[k].gradient == learned.gradient) return totals_[k];
  return {};
}

}  // namespace eligo
