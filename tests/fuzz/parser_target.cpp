// Damaged rule files. Whatever comes out must be lexed, parsed, checked and rendered without harm, and what still
// parses must survive printing.
#include "dsl/report.h"
#include "tests/dsl/support.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/random_rule.h"
#include "tests/fuzz/target.h"

namespace eligo::fuzz {
namespace {

const std::vector<std::string> pieces = {"(",           ")",
                                         "[",           "]",
                                         "{",           "}",
                                         " . ",         ".",
                                         "·",           "t",
                                         "[t]",         "[t-1]",
                                         "[t+1]",       "[k]",
                                         "[end]",       "[start]",
                                         "=",           ":=",
                                         "+=",          "-",
                                         "^",           ",",
                                         ";",           "\n",
                                         "#",           "d(",
                                         "/d(",         "λ",
                                         "²",           "learn ",
                                         "rule ",       "cell ",
                                         "param ",      "1e9",
                                         "..",          "state ",
                                         "\xFF",        "\xCE",
                                         "per step",    "over ",
                                         "T",           "all",
                                         "w",           "0",
                                         "net.",        "in [0, 1]",
                                         "softmax[s](", "before sequence",
                                         "every step",  "sum(",
                                         "record ",     "window ",
                                         "let ",        "g(",
                                         ".f",          " == ",
                                         "clip 1",      "at each t, for k in start..t-1 {",
                                         "T",           "per neuron w, over batch and t {",
                                         "keep ",       "wiring ",
                                         "~ sample(",   "nonzero(",
                                         "reach(",      "∂(",
                                         "\t",          "\r\n"};

std::vector<std::string> shipped() {
  std::vector<std::string> files = dsl::testing::shipped_files();
  for (std::string& file : files) file = dsl::testing::contents(file);
  return files;
}

void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw Fault(otherwise);
}

class ParserTarget : public Target {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    if (!random.chance(30)) return mutator_.next(random);
    std::string text = random_program(random.bits());
    for (std::size_t i = random.below(4); i > 0; --i) mutator_.damage(text, random);
    return text;
  }

  End run(const std::string& text) override {
    dsl::Diagnostics diagnostics;
    const dsl::ParsedFile file = dsl::parse_text("mutated.eli", text, diagnostics);
    const bool parses = diagnostics.empty();
    const std::vector<dsl::TypedItemPtr> items = dsl::check(file, diagnostics);
    const bool valid = diagnostics.empty();
    if (!valid) {
      expect(!dsl::render(diagnostics).empty(), "errors without a text");
      dsl::render_json(diagnostics);
    } else {
      expect(!dsl::report(items).empty() || file.file.items.empty(), "nothing to report of a file with items");
      dsl::report_json(items);
      for (const dsl::TypedItemPtr& item : items) expect(!dsl::text(*item).empty(), "a checked item without a text");
    }
    if (parses) print_and_parse(file);
    return valid ? End::accepted : End::refused;
  }

  std::string extension() const override { return "eli"; }

 private:
  static void print_and_parse(const dsl::ParsedFile& file) {
    dsl::Diagnostics again;
    const std::string printed = dsl::print(file.file);
    const dsl::ParsedFile second = dsl::parse_text("printed.eli", printed, again);
    expect(again.empty(), "what was printed does not parse: " + dsl::render(again) + "\n" + printed);
    expect(dsl::testing::skeleton(file.file) == dsl::testing::skeleton(second.file),
           "what was printed means something else:\n" + printed);
    expect(dsl::print(second.file) == printed, "printed twice it is not the same:\n" + printed);
  }

  const TextMutator mutator_{shipped(), pieces};
};

}  // namespace

std::unique_ptr<Target> make_parser_target() { return std::make_unique<ParserTarget>(); }

}  // namespace eligo::fuzz
