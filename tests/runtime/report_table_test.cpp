#include "runtime/report/report_table.h"

#include <gtest/gtest.h>

#include "runtime/report/page.h"
#include "temporary.h"

namespace eligo::test {
namespace {

TEST(ReportTable, ErrorsHaveTwoDigitsAndMeansAsMany) {
  EXPECT_EQ(estimate_text({}), "");
  EXPECT_EQ(estimate_text({1, 0.123456, {}}), "0.1235");
  EXPECT_EQ(estimate_text({3, 0.123456, 0.00421}), "0.1235 ± 0.0042");
  EXPECT_EQ(estimate_text({3, 61.8123, 2.04}), "61.8 ± 2.0");
  EXPECT_EQ(estimate_text({3, 1234, 56}), "1234 ± 56");
  EXPECT_EQ(estimate_text({3, 4.67e-16, 4.3e-16}), "(4.7 ± 4.3)e-16");
  EXPECT_EQ(estimate_text({2, -2.5e9, 1e8}), "(-2.50 ± 0.10)e9");
  EXPECT_EQ(estimate_text({3, 25, 0}), "25 ± 0");
  EXPECT_EQ(estimate_text({3, 1, 1e-15}), "1 ± 1e-15");
  EXPECT_EQ(estimate_text({2, 0, 0.5}), "0.00 ± 0.50");
}

ReportTraining training(std::uint64_t seed, double loss, bool diverged = false) {
  ReportTraining t;
  t.seed = seed;
  t.complete = true;
  t.diverged = diverged;
  t.numbers.last_loss = loss;
  return t;
}

TEST(ReportTable, DivergedTrainingsAreCountedButNotAveraged) {
  Report report;
  report.title = "t";
  report.groups.resize(1);
  report.groups[0].label = "=x|*y*";
  report.groups[0].variant.trainings = {training(0, 1), training(1, 3), training(2, 1e30, true)};
  report.groups[0].variant.trainings.emplace_back().seed = 3;
  const auto columns = report_columns(report);
  ASSERT_EQ(columns.size(), 1U);  // those that nobody has a value for are left out
  const Estimate e = estimate_of(report.groups[0], columns[0]);
  EXPECT_EQ(e.count, 2U);
  EXPECT_EQ(e.mean, 2);
  EXPECT_EQ(e.standard_error, 1);
  EXPECT_EQ(seeds_text(report.groups[0]), "3 of 4 seeds, 1 diverged");
  EXPECT_EQ(report_csv(report),
            "variant,seeds,ended,diverged,last_loss,last_loss_standard_error,last_loss_count\n"
            "=x|*y*,4,3,1,2,1,2\n");
  EXPECT_MENTIONS(report_markdown(report), "| =x\\|\\*y\\* | 3 of 4 seeds, 1 diverged | 2.0 ± 1.0 |");
}

}  // namespace
}  // namespace eligo::test
