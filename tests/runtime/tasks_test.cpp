#include "runtime/tasks/task.h"

#include <cmath>
#include <limits>
#include <set>

#include "temporary.h"

namespace eligo::test {
namespace {

std::unique_ptr<Task> delayed(double steps, double points, std::uint64_t seed = 0, std::uint64_t batch = 10) {
  return make_task(
      {.name = "delayed_target", .numbers = {{"T", steps}, {"npoints", points}}, .batch = batch, .seed = seed});
}

std::string pattern(const Batch& batch, std::int64_t example) {
  std::string bits;
  for (std::int64_t i = 0; i < 10; ++i) bits += batch.x[static_cast<std::size_t>(example * 10 + i)] == 1 ? '1' : '0';
  return bits;
}

// The pairs that the authors' code draws with numpy's RandomState(123), for one and for three points.
TEST(DelayedTarget, PublishedPatternsAndTargets) {
  const Batch one = delayed(4, 1)->batch(Split::validation, 0, 0);
  EXPECT_EQ(one.examples, 1);
  EXPECT_EQ(pattern(one, 0), "1101000001");
  EXPECT_NEAR(one.y[6], 0, 1e-15);
  EXPECT_NEAR(one.y[7], 1, 1e-15);

  const Batch three = delayed(10, 3)->batch(Split::validation, 0, 0);
  EXPECT_EQ(three.examples, 3);
  EXPECT_EQ(three.steps, 10);
  const char* patterns[] = {"1101000001", "1111011110", "1100010101"};
  const double targets[3][2] = {
      {0, 1}, {0.8660254037844387, -0.4999999999999997}, {-0.8660254037844383, -0.5000000000000003}};
  for (std::int64_t b = 0; b < 3; ++b) {
    EXPECT_EQ(pattern(three, b), patterns[b]);
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_NEAR(three.y[static_cast<std::size_t>((27 + b) * 2) + k], targets[b][k], 1e-15);
    }
  }
}

// numpy: RandomState(123).permutation(1024)[:6]
TEST(DelayedTarget, MorePointsFollowTheSameShuffle) {
  const Batch six = delayed(2, 6)->batch(Split::validation, 0, 0);
  const int numbers[] = {833, 990, 789, 235, 945, 965};
  for (std::int64_t b = 0; b < 6; ++b) {
    EXPECT_EQ(std::stoi(pattern(six, b), nullptr, 2), numbers[b]) << b;
  }
}

TEST(DelayedTarget, InputFirstLossLast) {
  const auto task = delayed(7, 3);
  const Batch batch = task->batch(Split::train, 2, 5);
  EXPECT_EQ(batch.examples, 10);
  for (std::size_t i = 100; i < batch.x.size(); ++i) ASSERT_EQ(batch.x[i], 0);
  for (std::size_t t = 0; t < 7; ++t) {
    for (std::size_t b = 0; b < 10; ++b) ASSERT_EQ(batch.loss_mask[t * 10 + b], t == 6 ? 1 : 0);
  }
  EXPECT_EQ(task->shape().inputs, 10);
  EXPECT_EQ(task->shape().targets, 2);
  EXPECT_EQ(task->shape().train_batches, 100U);
}

TEST(DelayedTarget, BatchesArePureFunctionsOfSeedEpochAndIndex) {
  const auto task = delayed(3, 3, 5);
  const Batch a = task->batch(Split::train, 1, 2);
  task->batch(Split::train, 0, 0);
  EXPECT_EQ(task->batch(Split::train, 1, 2).x, a.x);
  EXPECT_EQ(delayed(3, 3, 5)->batch(Split::train, 1, 2).x, a.x);
  std::set<std::vector<double>> different;
  for (std::uint64_t i = 0; i < 10; ++i) different.insert(task->batch(Split::train, 1, i).x);
  EXPECT_GT(different.size(), 8U);
  EXPECT_NE(delayed(3, 3, 6)->batch(Split::train, 1, 2).x, a.x);
}

std::unique_ptr<Task> experts(const std::string& noise, std::uint64_t seed = 0, std::uint64_t visits = 1) {
  return make_task({.name = "expert_partition",
                    .numbers = {{"d", 6}, {"k", 3}},
                    .texts = {{"noise", noise}},
                    .batch = visits,
                    .seed = seed});
}

TEST(ExpertPartition, StepsAreStatesAndExamplesAreVisits) {
  const auto task = experts("noisy", 0, 2);
  const TaskShape shape = task->shape();
  EXPECT_EQ(shape.inputs, 5 * (16 + 12));
  EXPECT_EQ(shape.targets, 5);
  EXPECT_EQ(shape.max_steps, 64);
  EXPECT_EQ(shape.train_batches, 1U);
  EXPECT_EQ(shape.validation_batches, 2U);  // six parameters of a state, five at a time
  const Batch batch = task->batch(Split::train, 0, 0);
  EXPECT_EQ(batch.examples, 2);
  // Codes are one-hot, and each table's are orthonormal over the states.
  for (std::size_t j = 0; j < 5; ++j)
    for (std::size_t c = 0; c < 16; ++c) {
      double squares = 0;
      for (std::size_t r = 0; r < 64; ++r) squares += batch.x[r * 280 + j * 16 + c] * batch.x[r * 280 + j * 16 + c];
      EXPECT_NEAR(squares, c < 8 ? 1 : 0, 1e-12) << j << " " << c;
    }
  EXPECT_EQ(task->batch(Split::train, 1, 0).y, batch.y);  // the same visits in every epoch
  EXPECT_NE(experts("noisy", 1, 2)->batch(Split::train, 0, 0).y, batch.y);
  EXPECT_EQ(task->batch(Split::train, 0, 1).x, batch.x);
  EXPECT_NE(task->batch(Split::train, 0, 1).y, batch.y);  // other visits, of which an epoch has as many batches as asked
  EXPECT_EQ(task->score(batch, std::vector<double>(64 * 2 * 5, 1.0)).count, 0);
}

// What a signal's errors are over all states and many visits: unbiased, with the variance that the kind says.
TEST(ExpertPartition, NoiseIsOfItsKind) {
  constexpr std::uint64_t visits = 200;
  const Batch clean = make_task({.name = "expert_partition", .numbers = {{"d", 6}, {"k", 3}, {"sigma", 0}}})
                          ->batch(Split::train, 0, 0);  // ten visits, all alike
  for (const char* noise : {"noisy", "activation", "partial"}) {
    const Batch batch = experts(noise, 0, visits)->batch(Split::train, 0, 0);
    const char kind = noise[0];
    std::set<long> shares;
    for (std::size_t j = 0; j < 5; ++j) {
      double mean = 0, variance = 0, exact = 0;
      for (std::size_t r = 0; r < 64; ++r) {
        const double g = clean.y[r * 10 * 5 + j];
        exact += g * g / 64;
        for (std::size_t v = 0; v < visits; ++v) {
          const double error = batch.y[(r * visits + v) * 5 + j] - g;
          mean += error / (64.0 * visits);
          variance += error * error / (64.0 * visits);
          EXPECT_TRUE(kind != 'a' || std::abs(std::abs(error) - std::abs(g)) < 1e-12);  // twice the signal, or none
        }
      }
      EXPECT_NEAR(mean, 0, 5 * std::sqrt(variance / (64.0 * visits))) << noise << j;
      const double want = kind == 'n' ? 0.25 : kind == 'a' ? exact : variance;
      EXPECT_NEAR(variance, want, kind == 'n' ? 0.02 : 1e-9) << noise << j;
      shares.insert(std::lround(100 * variance));
    }
    EXPECT_TRUE(kind != 'p' || shares.size() > 3);  // each expert's loss has its own share of what it does not see
  }
}

TEST(ExpertPartition, RefusesWhatIsNone) {
  EXPECT_MENTIONS(error_of([] { experts("loud"); }), "there are noisy, activation, partial");
  EXPECT_MENTIONS(error_of([] { make_task({.name = "expert_partition", .numbers = {{"d", 2}, {"k", 3}}}); }),
                  "an expert sees k = 3 of d = 2 coordinates; lower k");
}

TEST(Tasks, OptionsAreChecked) {
  EXPECT_MENTIONS(error_of([] { make_task({.name = "delayed_targte"}); }), "did you mean delayed_target?");
  EXPECT_MENTIONS(error_of([] {
                    make_task({.name = "delayed_target", .numbers = {{"npoint", 1}}});
                  }),
                  "did you mean npoints?");
  EXPECT_MENTIONS(error_of([] { make_task({.name = "delayed_target", .numbers = {{"T", 0}}}); }), "out of range");
  EXPECT_MENTIONS(error_of([] { make_task({.name = "delayed_target", .numbers = {{"T", 2.5}}}); }), "whole number");
  EXPECT_MENTIONS(error_of([] { make_task({.name = "seq_mnist", .numbers = {{"data", 1}}}); }), "is a text");
}

TEST(Tasks, NaNIsNamedByItsPlace) {
  Batch batch = delayed(4, 3)->batch(Split::train, 0, 0);
  EXPECT_NO_THROW(check_finite(batch, "here"));
  batch.x[(2 * 10 + 4) * 10 + 6] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_MENTIONS(error_of([&] { check_finite(batch, "task t"); }),
                  "task t: the input is nan at step 3, example 5, channel 7");
}

std::unique_ptr<Task> digits(std::uint64_t seed, std::uint64_t batch = 50) {
  return make_task(
      {.name = "seq_mnist", .numbers = {{"drawn_train", 510}, {"drawn_test", 70}}, .batch = batch, .seed = seed});
}

TEST(SeqMnist, RowsAreStepsAndTheLabelIsLast) {
  const auto task = digits(0);
  const TaskShape shape = task->shape();
  EXPECT_EQ(shape.inputs, 28);
  EXPECT_EQ(shape.max_steps, 28);
  EXPECT_EQ(shape.targets, 10);
  EXPECT_EQ(shape.train_batches, 9U);  // 408 images
  EXPECT_EQ(shape.validation_batches, 3U);
  EXPECT_EQ(shape.test_batches, 2U);
  const Batch batch = task->batch(Split::train, 0, 8);
  EXPECT_EQ(batch.examples, 8);  // the last one is smaller
  for (const double x : batch.x) ASSERT_TRUE(x >= 0 && x <= 1);
  for (std::size_t b = 0; b < 8; ++b) {
    double sum = 0;
    for (std::size_t k = 0; k < 10; ++k) sum += batch.y[(27 * 8 + b) * 10 + k];
    EXPECT_EQ(sum, 1);
    EXPECT_EQ(batch.loss_mask[27 * 8 + b], 1);
    EXPECT_EQ(batch.loss_mask[26 * 8 + b], 0);
  }
  EXPECT_MENTIONS(task->description(), "drawn by the program");
}

// Every image is in exactly one of training and validation, and every epoch sees each training image once.
TEST(SeqMnist, SplitAndOrder) {
  const auto task = digits(3, 1);
  const auto images_of = [&](Split split, std::uint64_t epoch, std::uint64_t count) {
    std::multiset<std::vector<double>> images;
    for (std::uint64_t i = 0; i < count; ++i) images.insert(task->batch(split, epoch, i).x);
    return images;
  };
  const auto train = images_of(Split::train, 0, 408), later = images_of(Split::train, 1, 408);
  const auto held = images_of(Split::validation, 0, 102);
  EXPECT_EQ(train, later);
  EXPECT_NE(task->batch(Split::train, 0, 0).x, task->batch(Split::train, 1, 0).x);
  for (const auto& image : held) ASSERT_FALSE(train.contains(image));
  EXPECT_NE(digits(4, 1)->batch(Split::validation, 0, 0).x, task->batch(Split::validation, 0, 0).x);
}

TEST(SeqMnist, CountsCorrectAnswersOfTheLastStep) {
  const auto task = digits(0);
  const Batch batch = task->batch(Split::validation, 0, 0);
  std::vector<double> outputs = batch.y;
  EXPECT_EQ(task->score(batch, outputs).sum, 50);
  EXPECT_EQ(task->score(batch, outputs).count, 50U);
  const std::size_t row = (27 * 50 + 7) * 10;
  for (std::size_t k = 0; k < 10; ++k) outputs[row + k] = 1 - outputs[row + k];
  outputs[3] = 99;  // an earlier step does not count
  EXPECT_EQ(task->score(batch, outputs).sum, 49);
}

TEST(SeqMnist, MissingDataIsSaid) {
  EXPECT_MENTIONS(error_of([] { make_task({.name = "seq_mnist", .texts = {{"data", "/no/such/folder"}}}); }), "--data");
}

std::unique_ptr<Task> whole_digits(std::map<std::string, double> numbers,
                                   std::map<std::string, std::string> texts = {}) {
  numbers.insert({{"drawn_train", 510}, {"drawn_test", 70}});
  return make_task({.name = "digits", .numbers = numbers, .texts = texts, .batch = 50, .seed = 3});
}

TEST(Digits, TheImageIsAtTheFirstLayerAndTheLossBehindTheLast) {
  for (const bool all : {false, true}) {
    const auto task = whole_digits({{"layers", 3}}, {{"image", all ? "all" : "first"}});
    const TaskShape shape = task->shape();
    EXPECT_EQ(shape.inputs, 784);
    EXPECT_EQ(shape.min_steps, 3);
    EXPECT_EQ(shape.max_steps, 3);
    EXPECT_EQ(shape.targets, 10);
    EXPECT_EQ(shape.train_batches, 9U);
    const Batch batch = task->batch(Split::train, 0, 8);
    ASSERT_EQ(batch.examples, 8);
    const std::size_t layer = 8 * 784;
    ASSERT_EQ(batch.x.size(), 3 * layer);
    double ink = 0;
    for (std::size_t i = 0; i < layer; ++i) {
      ASSERT_TRUE(batch.x[i] >= 0 && batch.x[i] <= 1);
      ink += batch.x[i];
      for (const std::size_t t : {1, 2}) ASSERT_EQ(batch.x[t * layer + i], all ? batch.x[i] : 0);
    }
    EXPECT_GT(ink, 100);
    for (std::size_t t = 0; t < 3; ++t)
      for (std::size_t b = 0; b < 8; ++b) {
        EXPECT_EQ(batch.loss_mask[t * 8 + b], t == 2 ? 1 : 0);
        for (std::size_t k = 0; k < 10; ++k)
          ASSERT_EQ(batch.y[(t * 8 + b) * 10 + k], batch.y[b * 10 + k]);
      }
    EXPECT_EQ(task->score(batch, batch.y).sum, 8);
  }
}

// The same drawn digits as those of seq_mnist: row upon row they are its steps.
TEST(Digits, ShowsTheImagesOfSeqMnist) {
  const auto whole = whole_digits({}), rows = digits(3);
  const Batch a = whole->batch(Split::test, 0, 1), b = rows->batch(Split::test, 0, 1);
  ASSERT_EQ(a.examples, 20);
  ASSERT_EQ(b.examples, 20);
  for (std::size_t e = 0; e < 20; ++e)
    for (std::size_t row = 0; row < 28; ++row)
      for (std::size_t column = 0; column < 28; ++column)
        ASSERT_EQ(a.x[e * 784 + row * 28 + column], b.x[(row * 20 + e) * 28 + column]);
}

TEST(Digits, SubsetIsAPartOfTheTrainingImages) {
  const auto part = whole_digits({{"subset", 120}}), all = whole_digits({});
  EXPECT_EQ(part->shape().train_batches, 3U);
  EXPECT_EQ(part->batch(Split::validation, 0, 0).x, all->batch(Split::validation, 0, 0).x);
  std::set<std::vector<double>> images;
  const auto gather = [&](const Task& task, std::uint64_t epoch) {
    for (std::uint64_t i = 0; i < task.shape().train_batches; ++i) {
      const Batch batch = task.batch(Split::train, epoch, i);
      for (std::int64_t b = 0; b < batch.examples; ++b)
        images.emplace(batch.x.begin() + b * 784, batch.x.begin() + (b + 1) * 784);
    }
    return images.size();
  };
  EXPECT_EQ(gather(*part, 0), 120U);
  EXPECT_EQ(gather(*part, 1), 120U);
  EXPECT_EQ(gather(*all, 0), 408U);
}

TEST(Digits, FaultsAreSaid) {
  EXPECT_MENTIONS(error_of([] { whole_digits({{"layers", 0}}); }), "out of range");
  EXPECT_MENTIONS(error_of([] { whole_digits({}, {{"image", "each"}}); }), "it is \"first\" or \"all\"");
  EXPECT_MENTIONS(error_of([] { whole_digits({}, {{"data", "/no/such/folder"}}); }), "--data");
}

std::unique_ptr<Task> gaussian(const std::string& labels, std::map<std::string, double> numbers, std::uint64_t seed = 0,
                               std::uint64_t batch = 1000) {
  return make_task(
      {.name = "gaussian_labels", .numbers = numbers, .texts = {{"labels", labels}}, .batch = batch, .seed = seed});
}

TEST(GaussianLabels, TheSamePointsAllAlongAndOthersForAnotherSeed) {
  const std::map<std::string, double> three = {{"inputs", 3}, {"points", 1000}, {"layers", 2}};
  const auto task = gaussian("linear", three);
  EXPECT_EQ(task->shape().inputs, 3);
  EXPECT_EQ(task->shape().targets, 2);
  EXPECT_EQ(task->shape().train_batches, 1U);
  EXPECT_EQ(task->shape().validation_batches, 1U);
  EXPECT_EQ(task->shape().test_batches, 0U);
  const Batch batch = task->batch(Split::train, 0, 0);
  ASSERT_EQ(batch.examples, 1000);
  EXPECT_EQ(task->batch(Split::train, 7, 0).x, batch.x);
  EXPECT_EQ(task->batch(Split::validation, 0, 0).x, batch.x);
  EXPECT_NE(gaussian("linear", three, 1)->batch(Split::train, 0, 0).x, batch.x);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < 3000; ++i) {
    sum += batch.x[i];
    squares += batch.x[i] * batch.x[i];
    EXPECT_EQ(batch.x[3000 + i], 0);
  }
  EXPECT_NEAR(sum / 3000, 0, 0.08);
  EXPECT_NEAR(squares / 3000, 1, 0.1);
  for (std::size_t b = 0; b < 1000; ++b) {
    EXPECT_EQ(batch.y[2 * b] + batch.y[2 * b + 1], 1);
    EXPECT_EQ(batch.y[2 * b], batch.y[2000 + 2 * b]);
    EXPECT_EQ(batch.loss_mask[b], 0);
    EXPECT_EQ(batch.loss_mask[1000 + b], 1);
  }
}

