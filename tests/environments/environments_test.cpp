// The environments themselves: their optimum, reached by who knows it, and that they are functions of seed and episode.
#include "runtime/environments/environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

EnvironmentFactory made(const std::string& name, std::map<std::string, double> numbers, std::uint64_t seed = 0) {
  return make_environment({.name = name, .numbers = std::move(numbers), .texts = {}, .seed = seed, .other_test = {}});
}

using Policy = std::function<std::int64_t(std::int64_t world, std::span<const double> seen)>;

struct Played {
  std::vector<double> returns;
  std::int64_t steps = 0, successes = 0;

  double mean() const {
    double sum = 0;
    for (const double each : returns) sum += each;
    return sum / static_cast<double>(returns.size());
  }
  double standard_error() const {
    double squares = 0;
    for (const double each : returns) squares += (each - mean()) * (each - mean());
    return std::sqrt(squares) / static_cast<double>(returns.size());
  }
};

Played play(const EnvironmentFactory& make, std::int64_t episodes, const Policy& policy, std::uint64_t seed = 1) {
  Environments worlds(make, episodes);
  worlds.begin(Split::test, 0, seed);
  Played out;
  out.returns.assign(static_cast<std::size_t>(episodes), 0);
  const auto width = static_cast<std::size_t>(worlds.shape().observations);
  std::vector<std::int64_t> actions(static_cast<std::size_t>(episodes));
  while (!worlds.over()) {
    for (std::size_t b = 0; b < actions.size(); ++b)
      actions[b] = policy(static_cast<std::int64_t>(b), worlds.observations().subspan(b * width, width));
    worlds.step(actions);
    for (std::size_t b = 0; b < actions.size(); ++b) {
      out.returns[b] += worlds.last()[b].reward;
      out.successes += worlds.last()[b].success;
    }
  }
  out.steps = worlds.steps();
  return out;
}

TEST(MemoryChain, PaysOneToWhoRemembers) {
  std::map<std::int64_t, std::int64_t> cues;
  const Played played =
      play(made("memory_chain", {{"T", 6}, {"cues", 4}}), 200, [&](std::int64_t b, std::span<const double> seen) {
        const auto shown = std::max_element(seen.begin(), seen.end() - 1);
        if (*shown == 1) cues[b] = shown - seen.begin();
        return seen.back() == 1 ? cues.at(b) : 3;
      });
  EXPECT_EQ(played.mean(), 1);
  EXPECT_EQ(played.steps, 6);
  EXPECT_EQ(played.successes, 200);
}

TEST(MemoryChain, PaysOneOverTheCuesToWhoDoesNot) {
  const Played played = play(made("memory_chain", {{"T", 3}, {"cues", 4}}), 20000, [](auto...) { return 2; });
  EXPECT_NEAR(played.mean(), 0.25, 4 * played.standard_error());
}

// Beliefs are Beta distributions, from a uniform one on: the best that can be expected, by dynamic programming.
struct Arms {
  int pulls = 0;
  std::array<int, 2> paid{}, failed{};
  auto operator<=>(const Arms&) const = default;
};

class Optimum {
 public:
  explicit Optimum(int pulls) : pulls_(pulls) {}
  double of(const Arms& arms) {
    if (arms.pulls == pulls_) return 0;
    const auto known = values_.find(arms);
    if (known != values_.end()) return known->second;
    return values_[arms] = std::max(of(arms, 0), of(arms, 1));
  }
  double of(const Arms& arms, std::size_t arm) {
    const double chance = (1.0 + arms.paid[arm]) / (2.0 + arms.paid[arm] + arms.failed[arm]);
    Arms won = arms, lost = arms;
    won.pulls = lost.pulls = arms.pulls + 1;
    ++won.paid[arm];
    ++lost.failed[arm];
    return chance * (1 + of(won)) + (1 - chance) * of(lost);
  }

 private:
  int pulls_;
  std::map<Arms, double> values_;
};

TEST(Bandit, PaysTheOptimumToTheBestBelief) {
  Optimum optimum(10);
  EXPECT_NEAR(optimum.of(Arms{}), 6.021786, 1e-6);  // of a table made elsewhere
  std::map<std::int64_t, Arms> known;
  const Played played =
      play(made("bandit", {{"arms", 2}, {"pulls", 10}}), 40000, [&](std::int64_t b, std::span<const double> seen) {
        Arms& arms = known[b];
        for (const std::size_t arm : {0, 1})
          if (seen[arm] == 1) {
            ++arms.pulls;
            ++(seen[2] == 1 ? arms.paid : arms.failed)[arm];
          }
        return optimum.of(arms, 1) > optimum.of(arms, 0) ? 1 : 0;
      });
  EXPECT_NEAR(played.mean(), optimum.of(Arms{}), 4 * played.standard_error());
}

TEST(Bandit, PaysHalfToWhoDoesNotLook) {
  const Played played = play(made("bandit", {{"arms", 3}, {"pulls", 4}}), 20000, [](auto...) { return 1; });
  EXPECT_NEAR(played.mean(), 2, 4 * played.standard_error());
  EXPECT_NEAR(static_cast<double>(played.successes) / 20000, 1.0 / 3, 0.02);
}

