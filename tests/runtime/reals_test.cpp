// Loops over arrays: every length, whatever vectors there are. And which tapes a session remembers.
#include "runtime/engine/reals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/engine/batch_tape.h"
#include "runtime/engine/norm.h"

namespace eligo::test {
namespace {

TEST(Reals, AreConvertedAndAddedAtEveryLength) {
  for (std::int64_t count = 0; count < 40; ++count) {
    const auto size = static_cast<std::size_t>(count);
    std::vector<double> from, sums(size, 1.0);
    for (std::int64_t i = 0; i < count; ++i) from.push_back(0.1 * static_cast<double>(i) - 1);
    std::vector<float> to(size), more(size, 2.0F);
    convert(from.data(), to.data(), count);
    add_scaled(from.data(), 3, more.data(), count);
    add(from.data(), sums.data(), count);
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_EQ(to[i], static_cast<float>(from[i]));
      EXPECT_EQ(more[i], static_cast<float>(2.0 + 3 * from[i]));
      EXPECT_EQ(sums[i], 1.0 + from[i]);
    }
  }
}

TEST(Reals, AreFiniteAsWhatTheyBecome) {
  for (std::size_t size = 1; size < 40; ++size)
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<double> values(size, 1.0);
      const auto count = static_cast<std::int64_t>(size);
      values[at] = 1e300;  // too large for float32
      EXPECT_TRUE(all_finite_as<double>(values.data(), count));
      EXPECT_FALSE(all_finite_as<float>(values.data(), count));
      values[at] = NAN;
      EXPECT_FALSE(all_finite_as<double>(values.data(), count));
    }
}

// In eight sums side by side, then one after the other.
TEST(Norm, AddsInAnOrderOfItsOwn) {
  std::vector<float> v;
  for (int i = 0; i < 21; ++i) v.push_back(std::sin(static_cast<float>(i)));
  double lanes[8] = {}, sum = 0;
  for (std::size_t i = 0; i < 16; ++i) lanes[i % 8] += (0.5 * v[i]) * (0.5 * v[i]);
  for (std::size_t i = 16; i < 21; ++i) sum += (0.5 * v[i]) * (0.5 * v[i]);
  for (const double lane : lanes) sum += lane;
  EXPECT_EQ(squares(std::span<const float>(v), 0.5), sum);
  EXPECT_EQ(largest(std::span<const float>(v)), static_cast<double>(std::abs(v[11])));
}

TEST(Tapes, AreThereWhenAListHasComeBefore) {
  Tapes tapes;
  EXPECT_EQ(tapes.find({0, 10, 5, true}), nullptr);
  EXPECT_EQ(tapes.find({0, 10, 5, false}), nullptr);
  Tapes::Slot* const slot = tapes.find({0, 10, 5, true});
  ASSERT_NE(slot, nullptr);
  slot->tape = std::make_unique<BatchTape>();
  EXPECT_NE(tapes.find({0, 10, 5, true})->tape, nullptr);
  for (std::int64_t steps = 100; steps < 200; ++steps) tapes.find({0, 10, steps, true});
  EXPECT_EQ(tapes.find({0, 10, 5, true}), nullptr);  // others have taken its place
}

}  // namespace
}  // namespace eligo::test
