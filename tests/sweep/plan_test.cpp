// Plans: what their lines are, what makes two lines the same, and files that are no plan or no longer the one.
#include "runtime/sweep/plan.h"

#include <filesystem>

#include "runtime/sweep/gather.h"
#include "runtime/sweep/line_folder.h"
#include "runtime/sweep/work.h"
#include "support/text_file.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr const char* kToy = R"toml(
name = "toy"
seeds = [0, 1]
threads = 1
[task]
name = "delayed_target"
T = 4
[model]
cell = "rnn_tanh"
readout = "linear_mse"
synth = "linear"
n = 3
[rule]
name = "bp_lambda"
[optimiser]
name = "adam"
[train]
epochs = 1
batches_per_epoch = 4
)toml";

class Plans : public testing::Test {
 protected:
  Plan make(const std::string& more, const std::vector<std::string>& overrides = {}) {
    return make_plan(folder.write("toy.toml", kToy + more), {overrides, {}, {}}, progress);
  }
  // The message about a plan of two lines with another text in place of `from`.
  std::string changed(const std::string& from, const std::string& to) {
    write_plan(make(""), folder / "plan.jsonl");
    std::string text = read_file(folder / "plan.jsonl");
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return fault_of(text.replace(at, from.size(), to));
  }
  std::string fault_of(const std::string& text) {
    const std::string path = folder.write("changed.jsonl", text);
    return error_of([&] { read_plan(path); });
  }
  TemporaryFolder folder;
  Progress progress{stdout, true};
};

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlanLine& line : plan.lines) names.push_back(fmt::format("{}/{}", line.variant, line.seed));
  return names;
}

TEST_F(Plans, AreTheProductOfListsBlocksAndSeeds) {
  const Plan plan =
      make("[[compare]]\nname = \"a\"\nrule.lambda = [0, 1]\n[[compare]]\nname = \"b\"\nrule.name = \"bptt\"\n");
  EXPECT_EQ(names_of(plan),
            (std::vector<std::string>{"a, λ = 0/0", "a, λ = 0/1", "a, λ = 1/0", "a, λ = 1/1", "b/0", "b/1"}));
  EXPECT_EQ(plan.lines[2].settings.at("rule.λ").text(), "1");
  EXPECT_FALSE(plan.lines[4].settings.contains("rule.λ"));
  EXPECT_EQ(plan.lines[0].number, 0U);
  EXPECT_EQ(plan.lines[5].number, 5U);
}

// Samples go through variants and seeds as well; a variant without the setting is there once.
TEST_F(Plans, OfSamples) {
  const Plan plan = make(
      "[[compare]]\nname = \"a\"\n[[compare]]\nname = \"b\"\nrule.name = \"bptt\"\n"
      "[sweep]\nsamples = 3\nrule.lambda = { from = 0, to = 1 }\n");
  EXPECT_EQ(plan.lines.size(), 8U);
  EXPECT_EQ(plan.repeated, 4U);
  std::set<std::string> values;
  for (const PlanLine& line : plan.lines)
    if (line.variant != "b") {
      values.insert(line.settings.at("rule.λ").text());
      EXPECT_EQ(line.variant, "a, λ = " + line.settings.at("rule.λ").text());
    }
  EXPECT_EQ(values.size(), 3U);
}

TEST_F(Plans, OfTheCommandLine) {
  const std::string sweep = "[sweep]\nsamples = 3\nrule.lambda = { from = 0, to = 1 }\n";
  EXPECT_EQ(make(sweep, {"sweep.samples=2"}).lines.size(), 4U);
  EXPECT_EQ(make(sweep, {"rule.lambda=0.5"}).lines.size(), 2U);
  EXPECT_EQ(make(sweep, {"seeds=[7]"}).lines.size(), 3U);
}

