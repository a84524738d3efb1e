// What comes to shards from outside, on tensors made up by hand.
#include "runtime/engine/feed.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/runtime/made_up.h"

namespace eligo::test {
namespace {

using compiler::Flag;
using compiler::TensorKind;

constexpr std::int64_t kSteps = 6, kExamples = 5;
using Values = std::vector<double>;

// Two shards of two and three examples: 0, 1 and 2, 3, 4.
struct Fed {
  explicit Fed(bool float64 = true) {
    a = add_tensor(plan, "a", TensorKind::input, {2});
    b = add_tensor(plan, "b", TensorKind::input, {1});
    y = add_tensor(plan, "y", TensorKind::target, {1});
    noise = add_tensor(plan, "ν", TensorKind::noise, {2});
    plan.tensors.back().init = {compiler::Init::Kind::normal, 0, 1};
    plan.tensors.back().given_as = "ν";
    start = add_tensor(plan, "P start", TensorKind::noise, {1});
    plan.tensors.back().given_as = "P[start]";
    for (const Flag flag : {Flag::valid, Flag::exists, Flag::first, Flag::last, Flag::end, Flag::window_end,
                            Flag::loss_mask, Flag::time, Flag::steps, Flag::counts})
      flags.push_back(add_flag(plan, flag));
    plan.inputs = {a, b};
    plan.targets = {y};
    layout = layout_of(plan, kExamples, kSteps + 4, 2, float64);
    memory = std::make_unique<Memory>(plan, layout, kExamples, 2, float64);
    feed = std::make_unique<Feed>(*memory, flags, std::vector<int>{flag(Flag::end)}, 7);
    for (std::size_t i = 0; i < kSteps * kExamples * 3; ++i) x.push_back(static_cast<double>(i) + 0.5);
    for (std::size_t i = 0; i < kSteps * kExamples; ++i) targets.push_back(-static_cast<double>(i));
    course.examples = kExamples;
    course.steps = kSteps;
    course.lengths.assign(kExamples, kSteps);
    course.windows = Windows({4, true, 0, 0, true}, kSteps);  // 1..2, 3..6
    course.x = ValuesView::of(x.data(), kSteps, kExamples, 3);
    course.y = ValuesView::of(targets.data(), kSteps, kExamples, 1);
  }
  int flag(Flag wanted) const { return plan.find(wanted); }
  double x_of(std::int64_t t, std::int64_t example, std::int64_t column) const {
    return x[static_cast<std::size_t>(((t - 1) * kExamples + example) * 3 + column)];
  }
  Values flag_at(Flag wanted, std::int64_t t, int shard) const { return values_at(*memory, flag(wanted), t, shard); }

