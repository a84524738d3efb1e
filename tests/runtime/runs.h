// An experiment that is trained into folders of its own, interrupted and resumed where a test wants it.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/experiment/metrics.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "support/files.h"
#include "support/text_file.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {

// NaN is like NaN.
inline void expect_same(const std::vector<MetricsRow>& a, const std::vector<MetricsRow>& b) {
  ASSERT_EQ(a.size(), b.size());
  const auto numbers = [](const MetricsRow& row) {
    std::vector<double> all = {static_cast<double>(row.seed), static_cast<double>(row.epoch),
                               static_cast<double>(row.batch), row.loss};
    for (const auto& value : {row.score, row.cosine, row.milliseconds, row.success, row.length, row.option,
                              row.solved})
      all.push_back(value.value_or(-77));
    for (double& value : all)
      if (std::isnan(value)) value = -99;
    return all;
  };
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(numbers(a[i]), numbers(b[i])) << i;
    EXPECT_EQ(a[i].split, b[i].split) << i;
    EXPECT_EQ(a[i].variant, b[i].variant) << i;
  }
}

class RunsOf : public testing::Test {
 protected:
  explicit RunsOf(const char* experiment) : experiment_(experiment) {}

  Experiment load(std::vector<std::string> overrides = {}) {
    return load_experiment(folder.write("toy.toml", experiment_), {std::move(overrides), {}, {}});
  }
  // Why an experiment with these settings is not taken.
  std::string refused(std::vector<std::string> overrides) {
    return error_of([&] { load(std::move(overrides)); });
  }
  // Trains into a fresh or an old folder, interrupted after so many batches (0: never).
  ExperimentResult train(const std::string& name, int interrupt_after, bool resume,
                         std::vector<std::string> overrides = {}) {
    const Experiment experiment = load(std::move(overrides));
    const RunFolder run = resume ? RunFolder::open(folder / name) : RunFolder::create(folder / name);
    if (!resume) write_file_atomically(run.experiment(), experiment.resolved());
    int asked = 0;
    TrainerOptions options{resume, true, [&] { return interrupt_after > 0 && ++asked > interrupt_after; }};
    return Trainer(experiment, options).run(run);
  }
  Outcome outcome(const std::string& name, std::vector<std::string> overrides = {}) {
    return train(name, 0, false, std::move(overrides)).results.at(0).outcome;
  }
  // Interrupted after so many batches, again and again, and then resumed to its end: as if it had never been.
  void expect_resumed_to_the_bit(const std::vector<int>& cuts, const std::vector<std::string>& overrides) {
    static int number = 0;
    const std::string whole = "whole" + std::to_string(++number), parts = "parts" + std::to_string(number);
    ASSERT_TRUE(train(whole, 0, false, overrides).complete);
    for (std::size_t i = 0; i < cuts.size(); ++i) EXPECT_FALSE(train(parts, cuts[i], i > 0, overrides).complete);
    ASSERT_TRUE(train(parts, 0, true, overrides).complete);
    expect_same(rows(whole), rows(parts));
  }
  std::vector<MetricsRow> rows(const std::string& name) {
    auto all = read_metrics(folder / (name + "/metrics.csv"));
    for (auto& row : all) row.milliseconds.reset();
    return all;
  }
  // A cell of the summary's first row, by the name of its column.
  std::string summary(const std::string& name, const std::string& column) const {
    std::istringstream lines(read_file(folder / (name + "/summary.csv")));
    std::string heading, row;
    std::getline(lines, heading);
    std::getline(lines, row);
    std::istringstream names(heading), values(row);
    for (std::string key, value; std::getline(names, key, ',') && (std::getline(values, value, ',') || true);)
      if (key == column) return value;
    return "no such column";
  }
  TemporaryFolder folder;

 private:
  const char* experiment_;
};

}  // namespace eligo::test
