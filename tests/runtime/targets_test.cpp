// What a command may not write over.
#include "support/targets.h"

#include <filesystem>

#include "temporary.h"

namespace eligo::test {
namespace {

TEST(Targets, AreNotWhatAUserHasWritten) {
  const TemporaryFolder folder;
  const std::string plan = folder.write("grid.jsonl", "{}"), experiment = folder.write("grid.toml", "seeds = [0]"),
                    rules = folder.write("mine.eli", ""), table = folder.write("table.csv", "a,b");
  const auto said = [](const std::vector<std::string>& targets, const std::vector<std::string>& inputs) {
    return error_of([&] { check_targets(targets, inputs); });
  };
  EXPECT_EQ(said({table, folder / "new.toml", "", "-"}, {plan}), "");
  EXPECT_EQ(said({plan}, {plan}), plan + ": is read from; choose another to write to");
  EXPECT_EQ(said({folder / "../" + std::filesystem::path(folder.path()).filename().string() + "/table.csv"}, {table}),
            folder / "../" + std::filesystem::path(folder.path()).filename().string() +
                "/table.csv: is read from; choose another to write to");
  EXPECT_EQ(said({experiment}, {}),
            experiment + ": is there, and by its name an experiment; choose another to write to");
  EXPECT_EQ(said({rules}, {}), rules + ": is there, and by its name a file of rules; choose another to write to");
  EXPECT_EQ(said({"t.csv", "./t.csv"}, {}), "./t.csv: is to be written twice; choose another for one of them");
  EXPECT_EQ(said({"-", "-", "", ""}, {}), "");
}

}  // namespace
}  // namespace eligo::test
