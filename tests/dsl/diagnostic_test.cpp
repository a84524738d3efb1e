#include "dsl/diagnostic.h"

#include <gtest/gtest.h>

#include <set>

#include "support/utf8.h"

namespace eligo::dsl {
namespace {

SourcePtr source(const std::string& text, const std::string& path = "a.eli") {
  return std::make_shared<const Source>(Source{path, text});
}

TEST(Codes, AreUniqueAndExplained) {
  std::set<std::string> seen;
#define CODE(name, title, help)                                                     \
  EXPECT_TRUE(seen.insert(#name).second);                                           \
  EXPECT_FALSE(code_title(Code::name).empty()) << #name;                            \
  EXPECT_NE(code_help(Code::name).find("wrong:"), std::string_view::npos) << #name; \
  EXPECT_NE(code_help(Code::name).find("right:"), std::string_view::npos) << #name;
#include "dsl/codes.def"
#undef CODE
  Code code;
  EXPECT_TRUE(code_from_name("E0304", code));
  EXPECT_EQ(code, Code::E0304);
  EXPECT_FALSE(code_from_name("E9999", code));
}

TEST(Source, ColumnsCountCharacters) {
  const auto s = source("ab\nλ = μ\r\nc");
  EXPECT_EQ(line_column(*s, 8).line, 2);
  EXPECT_EQ(line_column(*s, 8).column, 5);
  EXPECT_EQ(line_text(*s, 2), "λ = μ");
  EXPECT_EQ(line_text(*s, 3), "c");
  EXPECT_EQ(line_text(*s, 9), "");
  EXPECT_EQ(width("λ = μ"), 5);
}

TEST(Render, LabelsOfOneLineShareTheirCarets) {
  Diagnostics d;
  const auto s = source("λ = a . b\n");
  d.error(Code::E0304, "no", s, {5, 6}, "left").labels.push_back({s, {9, 10}, "right"});
  EXPECT_EQ(render(d),
            "error[E0304]: no\n  --> a.eli:1:5\n   1 | λ = a . b\n     |     ^   ^ right\n     |     left\n");
}

TEST(Render, OtherLinesAndFiles) {
  Diagnostics d;
  const auto s = source("a\nb\n");
  auto& error = d.error(Code::E0302, "twice", s, {2, 3});
  error.labels.push_back({s, {0, 1}, "first"});
  error.labels.push_back({source("x y", "b.eli"), {2, 3}, "there"});
  error.help = {"one", "two"};
  EXPECT_EQ(render(d),
            "error[E0302]: twice\n  --> a.eli:2:1\n   2 | b\n     | ^\n   1 | a\n     | ^ first\n  ::: b.eli:1:3\n   1 "
            "| x y\n     |   ^ there\nhelp: one\n      two\n");
}

TEST(Render, SpansOverLinesStopAtTheEndOfTheFirst) {
  Diagnostics d;
  d.error(Code::E0203, "open", source("ab(\ncd"), {2, 6});
  EXPECT_EQ(render(d), "error[E0203]: open\n  --> a.eli:1:3\n   1 | ab(\n     |   ^\n");
}

TEST(Render, LongLinesAreCutAroundTheMark) {
  Diagnostics d;
  d.error(Code::E0301, "far", source(std::string(300, 'x') + "λ" + std::string(300, 'y')), {300, 302});
  const std::string text = render(d);
  EXPECT_NE(text.find("a.eli:1:301"), std::string::npos);
  EXPECT_NE(text.find("…" + std::string(40, 'x') + "λ"), std::string::npos);
  EXPECT_NE(text.find("     | " + std::string(41, ' ') + "^\n"), std::string::npos) << text;
}

TEST(Render, PlacesBeyondTheTextDoNoHarm) {
  Diagnostics d;
  d.error(Code::E0203, "beyond", source(""), {5, 90});
  d.error(Code::E0203, "no source", nullptr, {5, 90});
  EXPECT_NE(render(d).find("no source"), std::string::npos);
  EXPECT_NE(render_json(d).find("beyond"), std::string::npos);
}

TEST(Render, JsonForEditors) {
  Diagnostics d;
  d.error(Code::E0301, "unknown \xFF", source("λ x"), {3, 4}, "here").help.push_back("fix");
  const std::string json = render_json(d);
  EXPECT_NE(json.find("\"code\": \"E0301\""), std::string::npos);
  EXPECT_NE(json.find("\"column\": 3"), std::string::npos);
  EXPECT_EQ(render_json(Diagnostics{}), "[]");
}

TEST(SourceError, CarriesItsText) {
  Diagnostics d;
  d.error(Code::E0301, "unknown", source("x"), {0, 1});
  const SourceError error(d);
  EXPECT_NE(std::string(error.what()).find("error[E0301]"), std::string::npos);
  EXPECT_EQ(error.diagnostics().list().size(), 1u);
}

}  // namespace
}  // namespace eligo::dsl
