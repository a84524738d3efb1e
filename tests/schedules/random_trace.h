// Rules at random: traces with all sorts of coefficients, terms and readers, among them some that no schedule but the
// dense one may take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eligo::test {

struct RandomRule {
  std::string text;                 // a rule named random_trace
  std::vector<std::string> traces;  // its forward recurrences
};

RandomRule random_rule(std::uint64_t seed);

}  // namespace eligo::test
