// Damages the shipped files at random, thousands of times: whatever comes out must be lexed, parsed, checked and
// rendered without harm, and what still parses must survive printing. The seed is printed; ELIGO_SEED and
// ELIGO_MUTATIONS set it and the number of rounds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "dsl/report.h"
#include "support.h"

namespace eligo::dsl {
namespace {

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed), files_(testing::shipped_files()) {
    for (std::string& file : files_) file = testing::contents(file);
  }

  std::string next() {
    std::string text = pick(files_);
    const unsigned count = 1 + below(4);
    for (unsigned i = 0; i < count; ++i) mutate(text);
    return text;
  }

 private:
  unsigned below(std::size_t n) { return n == 0 ? 0 : static_cast<unsigned>(random_() % n); }
  const std::string& pick(const std::vector<std::string>& list) { return list[below(list.size())]; }

  void mutate(std::string& text) {
    static const std::vector<std::string> pieces = {"(",           ")",       "[",
                                                    "]",           "{",       "}",
                                                    " . ",         ".",       "·",
                                                    "t",           "[t]",     "[t-1]",
                                                    "[t+1]",       "[k]",     "[end]",
                                                    "[start]",     "=",       ":=",
                                                    "+=",          "-",       "^",
                                                    ",",           ";",       "\n",
                                                    "#",           "d(",      "/d(",
                                                    "λ",           "²",       "learn ",
                                                    "rule ",       "cell ",   "param ",
                                                    "state ",      "1e9",     "..",
                                                    "\xFF",        "\xCE",    "before sequence",
                                                    "per step",    "over ",   "in [0, 1]",
                                                    "softmax[s](", "g(",      "net.",
                                                    ".f",          "0",       "T",
                                                    "all",         "record ", "window ",
                                                    "let ",        "w",       "every step",
                                                    "sum(",        " == "};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min<std::size_t>(1 + below(12), text.size() - at);
    switch (below(6)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, pick(pieces)); break;
      case 2: text.replace(at, length, pick(pieces)); break;
      case 3: text.insert(below(text.size() + 1), text.substr(at, 4 * length)); break;
      case 4: {
        const std::string& other = pick(files_);
        text.insert(at, other.substr(below(other.size()), below(60)));
        break;
      }
      default:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
    }
  }

  std::mt19937 random_;
  std::vector<std::string> files_;
};

void run_through(const std::string& text) {
  Diagnostics diagnostics;
  const ParsedFile file = parse_text("mutated.eli", text, diagnostics);
  const bool parses = diagnostics.empty();
  check(file, diagnostics);
  if (!diagnostics.empty()) {
    ASSERT_FALSE(render(diagnostics).empty());
    render_json(diagnostics);
  } else {
    ASSERT_FALSE(report(file).empty() && !file.file.items.empty());
    report_json(file);
  }
  if (!parses) return;
  Diagnostics again;
  const std::string printed = print(file.file);
  const ParsedFile second = parse_text("printed.eli", printed, again);
  ASSERT_TRUE(again.empty()) << render(again) << "\nprinted:\n" << printed << "\nfrom:\n" << text;
  ASSERT_EQ(testing::skeleton(file.file), testing::skeleton(second.file)) << text;
  ASSERT_EQ(print(second.file), printed) << text;
}

TEST(Mutation, NothingBreaks) {
  const unsigned seed = from_environment("ELIGO_SEED", 20260401), rounds = from_environment("ELIGO_MUTATIONS", 4000);
  std::cout << "seed " << seed << ", " << rounds << " rounds\n";
  Mutator mutator(seed);
  for (unsigned i = 0; i < rounds; ++i) {
    run_through(mutator.next());
    if (HasFatalFailure()) {
      std::cout << "at round " << i << "\n";
      return;
    }
  }
}

}  // namespace
}  // namespace eligo::dsl
