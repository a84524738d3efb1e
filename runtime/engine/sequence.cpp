#include "runtime/engine/sequence.h"

#include <algorithm>
#include <numeric>
#include <cmath>
#include <cstring>

#include <fmt/core.h>

#include "runtime/engine/session_layout.h"
#include "support/available.h"
#include "support/bytes.h"

namespace eligo {

using compiler::TensorKind;

double Sequence::unlimited_bytes(const Program& program, const SessionOptions& options) {
  return session_layout(program, options, compiler::shards_for(*program.plan, options.batch, program.float64), 0).bytes;
}

Sequence::Sequence(const Program& program, const SessionOptions& options)
    : plan_(*program.plan),
      timetable_(program.timetable),
      options_(options),
      shards_(compiler::shards_for(plan_, options.batch, program.float64)),
      rows_((options.batch + shards_ - 1) / shards_),
      layout_(session_layout(program, options, shards_, options.memory ? options.memory : available_memory())),
      memory_(plan_, layout_, options.batch, shards_, program.float64),
      check_(plan_, program.float64, options.batch, layout_.any_length && plan_.shown.empty() ? 0 : options.steps),
      feed_(memory_, timetable_.flags, timetable_.boundary_flags, options.seed),
      loops_(plan_, course_, layout_.run, layout_.segments.any()),
      executor_({plan_, timetable_, *program.runner, memory_, feed_, course_, loops_, start_}, shards_, rows_,
                options.threads, options.steps),
      inverse_batch_(plan_.find("inverse_batch")),
      period_(period()),
      not_alone_(why_not_alone()) {
  if (!not_alone_.empty()) period_ = 0;
  for (const compiler::Replay& walk : plan_.replays)
    settled_ = std::max<std::int64_t>(settled_, walk.lag + walk.limit + 1);
  settled_ += 2 - layout_.lowest;
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
    if (plan_.tensors[i].kind == TensorKind::shown) shown_.push_back(static_cast<int>(i));
}

// What is read behind flags alone is to be finite, also where nothing was written yet: as far as the sequence reaches,
// so that a session for long sequences touches no memory that short ones leave alone.
void Sequence::bound_unwritten() {
  const std::int64_t beyond = layout_.highest - layout_.lowest + timetable_.windows.beyond + 1;
  const bool all = !plan_.blocks.empty() || course_.steps > INT64_MAX / 8;
  bounded_.resize(timetable_.bounded.size() * static_cast<std::size_t>(shards_), 0);
  auto bounded = bounded_.begin();
  for (const int tensor : timetable_.bounded) {
    const compiler::TensorLayout& l = layout_.tensors[static_cast<std::size_t>(tensor)];
    const std::int64_t most = l.again ? layout_.segments.slots : l.capacity;
    const std::int64_t slots = all ? most : std::min(most, course_.steps + beyond);
    for (int shard = 0; shard < shards_; ++shard, ++bounded) {
      const std::int64_t values = slots * memory_.count(shard) * memory_.row_bytes(tensor) / l.element;
      if (values <= *bounded) continue;
      memory_.fill(tensor, memory_.ring(tensor, shard), *bounded, values - *bounded, 1);
      *bounded = values;
    }
  }
}

void Sequence::begin(std::int64_t examples, std::int64_t steps, bool learn) {
  course_.examples = examples;
  course_.steps = steps;
  course_.learn = learn;
  course_.arrives = learn || timetable_.always_arrives;
  course_.windows = Windows(timetable_.windows, steps);
  ++course_.number;
  course_.begun.clear();
  t_ = 0;
  open_ = true;
  memory_.write(inverse_batch_, memory_.whole(inverse_batch_), 0, 1.0 / static_cast<double>(examples));
  if (examples != divided_) {
    memory_.divide(examples);
    divided_ = examples;
    executor_.bind();
    bounded_steps_ = 0;
  }
  if (steps > bounded_steps_) {
    bound_unwritten();
    bounded_steps_ = steps;
  }
  for (const int shown : shown_)
    std::memset(memory_.whole(shown), 0,
                static_cast<std::size_t>(layout_.tensors[static_cast<std::size_t>(shown)].bytes()));
  executor_.begin();
  for (const auto& [parameter, copy] : plan_.before)
    std::memcpy(memory_.whole(copy), memory_.whole(parameter),
                static_cast<std::size_t>(layout_.tensors[static_cast<std::size_t>(parameter)].slot_bytes));
  executor_.prepare();
  for (std::int64_t t = layout_.lowest; t <= 0; ++t) memory_.snapshot_versions(t);
}

// Whether the sequence is of the last one's form.
void Sequence::note_form(const BatchView& batch) {
  const bool mask = static_cast<bool>(batch.loss_mask), valid = static_cast<bool>(batch.valid);
  if (last_.steps != batch.steps || last_.examples != batch.examples || last_.mask != mask || last_.valid != valid ||
      last_.lengths != course_.lengths) {
    last_ = {batch.steps, batch.examples, mask, valid, course_.lengths};
    ++forms_;
  }
  course_.form = forms_;
}

// What a batch gives: its values, lengths, draws, and which of its steps count.
void Sequence::take(const BatchView& batch) {
  course_.online = false;
  course_.lengths.assign(batch.lengths.begin(), batch.lengths.end());
  if (batch.lengths.empty()) course_.lengths.assign(static_cast<std::size_t>(batch.examples), batch.steps);
  course_.even = std::all_of(course_.lengths.begin(), course_.lengths.end(),
                             [&](std::int64_t length) { return length == batch.steps; });
  note_form(batch);
  course_.x = batch.x;
  course_.y = batch.y;
  course_.mask = batch.loss_mask;
  course_.valid = batch.valid;
  static const std::map<std::string, std::vector<double>> nothing;
  feed_.give(batch.given != nullptr ? *batch.given : nothing);
  if (!course_.valid) return;
  masked_.clear();  // a step that does not count has no loss either
  for (std::int64_t t = 0; t < batch.steps; ++t)
    for (std::int64_t b = 0; b < batch.examples; ++b)
      masked_.push_back(batch.valid.at(t, b, 0) * (batch.loss_mask ? batch.loss_mask.at(t, b, 0) : 1));
  course_.mask = ValuesView::of(masked_.data(), batch.steps, batch.examples, 1);
}

// The last arrival before parameters may change.
std::int64_t Sequence::span_end(std::int64_t from, std::int64_t arrivals) const {
  if (!course_.learn) return arrivals;
  switch (timetable_.spans) {
    case compiler::Spans::sequence: return arrivals;
    case compiler::Spans::window: return std::min(arrivals, course_.windows.next_ready(from));
    case compiler::Spans::arrival: return from;
  }
  return arrivals;
}

RunResult Sequence::result() const {
  RunResult result;
  for (const auto& shard : executor_.shards()) {
    result.loss += shard->loss;
    result.loss_steps += shard->loss_steps;
    result.left_out = std::max(result.left_out, shard->left_out);
  }
  result.loss /= static_cast<double>(course_.examples);
  return result;
}

RunResult Sequence::run(const BatchView& batch, bool learn) {
  check_(batch);
  take(batch);
  executor_.forget_updates();
  begin(batch.examples, batch.steps, learn);
  carry_out({0, batch.examples, batch.steps, learn}, 0, [&](const auto& work) { each_span(work); });
  open_ = false;
  return result();
}

// All spans of a sequence, and its end.
template <class Work>
void Sequence::each_span(const Work& work) const {
  const bool beyond = course_.arrives || timetable_.shows;
  const std::int64_t arrivals = course_.steps + (beyond ? timetable_.windows.beyond : 0);
  for (std::int64_t from = 1; from <= arrivals;) {
    Cursor span;
    span.from = from;
    span.to = span_end(from, arrivals);
    work(timetable_.span, span);
    from = span.to + 1;
  }
  Cursor end;
  end.to = arrivals;
  work(timetable_.end, end);
}

template <class Each>
void Sequence::carry_out(const Tapes::Key& key, std::int64_t t, const Each& each) {
  const auto as_it_is = [&](const auto& list, const Cursor& at) { executor_.run(list, at); };
  Tapes::Slot* const slot = executor_.can_record() ? tapes_.find(key) : nullptr;
  if (slot == nullptr || slot->refused) return each(as_it_is);
  if (!slot->tape) {
    auto tape = std::make_unique<BatchTape>();
    each([&](const auto& list, const Cursor& at) { executor_.record(list, at, *tape); });
    tapes_.keep(*slot, std::move(tape), t);
    if (slot->refused) return each(as_it_is);
  }
  executor_.play(*slot->tape, t - slot->t);
}

// A list at a step of a stream: the same as a period before.
void Sequence::one_step(int number, const std::vector<compiler::Instruction>& list, const Cursor& span) {
  const std::int64_t t = span.to;
  if (period_ == 0 || t < settled_) return executor_.run(list, span);
  carry_out({number, course_.examples, t % period_, course_.learn}, t, [&](const auto& work) { work(list, span); });
}

// After how many steps every ring and every version comes round.
std::int64_t Sequence::period() const {
  constexpr std::int64_t most = 16;
  std::int64_t period = 1;
  for (const compiler::TensorLayout& l : layout_.tensors)
    for (const std::int64_t slots : {l.capacity, l.versions}) {
      if (slots > 0) period = std::lcm(period, std::min(slots, most + 1));
      if (period > most) return 0;
    }
  return period;
}

std::string Sequence::why_not_alone() const {
  for (const compiler::Tensor& t : plan_.tensors)
    if (t.per_step)
      return fmt::format("{} has a value for each step of a sequence: give whole sequences to run()", t.name);
  if (timetable_.windows.swept || timetable_.windows.length >= 0 || !layout_.any_length)
    return "this program reads back over a window or the whole sequence, so it cannot learn step by step: give whole "
           "sequences to run(), or, for a rule that runs forward only, compile it with `online` or updates at every "
           "step";
  return "";
}

void Sequence::check_steps_alone() const {
  if (!not_alone_.empty()) throw Error(not_alone_);
}

// The next arrival of a stream, which begins with the first.
Cursor Sequence::arrive(bool learn) {
  if (!open_ || !course_.online) {
    course_.online = course_.even = true;
    course_.form = 0;
    feed_.give({});
    begin(options_.batch, INT64_MAX / 4, learn);
  }
  Cursor span;
  span.from = span.to = ++t_;
  return span;
}

void Sequence::give(std::span<const double> x, std::span<const double> y, std::span<const double> mask) {
  const auto step_of = [&](std::span<const double> values) {
    const std::int64_t examples = options_.batch, size = static_cast<std::int64_t>(values.size());
    return values.empty() ? ValuesView{} : ValuesView::of(values.data(), 1, examples, size / examples);
  };
  course_.x = step_of(x);
  course_.y = step_of(y);
  course_.mask = step_of(mask);
  course_.valid = {};
}

RunResult Sequence::step(std::span<const double> x, std::span<const double> y) {
  check_steps_alone();
  check_.input(x);
  check_.target(y);
  if (waits_) throw Error("the last step still waits for learn(): a step in halves is finished first");
  if (streams() && !course_.learn) throw Error("this stream does not learn: reset() ends it");
  give(x, y, {});
  const Cursor span = arrive(true);
  for (auto& shard : executor_.shards()) shard->loss = 0;
  one_step(1, timetable_.span, span);
  RunResult all = result();
  all.loss_steps = course_.examples;
  return all;
}

void Sequence::forward(std::span<const double> x, bool learn) {
  if (learn) check_steps_alone();
  else if (!not_alone_.empty() && streams() && t_ >= options_.steps)  // it keeps what whole sequences would need
    throw Error(fmt::format("this stream has had {} steps, the most that the session was made for: reset() ends it, "
                            "SessionOptions::steps allows more",
                            options_.steps));
  check_.input(x);
  if (waits_)
    throw Error(
        "forward() was called twice: what a step learns comes between, learn(y), or learn({}, zeros) if nothing");
  if (streams() && course_.learn != learn)
    throw Error(fmt::format("this stream {}: reset() ends it", learn ? "does not learn" : "learns"));
  give(x, {}, {});
  one_step(2, timetable_.forward, arrive(learn));
  waits_ = learn;
}

RunResult Sequence::learn(std::span<const double> y, std::span<const double> mask) {
  if (!waits_) throw Error("learn() comes after forward(x), which takes the step that it is about");
  const bool nothing = !mask.empty() && std::all_of(mask.begin(), mask.end(), [](double m) { return m == 0; });
  if (!nothing || !y.empty()) check_.target(y);
  if (!mask.empty()) check_.mask(mask);
  give({}, y, mask);
  for (auto& shard : executor_.shards()) shard->loss = 0, shard->loss_steps = 0;
  Cursor span;
  span.from = span.to = t_;
  one_step(3, timetable_.learn, span);
  waits_ = false;
  return result();
}

void Sequence::reset() {
  if (open_ && course_.online) {
    Cursor end;
    end.to = t_;
    executor_.run(timetable_.end, end);
  }
  open_ = waits_ = false;
}

void Sequence::reset(std::span<const std::int64_t> examples) {
  check_steps_alone();
  for (const std::int64_t example : examples)
    if (example < 0 || example >= options_.batch)
      throw Error(fmt::format("there is no example {}: this session has 0 to {}", example, options_.batch - 1));
  if (waits_) throw Error("the last step still waits for learn(): it is finished before examples begin again");
  if (!streams() || examples.empty()) return;  // all begin with the next step
  if (course_.begun.empty()) course_.begun.assign(static_cast<std::size_t>(options_.batch), 0);
  for (const std::int64_t example : examples) course_.begun[static_cast<std::size_t>(example)] = t_;
  course_.mask = {};
  executor_.restart({examples.begin(), examples.end()}, t_);
}

// The step of a tensor's last value, which may look ahead, or wait for the step to learn.
std::int64_t Sequence::latest(int tensor) const {
  std::int64_t at = t_;
  for (const compiler::Plan::Phase& phase : plan_.phases)
    for (const compiler::Plan::Write& write : phase.writes) {
      if (write.tensor != tensor || write.time.base != compiler::When::t) continue;
      const bool waits = waits_ && phase.kind != compiler::PhaseKind::step && phase.kind != compiler::PhaseKind::show;
      at = std::min(at, t_ + write.time.offset - (waits ? 1 : 0));
    }
  return at;
}

std::vector<double> Sequence::current(int tensor) const {
  return row(tensor, std::max<std::int64_t>(latest(tensor), 0));
}

std::vector<double> Sequence::row(int tensor, std::int64_t t) const {
  std::vector<double> values;
  for (int shard = 0; shard < shards_; ++shard) {
    const auto* at = memory_.slot(tensor, t, shard);
    const auto count =
        static_cast<std::size_t>(memory_.count(shard) * plan_.tensors[static_cast<std::size_t>(tensor)].size());
    values.resize(values.size() + count);
    memory_.read_reals(at, std::span(values).last(count));
  }
  return values;
}

std::vector<std::byte> Sequence::snapshot() const {
  if (!streams()) throw Error("there is no stream to be saved: it begins with forward() or step()");
  return snapshot_of({t_, course_.number, options_.seed, course_.examples, course_.learn, waits_,
                      executor_.reduction().is_used(), course_.begun},
                     memory_);
}

void Sequence::resume(std::span<const std::byte> snapshot) {
  check_steps_alone();
  const StreamPlace place =
      place_of(snapshot, {.seed = options_.seed, .examples = options_.batch, .begun = {}}, memory_);
  open_ = waits_ = false;  // what went on is given up, without the updates of its end
  course_.online = course_.even = true;
  course_.form = 0;
  feed_.give({});
  begin(place.examples, INT64_MAX / 4, place.learns);
  restore_values(snapshot, memory_);
  executor_.reduction().resume(place.used);
  executor_.parameters_changed();
  executor_.prepare();
  course_.number = place.number;
  course_.begun = place.begun;
  t_ = place.t;
  waits_ = place.waits;
}

// A dense trace can be larger than what the session itself has of it, in float32: better a message than a process that
// the system ends.
void Sequence::check_room(const std::string& name, const Session::Shown& shown) const {
  double bytes = 8.0 * static_cast<double>(shown.rows * course_.examples);
  for (const std::int64_t extent : shown.shape) bytes *= static_cast<double>(extent);
  constexpr double always = 1 << 28;
  if (bytes < always || bytes < static_cast<double>(available_memory())) return;
  throw Error(fmt::format("{} of {} rows and {} examples takes {} as float64, which are not available; run fewer "
                          "examples or steps",
                          name, shown.rows, course_.examples, readable_bytes(bytes)));
}

Session::Shown Sequence::shown(const compiler::Shown& s) const {
  Session::Shown out;
  out.shape = plan_.tensors[static_cast<std::size_t>(s.tensor)].dims;
  std::int64_t first = s.from_start ? 0 : 1, last = course_.steps;
  if (streams()) {  // the last one alone
    last = latest(s.tensor);
    first = std::max(first, last);
  }
  out.rows = std::max<std::int64_t>(last + 1 - first, 0);
  check_room(s.name, out);
  for (std::int64_t t = first; t <= last; ++t) {
    const std::vector<double> values = row(s.tensor, t);
    out.values.insert(out.values.end(), values.begin(), values.end());
  }
  return out;
}

// --- trainings that diverge -----------------------------------------------------------------------------------------

void Sequence::put_back() {
  executor_.divergence().put_back();
  executor_.parameters_changed();
}

RunResult Sequence::train(const BatchView& batch) {
  Divergence& divergence = executor_.divergence();
  const bool within = divergence.changes_within();
  if (within) divergence.back_up();
  divergence.guard(true, false);
  RunResult result = run(batch, true);
  divergence.guard(false, false);
  const bool wrong =
      divergence.refused() || !std::isfinite(result.loss) || (within && !divergence.all_gathered_finite());
  const std::optional<NonFinite> parameter = wrong && !within ? std::nullopt : divergence.first_parameter();
  if (!wrong && !parameter) return result;
  if (within) put_back();
  // An update at the sequence's end is over: it is what has made a parameter so.
  result.not_finite = within || !parameter ? find_not_finite(batch, true) : parameter;
  if (!result.not_finite) result.not_finite = parameter;
  if (!result.not_finite) result.not_finite = NonFinite{.value = result.loss};
  if (within) put_back();
  executor_.prepare();
  return result;
}

// Runs the same batch once more, with a look at every value that a phase writes, so that the first can be named.
std::optional<NonFinite> Sequence::find_not_finite(const BatchView& batch, bool learn) {
  if (course_.number > 0) --course_.number;
  std::vector<const Watch*> watches;
  for (auto& shard : executor_.shards()) {
    shard->watch().begin();
    watches.push_back(&shard->watch());
  }
  executor_.divergence().guard(true, true);
  executor_.watch(true);
  run(batch, learn);
  executor_.divergence().guard(false, false);
  executor_.watch(false);
  std::optional<NonFinite> found = Watch::first(watches);
  if (found && found->kind == NonFinite::Kind::learned) found->example = example_of(batch, *found, learn);
  return found;
}

// A sum over the batch is not finite: of which example alone it is not either.
std::int64_t Sequence::example_of(const BatchView& batch, const NonFinite& sum, bool learn) {
  if (batch.examples == 1) return 0;
  for (std::int64_t b = 0; b < batch.examples; ++b) {
    if (executor_.divergence().backed_up()) put_back();
    BatchView one;
    one.steps = batch.steps;
    one.examples = 1;
    one.x = batch.x.from(0, b);
    one.y = batch.y.from(0, b);
    one.loss_mask = batch.loss_mask.from(0, b);
    if (!batch.lengths.empty()) one.lengths = batch.lengths.subspan(static_cast<std::size_t>(b), 1);
    const auto found = find_not_finite(one, learn);
    if (found && found->name == sum.name) return b;
  }
  return -1;
}

}  // namespace eligo
