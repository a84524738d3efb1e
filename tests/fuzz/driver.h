// Runs a target's inputs in processes of their own, so that one that crashes, hangs or eats all memory is a finding
// like any other: its seed is known, and it is made as small as it goes.
#pragma once

#include "tests/fuzz/target.h"

namespace eligo::fuzz {

struct Finding {
  std::uint64_t seed = 0;
  std::string what;   // the exception's text, the signal, the limit that was passed
  std::string input;  // the smallest one found that fails in the same way
};

struct Campaign {
  std::uint64_t accepted = 0, refused = 0, unjudged = 0;
  std::vector<Finding> findings;
  std::uint64_t runs() const { return accepted + refused + unjudged + findings.size(); }
};

struct CampaignOptions {
  std::uint64_t seed = 1, runs = 1000;  // seeds from the first on, one input each
  std::size_t most_findings = 5;        // then it stops
  bool minimise = true;
  std::uint64_t progress = 0;  // a line on stderr after so many inputs; 0: none
};

Campaign run_campaign(Target& target, const CampaignOptions& options);

// One input in a process of its own: "" if it does no harm.
std::string fault_of(Target& target, const std::string& input);

}  // namespace eligo::fuzz
