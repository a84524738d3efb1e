#include "runtime/run_folder.h"

#include <unistd.h>

#include "runtime/checkpoint.h"
#include "runtime/metrics.h"
#include "temporary.h"

namespace eligo::test {
namespace {

MetricsRow row(const std::string& variant, std::uint64_t batch, double loss) {
  MetricsRow r;
  r.variant = variant;
  r.seed = 3;
  r.epoch = 1;
  r.batch = batch;
  r.split = "train";
  r.loss = loss;
  return r;
}

TEST(RunFolder, IsMadeAndOpened) {
  const TemporaryFolder folder;
  const RunFolder made = RunFolder::create(folder / "a/b");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/checkpoints"));
  EXPECT_MENTIONS(error_of([&] { RunFolder::open(folder / "a/b"); }), "no experiment.toml");
  write_file_atomically(made.experiment(), "");
  EXPECT_NO_THROW(RunFolder::open(folder / "a/b"));
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "a/b"); }), "--resume");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "a"); }), "not empty");
  EXPECT_EQ(made.checkpoint("BP(λ = 0.5)", 2, 7, "last"), (folder / "a/b/checkpoints/3-BP_lambda_0.5-seed7-last.npz"));
}

TEST(RunFolder, UnwritablePlaces) {
  EXPECT_MENTIONS(error_of([] { RunFolder::create("/proc/eligo"); }), "cannot be made");
  const TemporaryFolder folder;
  const std::string file = folder.write("file", "");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(file + "/run"); }), "cannot be made");
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  std::filesystem::create_directory(folder / "locked");
  std::filesystem::permissions(folder / "locked",
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "locked"); }), "cannot be written to");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "locked/run"); }), "cannot be made");
}

TEST(RunFolder, FileNames) {
  EXPECT_EQ(file_name("n-step SG (n = 3)"), "n-step_SG_n_3");
  EXPECT_EQ(file_name("../../etc"), "etc");
  EXPECT_EQ(file_name("///"), "run");
}

TEST(Metrics, RowsComeBackExactly) {
  const TemporaryFolder folder;
  {
    MetricsFile file(folder / "m.csv");
    file.append(row("plain", 1, 0.1));
    MetricsRow full = row("with, \"quotes\"", 2, 1.0 / 3);
    full.score = 0.5;
    full.cosine = -1e-9;
    full.milliseconds = 2.25;
    file.append(full);
  }
  MetricsFile(folder / "m.csv").append(row("λ", 3, 7));  // appended to
  const auto rows = read_metrics(folder / "m.csv");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].variant, "with, \"quotes\"");
  EXPECT_EQ(rows[1].loss, 1.0 / 3);
  EXPECT_EQ(*rows[1].cosine, -1e-9);
  EXPECT_FALSE(rows[0].score.has_value());
  EXPECT_EQ(rows[2].variant, "λ");
}

TEST(Metrics, ARowCutShortIsRemoved) {
  const TemporaryFolder folder;
  { MetricsFile(folder / "m.csv").append(row("a", 1, 0.5)); }
  std::ofstream(folder / "m.csv", std::ios::app) << "a,3,1,2,tra";
  { MetricsFile(folder / "m.csv").append(row("a", 2, 0.25)); }
  const auto rows = read_metrics(folder / "m.csv");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].batch, 2U);
}

TEST(Metrics, RemovedRowsAreGoneAndAppendingGoesOn) {
  const TemporaryFolder folder;
  MetricsFile file(folder / "m.csv");
  for (std::uint64_t batch = 1; batch <= 5; ++batch) file.append(row("a", batch, 1));
  file.remove_if([](const MetricsRow& r) { return r.batch > 3; });
  file.append(row("a", 4, 2));
  const auto rows = read_metrics(folder / "m.csv");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[3].loss, 2);
}

TEST(Metrics, FullDiskAndStrangeFiles) {
  MetricsFile full("/dev/full");
  EXPECT_MENTIONS(error_of([&] { full.append(row("a", 1, 1)); }), "No space left on device");
  EXPECT_MENTIONS(error_of([] { MetricsFile("/proc/metrics.csv"); }), "cannot be written");
  const TemporaryFolder folder;
  EXPECT_MENTIONS(error_of([&] { read_metrics(folder.write("x.csv", "a,b\n1,2\n")); }), "not the metrics of a run");
  { MetricsFile(folder / "m.csv").append(row("a", 1, 0.5)); }
  std::ofstream(folder / "m.csv", std::ios::app) << "a,3,one,2,train,0,,,\n";
  EXPECT_MENTIONS(error_of([&] { read_metrics(folder / "m.csv"); }), "m.csv:3:");
}

}  // namespace
}  // namespace eligo::test
