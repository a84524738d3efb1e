#include "runtime/experiment/run_facts.h"

#include "runtime/experiment/event_file.h"
#include "runtime/experiment/records.h"
#include "support/machine.h"
#include "support/text_file.h"
#include "temporary.h"

namespace eligo::test {
namespace {

TEST(RunFacts, AreReadAsTheyWereWritten) {
  const TemporaryFolder folder;
  const RunFacts facts{.task = "a task \"x\"",
                       .score = "accuracy",
                       .score_is_share = true,
                       .level = "length",
                       .stretches = {begin_stretch(3)},
                       .variants = {{"λ, a", 12, 1u << 20}}};
  write_run_facts(folder / "run.json", facts);
  const RunFacts back = read_run_facts(folder / "run.json");
  EXPECT_EQ(back.task, facts.task);
  EXPECT_TRUE(back.score_is_share);
  EXPECT_EQ(back.level, "length");
  ASSERT_EQ(back.stretches.size(), 1U);
  EXPECT_EQ(back.stretches[0].processor, processor_name());
  EXPECT_EQ(back.stretches[0].threads, 3U);
  EXPECT_GT(back.stretches[0].memory, 1U << 20);
  EXPECT_EQ(back.stretches[0].began.size(), std::string("2025-01-31T14:25:01Z").size());
  ASSERT_EQ(back.variants.size(), 1U);
  EXPECT_EQ(back.variants[0].session_bytes, 1U << 20);
  EXPECT_TRUE(read_run_facts(folder / "none.json").stretches.empty());
}

TEST(RunFacts, FaultsAreNamedWithTheirField) {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& text) {
    const std::string path = folder.write("run.json", text);
    return error_of([&] { read_run_facts(path); });
  };
  EXPECT_MENTIONS(fault("{"), "not JSON");
  EXPECT_MENTIONS(fault("[]"), "an entry is not an object");
  EXPECT_MENTIONS(fault("{\"task\": 3}"), "run.json: task is not a text; remove the file");
  EXPECT_MENTIONS(fault("{\"score_is_share\": 1}"), "score_is_share is not true or false");
  EXPECT_MENTIONS(fault("{\"stretches\": [3]}"), "run.json stretches: an entry is not an object");
  EXPECT_MENTIONS(fault("{\"variants\": [{\"parameters\": 1.5}]}"), "parameters is not a whole number");
}

TEST(Records, TheChecksumIsCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Records, EventFilesAreNamedInTheirOrder) {
  const TemporaryFolder folder;
  EXPECT_FALSE(has_event_files(folder / "a"));
  std::string before;
  for (int i = 0; i < 3; ++i) {
    EventFile file(folder / "a");
    file.scalar("train/loss", 1, 0.5);
    EXPECT_LT(before, file.path());
    before = file.path();
  }
  EXPECT_TRUE(has_event_files(folder / "a"));
  const std::string bytes = read_file(before);
  EXPECT_EQ(bytes.substr(0, 8), (std::string{26, 0, 0, 0, 0, 0, 0, 0}));  // the length of the first record
  EXPECT_MENTIONS(bytes, "brain.Event:2");
  folder.write("file", "");
  EXPECT_MENTIONS(error_of([&] { EventFile(folder / "file"); }), "cannot be made");
}

TEST(Records, LinesAreJson) {
  MetricsRow row{"a \"b\"\n", 3, 2, 20, "validation", std::nan(""), 0.25, std::nullopt, std::nullopt};
  EXPECT_EQ(json_line(row),
            "{\"variant\":\"a \\\"b\\\"\\n\",\"seed\":3,\"epoch\":2,\"batch\":20,\"split\":\"validation\","
            "\"loss\":\"nan\",\"score\":0.25}\n");
}

}  // namespace
}  // namespace eligo::test
