// Timetables at work: in which order executors call phases, on plans made up by hand.
#include "compiler/timetable/timetable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/core.h>

#include "compiler/timetable/verify.h"
#include "runtime/engine/sequence.h"
#include "tests/runtime/made_up.h"

namespace eligo::test {
namespace {

using compiler::PhaseKind;
using compiler::PhasePart;
using compiler::TensorKind;

// Writes down which phase is called at which step: what it finds in the tensor `t`, a flag.
class Log final : public compiler::PhaseRunner {
 public:
  explicit Log(const compiler::Plan& plan) : plan_(plan), time_(plan.find(compiler::Flag::time)) {}
  void run(int phase, compiler::Resolver& where, std::int64_t examples, void*, const void*) const override {
    const compiler::PhaseId& id = plan_.phases[static_cast<std::size_t>(phase)];
    const std::lock_guard lock(mutex_);
    if (row(id.kind).assigns) text += id.name() + " ";
    else
      text += fmt::format("{}@{}{} ", id.name(), *static_cast<double*>(where.resolve(time_, at())),
                          id.takes_many_steps() ? fmt::format("x{}", examples) : "");
  }
  void prepare(compiler::Resolver&, void*, void*) const override { text += "prepare "; }
  mutable std::string text;

 private:
  const compiler::Plan& plan_;
  int time_;
  mutable std::mutex mutex_;
};

// The same as compiled phases, which are functions and find the tensor `t` among their addresses.
class CompiledLog final : public compiler::PhaseRunner {
 public:
  explicit CompiledLog(const compiler::Plan& plan) : plan_(plan) {
    active = this;
    for (int phase = prepare_phase; phase < static_cast<int>(plan.phases.size()); ++phase) {
      compiler::Kernel kernel{functions()[static_cast<std::size_t>(phase + 1)], {}, {}};
      if (phase != prepare_phase && !row(plan.phases[static_cast<std::size_t>(phase)].kind).assigns)
        kernel.reads = {{0, plan.find(compiler::Flag::time), at()}};
      kernels_.push_back(kernel);
    }
  }
  void run(int, compiler::Resolver&, std::int64_t, void*, const void*) const override { std::abort(); }
  int places() const override { return 1; }
  const compiler::Kernel* kernel(int phase) const override { return &kernels_[static_cast<std::size_t>(phase + 1)]; }
  mutable std::string text;