TEST_F(Plans, ASettingIsGivenOnce) {
  const std::string sweep = "[sweep]\nsamples = 3\nrule.lambda = { from = 0, to = 1 }\n";
  EXPECT_MENTIONS(error_of([&] { make("[[compare]]\nrule.lambda = 1\n" + sweep); }),
                  "is a range of a setting that is given at");
  EXPECT_MENTIONS(error_of([&] { make("[sweep]\nsamples = 3\nrule.lamda = { from = 0, to = 1 }\n"); }), "did you mean");
  EXPECT_MENTIONS(error_of([&] { make("[sweep]\nsamples = 3\nmodel.q = { from = 1, to = 9, whole = true }\n"); }),
                  "has a size q");
  EXPECT_MENTIONS(error_of([&] { make("[sweep]\nsamples = 3\ntrain.batch = { from = 1, to = 9 }\n"); }),
                  "expected a whole number");
}

// What a session refuses is found before anything runs, too: hypers beyond their bounds, sizes beyond the memory.
TEST_F(Plans, EveryLineIsCompiled) {
  EXPECT_MENTIONS(error_of([&] { make("[[compare]]\nname = \"a\"\n[[compare]]\nname = \"b\"\nrule.lambda = 2\n"); }),
                  "λ");
  EXPECT_MENTIONS(error_of([&] { make("", {"memory=\"10kB\""}); }), "are allowed");
}

TEST_F(Plans, ComeBackFromTheirFile) {
  const Plan plan = make("[[compare]]\nname = \"with, \\\"quotes\\\"\"\nrule.lambda = [0, 0.1]\n");
  write_plan(plan, folder / "plan.jsonl");
  const Plan read = read_plan(folder / "plan.jsonl");
  ASSERT_EQ(read.lines.size(), plan.lines.size());
  EXPECT_EQ(read.name, "toy");
  for (std::size_t i = 0; i < plan.lines.size(); ++i) {
    EXPECT_EQ(read.lines[i].variant, plan.lines[i].variant);
    EXPECT_EQ(read.lines[i].seed, plan.lines[i].seed);
    EXPECT_EQ(read.lines[i].settings.at("rule.λ").text(), plan.lines[i].settings.at("rule.λ").text());
    EXPECT_EQ(read.lines[i].experiment, plan.lines[i].experiment);
    EXPECT_EQ(read.lines[i].digest, plan.lines[i].digest);
    EXPECT_EQ(experiment_of(read, read.lines[i]).variants[0].name, plan.lines[i].variant);
  }
}

// A line's folder depends on what it says, not on where it stands: a plan with more seeds goes on with what is there.
TEST_F(Plans, LinesKeepTheirFolders) {
  const Plan few = make("", {"seeds=[1]"}), many = make("", {"seeds=[0,1,2]"});
  EXPECT_EQ(folder_of(few.lines[0], "r"), folder_of(many.lines[1], "r"));
  EXPECT_NE(few.lines[0].digest, make("", {"seeds=[1]", "train.batch=3"}).lines[0].digest);
}

TEST_F(Plans, WhatIsWrongWithAFileIsSaid) {
  EXPECT_MENTIONS(error_of([] { read_plan("/nowhere/plan.jsonl"); }), "/nowhere/plan.jsonl: cannot be read");
  EXPECT_MENTIONS(fault_of(""), "changed.jsonl:1: no plan");
  EXPECT_MENTIONS(fault_of("[1]\n"), "changed.jsonl:1: no plan");
  EXPECT_MENTIONS(fault_of(std::string("\0\xFF sweep plan", 13)), "changed.jsonl:1: not JSON");
  EXPECT_MENTIONS(fault_of("{\"eligo\": \"sweep plan\"}\n"), "\"version\" is missing");
  EXPECT_MENTIONS(fault_of("{\"eligo\": \"sweep plan\", \"version\": 2}\n"), "a plan of version 2");
  EXPECT_MENTIONS(fault_of("{\"eligo\": \"sweep plan\", \"version\": \"1\"}\n"),
                  "\"version\" is \"1\", expected a whole number");
  EXPECT_MENTIONS(fault_of("{\"eligo\": \"sweep plan\", \"version\": 1, \"name\": \"\", \"lines\": 0}\n"),
                  "a plan of no lines");
  EXPECT_MENTIONS(changed("\"seed\":1", "\"seed\":\"1\""),
                  "changed.jsonl:3: \"seed\" is \"1\", expected a whole number");
  EXPECT_MENTIONS(changed("\"rules\"", "\"rulse\""), "changed.jsonl:2: \"rules\" is missing");
  EXPECT_MENTIONS(changed("\"line\":1", "\"line\":7"), "\"line\" is 7, expected 1");
  EXPECT_MENTIONS(changed("\"settings\":{}", "\"settings\":{\"a\":[1]}"), "a is [1], expected a number");
  EXPECT_MENTIONS(changed("\"seed\":1", "\"seed\":NaN"), "changed.jsonl:3: not JSON");
}

