// Damaged experiments. One that is accepted must, once resolved, be accepted again with the same settings.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dsl/diagnostic.h"
#include "runtime/experiment/experiment.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/runtime/temporary.h"

namespace eligo::fuzz {
namespace {

const std::vector<std::string> pieces = {"=",
                                         " = ",
                                         "[",
                                         "]",
                                         "[[compare]]\n",
                                         "[rule]\n",
                                         "[model]\n",
                                         "[train]\n",
                                         "[schedule]\n",
                                         "\"",
                                         "\n",
                                         "#",
                                         ".",
                                         ",",
                                         "-1",
                                         "0",
                                         "1e400",
                                         "nan",
                                         "inf",
                                         "true",
                                         "[]",
                                         "[0, 1]",
                                         "\"\"",
                                         "1e9",
                                         "4294967296",
                                         "9223372036854775807",
                                         "1979-05-27",
                                         "{}",
                                         "\xFF",
                                         "λ",
                                         "lambda",
                                         "name",
                                         "n = ",
                                         "seeds = ",
                                         "\"bptt\"",
                                         "\"lstm\"",
                                         "\"all\"",
                                         "theta.alpha = ",
                                         "rule.lambda = ",
                                         "memory = ",
                                         "threads = ",
                                         "\"dense\"",
                                         "\"2GiB\"",
                                         "'",
                                         "\"\"\"",
                                         "dtype = \"f64\"\n",
                                         "update = \"step\"\n"};

std::vector<std::string> shipped() {
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ELIGO_RULES)) {
    if (entry.path().extension() != ".toml") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return texts;
}

class ExperimentTarget : public Target {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    return mutator_.next(random, 3);
  }

  End run(const std::string& text) override {
    Experiment first;
    try {
      first = load_experiment(folder_.write("experiment.toml", text), options_);
    } catch (const Error& e) {
      if (std::string(e.what()).empty()) throw Fault("refused without a message");
      return End::refused;
    } catch (const dsl::SourceError& e) {
      if (std::string(e.what()).empty()) throw Fault("refused without a message");
      return End::refused;
    }
    const std::string resolved = first.resolved();
    try {
      const Experiment second = load_experiment(folder_.write("resolved.toml", resolved), {});
      if (second.resolved() != resolved) throw Fault("resolved, it is another experiment:\n" + resolved);
    } catch (const Error& e) {
      throw Fault(std::string("resolved, it is refused: ") + e.what() + "\n" + resolved);
    }
    return End::accepted;
  }

  std::string extension() const override { return "toml"; }

 private:
  test::TemporaryFolder folder_;
  const ExperimentOptions options_{.overrides = {}, .rule_folders = {ELIGO_RULES "/tour"}, .only = {}};
  const TextMutator mutator_{shipped(), pieces};
};

}  // namespace

std::unique_ptr<Target> make_experiment_target() { return std::make_unique<ExperimentTarget>(); }

}  // namespace eligo::fuzz