// With the points of label 0 reflected at the origin all lie on one side: their angles leave half a circle.
TEST(GaussianLabels, AHyperplaneThroughTheOriginAndATenthSwapped) {
  const std::map<std::string, double> plane = {{"inputs", 2}, {"points", 400}};
  const Batch linear = gaussian("linear", plane)->batch(Split::train, 0, 0);
  const Batch noisy = gaussian("noisy", plane)->batch(Split::train, 0, 0);
  const Batch random = gaussian("random", plane)->batch(Split::train, 0, 0);
  EXPECT_EQ(linear.x, noisy.x);
  EXPECT_EQ(linear.x, random.x);
  const auto label = [](const Batch& batch, std::size_t point) { return batch.y[2 * point + 1] > 0; };
  const auto widest_gap = [&](const Batch& batch) {
    std::set<double> angles;
    for (std::size_t p = 0; p < 400; ++p) {
      const double sign = label(batch, p) ? 1 : -1;
      angles.insert(std::atan2(sign * batch.x[2 * p + 1], sign * batch.x[2 * p]));
    }
    double widest = *angles.begin() + 2 * M_PI - *angles.rbegin();
    for (auto next = std::next(angles.begin()); next != angles.end(); ++next)
      widest = std::max(widest, *next - *std::prev(next));
    return widest;
  };
  EXPECT_GE(widest_gap(linear), M_PI);
  EXPECT_LT(widest_gap(noisy), 1);
  int swapped = 0, differ = 0, ones = 0;
  for (std::size_t p = 0; p < 400; ++p) {
    swapped += label(linear, p) != label(noisy, p);
    differ += label(linear, p) != label(random, p);
    ones += label(random, p);
  }
  EXPECT_EQ(swapped, 40);
  EXPECT_NEAR(differ, 200, 50);
  EXPECT_NEAR(ones, 200, 50);
}

