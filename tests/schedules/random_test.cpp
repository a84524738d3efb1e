// Rules at random: whatever schedule is taken gives what the trace carried densely gives; what is not, says why.
#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/schedules/outcome.h"
#include "tests/schedules/random_trace.h"

namespace eligo::test {
namespace {

constexpr int kRules = 30;
const Shape kUneven{.steps = 4, .examples = 2, .unequal = true, .masked = true};

ProgramSpec specification(std::uint64_t seed, const TemporaryFolder& folder) {
  folder.write("random_trace.eli", random_rule(seed).text);
  const std::string cell = seed % 4 == 0 ? "lstm" : seed % 4 == 1 ? "gru" : "rnn_tanh";
  ProgramSpec spec = small("random_trace", cell, seed % 3 == 0 ? "mlp" : "linear", cell == "lstm" ? 2 : 3);
  spec.rule_paths = {folder.path()};
  spec.update = seed % 5 < 3 ? Update::sequence : Update::step;
  spec.online = false;
  return spec;
}

// False where the rule itself is refused: not all that can be written can be computed.
bool computes(const ProgramSpec& spec, Outcome& dense) {
  try {
    dense = outcome(with(spec, "dense", true), kUneven);
    return dense.refusal.empty();
  } catch (const std::exception&) {
    return false;
  }
}

class RandomTraces : public testing::TestWithParam<int> {};

TEST_P(RandomTraces, AgreeWithTheDenseOnes) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  TemporaryFolder folder;
  const RandomRule rule = random_rule(seed);
  const ProgramSpec spec = specification(seed, folder);
  Outcome dense;
  if (!computes(spec, dense)) GTEST_SKIP() << "not a rule: " << rule.text;
  std::string where;
  EXPECT_LE(apart(outcome(with(spec, "auto"), kUneven), dense, &where), 1e-9) << where << "\n" << rule.text;
  for (const std::string& trace : rule.traces) {
    for (const char* word : {"reverse", "replay"}) {
      ProgramSpec own = with(spec, "dense", true);
      own.schedule[trace] = word;
      const Outcome walked = outcome(own, kUneven);
      if (!walked.refusal.empty()) {
        const bool unread = walked.refusal.find("there is no forward recurrence " + trace) == 0;
        EXPECT_TRUE(unread || walked.refusal.find(trace + " cannot be computed by " + word + ": ") == 0)
            << walked.refusal << "\n"
            << rule.text;
        continue;
      }
      EXPECT_LE(apart(walked, dense, &where), 1e-9) << trace << " by " << word << ": " << where << "\n" << rule.text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTraces, testing::Range(0, kRules),
                         [](const auto& each) { return "seed_" + std::to_string(each.param); });

// The rules above are worth drawing only if all three outcomes are among them.
TEST(RandomTraceRules, AreTakenAndRefused) {
  int taken = 0, refused = 0, rules = 0;
  for (int seed = 0; seed < kRules; ++seed) {
    TemporaryFolder folder;
    const RandomRule rule = random_rule(static_cast<std::uint64_t>(seed));
    const ProgramSpec spec = specification(static_cast<std::uint64_t>(seed), folder);
    try {
      compile(with(spec, "dense", true));
    } catch (const std::exception&) {
      continue;
    }
    ++rules;
    for (const std::string& trace : rule.traces) {
      ProgramSpec own = with(spec, "dense", true);
      own.schedule[trace] = "replay";
      try {
        compile(own);
        ++taken;
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GE(rules, kRules * 3 / 4);
  EXPECT_GE(taken, 12);
  EXPECT_GE(refused, 12);
}

}  // namespace
}  // namespace eligo::test
