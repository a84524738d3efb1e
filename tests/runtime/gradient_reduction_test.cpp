// Sums over shards: in the order of their numbers, and bounded.
#include "runtime/engine/gradient_reduction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/engine/clipping.h"
#include "tests/runtime/made_up.h"

namespace eligo::test {
namespace {

using compiler::TensorKind;
using compiler::UpdateEvery;

struct Sums {
  Sums(bool float64, UpdateEvery every, int shards = 3, std::int64_t size = 3) {
    gradient = add_tensor(plan, "gradient.W", TensorKind::gradient, {size});
    bounded = add_tensor(plan, "bounded.gradient.W", TensorKind::gradient, {size});
    plan.learned.push_back({"ψ", -1, gradient, every, -1});
    layout = layout_of(plan, 3, 1, shards, float64);
    memory = std::make_unique<Memory>(plan, layout, 3, shards, float64);
    reduction = std::make_unique<GradientReduction>(*memory, shards, plan.learned);
  }
  void gather(int tensor, int shard, const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      memory->write(tensor, memory->shard_gradient(tensor, shard), static_cast<std::int64_t>(i), values[i]);
  }
  std::vector<double> of(int tensor, const void* at) const {
    std::vector<double> out;
    for (std::int64_t i = 0; i < plan.tensors[static_cast<std::size_t>(tensor)].size(); ++i)
      out.push_back(memory->read(tensor, at, i));
    return out;
  }
  compiler::Plan plan;
  int gradient = -1, bounded = -1;
  compiler::Layout layout;
  std::unique_ptr<Memory> memory;
  std::unique_ptr<GradientReduction> reduction;
};

TEST(GradientReduction, AddsInTheOrderOfTheShards) {
  Sums sums(false, UpdateEvery::sequence);
  sums.gather(sums.gradient, 0, {1e8, 1, 3});
  sums.gather(sums.gradient, 1, {-1e8, 1e8, 4});
  sums.gather(sums.gradient, 2, {1, -1e8, 5});
  sums.reduction->take(0);
  // In float32 1 is lost beside 1e8: the first has it added last, the second first.
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->whole(sums.gradient)), (std::vector<double>{1, 0, 12}));
  for (int shard = 1; shard < 3; ++shard)
    EXPECT_EQ(sums.of(sums.gradient, sums.memory->shard_gradient(sums.gradient, shard)), std::vector<double>(3, 0));
  // The first shard's holds the sum until it has been used.
  EXPECT_TRUE(sums.reduction->is_used());
  sums.gather(sums.bounded, 0, {1, 2, 3});
  sums.reduction->clear(true);
  EXPECT_FALSE(sums.reduction->is_used());
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->shard_gradient(sums.gradient, 0)), std::vector<double>(3, 0));
  EXPECT_EQ(sums.of(sums.bounded, sums.memory->shard_gradient(sums.bounded, 0)), (std::vector<double>{1, 2, 3}));
}

// What one shard has gathered stays where it is.
TEST(GradientReduction, TakesOneShardAsItLies) {
  Sums sums(false, UpdateEvery::sequence, 1);
  sums.gather(sums.gradient, 0, {1, 2, 3});
  sums.reduction->take(0);
  EXPECT_EQ(sums.memory->whole(sums.gradient), sums.memory->shard_gradient(sums.gradient, 0));
  EXPECT_EQ(sums.reduction->gathered(0), (std::vector<double>{1, 2, 3}));
}

TEST(GradientReduction, TakesTensorsOfManyBlocks) {
  Sums sums(true, UpdateEvery::sequence, 2, 5000);
  std::vector<double> values(5000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  for (int shard : {0, 1}) sums.gather(sums.gradient, shard, values);
  sums.reduction->take(0);
  for (double& x : values) x *= 2;
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->whole(sums.gradient)), values);
}

