// Damaged plans of sweeps, and damaged tables [sweep].
#include <cmath>
#include <filesystem>

#include "runtime/sweep/plan.h"
#include "runtime/sweep/samples.h"
#include "support/text_file.h"
#include "tests/fuzz/file_target.h"
#include "tests/fuzz/mutate.h"

namespace eligo::fuzz {
namespace {

// One that is accepted comes out again as it was when it is written.
class PlanTarget : public FileTarget {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    const std::string path = folder_ / "whole.jsonl";
    std::filesystem::remove(path);
    write_plan(plan(random), path);
    std::string text = read_file(path);
    const TextMutator mutator({text}, {"\"",      "{",         "}",          "[",           "]",
                                       ":",       ",",         "\n",         "null",        "true",
                                       "-1",      "1e400",     "1e3",        "NaN",         "\xFF",
                                       "\\u0000", "\"line\":", "\"lines\":", "\"digest\":", "18446744073709551616"});
    for (std::size_t i = random.below(3); i > 0; --i) mutator.damage(text, random);
    if (random.chance(20)) text.resize(random.below(text.size() + 1));
    return text;
  }
  bool text() const override { return true; }
  std::string extension() const override { return "jsonl"; }
  int least_accepted() const override { return 15; }

 private:
  static Plan plan(Random& random) {
    Plan plan;
    plan.name = random.word({"toy", "", "λ", "a \"b\"", "sweep plan"});
    plan.lines.resize(1 + random.below(4));
    for (PlanLine& line : plan.lines) {
      line.number = static_cast<std::uint64_t>(&line - plan.lines.data());
      line.variant = random.word({"BP(0)", "a, b", "two\nlines", "", "λ = 0.5", "../../etc", "{}"});
      line.seed = random.chance(10) ? random.bits() : random.below(5);
      line.settings["rule.λ"].data = static_cast<double>(random.between(-1000, 1000)) / 7;
      if (random.chance(50)) line.settings["model.n"].data = static_cast<std::int64_t>(random.between(-5, 500));
      if (random.chance(50)) line.settings["rule.name"].data = random.word({"bptt", "\x7f", "\\"});
      line.experiment = random.word({"name = \"toy\"\n", "", "not TOML", "[[compare]]\n"});
      line.rules = digest(line.experiment);
      line.digest = digest_of(line);
    }
    return plan;
  }

  void read(const std::string& path) override {
    const Plan first = read_plan(path);
    const std::string copy = folder_ / "copy.jsonl";
    std::filesystem::remove(copy);
    write_plan(first, copy);
    const Plan second = read_plan(copy);
    expect(first.lines.size() == second.lines.size(), "another number of lines");
    for (std::size_t i = 0; i < first.lines.size(); ++i) {
      const PlanLine &a = first.lines[i], &b = second.lines[i];
      expect(a.variant == b.variant && a.seed == b.seed && a.settings == b.settings && a.experiment == b.experiment,
             "a line is not the same");
    }
  }
};

// Of one that is accepted every value lies in its range.
class SamplesTarget : public FileTarget {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    std::string text = kTable;
    const TextMutator mutator({text}, {"=",
                                       "[",
                                       "]",
                                       "{",
                                       "}",
                                       ",",
                                       ".",
                                       "\n",
                                       "nan",
                                       "inf",
                                       "-1",
                                       "0",
                                       "1e400",
                                       "1e308",
                                       "-1e308",
                                       "1e-320",
                                       "9223372036854775807",
                                       "true",
                                       "whole = true",
                                       "log = true",
                                       "from = ",
                                       "to = ",
                                       "\"random\"",
                                       "samples = ",
                                       "[1, 2]",
                                       "\"\"",
                                       "\xFF"});
    for (std::size_t i = random.below(4); i > 0; --i) mutator.damage(text, random);
    return text;
  }
  bool text() const override { return true; }
  std::string extension() const override { return "toml"; }
  int least_accepted() const override { return 20; }

 private:
  static constexpr const char* kTable =
      "[sweep]\nsamples = 7\nsampling = \"sobol\"\nseed = 1\noptimiser.alpha = { from = 1e-4, to = 1, log = true }\n"
      "model.n = { from = 4, to = 60, whole = true }\nrule.lambda = { from = -1, to = 1 }\n";

  void read(const std::string& path) override {
    const Sampling sampling = read_sampling(read_settings(path).sweep, path);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(sampling.samples, 20); ++i) {
      const std::vector<Setting> values = sampling.values(i);
      for (std::size_t r = 0; r < values.size(); ++r) {
        const Range& range = sampling.ranges[r];
        const auto* whole = std::get_if<std::int64_t>(&values[r].data);
        const double value = whole != nullptr ? static_cast<double>(*whole) : std::get<double>(values[r].data);
        expect(value >= range.from && value <= range.to, "a value beyond its range");
      }
    }
  }
};

}  // namespace

std::unique_ptr<Target> make_plan_target() { return std::make_unique<PlanTarget>(); }
std::unique_ptr<Target> make_samples_target() { return std::make_unique<SamplesTarget>(); }

}  // namespace eligo::fuzz