TEST_F(Plans, AChangedLineIsFound) {
  EXPECT_MENTIONS(changed("batch = 10", "batch = 11"), "changed.jsonl:2: line 0 has been changed since it was planned");
  EXPECT_MENTIONS(changed("\"seed\":1", "\"seed\":2"), "has been changed since it was written");
  EXPECT_MENTIONS(changed("\"lines\":2", "\"lines\":1"), "has been changed since it was written");
  write_plan(make(""), folder / "plan.jsonl");
  const std::string text = read_file(folder / "plan.jsonl");
  EXPECT_MENTIONS(fault_of(text + text.substr(text.find('\n') + 1)), "\"line\" is 0, expected 2");
}

TEST_F(Plans, AFileThatIsCutShortIsFound) {
  write_plan(make(""), folder / "plan.jsonl");
  const std::string text = read_file(folder / "plan.jsonl");
  for (std::size_t size = 0; size < text.size(); size += 37) EXPECT_NE(fault_of(text.substr(0, size)), "") << size;
  EXPECT_MENTIONS(fault_of(text.substr(0, text.size() - 1)), "is cut short: 1 of 2 lines are whole");
  EXPECT_MENTIONS(fault_of(text.substr(0, text.size() / 2)), "is cut short");
}

TEST_F(Plans, NoOtherFileIsReplaced) {
  const std::string notes = folder.write("notes.txt", "mine");
  const Plan plan = make("");
  EXPECT_MENTIONS(error_of([&] { write_plan(plan, notes); }), "is there already, and no plan");
  EXPECT_EQ(read_file(notes), "mine");
  write_plan(plan, folder / "plan.jsonl");
  EXPECT_NO_THROW(write_plan(plan, folder / "plan.jsonl"));
  EXPECT_MENTIONS(error_of([&] { write_plan(plan, folder.path()); }), "no plain file");
}

TEST_F(Plans, RulesOfOnesOwnAreFoundFromAnywhereAndHeldToTheirDigest) {
  const std::string own = folder.write("own.eli", read_file(std::string(ELIGO_RULES) + "/bp_lambda.eli"));
  const Plan plan = make("", {"rule=own.eli:bp_lambda", "seeds=[0]"});
  EXPECT_MENTIONS(plan.lines[0].experiment, own + ":bp_lambda");
  EXPECT_EQ(plan.lines[0].variant, "own.eli:bp_lambda");
  const Experiment experiment = experiment_of(plan, plan.lines[0]);
  EXPECT_NO_THROW(check_rules(plan.lines[0], experiment));
  folder.write("own.eli", read_file(own) + "# another\n");
  EXPECT_MENTIONS(error_of([&] { check_rules(plan.lines[0], experiment); }), "a rule file is not what it was");
  const WorkResult result = work_on(plan, plan.lines[0], {folder / "runs", 1, true});
  EXPECT_EQ(result.end, WorkEnd::failed);
  const LineReport report = report_on(plan.lines[0], folder / "runs");
  EXPECT_EQ(report.state, LineState::failed);
  EXPECT_MENTIONS(report.message, "a rule file is not what it was");
}

TEST_F(Plans, PacksAreConsecutiveLines) {
  const Plan plan = make("", {"seeds=[0,1,2,3,4,5,6]"});
  EXPECT_EQ(lines_of_pack(plan, 6, 1), (std::vector<std::uint64_t>{6}));
  EXPECT_EQ(lines_of_pack(plan, 1, 3), (std::vector<std::uint64_t>{3, 4, 5}));
  EXPECT_EQ(lines_of_pack(plan, 2, 3), (std::vector<std::uint64_t>{6}));
  EXPECT_MENTIONS(error_of([&] { lines_of_pack(plan, 3, 3); }),
                  "there is no index 3: its 7 lines in packs of 3 have the indices 0 to 2");
  EXPECT_MENTIONS(error_of([&] { lines_of_pack(plan, 7, 1); }),
                  "there is no index 7: its 7 lines have the indices 0 to 6");
}