TEST(GradientReduction, CountsAllThatASequenceGathers) {
  Sums sums(true, UpdateEvery::step);
  sums.reduction->begin();
  for (int step = 1; step <= 3; ++step) {
    sums.reduction->clear(true);
    sums.gather(sums.gradient, 1, {1.0 * step, 0, 0});
    sums.reduction->take(0);
  }
  EXPECT_EQ(sums.reduction->gathered(0), (std::vector<double>{6, 0, 0}));
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->whole(sums.gradient)), (std::vector<double>{3, 0, 0}));
  EXPECT_EQ(sums.reduction->earlier(0)[0], 3);
  sums.memory->zero_gradients(0);
  sums.reduction->begin();
  EXPECT_EQ(sums.reduction->gathered(0), std::vector<double>(3, 0));
  sums.gather(sums.gradient, 1, {1, 0, 0});
  sums.reduction->take(0);
  sums.reduction->clear(false);
  sums.gather(sums.gradient, 1, {5, 0, 0});
  sums.reduction->take(0);  // online: what the last update took
  EXPECT_EQ(sums.reduction->gathered(0), (std::vector<double>{5, 0, 0}));
}

TEST(GradientReduction, AddsUpInFloat64) {
  Sums sums(false, UpdateEvery::sequence);
  sums.gather(sums.gradient, 0, {1e8, 0, 0});
  sums.gather(sums.gradient, 1, {1, 0, 0});
  sums.gather(sums.gradient, 2, {-1e8, 0, 0});
  const std::span<const double> sum = sums.reduction->add_up(sums.gradient);
  EXPECT_EQ(sum[0], 1);
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->shard_gradient(sums.gradient, 2)), std::vector<double>(3, 0));
}

TEST(Clipping, BringsALengthDownToItsBound) {
  EXPECT_EQ(bounding(std::vector<double>{3, 4}, 5), 1);
  EXPECT_DOUBLE_EQ(bounding(std::vector<double>{3, 4}, 1), 0.2);
  EXPECT_EQ(bounding(std::vector<double>{0, 0}, 1), 1);
  EXPECT_DOUBLE_EQ(bounding(std::vector<double>{3e300, 4e300}, 1), 1 / 5e300);
  EXPECT_DOUBLE_EQ(bounding(std::vector<double>{3e-300, 4e-300}, 1e-300), 0.2);
  EXPECT_EQ(bounding(std::vector<double>{1, INFINITY}, 1), 0);
  EXPECT_TRUE(std::isnan(bounding(std::vector<double>{1, NAN, INFINITY}, 1)));
}

// Of float32 the same to the bit as of its values in float64, near either end of its range too.
TEST(Clipping, BoundsFloat32AsFloat64) {
  for (const float scale : {1e-44F, 1e-30F, 0.3F, 1e30F, 1e38F})
    for (const double bound : {1e-40, 0.7, 1e33}) {
      std::vector<float> v;
      for (int i = 0; i < 37; ++i) v.push_back(scale * static_cast<float>(i % 7 - 3) / 3);
      EXPECT_EQ(bounding(std::span<const float>(v), bound), bounding(std::vector<double>(v.begin(), v.end()), bound));
    }
  const std::vector<float> infinite = {1, INFINITY, 2}, none = {1, NAN};
  EXPECT_EQ(bounding(std::span<const float>(infinite), 1), 0);
  EXPECT_TRUE(std::isnan(bounding(std::span<const float>(none), 1)));
}

TEST(Clipping, JoinsWhatIsLearnedThroughTheFirstShard) {
  Sums sums(true, UpdateEvery::sequence);
  const std::vector<compiler::Clip> clips = {{sums.bounded, sums.gradient, -1, 1}};
  Clipping clipping(*sums.memory, *sums.reduction, clips);
  sums.gather(sums.gradient, 0, {1, 1, 1});
  sums.gather(sums.bounded, 0, {3, 0, 0});
  sums.gather(sums.bounded, 2, {0, 4, 0});
  clipping.apply(0);
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->shard_gradient(sums.gradient, 0)),
            (std::vector<double>{1 + 0.2 * 3, 1 + 0.2 * 4, 1}));
  clipping.apply(0);  // nothing has come since
  EXPECT_EQ(sums.of(sums.gradient, sums.memory->shard_gradient(sums.gradient, 0)),
            (std::vector<double>{1 + 0.2 * 3, 1 + 0.2 * 4, 1}));
}

}  // namespace
}  // namespace eligo::test
