// JSON within its bounds, and numbers that it has no word for.
#include "support/json_text.h"

#include <limits>

#include "temporary.h"

namespace eligo::test {
namespace {

using nlohmann::json;

std::string fault(const std::string& text) {
  return error_of([&] { parse_json(text, "case.json"); });
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Json, DepthIsBounded) {
  for (const std::string& deep : {repeated("[", 200'000), repeated("[", 200'000) + repeated("]", 200'000),
                                  repeated("{\"a\":", 200'000), repeated("[{\"a\":", 100'000) + "1",
                                  "{\"x\": [1, " + repeated("[", 200'000) + repeated("]", 200'000) + "]}",
                                  repeated("[", 65) + repeated("]", 65)})
    EXPECT_EQ(fault(deep), "case.json: lists and objects are nested more than 64 deep");
  EXPECT_EQ(fault(repeated("[", 64) + repeated("]", 64)), "");
}

TEST(Json, FaultsHaveTheirPlace) {
  EXPECT_EQ(fault("{\n  \"a\": 1,\n}").find("case.json: not JSON: parse error at line 3, column 1"), 0u);
  EXPECT_MENTIONS(fault("[1e400]"), "'1e400'; the largest number is about 1.8e308");
  EXPECT_MENTIONS(fault("[-1e999]"), "'-1e999'");
  EXPECT_MENTIONS(fault("[nan]"), "not JSON");
  EXPECT_MENTIONS(fault("\"\xff\""), "not JSON");
  EXPECT_MENTIONS(fault(""), "not JSON");
  EXPECT_EQ(fault("{\"a\": 1, \"b\": {\"a\": 2}, \"a\": 3}"), "case.json: \"a\" is given twice in one object");
  EXPECT_EQ(fault("[{\"a\": 1}, {\"a\": 2}]"), "");
}

TEST(Json, FilesAreBoundedToo) {
  EXPECT_MENTIONS(error_of([] { read_json("/dev/zero"); }), "larger than 256 MiB");
  EXPECT_MENTIONS(error_of([] { read_json("/no/such/file"); }), "No such file");
}

TEST(Json, NumbersThatAreNotFiniteAreNamed) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const json all = {{"a", inf}, {"b", {1.5, -inf, {std::nan(""), 3, "text", nullptr}}}};
  EXPECT_EQ(json::parse(json_text(all, 1)),
            json::parse(R"({"a": "inf", "b": [1.5, "-inf", ["nan", 3, "text", null]]})"));
  EXPECT_EQ(json_text(json(inf), -1), "\"inf\"\n");
}

}  // namespace
}  // namespace eligo::test
