// A file is checked again only when its text has changed.
#include <gtest/gtest.h>

#include "runtime/library/checked_file.h"
#include "temporary.h"

namespace eligo::test {
namespace {

const char* const cell = "cell c(n) { state h[n] = 0\n h[t] = tanh(h[t-1]) }\n";

TEST(CheckedFile, TheSameTextIsCheckedOnce) {
  TemporaryFolder folder;
  const std::string path = folder.write("c.eli", cell);
  const auto first = checked_file(path);
  ASSERT_TRUE(first->well_formed);
  ASSERT_EQ(first->items.size(), 1u);
  EXPECT_EQ(checked_file(path), first);
  EXPECT_NE(checked_file(folder.write("d.eli", cell)), first);  // messages name another file
}

TEST(CheckedFile, AChangedTextIsChecked) {
  TemporaryFolder folder;
  const std::string path = folder.write("c.eli", cell);
  const auto first = checked_file(path);
  folder.write("c.eli", "cell c(n) { state g[n] = 0\n g[t] = tanh(g[t-1]) }\n");  // as long, and perhaps as old
  const auto second = checked_file(path);
  EXPECT_NE(second, first);
  EXPECT_TRUE(second->items.at(0)->equations.contains("g"));
  EXPECT_TRUE(first->items.at(0)->equations.contains("h"));
}

TEST(CheckedFile, FaultsAreKeptToo) {
  TemporaryFolder folder;
  const std::string faulty = folder.write("f.eli", "cell c(n) { state h[n] = 0\n h[t] = tanh(q[t-1]) }\n");
  const auto checked = checked_file(faulty);
  EXPECT_TRUE(checked->well_formed);
  EXPECT_TRUE(checked->items.empty());
  EXPECT_EQ(checked->diagnostics.list().size(), 1u);
  EXPECT_EQ(checked_file(faulty), checked);
  const auto missing = checked_file(folder.path() + "/none.eli");
  EXPECT_FALSE(missing->well_formed);
  EXPECT_FALSE(missing->diagnostics.empty());
}

}  // namespace
}  // namespace eligo::test