TEST(Bandit, WithFixedArmsHasOneThatIsBest) {
  const EnvironmentFactory make = made("bandit", {{"arms", 3}, {"pulls", 1}, {"fixed", 1}}, 7);
  std::vector<Played> played;
  for (std::int64_t arm = 0; arm < 3; ++arm) played.push_back(play(make, 20000, [=](auto...) { return arm; }));
  std::sort(played.begin(), played.end(), [](const Played& a, const Played& b) { return a.mean() < b.mean(); });
  EXPECT_EQ(played[0].successes + played[1].successes, 0);
  EXPECT_EQ(played[2].successes, 20000);
  EXPECT_GT(played[2].mean(), played[1].mean());
}

// What an environment shows and pays, as one row of numbers.
std::vector<double> history(const EnvironmentFactory& make, std::int64_t count, std::int64_t which, Split split,
                            std::uint64_t first, std::uint64_t seed) {
  Environments worlds(make, count);
  worlds.begin(split, first, seed);
  std::vector<double> all;
  const std::int64_t width = worlds.shape().observations;
  while (!worlds.over()) {
    const auto seen =
        worlds.observations().subspan(static_cast<std::size_t>(which * width), static_cast<std::size_t>(width));
    all.insert(all.end(), seen.begin(), seen.end());
    worlds.step(std::vector<std::int64_t>(static_cast<std::size_t>(count), worlds.steps() % 2));
    all.push_back(worlds.last()[static_cast<std::size_t>(which)].reward);
  }
  return all;
}

TEST(Environment, IsAFunctionOfSeedSplitAndEpisode) {
  for (const std::string name : {"memory_chain", "bandit"}) {
    SCOPED_TRACE(name);
    const EnvironmentFactory make = made(name, {});
    bool other_seed = false, other_split = false, other_episode = false;
    for (std::uint64_t episode = 3; episode < 20; ++episode) {
      const auto alone = history(make, 1, 0, Split::train, episode, 5);
      EXPECT_EQ(history(make, 4, 3, Split::train, episode - 3, 5), alone);
      other_seed = other_seed || history(make, 1, 0, Split::train, episode, 6) != alone;
      other_split = other_split || history(make, 1, 0, Split::test, episode, 5) != alone;
      other_episode = other_episode || history(make, 1, 0, Split::train, episode + 1, 5) != alone;
    }
    EXPECT_TRUE(other_seed && other_split && other_episode);
  }
}

// Ends after so many steps as its episode's number says, or never.
class Walk final : public Environment {
 public:
  explicit Walk(double reward = 1) : reward_(reward) {}
  EnvironmentShape shape() const override { return {1, 2, 5}; }
  void reset(const Episode& episode, std::span<double> seen) override {
    left_ = episode.number;
    seen[0] = 1;
  }
  Transition step(std::int64_t, std::span<double> seen) override {
    seen[0] = 1;
    return {.reward = reward_, .done = --left_ == 0};
  }

 private:
  double reward_;
  std::uint64_t left_ = 0;
};

TEST(Environments, WaitWhereTheirEpisodeHasEnded) {
  Environments worlds([] { return std::make_unique<Walk>(); }, 3);
  worlds.begin(Split::train, 1, 0);
  const std::vector<std::int64_t> actions(3, 0);
  worlds.step(actions);
  EXPECT_FALSE(worlds.acts(0));
  EXPECT_EQ(std::vector(worlds.observations().begin(), worlds.observations().end()), (std::vector<double>{0, 1, 1}));
  worlds.step(std::vector<std::int64_t>{77, 1, 1});  // the first waits, whatever it is told
  EXPECT_EQ(worlds.last()[0].reward, 0);
  EXPECT_EQ(worlds.last()[1].reward, 1);
  worlds.step(actions);
  EXPECT_TRUE(worlds.over());
}

TEST(Environments, EndEpisodesThatAreTooLong) {
  Environments worlds([] { return std::make_unique<Walk>(); }, 1);
  worlds.begin(Split::train, 100, 0);
  while (!worlds.over()) worlds.step(std::vector<std::int64_t>{0});
  EXPECT_EQ(worlds.steps(), 5);
}

TEST(Environments, SayWhatIsWrong) {
  Environments worlds([] { return std::make_unique<Walk>(NAN); }, 2);
  worlds.begin(Split::train, 6, 0);
  EXPECT_EQ(error_of([&] { worlds.step(std::vector<std::int64_t>{0}); }),
            "2 environments need as many actions, 1 are given");
  EXPECT_EQ(error_of([&] {
              worlds.step(std::vector<std::int64_t>{0, 2});
            }),
            "the environment's reward is nan at step 1 of episode 6; correct the environment");
  Environments sound([] { return std::make_unique<Walk>(); }, 1);
  sound.begin(Split::train, 6, 0);
  EXPECT_EQ(error_of([&] { sound.step(std::vector<std::int64_t>{2}); }),
            "there is no action 2: an environment with 2 has 0 to 1");
  EXPECT_EQ(error_of([&] { Environments([] { return std::make_unique<Walk>(); }, 0); }),
            "at least one environment is needed");
  EXPECT_EQ(error_of([&] {
              made("bandit", {{"arms", 1}});
            }),
            "environment bandit: arms = 1 is out of range, expected 2 to 1000");
  EXPECT_EQ(error_of([&] {
              made("bandit", {{"arm", 2}});
            }),
            "environment bandit has no option arm; did you mean arms?");
}

}  // namespace
}  // namespace eligo::test
