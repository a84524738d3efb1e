// Bytes that no program wrote.
#include "compiler/ir/archive.h"

#include <gtest/gtest.h>

namespace eligo::test {
namespace {

TEST(Archive, AFlagIsTrueOrFalse) {
  for (const char byte : {'\0', '\1'}) {
    compiler::ArchiveReader reader(std::string_view(&byte, 1));
    bool flag = byte == 0;
    reader(flag);
    EXPECT_EQ(flag, byte == 1);
  }
  bool flag = false;
  compiler::ArchiveReader other("\2");
  EXPECT_THROW(other(flag), std::runtime_error);  // a bool that is neither would be undefined behaviour
}

}  // namespace
}  // namespace eligo::test
