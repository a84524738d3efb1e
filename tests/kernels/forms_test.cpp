// The forms of measured kernels: tables, JSON, roofline, page.
#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "measured.h"
#include "runtime/kernels/kernel_page.h"
#include "runtime/kernels/roofline.h"
#include "support/error.h"

namespace eligo::test {
namespace {

using nlohmann::ordered_json;

const std::vector<NamedReport>& two_reports() {
  static const std::vector<NamedReport> reports = [] {
    KernelOptions o = small("rtrl");
    o.count_blocks = true;
    KernelOptions dense = o;
    dense.spec.schedule = {{"P", "dense"}};
    return std::vector<NamedReport>{{"rtrl", measured(o)}, {"rtrl, P=dense", measured(dense)}};
  }();
  return reports;
}

TEST(KernelTables, HaveARowForEachPhaseAndStatement) {
  const KernelReport& r = two_reports()[0].report;
  std::size_t rows = 1;
  for (const PhaseKernel& p : r.phases) rows += 1 + p.statements.size();
  const Table table = kernel_table(r);
  EXPECT_EQ(table.size(), rows);
  for (const auto& row : table) EXPECT_EQ(row.size(), table[0].size());
  EXPECT_EQ(table[1][0], r.phases[0].name);
}

TEST(KernelTables, MayHaveTheLongestStatementsOnly) {
  const KernelReport& r = two_reports()[0].report;
  double longest = 0;
  std::string name;
  for (const PhaseKernel& p : r.phases)
    for (const StatementKernel& s : p.statements)
      if (p.calls * s.seconds > longest) longest = p.calls * s.seconds, name = "  " + s.name;
  const Table table = kernel_table(r, 1);
  EXPECT_EQ(table.size(), 1 + r.phases.size() + 1);
  EXPECT_EQ(std::count_if(table.begin(), table.end(), [&](const auto& row) { return row[0] == name; }), 1);
  EXPECT_EQ(kernel_table(r, 1000), kernel_table(r));
}

TEST(KernelTables, PhasesAreMatchedByTheirNames) {
  const Table table = comparison_table(two_reports());
  EXPECT_EQ(table[0], (std::vector<std::string>{"time in a sequence", "rtrl", "rtrl, P=dense", "ratio"}));
  const auto row = [&](const std::string& name) {
    for (const auto& one : table)
      if (one[0] == name) return one;
    return std::vector<std::string>{};
  };
  EXPECT_EQ(row("sweep")[2], "-");  // what is carried forward has no sweep
  EXPECT_EQ(row("sweep")[3], "-");
  EXPECT_NE(row("step")[3], "-");
  EXPECT_EQ(table.back()[0], "all, a step");
}

TEST(KernelTables, TheLargestTileIsTold) {
  compiler::StatementCode code;
  EXPECT_EQ(tile_text(code), "");
  code.tiles = {{1, 2, 16, false}, {6, 4, 16, false}};
  EXPECT_EQ(tile_text(code), "6x64");
  code.tiles = {{4, 2, 8, true}};
  EXPECT_EQ(tile_text(code), "4x2 Σ8");
}

TEST(KernelCode, IsFoundByEquationOrByStatement) {
  const KernelReport& r = two_reports()[1].report;
  EXPECT_NE(code_text(r, "net.h", "loops").find("tanh("), std::string::npos);
  EXPECT_NE(code_text(r, "net.h", "llvm").find("define "), std::string::npos);
  EXPECT_NE(code_text(r, "net.h", "asm").find("# %entry"), std::string::npos);
  EXPECT_GT(find_statements(r, "P").size(), 1U);
  EXPECT_EQ(find_statements(r, "P #2").size(), 1U);
  EXPECT_THROW(find_statements(r, "Q"), Error);
  EXPECT_THROW(code_text(r, "net.h", "graph"), Error);
}

TEST(KernelJson, HasAllNumbersOfAllReports) {
  const ordered_json j = kernels_json(two_reports());
  EXPECT_EQ(j["machine"]["processor"], "made up");
  ASSERT_EQ(j["kernels"].size(), 2U);
  for (const auto& report : j["kernels"]) {
    for (const char* name : {"name", "rule", "parts", "sizes", "batch", "steps", "dtype", "cpu", "processor", "phases",
                             "seconds_in_sequence"})
      EXPECT_TRUE(report.contains(name)) << name;
    for (const auto& phase : report["phases"]) {
      for (const char* name : {"phase", "when", "calls", "examples", "data", "operations", "bytes", "seconds", "bound",
                               "of_bound", "operations_per_second", "code_bytes", "statements"})
        EXPECT_TRUE(phase.contains(name)) << name;
      for (const auto& s : phase["statements"])
        for (const char* name :
             {"statement", "equation", "loops", "operations", "bytes", "seconds", "bound", "symbol", "vector_bits",
              "tiles", "spills", "reloads", "instructions", "code_bytes", "executed_instructions"})
          EXPECT_TRUE(s.contains(name)) << name;
    }
  }
}

TEST(KernelRoofline, HasAMarkForEachStatementThatComputes) {
  const Roofline alone = roofline_of({two_reports()[0]});
  std::size_t wanted = 0;
  double shares = 0;
  for (const PhaseKernel& p : two_reports()[0].report.phases)
    for (const StatementKernel& s : p.statements) wanted += s.operations > 0;
  EXPECT_EQ(alone.marks.size(), wanted);
  EXPECT_EQ(alone.groups.size(), two_reports()[0].report.phases.size());
  for (const RooflineMark& m : alone.marks) {
    shares += m.share;
    EXPECT_GT(m.intensity, 0);
  }
  EXPECT_GT(shares, 0.1);
  EXPECT_EQ(roofline_of(two_reports()).groups, (std::vector<std::string>{"rtrl", "rtrl, P=dense"}));
}

TEST(KernelRoofline, IsDrawnWhateverIsKnownOfTheMachine) {
  Roofline r = roofline_of({two_reports()[0]});
  r.machine.peak_f32 = 0;  // a processor whose peak cannot be measured
  for (const bool marks : {true, false}) {
    if (!marks) r.marks.clear();
    const auto svg = svg_canvas(kRooflineWidth, kRooflineHeight);
    draw(r, *svg);
    EXPECT_EQ(svg->bytes().find("nan"), std::string::npos);
  }
}

TEST(KernelPage, NeedsNothingElse) {
  const std::string page = kernel_page(two_reports());
  for (const char* word : {"http://", "https://", "<script", "@{", "url("})
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(page.find("src=\"data:image/svg+xml,"), std::string::npos);
  EXPECT_NE(page.find("<div class=\"h3\">"), std::string::npos);  // hot lines
  EXPECT_LT(page.size(), 3u << 20);
}

TEST(KernelPage, ShowsEachStatementsCodeOnce) {
  const std::string page = kernel_page({two_reports()[0]});
  const auto count = [&](const std::string& word) {
    std::size_t n = 0;
    for (std::size_t at = page.find(word); at != std::string::npos; at = page.find(word, at + 1)) ++n;
    return n;
  };
  const KernelReport& r = two_reports()[0].report;
  std::size_t statements = 0;
  std::set<std::size_t> codes;
  for (const PhaseKernel& p : r.phases)
    for (const StatementKernel& s : p.statements) ++statements, codes.insert(s.code);
  EXPECT_EQ(count("<details id="), statements);
  EXPECT_EQ(count("<summary>asm</summary>"), codes.size());
  EXPECT_EQ(count("<summary>llvm</summary>"), codes.size());
}

}  // namespace
}  // namespace eligo::test
