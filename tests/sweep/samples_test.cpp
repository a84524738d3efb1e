// The table [sweep]: what it means, and what is wrong with it.
#include "runtime/sweep/samples.h"

#include <cmath>

#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

Sampling read(const std::string& table) {
  return read_sampling(parse_settings("[sweep]\n" + table, "e.toml").sweep, "e.toml");
}

std::string fault(const std::string& table) {
  return error_of([&] { read(table); });
}

TEST(Samples, ARangeIsRead) {
  const Sampling s = read(
      "samples = 8\nsampling = \"random\"\nseed = 3\noptimiser.alpha = { from = 1e-4, to = 1, log = true }\n"
      "model.n = { from = 4, to = 6, whole = true }\nrule.lambda = { from = 0, to = 1 }\n");
  EXPECT_EQ(s.samples, 8U);
  EXPECT_EQ(s.seed, 3U);
  EXPECT_EQ(s.kind, Sampling::Kind::random);
  ASSERT_EQ(s.ranges.size(), 3U);
  EXPECT_EQ(s.ranges[0].path, "model.n");
  EXPECT_TRUE(s.ranges[0].whole);
  EXPECT_EQ(s.ranges[1].path, "optimiser.α");
  EXPECT_TRUE(s.ranges[1].log);
  EXPECT_EQ(s.ranges[2].path, "rule.λ");
  EXPECT_TRUE(read("").ranges.empty());
}

// A hyper may be called like a key of a range.
TEST(Samples, SettingsCalledLikeKeys) {
  const Sampling s = read("samples = 1\nrule.from = { from = 0, to = 1 }\n");
  ASSERT_EQ(s.ranges.size(), 1U);
  EXPECT_EQ(s.ranges[0].path, "rule.from");
}

TEST(Samples, ValuesLieInTheirRanges) {
  const Range linear{"a", "", 2, 4}, log{"b", "", 1e-4, 1, true};
  EXPECT_EQ(std::get<double>(linear.at(0).data), 2);
  EXPECT_EQ(std::get<double>(linear.at(0.25).data), 2.5);
  EXPECT_EQ(std::get<double>(log.at(0.5).data), 0.01);
  EXPECT_EQ(std::get<double>(log.at(0.123456789).data), 0.000311765);  // 10^(4 u - 4), to six digits
  EXPECT_LE(std::get<double>(Range{"c", "", 0, 0.9999996}.at(0.9999999).data), 0.9999996);
  for (const auto& [range, share] :
       {std::pair{Range{"n", "", 4, 6, false, true}, 1.0 / 3}, {Range{"n", "", 1, 3, true, true}, 0.5}}) {
    std::map<std::int64_t, double> counts;
    for (int i = 0; i < 6000; ++i) counts[std::get<std::int64_t>(range.at(i / 6000.0).data)] += 1.0 / 6000;
    EXPECT_EQ(counts.size(), 3U);
    // Each whole number has as much as the others; by logarithm 1 has log(2) of log(4).
    EXPECT_NEAR(counts.begin()->second, share, 1e-3);
  }
}

TEST(Samples, AreAFunctionOfSeedAndIndex) {
  for (const char* kind : {"sobol", "random"}) {
    const std::string table = fmt::format(
        "samples = 9\nsampling = \"{}\"\na.x = {{ from = 0, to = 1 }}\na.y = {{ from = 0, to = 1 }}\n", kind);
    const Sampling s = read(table), other = read(table + "seed = 1\n");
    std::set<std::string> seen;
    for (std::uint64_t i = 0; i < s.samples; ++i) {
      EXPECT_EQ(s.values(i), read(table).values(i));
      EXPECT_NE(s.values(i), other.values(i));
      seen.insert(s.values(i)[0].text());
    }
    EXPECT_EQ(seen.size(), 9U) << kind;
  }
}

TEST(Samples, EveryFaultIsNamedWithItsPlace) {
  const std::string range = "a.x = { from = 0, to = 1 }\n";
  EXPECT_MENTIONS(fault(range), "e.toml: sweep.samples is missing");
  EXPECT_MENTIONS(fault("samples = 4\n"), "e.toml:2: sweep.samples = 4, but [sweep] has no range");
  EXPECT_MENTIONS(fault("samples = 0\n" + range),
                  "e.toml:2: sweep.samples is the whole number 0, expected a whole number of 1 to");
  EXPECT_MENTIONS(fault("samples = 2.5\n" + range), "sweep.samples is the number 2.5, expected a whole number");
  EXPECT_MENTIONS(fault("samples = nan\n" + range), "sweep.samples is the number nan, expected a whole number");
  EXPECT_MENTIONS(fault("samples = 10000000\n" + range), "expected a whole number of 1 to 1000000");
  EXPECT_MENTIONS(fault("samples = 4\nseed = -1\n" + range), "e.toml:3: sweep.seed is the whole number -1");
  EXPECT_MENTIONS(fault("samples = 4\nsampling = \"sobel\"\n" + range), "expected \"sobol\" or \"random\"");
  EXPECT_MENTIONS(fault("sample = 4\n" + range), "there is nothing called sweep.sample; did you mean samples?");
  EXPECT_MENTIONS(fault("samples = 4\na.x = [1, 2]\n"), "a list of values stands outside of [sweep]");
  EXPECT_MENTIONS(fault("samples = 4\na.x = 3\n"), "sweep.a.x is the whole number 3, expected a range");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 0 }\n"), "e.toml:3: sweep.a.x.to is missing");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 0, too = 1 }\n"), "sweep.a.x.too is the whole number 1");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = nan, to = 1 }\n"), "sweep.a.x.from = nan is not finite");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 0, to = inf }\n"), "sweep.a.x.to = inf is not finite");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = \"0\", to = 1 }\n"),
                  "sweep.a.x.from is the text \"0\", expected a number");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 1, to = 1 }\n"), "from = 1 is not below to = 1");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = -1.7e308, to = 1.7e308 }\n"), "too wide a range");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 0, to = 1, log = true }\n"), "from = 0 has no logarithm");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 0, to = 1, log = 1 }\n"),
                  "sweep.a.x.log is the whole number 1, expected true or false");
  EXPECT_MENTIONS(fault("samples = 4\na.x = { from = 0.5, to = 3, whole = true }\n"), "are not both whole numbers");
  EXPECT_MENTIONS(fault("samples = 4\nthreads = { from = 1, to = 3, whole = true }\n"),
                  "threads is the same for all variants");
  EXPECT_MENTIONS(fault("samples = 4\nb.x = 3\na.x = { from = 2, to = 1 }\n"), "\nerror: e.toml:");  // all at once
  EXPECT_MENTIONS(error_of([] { parse_settings("sweep = 3", "e.toml"); }), "e.toml:1: sweep must be a table");
}

TEST(Samples, SobolHasSoManyDimensions) {
  std::string table = "samples = 4\n";
  for (int i = 0; i < 17; ++i) table += fmt::format("a.x{} = {{ from = 0, to = 1 }}\n", i);
  EXPECT_MENTIONS(fault(table), "has 17 ranges, and Sobol's points at most 16 dimensions");
  EXPECT_EQ(read(table + "sampling = \"random\"\n").values(3).size(), 17U);
}

}  // namespace
}  // namespace eligo::test
