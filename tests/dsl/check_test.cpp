#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "support.h"

namespace eligo::dsl {
namespace {

TEST(Check, ShippedFilesAreCorrect) {
  for (const std::string& path : testing::shipped_files()) {
    Diagnostics diagnostics;
    check(parse_file(path, diagnostics), diagnostics);
    EXPECT_TRUE(diagnostics.empty()) << render(diagnostics);
  }
}

// Every code that the language can report has wrong cases and a right twin among the literate tests.
TEST(Check, EveryCodeHasAnInvalidAndAValidTwin) {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(ELIGO_ERROR_TESTS))
    all += testing::contents(entry.path().string());
  const std::set<std::string> of_files = {"E0101", "E0102"};  // parser_test
#define CODE(name, title, help)                                                     \
  if (const std::string code = #name; code < "E0600" && !of_files.contains(code)) { \
    EXPECT_NE(all.find("== " + code + " wrong"), std::string::npos) << code;        \
    EXPECT_NE(all.find("error[" + code + "]"), std::string::npos) << code;          \
    EXPECT_NE(all.find("== " + code + " right"), std::string::npos) << code;        \
  }
#include "dsl/codes.def"
#undef CODE
}

TEST(Check, ReportsAllItemsOfAFile) {
  const auto codes = testing::codes_of(testing::rule_with("a[t] = qq") + testing::rule_with("a[t] = zz"));
  EXPECT_EQ(codes, (std::vector<std::string>{"E0301", "E0302", "E0301"}));
}

TEST(Check, OneErrorPerFault) {
  EXPECT_EQ(testing::codes_of(testing::rule_with("a[t] = qq\nb[t] = a[t] . a[t]\nc[t] = b[t] + a[t]")).size(), 1u);
}

}  // namespace
}  // namespace eligo::dsl
