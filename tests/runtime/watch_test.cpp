// Values that are not finite: which of many is named, and what is done about parameters.
#include "runtime/engine/watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "runtime/engine/divergence.h"
#include "tests/runtime/made_up.h"

namespace eligo::test {
namespace {

using compiler::PhaseKind;
using compiler::TensorKind;

// Two shards of two examples.
struct Watched {
  explicit Watched(bool changes_within = false) {
    h = add_tensor(plan, "h", TensorKind::field, {2});
    inner = add_tensor(plan, "inner", TensorKind::field, {1});
    plan.tensors.back().made = true;
    gradient = add_tensor(plan, "gradient.W", TensorKind::gradient, {1});
    W = add_tensor(plan, "W", TensorKind::param, {1});
    step = add_phase(plan, {PhaseKind::step, compiler::PhasePart::core, ""}, {stores(inner), stores(h)});
    arrive = add_phase(plan, {PhaseKind::arrive, compiler::PhasePart::core, ""}, {gathers(gradient)});
    plan.learned = {{"ψ", W, gradient, compiler::UpdateEvery::sequence, -1}};
    layout = layout_of(plan, 4, 8, 2, true);
    memory = std::make_unique<Memory>(plan, layout, 4, 2, true);
    course.examples = 4;
    course.steps = 6;
    course.lengths = {6, 6, 2, 6};
    reduction = std::make_unique<GradientReduction>(*memory, 2, plan.learned);
    divergence = std::make_unique<Divergence>(*memory, *reduction, changes_within);
  }
  void write(int tensor, std::int64_t t, int shard, std::int64_t place, double value) {
    memory->write(tensor, memory->slot(tensor, t, shard), place, value);
  }
  void write(int tensor, double value) { memory->write(tensor, memory->whole(tensor), 0, value); }
  double read(int tensor) const { return memory->read(tensor, memory->whole(tensor), 0); }

  compiler::Plan plan;
  int h, inner, gradient, W, step, arrive;
  compiler::Layout layout;
  std::unique_ptr<Memory> memory;
  Course course;
  std::unique_ptr<GradientReduction> reduction;
  std::unique_ptr<Divergence> divergence;
};

std::optional<NonFinite> first_of(const Watch& one, const Watch& other) {
  const std::vector<const Watch*> both = {&one, &other};
  return Watch::first(both);
}

TEST(Watch, NamesTheFirstCallOfAllShards) {
  Watched w;
  Watch first(*w.memory, 0, false), second(*w.memory, 1, false);
  for (Watch* each : {&first, &second}) each->look(w.course, w.step, 1, 0);
  EXPECT_FALSE(first_of(first, second));
  w.write(w.h, 3, 0, 0, INFINITY);
  w.write(w.h, 2, 1, 3, NAN);  // the second shard meets its own earlier: example 3
  for (std::int64_t t = 2; t <= 3; ++t)
    for (Watch* each : {&first, &second}) each->look(w.course, w.step, t, 0);
  const auto found = first_of(first, second);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text(), "h at step 2 of example 4 is nan");
  first.begin();
  second.begin();
  EXPECT_FALSE(first_of(first, second));
}

TEST(Watch, PassesOverWhatLiesBehindAnExamplesEnd) {
  Watched w;
  Watch watch(*w.memory, 1, false);
  w.write(w.h, 3, 1, 0, INFINITY);  // example 2 ended at step 2
  watch.look(w.course, w.step, 3, 0);
  EXPECT_FALSE(first_of(watch, watch));
}

TEST(Watch, PrefersWhatTheUserWrote) {
  Watched w;
  Watch watch(*w.memory, 0, false);
  w.write(w.inner, 1, 0, 0, INFINITY);
  watch.look(w.course, w.step, 1, 0);
  EXPECT_EQ(first_of(watch, watch)->name, "inner");
  w.write(w.h, 2, 0, 1, -INFINITY);
  watch.look(w.course, w.step, 2, 0);
  EXPECT_EQ(first_of(watch, watch)->text(), "h at step 2 of example 1 is -inf");
}

TEST(Watch, NamesTheParameterOfASum) {
  Watched w;
  Watch watch(*w.memory, 0, false);
  w.memory->write(w.gradient, w.memory->shard_gradient(w.gradient, 0), 0, INFINITY);
  watch.look(w.course, w.arrive, 4, 0);
  EXPECT_EQ(first_of(watch, watch)->text(), "what is learned for W at step 4 is inf");
}

TEST(Refusal, RefusesAnUpdateByWhatIsNotFinite) {
  Watched w;
  w.divergence->check(NAN);  // nobody asks for it
  EXPECT_TRUE(w.divergence->may_update());
  w.divergence->guard(true, false);
  w.divergence->check(1);
  EXPECT_TRUE(w.divergence->may_update());
  w.write(w.gradient, INFINITY);
  w.divergence->check(1);
  EXPECT_FALSE(w.divergence->may_update());
  EXPECT_TRUE(w.divergence->refused());
  w.divergence->begin();
  w.write(w.gradient, 0);
  w.divergence->check(NAN);
  EXPECT_FALSE(w.divergence->may_update());
}

TEST(Refusal, ParametersStayWhileItIsLookedFor) {
  for (const bool within : {false, true}) {
    Watched w(within);
    w.divergence->guard(true, true);
    EXPECT_EQ(w.divergence->may_update(), within);  // where they change within a sequence, they are put back
  }
}

TEST(Refusal, PutsParametersBack) {
  Watched w(true);
  w.write(w.W, 3);
  EXPECT_FALSE(w.divergence->backed_up());
  w.divergence->back_up();
  w.write(w.W, NAN);
  EXPECT_EQ(w.divergence->first_parameter()->text(), "W is nan after its update");
  w.divergence->put_back();
  EXPECT_EQ(w.read(w.W), 3);
  EXPECT_FALSE(w.divergence->first_parameter());
}

TEST(Refusal, LooksAtAllThatWasGathered) {
  Watched w;
  EXPECT_TRUE(w.divergence->all_gathered_finite());
  w.memory->write(w.gradient, w.memory->shard_gradient(w.gradient, 1), 0, INFINITY);
  w.reduction->take(0);
  EXPECT_FALSE(w.divergence->all_gathered_finite());
}

}  // namespace
}  // namespace eligo::test
