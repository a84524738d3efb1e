// Counters of a checkpoint: only those that a training can have.
#include "runtime/experiment/training_state.h"

#include <cmath>
#include <limits>

#include "runtime/data/npz_archive.h"
#include "temporary.h"

namespace eligo::test {
namespace {

constexpr TrainingLimits kLimits{7, 5, 10};

TrainingState sample() {
  TrainingState state;
  state.outcome.epochs = 2;
  state.outcome.batches = 23;
  state.outcome.divergence = "λ is inf";
  state.outcome.final_score = 0.5;
  state.index = 3;
  state.cosine_sum = 1.5;
  state.cosine_count = 2;
  state.outcome.best_epoch = 1;
  state.outcome.best_loss = 0.125;
  state.outcome.best_score = 0.75;
  state.sequence = 30;
  state.sums = {-1, 2, 3, 4, 5, 6};
  return state;
}

class Counters : public testing::Test {
 protected:
  void SetUp() override {
    NpzWriter writer(path);
    write_state(writer, sample(), kLimits);
    writer.commit();
  }
  // With another value of one array.
  std::string fault(const std::string& name, std::vector<double> values) {
    Archive archive = read_npz(path);
    archive[name] = {values.size() == 1 ? std::vector<std::int64_t>{}
                                        : std::vector{static_cast<std::int64_t>(values.size())},
                     values};
    write_npz(folder / "other.npz", archive);
    return error_of([&] { read_state(NpzReader(folder / "other.npz"), kLimits); });
  }
  TemporaryFolder folder;
  std::string path = folder / "state.npz";
};

TEST_F(Counters, ComeBack) {
  const TrainingState back = read_state(NpzReader(path), kLimits);
  EXPECT_EQ(back.outcome.epochs, 2U);
  EXPECT_EQ(back.outcome.batches, 23U);
  EXPECT_EQ(back.outcome.divergence, "λ is inf");
  EXPECT_EQ(back.outcome.final_score, 0.5);
  EXPECT_FALSE(back.outcome.test_loss.has_value());
  EXPECT_EQ(back.outcome.cosine, 0.75);
  EXPECT_EQ(back.index, 3U);
  EXPECT_EQ(back.outcome.best_epoch, 1U);
  EXPECT_EQ(back.outcome.best_loss, 0.125);
  EXPECT_EQ(back.outcome.best_score, 0.75);
  EXPECT_EQ(back.sequence, 30U);
  EXPECT_EQ(back.sums.loss, -1);
  EXPECT_EQ(back.sums.batches, 6);
}

TEST_F(Counters, AreWholeAndInRange) {
  const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  for (const char* name : {"epochs", "batches", "index", "complete", "diverged", "best_epoch", "cosine_count"}) {
    for (const double value : {-1.0, 0.5, 1e300, nan, infinite, 9007199254740994.0}) {
      const std::string text = fault(std::string("progress.") + name, {value});
      EXPECT_MENTIONS(text, name);
      EXPECT_MENTIONS(text, "other.npz");
    }
  }
  for (const double value : {-1.0, 0.5, 1e300, nan}) EXPECT_MENTIONS(fault("sequence", {value}), "sequence");
  for (const double value : {-1.0, nan}) EXPECT_MENTIONS(fault("progress.seconds", {value}), "seconds");
}

TEST_F(Counters, AgreeWithTheExperiment) {
  EXPECT_MENTIONS(fault("progress.epochs", {6}), "from 0 to 5");
  EXPECT_MENTIONS(fault("progress.index", {11}), "from 0 to 10");
  EXPECT_MENTIONS(fault("progress.best_epoch", {3}), "from 0 to 2");
  EXPECT_MENTIONS(fault("progress.batches", {24}), "progress.batches is 24");
  EXPECT_MENTIONS(fault("progress.seed", {8}), "another seed, 8");
  EXPECT_MENTIONS(fault("progress.complete", {2}), "from 0 to 1");
}

TEST_F(Counters, AreThere) {
  EXPECT_MENTIONS(fault("progress.epochs", {1, 2}), "progress.epochs is missing");
  EXPECT_MENTIONS(fault("progress.sums", {1, 2}), "eight");
  EXPECT_MENTIONS(fault("progress.sums", {1, -2, 3, 4, 5, 6, 7, 8}), "sums");
  EXPECT_MENTIONS(fault("progress.sums", std::vector<double>(7)), "progress.sums");
  write_npz(folder / "empty.npz", {{"x", {{}, {1}}}});
  EXPECT_MENTIONS(error_of([&] { read_state(NpzReader(folder / "empty.npz"), kLimits); }), "is missing");
}

}  // namespace
}  // namespace eligo::test