TEST(GaussianLabels, PointsOfAGrid) {
  const Batch batch = gaussian("noisy", {{"grid", 1}, {"points", 25}, {"swapped", 0.04}})->batch(Split::train, 0, 0);
  ASSERT_EQ(batch.examples, 25);
  for (std::size_t p = 0; p < 25; ++p) {
    EXPECT_EQ(batch.x[2 * p], -1 + 0.5 * static_cast<double>(p / 5));
    EXPECT_EQ(batch.x[2 * p + 1], -1 + 0.5 * static_cast<double>(p % 5));
  }
  EXPECT_MENTIONS(error_of([] { gaussian("linear", {{"grid", 1}, {"points", 24}}); }), "no grid of 2 dimensions");
}

TEST(GaussianLabels, SmallBatchesDealThePointsOfEachPass) {
  const auto task = make_task(
      {.name = "gaussian_labels", .numbers = {{"points", 25}}, .batch = 10, .batches_per_epoch = 6, .seed = 2});
  EXPECT_EQ(task->shape().train_batches, 6U);
  EXPECT_EQ(task->shape().validation_batches, 3U);
  std::set<std::vector<double>> orders;
  for (std::uint64_t pass = 0; pass < 4; ++pass) {
    std::vector<double> dealt;
    for (std::uint64_t i = 0; i < 3; ++i) {
      const Batch batch = task->batch(Split::train, pass / 2, 3 * (pass % 2) + i);
      EXPECT_EQ(batch.examples, i == 2 ? 5 : 10);
      for (std::int64_t b = 0; b < batch.examples; ++b) dealt.push_back(batch.x[static_cast<std::size_t>(2 * b)]);
    }
    orders.insert(dealt);
    EXPECT_EQ(std::set<double>(dealt.begin(), dealt.end()).size(), 25U);
  }
  EXPECT_EQ(orders.size(), 4U);
  EXPECT_MENTIONS(error_of([] { gaussian("linaer", {}); }), "\"linear\", \"noisy\" or \"random\"");
}

}  // namespace
}  // namespace eligo::test
