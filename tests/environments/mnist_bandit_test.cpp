// The bandit of images: what it shows, what it pays, where rewards are flipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "runtime/data/digit_sets.h"
#include "runtime/environments/environment.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kMany = 4000;
constexpr double kDrawn = 500;

EnvironmentFactory made(std::map<std::string, double> numbers) {
  numbers.insert({{"drawn_train", kDrawn}, {"drawn_test", kDrawn}});
  return make_environment(
      {.name = "mnist_bandit", .numbers = std::move(numbers), .texts = {}, .seed = 0, .other_test = {}});
}

// The images that a split shows, as bytes, with their labels; and the share of episodes that are paid for the right
// answer, and for a wrong one.
struct Shown {
  std::set<std::pair<std::vector<std::uint8_t>, int>> images;
  double right = 0, wrong = 0;
};

std::map<std::vector<std::uint8_t>, int> labels(const ImageSet& set) {
  std::map<std::vector<std::uint8_t>, int> known;
  const std::size_t size = set.rows * set.columns;
  for (std::size_t i = 0; i < set.count; ++i)
    known[{set.pixels.begin() + static_cast<std::ptrdiff_t>(i * size),
           set.pixels.begin() + static_cast<std::ptrdiff_t>((i + 1) * size)}] = set.labels[i];
  return known;
}

Shown shown(const EnvironmentFactory& make, Split split, const ImageSet& set, int without = -1) {
  const auto known = labels(set);
  Environments worlds(make, kMany);
  Shown out;
  for (const bool truth : {true, false}) {
    worlds.begin(split, 0, 1);
    std::vector<std::int64_t> actions;
    for (std::size_t b = 0; b < kMany; ++b) {
      std::vector<std::uint8_t> image;
      for (const double x : worlds.observations().subspan(b * 784, 784))
        image.push_back(static_cast<std::uint8_t>(std::lround((x * 0.3081 + 0.1307) * 255)));
      const auto found = known.find(image);
      if (found == known.end()) {
        ADD_FAILURE() << "an image that is not of this set";
        return out;
      }
      out.images.insert(*found);
      const std::int64_t action = found->second - (without >= 0 && found->second > without ? 1 : 0);
      actions.push_back(truth ? action : (action + 1) % worlds.shape().actions);
    }
    worlds.step(actions);
    EXPECT_TRUE(worlds.over());
    for (const Transition& t : worlds.last()) {
      EXPECT_EQ(t.success, truth);
      (truth ? out.right : out.wrong) += t.reward / kMany;
    }
  }
  return out;
}

TEST(MnistBandit, FlipsRewardsInTrainingAlone) {
  const EnvironmentFactory make = made({{"validation", 0}});
  const auto data = digit_set("", static_cast<std::uint64_t>(kDrawn), static_cast<std::uint64_t>(kDrawn));
  const double error = 4 * std::sqrt(0.4 * 0.6 / kMany);
  const Shown train = shown(make, Split::train, data->train);
  EXPECT_NEAR(train.right, 0.6, error);
  EXPECT_NEAR(train.wrong, 0.4, error);
  for (const Split split : {Split::validation, Split::test}) {  // without images of its own, the former draws the latter's
    const Shown quiet = shown(make, split, data->test);
    EXPECT_NEAR(quiet.right, 1, 1e-12);
    EXPECT_EQ(quiet.wrong, 0);
  }
}

TEST(MnistBandit, KeepsValidationImagesFromTraining) {
  const EnvironmentFactory make = made({{"validation", 0.3}});
  const auto data = digit_set("", static_cast<std::uint64_t>(kDrawn), static_cast<std::uint64_t>(kDrawn));
  const Shown train = shown(make, Split::train, data->train), held = shown(make, Split::validation, data->train);
  EXPECT_EQ(train.images.size(), 350u);
  EXPECT_EQ(held.images.size(), 150u);
  for (const auto& image : held.images) EXPECT_FALSE(train.images.contains(image));
}

TEST(MnistBandit, LeavesADigitOutWithItsAction) {
  const EnvironmentFactory make = made({{"without", 2}, {"flip", 0}, {"validation", 0}});
  EXPECT_EQ(make()->shape().actions, 9);
  const auto data = digit_set("", static_cast<std::uint64_t>(kDrawn), static_cast<std::uint64_t>(kDrawn));
  const Shown train = shown(make, Split::train, data->train, 2);
  EXPECT_NEAR(train.right, 1, 1e-12);
  for (const auto& [image, label] : train.images) EXPECT_NE(label, 2);
}

TEST(MnistBandit, SaysWhatIsWrong) {
  EXPECT_EQ(error_of([] { made({{"flip", 1.5}}); }),
            "environment mnist_bandit: flip = 1.5 is out of range, expected 0 to 1");
  EXPECT_EQ(error_of([] { made({{"drawn_train", 10}, {"validation", 0.01}}); }),
            "environment mnist_bandit: there are too few images for training, validation and test; give more "
            "(drawn_train, drawn_test), or another share to validation");
}

}  // namespace
}  // namespace eligo::test
