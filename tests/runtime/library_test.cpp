#include "runtime/library/library.h"

#include <sys/stat.h>

#include <algorithm>

#include "temporary.h"

namespace eligo::test {
namespace {

class Library : public testing::Test {
 protected:
  Library() {
    folder.write(
        "mine.eli",
        "# rule hidden(in a comment)\nrule mine(net: cell) {\n}\n  rule also_mine(net: cell) { }\nruler x(y)\n");
    folder.write("deep/down/cell.eli", "cell round(n, m) {\n}\n");
    folder.write("deep/bptt.eli", "rule bptt(net: cell) {\n}\n");
    folder.write(".hidden/x.eli", "cell secret(n) {\n}\n");
  }
  TemporaryFolder folder;
  std::vector<std::string> folders{folder.path()};
};

TEST_F(Library, FindsByNameInSubfolders) {
  EXPECT_EQ(find_part("mine", "rule", folders).path, folder / "mine.eli");
  EXPECT_EQ(find_part("also_mine", "rule", folders).item, "also_mine");
  EXPECT_EQ(find_part("round", "cell", folders).path, folder / "deep/down/cell.eli");
  EXPECT_MENTIONS(error_of([&] { find_part("secret", "cell", folders); }), "there is no cell secret");
  EXPECT_MENTIONS(error_of([&] { find_part("hidden", "rule", folders); }), "there is no rule hidden");
}

TEST_F(Library, GivenFoldersComeBeforeTheLibrary) {
  EXPECT_EQ(find_part("bptt", "rule", folders).path, folder / "deep/bptt.eli");
  EXPECT_NE(find_part("bptt", "rule", {}).path, folder / "deep/bptt.eli");
  EXPECT_EQ(find_part("rnn_tanh", "cell", folders).item, "rnn_tanh");
}

// What no rule file can be is passed over, and nothing waits for it.
TEST_F(Library, PassesOverWhatIsNoRuleFile) {
  folder.write("large.eli", "rule vast(net: cell) {\n}\n" + std::string(2 << 20, '#'));
  ASSERT_EQ(mkfifo((folder / "pipe.eli").c_str(), 0600), 0);
  std::filesystem::create_directory(folder / "folder.eli");
  EXPECT_EQ(find_part("mine", "rule", folders).path, folder / "mine.eli");
  EXPECT_MENTIONS(error_of([&] { find_part("vast", "rule", folders); }), "there is no rule vast");
  EXPECT_TRUE(items_of_file(folder / "pipe.eli").empty());
}

TEST_F(Library, FindsByFile) {
  EXPECT_EQ(find_part(folder / "mine.eli:mine", "rule", {}).item, "mine");
  EXPECT_EQ(find_part(folder / "deep/down/cell.eli", "cell", {}).item, "round");
  EXPECT_MENTIONS(error_of([&] { find_part(folder / "mine.eli", "rule", {}); }), "say which, as ");
  EXPECT_MENTIONS(error_of([&] { find_part(folder / "mine.eli:mien", "rule", {}); }), "did you mean mine?");
  EXPECT_MENTIONS(error_of([&] { find_part(folder / "mine.eli", "cell", {}); }), "no cell is defined in this file");
  EXPECT_MENTIONS(error_of([&] { find_part(folder / "none.eli", "rule", {}); }), "there is no such file");
}

TEST_F(Library, ErrorsOfferTheNearest) {
  EXPECT_MENTIONS(error_of([&] { find_part("bp_lamda", "rule", {}); }), "did you mean bp_lambda?");
  EXPECT_MENTIONS(error_of([&] { find_part("rnn_tanh", "rule", {}); }), "rnn_tanh is a cell");
  EXPECT_MENTIONS(error_of([&] { find_part("bptt", "rule", {"/no/such/folder"}); }), "/no/such/folder: no such folder");
}

TEST_F(Library, TheSameNameTwiceIsAmbiguous) {
  folder.write("a/one.eli", "synth twin(n) {\n}\n");
  folder.write("b/two.eli", "synth twin(n) {\n}\n");
  EXPECT_MENTIONS(error_of([&] { find_part("twin", "synth", folders); }), "is defined in");
  const std::string own = folder.write("b/twin.eli", "synth twin(n) {\n}\n");
  EXPECT_EQ(find_part("twin", "synth", folders).path, own);
}

TEST_F(Library, ListsWhatCouldBeFound) {
  const auto items = list_items(folders);
  const auto has = [&](const std::string& kind, const std::string& name) {
    return std::count_if(items.begin(), items.end(), [&](const Item& i) { return i.kind == kind && i.name == name; });
  };
  EXPECT_EQ(has("rule", "mine"), 1);
  EXPECT_EQ(has("rule", "bptt"), 1);  // the folder's hides the library's
  EXPECT_EQ(has("optimiser", "adam"), 1);
  EXPECT_EQ(has("cell", "secret"), 0);
}

TEST_F(Library, ExperimentsByName) {
  folder.write("experiments/toy.toml", "");
  EXPECT_EQ(find_experiment("toy", folders), folder / "experiments/toy.toml");
  EXPECT_EQ(find_experiment(folder / "experiments/toy.toml", {}), folder / "experiments/toy.toml");
  EXPECT_MENTIONS(error_of([&] { find_experiment("quick_strat", folders); }), "did you mean quick_start?");
  EXPECT_MENTIONS(error_of([&] { find_experiment("a/none.toml", folders); }), "no such experiment file");
}

}  // namespace
}  // namespace eligo::test