TEST_F(Plans, ALineIsRunOnceAndAveraged) {
  const Plan plan = make("", {"seeds=[0,1,2]"});
  const std::string runs = folder / "runs";
  const auto work = [&](std::size_t i) { return work_on(plan, plan.lines[i], {runs, 1, true}).end; };
  EXPECT_EQ(report_on(plan.lines[0], runs).state, LineState::missing);
  EXPECT_EQ(work(0), WorkEnd::done);
  EXPECT_EQ(work(0), WorkEnd::was_done);
  EXPECT_EQ(work_on(plan, plan.lines[1], {runs, 1, true, [] { return true; }}).end, WorkEnd::interrupted);
  EXPECT_EQ(report_on(plan.lines[1], runs).state, LineState::begun);
  EXPECT_EQ(lines_to_do(plan, runs), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(work(1), WorkEnd::done);
  const Gathered all = gather(plan, runs);
  ASSERT_EQ(all.variants.size(), 1U);
  EXPECT_EQ(all.variants[0].count, 2U);
  EXPECT_EQ(all.variants[0].missing, 1U);
  const double a = all.reports[0].summary.at("final_loss"), b = all.reports[1].summary.at("final_loss");
  EXPECT_DOUBLE_EQ(all.variants[0].estimates.at("final_loss").mean, (a + b) / 2);
  EXPECT_DOUBLE_EQ(*all.variants[0].estimates.at("final_loss").standard_error, std::abs(a - b) / 2);
  EXPECT_MENTIONS(gathered_text(plan, all), "1 of 3 lines have not begun: 2");
}

TEST_F(Plans, AFolderThatIsNoneIsAFailureOfItsLineAlone) {
  const Plan plan = make("");
  const std::string runs = folder / "runs", path = folder_of(plan.lines[0], runs);
  folder.write("runs/" + std::filesystem::path(path).filename().string() + "/notes.txt", "mine");
  EXPECT_MENTIONS(work_on(plan, plan.lines[0], {runs, 1, true}).message, "the folder is not empty");
  EXPECT_EQ(work_on(plan, plan.lines[1], {runs, 1, true}).end, WorkEnd::done);
  const std::string summary = folder_of(plan.lines[1], runs) + "/summary.csv", good = read_file(summary);
  for (const auto& [text, message] : {std::pair{std::string(), "summary.csv"},
                                      {good.substr(0, good.size() - 9), "summary.csv"},
                                      {"variant,seed,final_loss\na,5,1\n", "not the summary of this line's run"},
                                      {"variant,seed,final_loss\na,1,one\n", "is no number"}}) {
    std::ofstream(summary) << text;
    const LineReport report = report_on(plan.lines[1], runs);
    EXPECT_EQ(report.state, LineState::failed) << text;
    EXPECT_MENTIONS(report.message, message);
  }
}

TEST(Gathering, TheStandardErrorIsThatOfTheMean) {
  const Estimate e = estimate({1, 2, 3, 6});
  EXPECT_EQ(e.count, 4U);
  EXPECT_DOUBLE_EQ(e.mean, 3);
  EXPECT_DOUBLE_EQ(*e.standard_error, std::sqrt(14.0 / 3 / 4));
  EXPECT_FALSE(estimate({5}).standard_error.has_value());
  EXPECT_EQ(estimate({}).count, 0U);
}

TEST(Gathering, NumbersInRanges) {
  EXPECT_EQ(ranges_text({}, 9), "");
  EXPECT_EQ(ranges_text({3}, 9), "3");
  EXPECT_EQ(ranges_text({0, 1, 2, 5, 7, 8}, 9), "0-2, 5, 7-8");
  EXPECT_EQ(ranges_text({0, 2, 4, 6}, 2), "0, 2, ...");
  EXPECT_EQ(ranges_text({0, 2, 3}, 9, ","), "0,2-3");
  EXPECT_EQ(runs_of("a/b.jsonl"), "a/b.runs");
}

}  // namespace
}  // namespace eligo::test