 private:
  using Function = compiler::Kernel::Function;
  template <std::size_t... numbers>
  static std::array<Function, sizeof...(numbers)> all(std::index_sequence<numbers...>) {
    return {&note<numbers>...};
  }
  static const std::array<Function, 12>& functions() {
    static const std::array<Function, 12> made = all(std::make_index_sequence<12>());
    return made;
  }
  template <std::size_t number>
  static void note(void* const* addresses, std::int64_t examples) {
    if (number == 0) {
      active->text += "prepare ";
      return;
    }
    const compiler::PhaseId& id = active->plan_.phases[number - 1];
    active->text += id.name();
    if (!row(id.kind).assigns)
      active->text += fmt::format("@{}{}", *static_cast<double*>(addresses[0]),
                                  id.takes_many_steps() ? fmt::format("x{}", examples) : "");
    active->text += " ";
  }
  static inline const CompiledLog* active = nullptr;
  const compiler::Plan& plan_;
  std::vector<compiler::Kernel> kernels_;
};

// A net h with one parameter.
struct Net {
  Net() {
    time = add_flag(plan, compiler::Flag::time);
    x = add_tensor(plan, "x", TensorKind::input, {1});
    h = add_tensor(plan, "h", TensorKind::field, {1});
    W = add_tensor(plan, "W", TensorKind::param, {1});
    gradient = add_tensor(plan, "gradient.W", TensorKind::gradient, {1});
    add_tensor(plan, "inverse_batch", TensorKind::scalar);
    plan.inputs = {x};
    phase(PhaseKind::step, {stores(h)});
    plan.learned = {{"ψ", W, gradient, compiler::UpdateEvery::sequence,
                     add_phase(plan, {PhaseKind::update, PhasePart::core, "W"}, {assigns(W)})}};
  }
  // One that reads its own step, so that rings hold it.
  int phase(PhaseKind kind, std::vector<compiler::Plan::Write> writes, PhasePart part = PhasePart::core) {
    return add_phase(plan, {kind, part, ""}, std::move(writes), {{time, at()}, {x, at()}, {h, at(-1)}});
  }
  std::shared_ptr<Program> program() {
    auto out = std::make_shared<Program>();
    out->plan = std::make_shared<compiler::Plan>(plan);
    out->timetable = timetable_of(plan);
    log = std::make_shared<Log>(*out->plan);
    out->runner = log;
    out->float64 = true;
    return out;
  }
  // The calls of a sequence of one example.
  std::string calls(std::int64_t steps, bool learn = true, std::int64_t most_at_once = 2) {
    const auto made = program();
    Sequence sequence(*made, {.batch = 1, .steps = steps, .most_at_once = most_at_once});
    sequence.set_start(std::vector<std::vector<double>>(plan.tensors.size()));
    Batch batch{.steps = steps, .examples = 1, .x = std::vector<double>(static_cast<std::size_t>(steps))};
    sequence.run(BatchView(batch), learn);
    const std::string text = log->text;
    EXPECT_EQ(compiled_calls(steps, learn, most_at_once), std::vector<std::string>(4, text));
    return text;
  }
  // Of the same as compiled phases: when the sequence comes for the first time, when it is recorded, and from then on.
  std::vector<std::string> compiled_calls(std::int64_t steps, bool learn, std::int64_t most_at_once) {
    const auto made = program();
    const auto compiled = std::make_shared<CompiledLog>(*made->plan);
    made->runner = compiled;
    Sequence sequence(*made, {.batch = 1, .steps = steps, .most_at_once = most_at_once});
    sequence.set_start(std::vector<std::vector<double>>(plan.tensors.size()));
    Batch batch{.steps = steps, .examples = 1, .x = std::vector<double>(static_cast<std::size_t>(steps))};
    std::vector<std::string> all;
    for (int turn = 1; turn <= 4; ++turn) {
      compiled->text.clear();
      sequence.parameters_changed();
      sequence.run(BatchView(batch), learn);
      all.push_back(compiled->text);
    }
    return all;
  }
  compiler::Plan plan;
  int time, x, h, W, gradient;
  std::shared_ptr<Log> log;
};

TEST(Timetable, OnlineStepsArriveOneByOne) {
  Net net;
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  EXPECT_EQ(net.calls(3), "prepare step@1 arrive@1 step@2 arrive@2 step@3 arrive@3 update.W prepare ");
  EXPECT_EQ(net.calls(2, false), "prepare step@1 step@2 ");
}

TEST(Timetable, UpdatesAtEveryStep) {
  Net net;
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  net.plan.learned[0].every = compiler::UpdateEvery::step;
  EXPECT_EQ(net.calls(2), "prepare step@1 arrive@1 update.W prepare step@2 arrive@2 update.W prepare ");
  EXPECT_EQ(net.calls(2, false), "prepare step@1 step@2 ");
}

TEST(Timetable, PartsTakeTheirRunAtOnce) {
  Net net;
  net.phase(PhaseKind::step, {stores(net.h)}, PhasePart::before);
  net.phase(PhaseKind::step, {stores(net.h)}, PhasePart::after);
  net.phase(PhaseKind::arrive, {gathers(net.gradient)}, PhasePart::after);
  EXPECT_EQ(net.calls(4),
            "prepare step.before@1x2 step@1 step@2 step.after@1x2 arrive.after@1x2 "
            "step.before@3x2 step@3 step@4 step.after@3x2 arrive.after@3x2 update.W prepare ");
}

TEST(Timetable, WindowsAreSweptWhenComplete) {
  Net net;
  const int r = add_tensor(net.plan, "r", TensorKind::backward, {1});
  net.phase(PhaseKind::sweep, {stores(r), gathers(net.gradient)});
  net.phase(PhaseKind::sweep_start, {gathers(net.gradient)});
  net.plan.window = 2;
  EXPECT_EQ(net.calls(3),
            "prepare step@1 sweep@1 sweep_start@0 step@2 step@3 sweep@3 sweep@2 sweep_start@1 "
            "update.W prepare ");
  net.plan.short_first = false;
  net.plan.window_ahead = 1;
  net.plan.ahead = 1;
  net.plan.learned[0].every = compiler::UpdateEvery::window;
  EXPECT_EQ(net.calls(3),
            "prepare step@1 step@2 step@3 sweep@2 sweep@1 sweep_start@0 update.W prepare "
            "sweep@3 sweep_start@2 update.W prepare ");
}

TEST(Timetable, ArrivalsGoOnBehindTheLastStep) {
  Net net;
  net.plan.ahead = 2;
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  EXPECT_EQ(net.calls(1), "prepare step@1 arrive@1 arrive@2 arrive@3 update.W prepare ");
}

TEST(Timetable, WalksBackFromEachArrival) {
  Net net;
  net.phase(PhaseKind::arrive, {stores(net.h)});
  compiler::Replay walk;
  walk.lag = 1;
  walk.first = net.phase(PhaseKind::replay_first, {gathers(net.gradient)});
  walk.again = net.phase(PhaseKind::replay, {gathers(net.gradient)});
  net.plan.replays = {walk};
  EXPECT_EQ(net.calls(3),
            "prepare step@1 arrive@1 step@2 arrive@2 replay_first.@1 "
            "step@3 arrive@3 replay_first.@2 replay.@1 update.W prepare ");
  net.plan.replays[0].lag = 0;
  net.plan.replays[0].limit = 1;
  EXPECT_EQ(net.calls(3),
            "prepare step@1 arrive@1 replay_first.@1 step@2 arrive@2 replay_first.@2 replay.@1 "
            "step@3 arrive@3 replay_first.@3 replay.@2 update.W prepare ");
}

TEST(Timetable, TheStartArrivesToo) {
  Net net;
  net.plan.at_start = true;
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  EXPECT_EQ(net.calls(1), "prepare arrive@0 step@1 arrive@1 update.W prepare ");
}

TEST(Timetable, ShownValuesNeedNoLearning) {
  Net net;
  const int shown = add_tensor(net.plan, "shown", TensorKind::shown, {1});
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  net.phase(PhaseKind::show, {stores(shown)});
  EXPECT_EQ(net.calls(1, false), "prepare show@0 step@1 show@1 ");
  net.plan.forward_shows = false;
  EXPECT_EQ(net.calls(1, false), "prepare show@0 step@1 arrive@1 show@1 ");
}

// Streams: steps that are alike are recorded, wherever their rings have come to; also where one waits for its target.
TEST(Timetable, StepsOfAStreamAreRecorded) {
  Net net;
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  net.plan.learned[0].every = compiler::UpdateEvery::step;
  const auto made = net.program();
  const auto compiled = std::make_shared<CompiledLog>(*made->plan);
  made->runner = compiled;
  Sequence sequence(*made, {.batch = 1, .steps = 1});
  sequence.set_start(std::vector<std::vector<double>>(net.plan.tensors.size()));
  const std::vector<double> x = {1};
  sequence.step(x, {});
  for (int t = 2; t <= 20; ++t) {
    compiled->text.clear();
    if (t % 3 == 0) {
      sequence.forward(x, true);
      sequence.learn({}, {});
    } else {
      sequence.step(x, {});
    }
    EXPECT_EQ(compiled->text, fmt::format("step@{0} arrive@{0} update.W prepare ", t));
  }
}

// A bound is on the batch's mean, so all shards take an arrival before any takes the next.
TEST(Timetable, ShardsMeetOnThreadsAtBoundedLines) {
  Net net;
  const int bounded = add_tensor(net.plan, "bounded.gradient.W", TensorKind::gradient, {1});
  net.plan.clips = {{bounded, net.gradient, -1, 1}};
  net.phase(PhaseKind::arrive, {gathers(bounded)});
  const auto made = net.program();
  for (const int threads : {1, 4}) {
    net.log->text.clear();
    Sequence sequence(*made, {.batch = 100, .steps = 2, .threads = threads});
    sequence.set_start(std::vector<std::vector<double>>(net.plan.tensors.size()));
    sequence.run(BatchView(Batch{.steps = 2, .examples = 100, .x = std::vector<double>(200)}), true);
    // Four shards of 25 examples; which comes first is open, but none is a step ahead.
    const std::string& text = net.log->text;
    EXPECT_LT(text.rfind("arrive@1"), text.find("step@2")) << text;
    std::size_t calls = 0;
    for (std::size_t at = text.find("arrive"); at != std::string::npos; at = text.find("arrive", at + 1)) ++calls;
    EXPECT_EQ(calls, 8u) << text;
  }
}

// A shard alone, with a list made up by hand: two shards of one example, of which the second is looked at.
TEST(Timetable, AShardWorksThroughAListAlone) {
  Net net;
  const auto made = net.program();
  const compiler::Layout layout = layout_of(net.plan, 2, 8, 2, true);
  Memory memory(net.plan, layout, 2, 2, true);
  const std::vector<int> flags = {net.time};
  const Feed feed(memory, flags, {}, 0);
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  Course course;
  course.examples = 2;
  course.steps = 3;
  course.lengths = {3, 3};
  course.windows = Windows({}, 3);
  course.x = ValuesView::of(x.data(), 3, 2, static_cast<std::int64_t>(x.size()) / 6);
  const TimetableLoops loops(net.plan, course, 2, false);
  const std::vector<std::vector<double>> start(net.plan.tensors.size());
  ShardExecutor shard({net.plan, made->timetable, *made->runner, memory, feed, course, loops, start}, 1, 1);
  shard.bind(nullptr);

  using compiler::Action, compiler::Control, compiler::ShardWork;
  const auto list = [](Action action, std::vector<compiler::Instruction> body = {}) {
    compiler::Instruction one;
    one.action = action;
    one.phase = 0;
    one.body = std::move(body);
    return std::vector<compiler::Instruction>{one};
  };
  std::vector<compiler::Instruction> run = list(ShardWork::flags);
  run.push_back(list(ShardWork::load).front());
  run.push_back(list(Control::each_step, list(ShardWork::call)).front());
  run.push_back(list(Control::each_step_back, list(ShardWork::call)).front());
  Cursor span;
  span.from = 1;
  span.to = 3;
  shard.run(list(ShardWork::begin), span);
  shard.run(list(Control::each_run, run), span);
  EXPECT_EQ(net.log->text, "step@1 step@2 step@2 step@1 step@3 step@3 ");
  EXPECT_EQ(values_at(memory, net.x, 3, 1), std::vector<double>{6});
}

// Flags that are there already are not written again; what follows the last step may not be.
TEST(Timetable, FlagsAreThoseOfTheSequence) {
  Net net;
  const int r = add_tensor(net.plan, "r", TensorKind::backward, {1}), valid = add_flag(net.plan, compiler::Flag::valid);
  add_phase(net.plan, {PhaseKind::sweep, PhasePart::core, ""}, {stores(r), gathers(net.gradient)},
            {{net.time, at()}, {valid, at()}, {r, at(1)}});
  net.plan.ahead = 2;
  const auto made = net.program();
  Sequence sequence(*made, {.batch = 1, .steps = 6});
  sequence.set_start(std::vector<std::vector<double>>(net.plan.tensors.size()));
  const auto run = [&](std::int64_t steps, bool learn) {
    const Batch batch{.steps = steps, .examples = 1, .x = std::vector<double>(static_cast<std::size_t>(steps))};
    sequence.run(BatchView(batch), learn);
    for (std::int64_t t = 1; t <= steps + (learn ? 2 : 0); ++t)
      EXPECT_EQ(values_at(sequence.memory(), valid, t, 0), std::vector<double>{t <= steps ? 1.0 : 0.0}) << t;
  };
  run(6, true);
  run(3, false);  // forward alone, so no arrivals behind the last step
  run(3, true);
  run(3, true);
  run(2, true);
  run(6, true);
}

// A shard's tape, alone: loops of calls are written once, and their addresses go round in their rings.
TEST(Timetable, AShardPlaysWhatItRecords) {
  Net net;
  const auto made = net.program();
  const CompiledLog compiled(*made->plan);
  const compiler::Layout layout = layout_of(net.plan, 1, 8, 1, true);
  Memory memory(net.plan, layout, 1, 1, true);
  const std::vector<int> flags = {net.time};
  const Feed feed(memory, flags, {}, 0);
  const std::vector<double> x(20, 1.0);
  Course course;
  course.examples = 1;
  course.steps = 20;
  course.lengths = {20};
  course.windows = Windows({}, 20);
  course.x = ValuesView::of(x.data(), 20, 1, 1);
  const TimetableLoops loops(net.plan, course, 20, false);
  const std::vector<std::vector<double>> start(net.plan.tensors.size());
  ShardExecutor shard({net.plan, made->timetable, compiled, memory, feed, course, loops, start}, 0, 1);
  shard.bind(nullptr);

  using compiler::Action, compiler::Control, compiler::ShardWork;
  const auto one = [](Action action, std::vector<compiler::Instruction> body = {}) {
    compiler::Instruction made_up;
    made_up.action = action;
    made_up.phase = 0;
    made_up.body = std::move(body);
    return made_up;
  };
  const std::vector<compiler::Instruction> list = {
      one(Control::each_run,
          {one(ShardWork::flags), one(Control::each_step, {one(ShardWork::call), one(ShardWork::call)}),
           one(Control::each_step_back, {one(ShardWork::call)})})};
  Cursor span;
  span.from = 1;
  span.to = 20;
  shard.run(list, span);
  const std::string expected = std::exchange(compiled.text, "");
  EXPECT_EQ(std::count(expected.begin(), expected.end(), '@'), 60);
  Tape tape;
  shard.record(list, span, tape);
  EXPECT_EQ(compiled.text, "");
  EXPECT_EQ(tape.ops.size(), 3u);
  EXPECT_EQ(tape.calls.size(), 3u);
  for (int turn = 0; turn < 2; ++turn) {
    shard.play(tape, 0, 0);
    EXPECT_EQ(std::exchange(compiled.text, ""), expected);
  }
}

// What the verifier finds in a timetable that someone has damaged.
TEST(Timetable, IsVerified) {
  using compiler::BatchWork, compiler::Control;
  using testing::ElementsAre;
  Net net;
  const int arrive = net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  const compiler::Timetable good = timetable_of(net.plan);
  EXPECT_THAT(verify(net.plan, good), ElementsAre());

  compiler::Timetable bad = good;
  bad.end.push_back(bad.span.front().body.front());  // begin
  EXPECT_THAT(verify(net.plan, bad), ElementsAre("\"begin\" is a shard's work, outside of shards"));

  bad = good;
  bad.span.front().body.push_back(good.end.front().body.front());  // reduce
  EXPECT_THAT(verify(net.plan, bad), ElementsAre("\"reduce\" is the batch's work, within a shard"));

  bad = good;
  compiler::Instruction step;
  step.action = Control::each_step_back;
  bad.span.front().body.push_back(step);
  EXPECT_THAT(verify(net.plan, bad),
              ElementsAre("\"each step, backwards\" stands outside of the loop that sets its times"));

  bad = good;
  compiler::Instruction update;
  update.action = BatchWork::update;
  update.number = 1;
  bad.end.push_back(update);
  EXPECT_THAT(verify(net.plan, bad), ElementsAre("\"update\" names an entry that is none"));

  net.plan.phases[static_cast<std::size_t>(arrive)].part = PhasePart::after;
  EXPECT_THAT(verify(net.plan, good), testing::Each("\"call\" calls arrive.after, which takes another number of steps"));
  EXPECT_EQ(verify(net.plan, good).size(), 2u);  // in a span, and in what a step given alone learns
  net.plan.phases[static_cast<std::size_t>(arrive)].part = PhasePart::core;
  net.phase(PhaseKind::sweep, {gathers(net.gradient)});
  EXPECT_THAT(verify(net.plan, good), ElementsAre("nothing calls sweep"));
}

// The text of a timetable, of which a rule's is an example in docs/internals.md.
TEST(Timetable, HasAText) {
  Net net;
  net.phase(PhaseKind::arrive, {gathers(net.gradient)});
  EXPECT_EQ(text(net.plan, timetable_of(net.plan)), R"(all arrivals
  each shard
    if at the start
      begin
    each run
      flags
      load
      each step
        call step
      if learning
        each arrival
          call arrive
the end
  if learning
    reduce gradient.W
    check
    if updating
      bound the length
      update W
      prepare
    settle
a step given alone, forward
  each shard
    if at the start
      begin
    each run
      flags
      load
      each step
        call step
what it learns
  each shard
    each run
      load targets
      if learning
        each arrival
          call arrive
)");
}

}  // namespace
}  // namespace eligo::test
