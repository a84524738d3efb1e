// What the driver says of inputs that throw, crash, hang or never end to ask for memory; and that it makes them small.
#include "tests/fuzz/driver.h"

#include <gtest/gtest.h>

#include <csignal>
#include <vector>

namespace eligo::fuzz {
namespace {

// Ten lines with a word among them; the seed says which.
class Toy : public Target {
 public:
  std::string input(std::uint64_t seed) override {
    const char* const words[] = {"fine", "odd", "throw", "crash", "hang", "devour"};
    std::string text;
    for (std::uint64_t i = 0; i < 10; ++i) text += i == seed % 10 ? std::string(words[seed % 6]) + "\n" : "fine\n";
    return text;
  }
  End run(const std::string& input) override {
    const auto has = [&](const char* word) { return input.find(word) != std::string::npos; };
    if (has("throw")) throw Fault("a fault");
    if (has("crash")) {
      signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would say more than this test wants to show
      raise(SIGSEGV);
    }
    for (volatile bool on = has("hang"); on;) {}
    if (has("devour")) throw std::bad_alloc();
    return has("odd") ? End::refused : End::accepted;
  }
  unsigned seconds() const override { return 1; }
};

TEST(FuzzDriver, FindsWhatNoInputMayDo) {
  Toy toy;
  CampaignOptions options;
  options.seed = 0;
  options.runs = 12;
  options.most_findings = 100;
  options.minimise = false;
  const Campaign campaign = run_campaign(toy, options);
  EXPECT_EQ(campaign.accepted, 2U);
  EXPECT_EQ(campaign.refused, 2U);
  ASSERT_EQ(campaign.findings.size(), 8U);
  const char* const what[] = {"threw: a fault", "was ended by a signal", "took longer than 1 s",
                              "threw: std::bad_alloc"};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(campaign.findings[i].seed, i < 4 ? 2 + i : 4 + i);
    EXPECT_EQ(campaign.findings[i].what.find(what[i % 4]), 0U) << campaign.findings[i].what;
  }
}

TEST(FuzzDriver, MakesThemSmall) {
  Toy toy;
  CampaignOptions options;
  options.seed = 2;
  options.runs = 2;
  const Campaign campaign = run_campaign(toy, options);
  ASSERT_EQ(campaign.findings.size(), 2U);
  EXPECT_EQ(campaign.findings[0].input, "throw\n");
  EXPECT_EQ(campaign.findings[1].input, "crash\n");
}

TEST(FuzzDriver, StopsAtSoManyFaults) {
  Toy toy;
  CampaignOptions options;
  options.seed = 2;
  options.runs = 100;
  options.most_findings = 2;
  options.minimise = false;
  EXPECT_EQ(run_campaign(toy, options).findings.size(), 2U);
}

}  // namespace
}  // namespace eligo::fuzz