  compiler::Plan plan;
  int a, b, y, noise, start;
  std::vector<int> flags;
  compiler::Layout layout;
  std::unique_ptr<Memory> memory;
  std::unique_ptr<Feed> feed;
  Values x, targets;
  Course course;
};

TEST(Feed, SharesColumnsOutToTensors) {
  for (const bool float64 : {true, false}) {
    Fed fed(float64);
    fed.feed->load(fed.course, 1, 3, 3);
    Values a, b, y;
    for (std::int64_t example = 2; example < 5; ++example) {
      a.insert(a.end(), {fed.x_of(3, example, 0), fed.x_of(3, example, 1)});
      b.push_back(fed.x_of(3, example, 2));
      y.push_back(fed.targets[static_cast<std::size_t>(2 * kExamples + example)]);
    }
    EXPECT_EQ(values_at(*fed.memory, fed.a, 3, 1), a);
    EXPECT_EQ(values_at(*fed.memory, fed.b, 3, 1), b);
    EXPECT_EQ(values_at(*fed.memory, fed.y, 3, 1), y);
  }
}

TEST(Feed, ExamplesThatHaveEndedReadZero) {
  Fed fed;
  fed.feed->load(fed.course, 1, 3, 3);  // of a sequence before, in which nobody had ended
  fed.course.lengths = {6, 6, 2, 3, 6};
  fed.course.even = false;
  fed.feed->load(fed.course, 1, 3, 3);
  EXPECT_EQ(values_at(*fed.memory, fed.b, 3, 1), (Values{0, fed.x_of(3, 3, 2), fed.x_of(3, 4, 2)}));
  fed.course.y = {};
  fed.feed->load(fed.course, 1, 3, 3);
  EXPECT_EQ(values_at(*fed.memory, fed.y, 3, 1), (Values{0, 0, 0}));
}

TEST(Feed, OnlineEachStepIsTheFirstOfWhatIsGiven) {
  Fed fed;
  fed.course.online = true;
  fed.feed->load(fed.course, 0, 4, 4);
  EXPECT_EQ(values_at(*fed.memory, fed.b, 4, 0), (Values{fed.x_of(1, 0, 2), fed.x_of(1, 1, 2)}));
}

TEST(Feed, FlagsFollowLengthsAndWindows) {
  Fed fed;
  fed.course.lengths = {6, 6, 2, 5, 1};
  fed.course.even = false;
  const Values mask = [&] {
    Values all(kSteps * kExamples, 1);
    all[1 * kExamples + 3] = 0.25;
    return all;
  }();
  fed.course.mask = fed.course.valid = ValuesView::of(mask.data(), kSteps, kExamples, 1);
  fed.feed->flags(fed.course, 1, 0, 7);
  EXPECT_EQ(fed.flag_at(Flag::valid, 2, 1), (Values{1, 1, 0}));
  EXPECT_EQ(fed.flag_at(Flag::valid, 0, 1), (Values{0, 0, 0}));
  EXPECT_EQ(fed.flag_at(Flag::exists, 0, 1), (Values{1, 1, 1}));
  EXPECT_EQ(fed.flag_at(Flag::first, 0, 1), (Values{1, 1, 1}));
  EXPECT_EQ(fed.flag_at(Flag::first, 1, 1), (Values{0, 0, 0}));
  EXPECT_EQ(fed.flag_at(Flag::last, 5, 1), (Values{0, 1, 0}));
  EXPECT_EQ(fed.flag_at(Flag::end, 1, 1), (Values{0, 0, 1}));  // its own end in the window 1..2
  EXPECT_EQ(fed.flag_at(Flag::end, 2, 1), (Values{1, 1, 0}));
  EXPECT_EQ(fed.flag_at(Flag::end, 5, 1), (Values{0, 1, 0}));
  EXPECT_EQ(fed.flag_at(Flag::window_end, 6, 1), (Values{1, 1, 1}));
  EXPECT_EQ(fed.flag_at(Flag::window_end, 5, 1), (Values{0, 0, 0}));
  EXPECT_EQ(fed.flag_at(Flag::loss_mask, 2, 1), (Values{1, 0.25, 1}));
  EXPECT_EQ(fed.flag_at(Flag::loss_mask, 7, 1), (Values{1, 1, 1}));
  EXPECT_EQ(fed.flag_at(Flag::counts, 2, 1), (Values{1, 0.25, 1}));
  EXPECT_EQ(fed.flag_at(Flag::time, 3, 1), (Values{3, 3, 3}));
  EXPECT_EQ(fed.flag_at(Flag::steps, 3, 1), (Values{2, 5, 1}));
}

TEST(Feed, FlagsOfEvenExamplesAreThoseOfEach) {
  Fed even, uneven;
  uneven.course.even = false;  // by example, with the same lengths
  for (int shard : {0, 1})
    for (std::int64_t t = 0; t <= 7; ++t) {
      even.feed->flags(even.course, shard, t, t);
      uneven.feed->flags(uneven.course, shard, t, t);
      for (const int flag : even.flags)
        EXPECT_EQ(values_at(*even.memory, flag, t, shard), values_at(*uneven.memory, flag, t, shard)) << flag;
    }
}

TEST(Feed, DrawsFollowExampleAndStepAlone) {
  Fed fed;
  fed.course.number = 3;
  for (int shard : {0, 1}) fed.feed->load(fed.course, shard, 2, 2);
  Values cut = values_at(*fed.memory, fed.noise, 2, 0);
  const Values rest = values_at(*fed.memory, fed.noise, 2, 1);
  cut.insert(cut.end(), rest.begin(), rest.end());

  Fed whole;  // all examples in the second shard, none in the first
  whole.memory = std::make_unique<Memory>(whole.plan, whole.layout, kExamples, 1, true);
  whole.feed = std::make_unique<Feed>(*whole.memory, whole.flags, std::vector<int>{}, 7);
  whole.course.number = 3;
  whole.feed->load(whole.course, 0, 2, 2);
  EXPECT_EQ(values_at(*whole.memory, whole.noise, 2, 0), cut);
  whole.course.number = 4;
  whole.feed->load(whole.course, 0, 2, 2);
  EXPECT_NE(values_at(*whole.memory, whole.noise, 2, 0), cut);
}

TEST(Feed, GivenValuesTakeThePlaceOfDraws) {
  Fed fed;
  std::map<std::string, Values> given;
  for (std::size_t i = 0; i < kSteps * kExamples * 2; ++i) given["ν"].push_back(static_cast<double>(i));
  given["P[start]"] = {1, 2, 3, 4, 5};
  fed.feed->give(given);
  fed.feed->load(fed.course, 1, 2, 2);
  EXPECT_EQ(values_at(*fed.memory, fed.noise, 2, 1), (Values{14, 15, 16, 17, 18, 19}));
  EXPECT_EQ(values_at(*fed.memory, fed.start, 2, 1), (Values{0, 0, 0}));
  fed.feed->start(1);
  EXPECT_EQ(values_at(*fed.memory, fed.start, 0, 1), (Values{3, 4, 5}));
  fed.feed->give({});
  fed.feed->load(fed.course, 1, 2, 2);
  EXPECT_NE(values_at(*fed.memory, fed.noise, 2, 1)[0], 14);
}

}  // namespace
}  // namespace eligo::test
